package schema

import (
	"math/big"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// sampleSegment is what every segment of the key of an invented unit is; keyshift test takes the same.
const sampleSegment = "1"

// inventor makes up values. wants holds those that a conversion needs, by path.
type inventor struct {
	wants map[string]state.Value
}

// value makes up a value of a type; ok is false if none comes to mind.
func (i inventor) value(path []string, t state.Type) (state.Value, bool) {
	if v, ok := i.wants[strings.Join(path, "\x00")]; ok && i.fits(t, v) {
		return v, true
	}
	if t.Default != nil {
		return *t.Default, true
	}
	for _, a := range t.Alts {
		if a.Kind == state.Null && len(t.Alts) > 1 {
			continue
		}
		if v, ok := i.alt(path, a); ok {
			return v, true
		}
	}
	return state.Value{}, false
}

func (i inventor) fits(t state.Type, v state.Value) bool {
	return state.Shape{Type: state.String, Encoding: state.JSON, Value: t}.Fits(v)
}

func (i inventor) alt(path []string, a state.Alt) (state.Value, bool) {
	name := ""
	if len(path) > 0 {
		name = path[len(path)-1]
	}
	switch {
	case a.Const != nil:
		return *a.Const, true
	case a.Kind == state.Null:
		return state.Value{Kind: state.Null}, true
	case a.Kind == state.Bool:
		return state.Value{Kind: state.Bool, Bool: true}, true
	case a.Kind == state.Int, a.Kind == state.Number:
		return i.number(name, a)
	case a.Kind == state.Str:
		return i.text(name, a)
	case a.Kind == state.Bytes:
		return state.Value{Kind: state.Bytes, Bytes: []byte("bytes")}, true
	case a.Kind == state.Array:
		return i.list(path, a)
	}
	return i.structure(path, a)
}

// number makes up a number: a time where the name says so, else a small one or the first that the bounds take.
func (i inventor) number(name string, a state.Alt) (state.Value, bool) {
	guesses := []string{"7", "1", "0", "-1"}
	lower := strings.ToLower(name)
	switch {
	case strings.HasSuffix(name, "_ms") || strings.HasSuffix(name, "Ms") || strings.HasSuffix(lower, "_millis"):
		guesses = append([]string{"1700000000123"}, guesses...)
	case strings.HasSuffix(lower, "_at") || strings.HasPrefix(lower, "created") || strings.HasPrefix(lower, "updated") || strings.HasPrefix(lower, "expires"):
		guesses = append([]string{"1700000000"}, guesses...)
	case strings.HasSuffix(lower, "_cents"):
		guesses = append([]string{"1200"}, guesses...)
	}
	for _, b := range a.Bounds {
		if n, ok := new(big.Int).SetString(b.Value, 10); ok {
			guesses = append(guesses, n.String(), new(big.Int).Add(n, big.NewInt(1)).String(), new(big.Int).Sub(n, big.NewInt(1)).String())
		}
	}
	for _, text := range guesses {
		d, ok := state.ParseDecimal(text)
		if ok && !slices.ContainsFunc(a.Bounds, func(b state.Bound) bool { return !b.Holds(d) }) {
			return state.Value{Kind: state.Int, Text: text}, true
		}
	}
	return state.Value{}, false
}

// text makes up a string: what matches its expressions and has the right length.
func (i inventor) text(name string, a state.Alt) (state.Value, bool) {
	guesses := []string{"example", "a", "1", "abc", "abc-123", "2026-01-02", "2026-01-02T03:04:05Z", "ada@example.com", "https://example.com/",
		"123e4567-e89b-12d3-a456-426614174000", "ABC", "A1", "deadbeef", "EUR", "en", "true", ""}
	if strings.Contains(strings.ToLower(name), "name") {
		guesses = append([]string{"Ada"}, guesses...)
	}
	for _, m := range a.Match {
		prefix := strings.TrimPrefix(m, "^")
		if re, err := syntax.Parse(prefix, syntax.Perl); err == nil {
			if re, err := regexp.Compile(re.String()); err == nil {
				literal, _ := re.LiteralPrefix()
				guesses = append(guesses, literal, literal+"1", literal+"example")
			}
		}
	}
	for _, b := range a.Len {
		if n, err := strconv.Atoi(b.Value); err == nil && n <= 1000 {
			guesses = append(guesses, strings.Repeat("a", n))
		}
	}
	for _, s := range guesses {
		if v := stringValue(s); i.fits(state.Type{Alts: []state.Alt{a}}, v) {
			return v, true
		}
	}
	return state.Value{}, false
}

func (i inventor) list(path []string, a state.Alt) (state.Value, bool) {
	out := state.Value{Kind: state.Array}
	types := slices.Clone(a.Items)
	want := 1
	for _, b := range a.Len {
		if n, err := strconv.Atoi(b.Value); err == nil && b.Op == ">=" && n <= 100 {
			want = max(want, n)
		} else if err == nil && b.Op == "<=" {
			want = min(want, n)
		}
	}
	for !a.Fixed && a.Elem != nil && len(types) < want {
		types = append(types, *a.Elem)
	}
	for _, t := range types {
		v, ok := i.value(sub(path, "*"), t)
		if !ok {
			return out, false
		}
		out.List = append(out.List, v)
	}
	return out, true
}

func (i inventor) structure(path []string, a state.Alt) (state.Value, bool) {
	out := state.Value{Kind: state.Struct}
	for _, f := range a.Fields {
		if f.Forbidden {
			continue
		}
		v, ok := i.value(sub(path, f.Name), f.Type)
		if !ok && !f.Optional {
			return out, false
		}
		if ok {
			out.Fields = append(out.Fields, state.FieldValue{Name: f.Name, Value: v})
		}
	}
	slices.SortFunc(out.Fields, func(x, y state.FieldValue) int { return strings.Compare(x.Name, y.Name) })
	return out, true
}
