package schema

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

var (
	errTrailing = errors.New("there is something after the JSON value")
	errDeep     = errors.New("the JSON is nested too deep")
)

// Imported is a version made of a JSON Schema.
type Imported struct {
	Shape    state.Shape // Keys is empty if the schema does not say it
	Comments []Comment   // descriptions, and what could not be taken over
	Notes    []string    // what could not be taken over
}

// ImportJSONSchema makes a version of a JSON Schema of draft-07 or 2020-12: a JSON string if the schema has none of
// the annotations that ExportJSONSchema writes. What has no counterpart is a note and a comment, never silently left
// out. References are followed within the document only.
func ImportJSONSchema(data []byte) (Imported, error) {
	doc, err := parseOrdered(data)
	if err != nil {
		return Imported{}, notThere("json-schema", "this is no JSON: "+err.Error(), "give a JSON Schema of draft-07 or 2020-12")
	}
	root, ok := doc.(object)
	if !ok {
		return Imported{}, notThere("json-schema", "a JSON Schema is an object", "give a JSON Schema of draft-07 or 2020-12")
	}
	i := importer{root: root}
	out := Imported{Shape: state.Shape{Version: "1.0.0", Keys: root.text(annotationKeys), Type: state.String, Encoding: state.JSON}}
	if t := state.Redis(root.text(annotationType)); t != "" {
		out.Shape.Type, out.Shape.Encoding = t, state.Encoding(root.text(annotationEncoding))
	}
	i.annotations(&out.Shape)
	out.Shape.Value = i.typ(nil, root, 0)
	out.Comments, out.Notes = i.comments, i.notes
	if i.err != nil {
		return out, i.err
	}
	return out, nil
}

// importer makes types of schemas.
type importer struct {
	root      object
	following []string // references on the way
	comments  []Comment
	notes     []string
	err       error
}

func (i *importer) annotations(s *state.Shape) {
	if v, ok := i.root.get(annotationEncodings); ok {
		fields, _ := v.(object)
		for _, m := range fields {
			e, _ := m.value.(string)
			s.Encodings = append(s.Encodings, state.FieldEncoding{Field: m.name, Encoding: state.Encoding(e)})
		}
	}
	if v, ok := i.root.get(annotationTTL); ok {
		rule, _ := v.(object)
		s.TTL = &state.TTL{}
		for _, p := range ttlParts(s.TTL) {
			*p.ms = parseDuration(rule.text(p.name))
		}
	}
}

var durations = regexp.MustCompile(`([0-9]+)(ms|s|m|h|d)`)

// parseDuration reads what formatDuration writes.
func parseDuration(text string) int64 {
	units := map[string]int64{"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
	total := int64(0)
	for _, m := range durations.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		total += n * units[m[2]]
	}
	return total
}

// note says what is not taken over.
func (i *importer) note(path []string, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	i.comments = append(i.comments, Comment{slices.Clone(path), "NOT TAKEN OVER: " + text})
	i.notes = append(i.notes, strings.TrimPrefix(strings.Join(path, ".")+": "+text, ": "))
}

// typ makes a type of a schema, true or false.
func (i *importer) typ(path []string, v any, depth int) state.Type {
	s, isObject := v.(object)
	switch {
	case depth > maxDepth:
		i.note(path, "nested deeper than %d levels", maxDepth)
		return state.AnyType()
	case v == false:
		i.note(path, "the schema false, which nothing fits")
		return state.AnyType()
	case !isObject:
		return state.AnyType()
	}
	if ref := s.text("$ref"); ref != "" {
		return i.follow(path, ref, s, depth)
	}
	s = i.flatten(path, s, depth)
	i.describe(path, s)
	t := i.alternatives(path, s, depth)
	if d, ok := s.get("default"); ok {
		i.withDefault(path, &t, d)
	}
	return t
}

func (i *importer) withDefault(path []string, t *state.Type, v any) {
	value := importValue(v)
	wire := state.Shape{Type: state.String, Encoding: state.JSON, Value: *t}
	if value.Kind == state.Null || !wire.Fits(value) {
		i.note(path, "a default that the schema does not admit, or null")
		return
	}
	t.Default = &value
}

func (i *importer) describe(path []string, s object) {
	for _, name := range []string{"title", "description"} {
		if text := s.text(name); text != "" {
			i.comments = append(i.comments, Comment{slices.Clone(path), text})
		}
	}
	i.unknown(path, s)
}

