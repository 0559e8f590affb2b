package schema

import (
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"

	"keyshift.dev/state"
)

// selector prints the way from a struct to a part of it.
func selector(root string, path []string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, n := range path {
		if ast.StringLabelNeedsQuoting(n) {
			n = quote(n)
		}
		b.WriteString("." + n)
	}
	return b.String()
}

// question marks what only the author knows.
const question = "// QUESTION: "

// lines prints the fields that a migration has to set; whole tells whether it sets all of them.
func lines(fields []*paired, root string) (out []string, whole bool) {
	whole = true
	for _, x := range fields {
		name := labelText(x.field.Name)
		switch x.how {
		case asSet, asKeyed:
			out = append(out, x.line(name, root))
		case asNested:
			inner, all := lines(x.inner, root)
			if len(inner) == 0 {
				whole = false
				continue
			}
			if !all {
				inner = append(inner, "...")
			}
			out = append(out, name+": {\n"+strings.Join(inner, "\n")+"\n}")
		case asAsked:
			out = append(out, question+x.question)
			whole = false
		default:
			whole = false
		}
	}
	return out, whole
}

func (x *paired) line(name, root string) string {
	text := name + ": " + x.conv.text(x.source(root))
	if x.maybe {
		text = "if " + x.source(root) + " != _|_ {" + text + "}"
	}
	notes := []string{}
	if x.doubt != "" {
		notes = append(notes, x.doubt)
	}
	if len(x.others) > 0 {
		var others []string
		for _, o := range x.others {
			others = append(others, selector(root, o))
		}
		notes = append(notes, "or "+strings.Join(others, ", "))
	}
	if len(notes) > 0 {
		text += " // " + strings.Join(notes, "; ")
	}
	return text
}

func (x *paired) source(root string) string {
	if x.how == asKeyed {
		return selector("#key", []string{x.segment.Name})
	}
	return selector(root, x.from)
}

// elementLines prints every field of an element of a list, of which nothing is carried.
func elementLines(fields []*paired, root string) []string {
	var out []string
	for _, x := range fields {
		name := labelText(x.field.Name)
		switch x.how {
		case asCarried:
			out = append(out, name+": "+selector(root, x.from))
		case asSet:
			out = append(out, name+": "+x.conv.text(selector(root, x.from)))
		case asNested:
			out = append(out, name+": {"+strings.Join(elementLines(x.inner, root), ", ")+"}")
		case asFilled:
			fill, _ := filling(x.field)
			out = append(out, name+": "+formatValue(fill))
		}
	}
	return out
}

// applyFields makes the value that the suggested fields give of an invented one.
func applyFields(fields []*paired, old state.Value) (state.Value, bool) {
	out := state.Value{Kind: state.Struct}
	for _, x := range fields {
		v, there, ok := x.apply(fields, old)
		if !ok {
			return old, false
		}
		if there {
			out.Fields = append(out.Fields, state.FieldValue{Name: x.field.Name, Value: v})
		}
	}
	slices.SortFunc(out.Fields, func(a, b state.FieldValue) int { return strings.Compare(a.Name, b.Name) })
	return out, true
}

func (x *paired) apply(fields []*paired, old state.Value) (v state.Value, there, ok bool) {
	fill, fills := filling(x.field)
	switch x.how {
	case asCarried, asSet:
		part, found := partAt(old, x.from)
		switch {
		case found && x.how == asSet:
			v, ok = x.conv.eval(part)
			return v, true, ok
		case found:
			return part, true, true
		}
		return fill, fills, fills || x.field.Optional
	case asKeyed:
		segment := stringValue(sampleSegment)
		if kindsOf(x.segment.Type) == kindInt {
			segment.Kind = state.Int
		}
		v, ok = x.conv.eval(segment)
		return v, true, ok
	case asNested:
		v, ok = applyFields(x.inner, old)
		return v, true, ok
	case asFilled:
		return fill, true, true
	}
	return v, false, x.how == asAbsent
}

// partAt finds the part of a value at a path.
func partAt(v state.Value, path []string) (state.Value, bool) {
	for _, name := range path {
		i := slices.IndexFunc(v.Fields, func(f state.FieldValue) bool { return f.Name == name })
		if i < 0 {
			return v, false
		}
		v = v.Fields[i].Value
	}
	return v, true
}

// packagesOf lists CUE's packages that the suggested fields use.
func packagesOf(fields []*paired) []string {
	var out []string
	for _, x := range fields {
		if (x.how == asSet || x.how == asKeyed) && x.conv.pkg != "" {
			out = append(out, x.conv.pkg)
		}
		out = append(out, packagesOf(x.inner)...)
	}
	return out
}

// usesKey tells whether a field is made of a segment of the key.
func usesKey(fields []*paired) bool {
	return slices.ContainsFunc(fields, func(x *paired) bool { return x.how == asKeyed || usesKey(x.inner) })
}
