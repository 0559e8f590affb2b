package schema

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// draft is the dialect that is written (https://json-schema.org/draft/2020-12/json-schema-core).
const draft = "https://json-schema.org/draft/2020-12/schema"

// What JSON Schema has no word for is kept in annotations, so that an import has it again.
const (
	annotationKeys      = "x-keyshift-keys"
	annotationType      = "x-keyshift-type"
	annotationEncoding  = "x-keyshift-encoding"
	annotationEncodings = "x-keyshift-encodings"
	annotationTTL       = "x-keyshift-ttl"
	annotationKind      = "x-keyshift-kind"
)

// ExportJSONSchema writes the value of a version as an application sees it, decoded, as JSON Schema 2020-12. What the
// version says of the store is in annotations that begin with x-keyshift. Expressions are RE2, as CUE has them. Bytes,
// which JSON has not, are base64 strings.
func ExportJSONSchema(s state.Shape) ([]byte, error) {
	doc := object{{"$schema", draft}, {annotationKeys, s.Keys}, {annotationType, string(s.Type)}}
	if s.Encoding != "" {
		doc = append(doc, member{annotationEncoding, string(s.Encoding)})
	}
	if len(s.Encodings) > 0 {
		var encodings object
		for _, e := range s.Encodings {
			encodings = append(encodings, member{e.Field, string(e.Encoding)})
		}
		doc = append(doc, member{annotationEncodings, encodings})
	}
	if s.TTL != nil {
		var ttl object
		for _, p := range ttlParts(s.TTL) {
			if *p.ms > 0 {
				ttl = append(ttl, member{p.name, formatDuration(*p.ms)})
			}
		}
		doc = append(doc, member{annotationTTL, ttl})
	}
	return plainJSON(append(doc, exportType(s.Value)...), "  ")
}

// plainJSON writes JSON for people, without escapes for browsers.
func plainJSON(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return b.Bytes(), err
}

// ttlPart is one part of a TTL rule and its name.
type ttlPart struct {
	name string
	ms   *int64
}

func ttlParts(t *state.TTL) []ttlPart {
	return []ttlPart{{"min", &t.Min}, {"max", &t.Max}, {"set", &t.Set}}
}

// object is a JSON object that keeps its order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := plainJSON(m.name, "")
		if err != nil {
			return nil, err
		}
		value, err := plainJSON(m.value, "")
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

func exportType(t state.Type) object {
	var out object
	switch {
	case t.IsAny():
	case isEnum(t) && len(t.Alts) > 1 && !slices.ContainsFunc(t.Alts, func(a state.Alt) bool { return a.Kind == state.Bytes }):
		var values []any
		for _, a := range t.Alts {
			values = append(values, exportValue(*a.Const))
		}
		out = object{{"enum", values}}
	case len(t.Alts) == 1:
		out = exportAlt(t.Alts[0])
	default:
		var alts []any
		for _, a := range t.Alts {
			alts = append(alts, exportAlt(a))
		}
		out = object{{"anyOf", alts}}
	}
	if t.Default != nil {
		out = append(out, member{"default", exportValue(*t.Default)})
	}
	return out
}

// jsonNames are the names of kinds in JSON Schema.
var jsonNames = map[state.Kind]string{
	state.Null: "null", state.Bool: "boolean", state.Int: "integer", state.Number: "number", state.Str: "string",
	state.Bytes: "string", state.Array: "array", state.Struct: "object",
}

func exportAlt(a state.Alt) object {
	if a.Const != nil {
		return exportConst(*a.Const)
	}
	out := object{{"type", jsonNames[a.Kind]}}
	switch a.Kind {
	case state.Bytes:
		out = append(out, member{"contentEncoding", "base64"}, member{annotationKind, "bytes"})
	case state.Int, state.Number:
		out = append(out, exportBounds(a.Bounds)...)
	case state.Str:
		out = append(out, exportStrings(a)...)
	case state.Array:
		out = append(out, exportList(a)...)
	case state.Struct:
		out = append(out, exportStruct(a)...)
	}
	return out
}

func exportConst(v state.Value) object {
	out := object{{"const", exportValue(v)}}
	if v.Kind == state.Bytes {
		out = append(out, member{annotationKind, "bytes"})
	}
	return out
}

// exportBounds writes bounds; of one keyword only one can stand beside the type, the others go into allOf.
func exportBounds(bounds []state.Bound) object {
	names := map[string]string{">=": "minimum", "<=": "maximum", ">": "exclusiveMinimum", "<": "exclusiveMaximum"}
	var out object
	var more []any
	for _, b := range bounds {
		name, number := names[b.Op], json.Number(b.Value)
		switch {
		case name == "":
			more = append(more, object{{"not", object{{"const", number}}}})
		case slices.ContainsFunc(out, func(m member) bool { return m.name == name }):
			more = append(more, object{{name, number}})
		default:
			out = append(out, member{name, number})
		}
	}
	return withAll(out, more)
}

