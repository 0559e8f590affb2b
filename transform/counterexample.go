package transform

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Example is an invented value that a migration does not bring back.
type Example struct {
	Before string // a value of the older version
	After  string // what becomes of it
	Back   string // what the way back makes of that, or why it fails
}

// maxExamples bounds how many values are tried.
const maxExamples = 400

// Counterexample looks for a value of a version that does not survive the way to another one and back: of small values
// with the bounds and constants of every type, the first. All is invented from the spec; no store is asked. ok is
// false if every one of them comes back, which proves nothing.
func Counterexample(k state.Keyspace, from, to state.Version) (e Example, ok bool) {
	p, err := Compile(k)
	if err != nil {
		return e, false
	}
	s, declared := p.shape(from)
	if _, there := p.Path(from, to); !declared || !there {
		return e, false
	}
	if _, back := p.Path(to, from); !back {
		return e, false
	}
	for _, v := range invent(s.source.Value, 0) {
		if e, ok = p.survives(v, from, to); ok {
			return e, true
		}
	}
	return Example{}, false
}

// survives tells with ok that a value does not come back.
func (p *Programs) survives(v state.Value, from, to state.Version) (e Example, ok bool) {
	u, err := p.Encode(from, nil, v)
	if err != nil {
		return e, false
	}
	after, err := p.Convert(u, from, to)
	if err != nil {
		return e, false // it stays as it is
	}
	there, err := p.Decode(to, after)
	if err != nil {
		return e, false
	}
	e = Example{Before: Text(v), After: Text(there)}
	back, err := p.Convert(after, to, from)
	if err != nil {
		e.Back = err.Error()
		return e, true
	}
	again, err := p.Decode(from, back)
	if err != nil {
		return e, false
	}
	e.Back = Text(again)
	never := func(string) bool { return false }
	return e, len(compareValues("", v, again, never)) > 0
}

// invent returns values of a type, the plainest first. What does not fit is left to those who try them.
func invent(t state.Type, depth int) []state.Value {
	var out []state.Value
	for _, a := range t.Alts {
		out = append(out, inventAlt(a, depth)...)
	}
	if len(out) > maxExamples {
		out = out[:maxExamples]
	}
	return out
}

func inventAlt(a state.Alt, depth int) []state.Value {
	if a.Const != nil {
		return []state.Value{*a.Const}
	}
	switch a.Kind {
	case state.Null:
		return []state.Value{{Kind: state.Null}}
	case state.Bool:
		return []state.Value{{Kind: state.Bool}, {Kind: state.Bool, Bool: true}}
	case state.Int:
		return numbers(a, state.Int, "1", "0", "-1", "1700000000123", "9007199254740993", "99999999999999999999")
	case state.Number:
		return numbers(a, state.Number, "1.5", "0", "-1", "0.1", "1e3", "1234567.125")
	case state.Str:
		return inventText(a)
	case state.Bytes:
		return []state.Value{{Kind: state.Bytes, Bytes: []byte("a")}, {Kind: state.Bytes}, {Kind: state.Bytes, Bytes: []byte{0xff}}}
	case state.Array:
		return inventList(a, depth)
	}
	return inventStruct(a, depth)
}

// numbers returns numbers, and those next to the bounds first.
func numbers(a state.Alt, k state.Kind, texts ...string) []state.Value {
	var out []state.Value
	for _, b := range a.Bounds {
		v, ok := numberOf(b.Value, k)
		if !ok {
			continue
		}
		for _, step := range []int64{1, 0, -1} {
			if n, err := calculate(state.OpAdd, v, integerOf(step)); err == nil {
				text, _ := n.text()
				out = append(out, state.Value{Kind: k, Text: text})
			}
		}
	}
	for _, text := range texts {
		out = append(out, state.Value{Kind: k, Text: text})
	}
	return fitting(a, out)
}

func inventText(a state.Alt) []state.Value {
	var out []state.Value
	for _, s := range []string{"Ada", "", "a", "A b", " x ", "é", "7", "true", "a,b", "a:b", "2024-02-29T12:00:00Z", strings.Repeat("a", 40),
		"ada@example.com", "abc123", "00000000-0000-4000-8000-000000000000", "192.0.2.1", "en"} {
		out = append(out, state.Value{Kind: state.Str, Text: s})
	}
	return fitting(a, out)
}

// fitting returns the values that fit.
func fitting(a state.Alt, values []state.Value) []state.Value {
	c, err := compileAlt(a)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(values, func(v state.Value) bool {
		x, ok := constantOf(v)
		if x.kind == isDec {
			x = value{kind: isDigits, s: v.Text}
		}
		return !ok || !c.fits(x)
	})
}

// maxInvented is how deep invented values are.
const maxInvented = 6

func inventList(a state.Alt, depth int) []state.Value {
	if depth > maxInvented {
		return []state.Value{{Kind: state.Array}}
	}
	head := []state.Value{}
	for _, t := range a.Items {
		first := invent(t, depth+1)
		if len(first) == 0 {
			return nil
		}
		head = append(head, first[0])
	}
	out := []state.Value{{Kind: state.Array, List: head}}
	if a.Fixed {
		return out
	}
	elem := state.Type{Alts: []state.Alt{{Kind: state.Str}}}
	if a.Elem != nil {
		elem = *a.Elem
	}
	elems := invent(elem, depth+1)
	for i, e := range elems {
		one := append(slices.Clone(head), e)
		out = append(out, state.Value{Kind: state.Array, List: one}, state.Value{Kind: state.Array, List: append(slices.Clone(one), elems[(i+1)%len(elems)])})
	}
	return out
}

// inventStruct varies one field at a time; then all optional fields are there, or none.
func inventStruct(a state.Alt, depth int) []state.Value {
	var names []string
	choices := map[string][]state.Value{}
	full, bare := map[string]state.Value{}, map[string]state.Value{}
	for _, f := range a.Fields {
		if f.Forbidden || depth > maxInvented && f.Optional {
			continue
		}
		values := invent(f.Type, depth+1)
		if len(values) == 0 {
			if f.Optional {
				continue
			}
			return nil
		}
		names, choices[f.Name] = append(names, f.Name), values
		full[f.Name] = values[0]
		if !f.Optional {
			bare[f.Name] = values[0]
		}
	}
	if a.Rest != nil {
		if values := invent(*a.Rest, depth+1); len(values) > 0 && depth <= maxInvented {
			names, choices["other"], full["other"] = append(names, "other"), values, values[0]
		}
	}
	slices.Sort(names)
	out := []state.Value{structOfFields(names, full), structOfFields(names, bare)}
	for _, name := range names {
		for _, v := range choices[name] {
			old := full[name]
			full[name] = v
			out = append(out, structOfFields(names, full))
			full[name] = old
		}
	}
	return out
}

func structOfFields(names []string, values map[string]state.Value) state.Value {
	v := state.Value{Kind: state.Struct}
	for _, name := range names {
		if x, ok := values[name]; ok {
			v.Fields = append(v.Fields, state.FieldValue{Name: name, Value: x})
		}
	}
	return v
}