// alternatives makes the type of a schema without references and allOf.
func (i *importer) alternatives(path []string, s object, depth int) state.Type {
	if v, ok := s.get("const"); ok {
		return state.Type{Alts: []state.Alt{i.constant(path, s, v)}}
	}
	if v, ok := s.get("enum"); ok {
		list, _ := v.([]any)
		var t state.Type
		for _, e := range list {
			t.Alts = append(t.Alts, i.constant(path, s, e))
		}
		return nonEmpty(t)
	}
	for _, name := range []string{"anyOf", "oneOf"} {
		v, ok := s.get(name)
		if !ok {
			continue
		}
		list, _ := v.([]any)
		rest := slices.DeleteFunc(slices.Clone(s), func(m member) bool {
			return m.name == name || !slices.Contains(constraining, m.name)
		})
		if len(rest) > 0 {
			i.note(path, "%s beside %s: only %s is taken", name, rest[0].name, name)
		}
		var t state.Type
		for _, e := range list {
			t.Alts = append(t.Alts, i.typ(path, e, depth+1).Alts...)
		}
		return nonEmpty(t)
	}
	return i.kinds(path, s, depth)
}

func nonEmpty(t state.Type) state.Type {
	if len(t.Alts) == 0 {
		return state.AnyType()
	}
	return t
}

// kinds makes the alternatives of the types a schema names, or that its keywords are about.
func (i *importer) kinds(path []string, s object, depth int) state.Type {
	var names []string
	switch v, _ := s.get("type"); v := v.(type) {
	case string:
		names = []string{v}
	case []any:
		for _, e := range v {
			name, _ := e.(string)
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = impliedTypes(s)
	}
	if v, _ := s.get("nullable"); v == true && !slices.Contains(names, "null") {
		names = append(names, "null")
	}
	scalar := func(name string) bool { return name == "string" || name == "number" || name == "integer" }
	if _, ok := s.get("not"); ok && !slices.ContainsFunc(names, scalar) {
		i.note(path, "the keyword not")
	}
	var t state.Type
	for _, name := range names {
		t.Alts = append(t.Alts, i.kind(path, name, s, depth)...)
	}
	return nonEmpty(t)
}

// impliedTypes tells the type of a schema that does not name it by the keywords it uses.
func impliedTypes(s object) []string {
	for _, implied := range []struct {
		name     string
		keywords []string
	}{
		{"object", []string{"properties", "required", "additionalProperties"}},
		{"array", []string{"items", "prefixItems", "minItems", "maxItems"}},
		{"string", []string{"pattern", "minLength", "maxLength"}},
		{"number", []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
	} {
		if slices.ContainsFunc(implied.keywords, func(k string) bool { _, ok := s.get(k); return ok }) {
			return []string{implied.name}
		}
	}
	return nil
}

func (i *importer) kind(path []string, name string, s object, depth int) []state.Alt {
	a := state.Alt{}
	switch name {
	case "null":
		a.Kind = state.Null
	case "boolean":
		a.Kind = state.Bool
	case "integer", "number":
		a.Kind = state.Number
		if name == "integer" {
			a.Kind = state.Int
		}
		i.bounds(path, s, &a)
	case "string":
		a.Kind = state.Str
		if s.text(annotationKind) == "bytes" {
			a.Kind = state.Bytes
			break
		}
		i.strings(path, s, &a)
	case "array":
		a = i.list(path, s, depth)
	case "object":
		a = i.structure(path, s, depth)
	default:
		i.note(path, "the type %q", name)
		return nil
	}
	return []state.Alt{a}
}

func (i *importer) constant(path []string, s object, v any) state.Alt {
	value := importValue(v)
	if s.text(annotationKind) == "bytes" {
		if raw, err := base64.StdEncoding.DecodeString(value.Text); err == nil {
			value = state.Value{Kind: state.Bytes, Bytes: raw}
		}
	}
	switch value.Kind {
	case state.Null:
		return state.Alt{Kind: state.Null}
	case state.Array, state.Struct:
		i.note(path, "a constant that is no scalar")
		return state.Alt{Kind: value.Kind, Open: value.Kind == state.Struct}
	}
	return state.Alt{Kind: value.Kind, Const: &value}
}

func importValue(v any) state.Value {
	switch v := v.(type) {
	case bool:
		return state.Value{Kind: state.Bool, Bool: v}
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return state.Value{Kind: state.Number, Text: v.String()}
		}
		return state.Value{Kind: state.Int, Text: v.String()}
	case string:
		return state.Value{Kind: state.Str, Text: v}
	case []any:
		out := state.Value{Kind: state.Array}
		for _, e := range v {
			out.List = append(out.List, importValue(e))
		}
		return out
	case object:
		out := state.Value{Kind: state.Struct}
		for _, m := range v {
			out.Fields = append(out.Fields, state.FieldValue{Name: m.name, Value: importValue(m.value)})
		}
		slices.SortFunc(out.Fields, func(a, b state.FieldValue) int { return strings.Compare(a.Name, b.Name) })
		return out
	}
	return state.Value{Kind: state.Null}
}