func withAll(out object, more []any) object {
	if len(more) > 0 {
		out = append(out, member{"allOf", more})
	}
	return out
}

func exportStrings(a state.Alt) object {
	var out object
	var more []any
	for i, m := range a.Match {
		if i == 0 {
			out = append(out, member{"pattern", m})
			continue
		}
		more = append(more, object{{"pattern", m}})
	}
	for _, m := range a.NoMatch {
		not := object{{"pattern", m}}
		if text, ok := literalExpression(m); ok {
			not = object{{"const", text}}
		}
		more = append(more, object{{"not", not}})
	}
	out = append(out, exportLengths(a.Len, "minLength", "maxLength")...)
	return withAll(out, more)
}

// literalExpression returns the only string that an expression \Atext\z matches.
func literalExpression(m string) (string, bool) {
	inner, begins := strings.CutPrefix(m, `\A`)
	inner, ends := strings.CutSuffix(inner, `\z`)
	if !begins || !ends {
		return "", false
	}
	re, err := regexp.Compile(inner)
	if err != nil {
		return "", false
	}
	text, whole := re.LiteralPrefix()
	return text, whole
}

func exportLengths(bounds []state.Bound, least, most string) object {
	var out object
	for _, b := range bounds {
		name := least
		if b.Op == "<=" {
			name = most
		}
		out = append(out, member{name, json.Number(b.Value)})
	}
	return out
}

func exportList(a state.Alt) object {
	var out object
	if len(a.Items) > 0 {
		var items []any
		for _, t := range a.Items {
			items = append(items, exportType(t))
		}
		out = append(out, member{"prefixItems", items})
	}
	switch {
	case a.Fixed:
		out = append(out, member{"items", false})
	case a.Elem != nil:
		out = append(out, member{"items", exportType(*a.Elem)})
	}
	lengths := exportLengths(a.Len, "minItems", "maxItems")
	if len(a.Items) > 0 && !slices.ContainsFunc(lengths, func(m member) bool { return m.name == "minItems" }) {
		lengths = append(lengths, member{"minItems", len(a.Items)})
	}
	return append(out, lengths...)
}

func exportStruct(a state.Alt) object {
	var properties object
	var required []string
	for _, f := range a.Fields {
		if f.Forbidden {
			properties = append(properties, member{f.Name, false})
			continue
		}
		properties = append(properties, member{f.Name, exportType(f.Type)})
		if !f.Optional {
			required = append(required, f.Name)
		}
	}
	var out object
	if len(properties) > 0 {
		out = append(out, member{"properties", properties})
	}
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	switch {
	case a.Rest != nil:
		out = append(out, member{"additionalProperties", exportType(*a.Rest)})
	case !a.Open:
		out = append(out, member{"additionalProperties", false})
	}
	return out
}

func exportValue(v state.Value) any {
	switch v.Kind {
	case state.Bool:
		return v.Bool
	case state.Int, state.Number:
		return json.Number(v.Text)
	case state.Str:
		return v.Text
	case state.Bytes:
		return v.Bytes
	case state.Array:
		out := make([]any, len(v.List))
		for i, e := range v.List {
			out[i] = exportValue(e)
		}
		return out
	case state.Struct:
		out := object{}
		for _, f := range v.Fields {
			out = append(out, member{f.Name, exportValue(f.Value)})
		}
		return out
	}
	return nil
}

// parseOrdered reads JSON and keeps the order of objects.
func parseOrdered(data []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	v, err := parseNext(d, 0)
	if err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errTrailing
	}
	return v, nil
}

func parseNext(d *json.Decoder, depth int) (any, error) {
	if depth > 4*maxDepth {
		return nil, errDeep
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		out := []any{}
		for d.More() {
			v, err := parseNext(d, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err = d.Token()
		return out, err
	case json.Delim('{'):
		out := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseNext(d, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, member{name.(string), v})
		}
		_, err = d.Token()
		return out, err
	}
	return t, nil
}

// get returns a member of an object.
func (o object) get(name string) (any, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// text returns a member that is a string.
func (o object) text(name string) string {
	v, _ := o.get(name)
	s, _ := v.(string)
	return s
}

func numberText(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		return v.String(), true
	case int:
		return strconv.Itoa(v), true
	}
	return "", false
}
