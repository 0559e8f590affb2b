package schema

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// constraining are the keywords that say which values fit, and that are taken over somewhere.
var constraining = []string{
	"type", "const", "enum", "anyOf", "oneOf", "allOf", "not", "nullable", "default",
	"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "minLength", "maxLength",
	"items", "prefixItems", "additionalItems", "minItems", "maxItems", "properties", "required", "additionalProperties",
}

// silent are the keywords that say nothing of values.
var silent = []string{
	"$schema", "$id", "$comment", "$defs", "definitions", "$anchor", "$vocabulary", "title", "description", "examples", "example", "deprecated", "readOnly", "writeOnly",
	annotationKeys, annotationType, annotationEncoding, annotationEncodings, annotationTTL, annotationKind,
}

// unknown notes the keywords that are not taken over.
func (i *importer) unknown(path []string, s object) {
	for _, m := range s {
		bytes := m.name == "contentEncoding" && s.text(annotationKind) == "bytes"
		if bytes || slices.Contains(constraining, m.name) || slices.Contains(silent, m.name) {
			continue
		}
		if format, ok := m.value.(string); ok && m.name == "format" {
			i.note(path, "the format %s: write an expression if it matters", format)
			continue
		}
		i.note(path, "the keyword %s", m.name)
	}
}

// follow makes the type of a reference within the document.
func (i *importer) follow(path []string, ref string, s object, depth int) state.Type {
	if len(s) > 1 {
		for _, m := range s {
			if m.name != "$ref" && !slices.Contains(silent, m.name) {
				i.note(path, "the keyword %s beside $ref", m.name)
			}
		}
	}
	target, ok := i.find(ref)
	switch {
	case !ok:
		i.note(path, "the reference %s, which is not in this document", ref)
		return state.AnyType()
	case slices.Contains(i.following, ref):
		i.note(path, "the reference %s to what it is part of: any value fits from here on", ref)
		return state.AnyType()
	}
	i.following = append(i.following, ref)
	defer func() { i.following = i.following[:len(i.following)-1] }()
	return i.typ(path, target, depth+1)
}

// find resolves a JSON pointer of the document: #/$defs/user.
func (i *importer) find(ref string) (any, bool) {
	pointer, local := strings.CutPrefix(ref, "#")
	if !local {
		return nil, false
	}
	var at any = i.root
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		if name == "" {
			continue
		}
		o, isObject := at.(object)
		if !isObject {
			return nil, false
		}
		found := false
		if at, found = o.get(strings.NewReplacer("~1", "/", "~0", "~").Replace(name)); !found {
			return nil, false
		}
	}
	return at, true
}

// flatten takes the schemas of allOf into the one that has it, where they say nothing of the same keyword, and what it
// knows of not.
func (i *importer) flatten(path []string, s object, depth int) object {
	v, ok := s.get("allOf")
	if !ok {
		return s
	}
	out := slices.DeleteFunc(slices.Clone(s), func(m member) bool { return m.name == "allOf" })
	list, _ := v.([]any)
	for _, e := range list {
		part, _ := e.(object)
		if ref := part.text("$ref"); ref != "" && depth < maxDepth {
			target, _ := i.find(ref)
			part, _ = target.(object)
		}
		for _, m := range part {
			_, taken := out.get(m.name)
			switch {
			case m.name == "pattern" || m.name == "not" || strings.Contains(m.name, "inimum") || strings.Contains(m.name, "aximum"):
				out = append(out, m) // of these several can hold
			case m.name == "properties" && taken, m.name == "required" && taken:
				out = joined(out, m)
			case taken && !slices.Contains(silent, m.name):
				i.note(path, "%s in allOf, which stands beside another", m.name)
			case !taken:
				out = append(out, m)
			}
		}
	}
	return out
}

// joined adds members of properties, or names of required.
func joined(o object, more member) object {
	out := slices.Clone(o)
	for n, m := range out {
		if m.name != more.name {
			continue
		}
		switch value := m.value.(type) {
		case object:
			other, _ := more.value.(object)
			out[n].value = append(slices.Clip(value), other...)
		case []any:
			other, _ := more.value.([]any)
			out[n].value = append(slices.Clip(value), other...)
		}
	}
	return out
}

func (i *importer) bounds(path []string, s object, a *state.Alt) {
	for _, m := range s {
		op := map[string]string{"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}[m.name]
		text, isNumber := numberText(m.value)
		switch {
		case op != "" && isNumber:
			a.Bounds = append(a.Bounds, state.Bound{Op: op, Value: text})
		case op != "":
			i.note(path, "%s that is no number", m.name)
		case m.name == "multipleOf" && text == "1":
			a.Kind = state.Int
		case m.name == "multipleOf":
			i.note(path, "multipleOf %s", text)
		case m.name == "not":
			i.not(path, m.value, a)
		}
	}
}

// not takes over what a constant or an expression excludes.
func (i *importer) not(path []string, v any, a *state.Alt) {
	o, _ := v.(object)
	if c, ok := o.get("const"); ok && len(o) == 1 {
		value := importValue(c)
		switch {
		case (a.Kind == state.Int || a.Kind == state.Number) && (value.Kind == state.Int || value.Kind == state.Number):
			a.Bounds = append(a.Bounds, state.Bound{Op: "!=", Value: value.Text})
			return
		case a.Kind == state.Str && value.Kind == state.Str:
			a.NoMatch = append(a.NoMatch, `\A`+regexp.QuoteMeta(value.Text)+`\z`)
			return
		case a.Kind != value.Kind:
			return // it never was one
		}
	}
	if m := o.text("pattern"); m != "" && len(o) == 1 && a.Kind == state.Str {
		if i.expression(path, m) {
			a.NoMatch = append(a.NoMatch, m)
		}
		return
	}
	i.note(path, "the keyword not")
}

// expression tells whether an expression of ECMAScript is one of RE2, too.
func (i *importer) expression(path []string, m string) bool {
	if _, err := regexp.Compile(m); err != nil || len(m) > maxExpression {
		i.note(path, "the expression %s, which RE2 does not take", m)
		return false
	}
	return true
}

func (i *importer) strings(path []string, s object, a *state.Alt) {
	for _, m := range s {
		text, _ := m.value.(string)
		switch m.name {
		case "pattern":
			if i.expression(path, text) {
				a.Match = append(a.Match, text)
			}
		case "not":
			i.not(path, m.value, a)
		}
	}
	a.Len = i.lengths(s, "minLength", "maxLength")
}

func (i *importer) lengths(s object, least, most string) []state.Bound {
	var out []state.Bound
	for _, m := range s {
		text, ok := numberText(m.value)
		switch {
		case !ok:
		case m.name == least:
			out = append(out, state.Bound{Op: ">=", Value: text})
		case m.name == most:
			out = append(out, state.Bound{Op: "<=", Value: text})
		}
	}
	return out
}

func (i *importer) list(path []string, s object, depth int) state.Alt {
	a := state.Alt{Kind: state.Array, Len: i.lengths(s, "minItems", "maxItems")}
	items, _ := s.get("items")
	rest, hasRest := items, items != nil
	first, isTuple := items.([]any) // draft-07
	if isTuple {
		rest, hasRest = s.get("additionalItems")
	} else if v, ok := s.get("prefixItems"); ok {
		first, _ = v.([]any)
	}
	for n, e := range first {
		a.Items = append(a.Items, i.typ(sub(path, strconv.Itoa(n)), e, depth+1))
	}
	a.Fixed = hasRest && rest == false
	if o, ok := rest.(object); ok && hasRest {
		elem := i.typ(sub(path, "*"), o, depth+1)
		a.Elem = &elem
	}
	if len(first) > 0 {
		i.tuple(path, &a)
	}
	return a
}

// tuple takes the length off that a tuple has by itself: all of its first elements are there.
func (i *importer) tuple(path []string, a *state.Alt) {
	own := state.Bound{Op: ">=", Value: strconv.Itoa(len(a.Items))}
	if !slices.Contains(a.Len, own) {
		i.note(path, "that the first %d elements may be missing", len(a.Items))
	}
	a.Len = slices.DeleteFunc(a.Len, func(b state.Bound) bool { return b == own })
}

func (i *importer) structure(path []string, s object, depth int) state.Alt {
	a := state.Alt{Kind: state.Struct, Open: true}
	var required []string
	if v, ok := s.get("required"); ok {
		list, _ := v.([]any)
		for _, e := range list {
			name, _ := e.(string)
			required = append(required, name)
		}
	}
	v, _ := s.get("properties")
	properties, _ := v.(object)
	for _, m := range properties {
		f := state.Field{Name: m.name, Optional: !slices.Contains(required, m.name)}
		if m.value == false {
			a.Fields = append(a.Fields, state.Field{Name: m.name, Forbidden: true})
			continue
		}
		f.Type = i.typ(sub(path, m.name), m.value, depth+1)
		a.Fields = append(a.Fields, f)
	}
	for _, name := range required {
		if _, declared := properties.get(name); !declared {
			a.Fields = append(a.Fields, state.Field{Name: name, Type: state.AnyType()})
		}
	}
	switch rest, _ := s.get("additionalProperties"); rest := rest.(type) {
	case bool:
		a.Open = rest
	case object:
		t := i.typ(sub(path, "*"), rest, depth+1)
		a.Rest = &t
	}
	return a
}
