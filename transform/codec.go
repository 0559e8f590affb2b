package transform

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Encode returns a unit that holds a value as a version has it: in its kind, its encodings and under a key with the
// given segments. A segment that is not given is "1", and a version whose keys expire gets a time to live that it
// takes. The error says what the version cannot hold.
func (p *Programs) Encode(version state.Version, key map[string]string, v state.Value) (Unit, error) {
	s, ok := p.shape(version)
	if !ok {
		return Unit{}, fmt.Errorf("version %s is not declared", version)
	}
	u, err := s.unitOf(key, v)
	if err != nil {
		return u, err
	}
	if r := read(u); !s.fits(r) || p.patterns && !s.pattern.Covers(u.Key) {
		return u, fmt.Errorf("%s", strings.Join(p.faults(s, r), ", "))
	}
	return u, nil
}

// unitOf writes a value as a unit that may not fit the shape.
func (s *shape) unitOf(key map[string]string, v state.Value) (Unit, error) {
	out := Unit{TTL: s.anyTTL()}
	x, err := spelled(v)
	if err != nil {
		return out, err
	}
	if !s.isParts() {
		w := settler{room: new(Room), at: []string{}}
		if x, err = w.settle(x, s.encoding, nil); err != nil {
			return out, fmt.Errorf("%s cannot hold this %s: %w", s.encoding, v.Kind, err)
		}
	} else if x, err = s.parts(x, v); err != nil {
		return out, err
	}
	if out, err = s.write(x, out, new(Room)); err != nil {
		return out, err
	}
	out.Key = keyOf(s.source.Keys, key)
	if out.redis() != s.redis {
		out.Type = s.redis
	}
	return out, nil
}

// parts settles a struct as named parts.
func (s *shape) parts(x value, v state.Value) (value, error) {
	if v.Kind != state.Struct {
		return x, fmt.Errorf("%s is not made of a %s", articles[s.redis], v.Kind)
	}
	out := &tree{}
	for i, f := range v.Fields {
		y, err := x.tree.members[i].value, error(nil)
		if s.score && f.Name == scoreField {
			if y, err = y.scalar(); err == nil {
				y, err = settleScore(y)
			}
		} else {
			w := settler{room: new(Room), at: []string{f.Name}}
			y, err = w.settle(y, s.encodingOf(f.Name), nil)
		}
		if err != nil {
			return x, fmt.Errorf("%s: a field of a %s cannot hold this %s: %w", f.Name, s.redis, f.Value.Kind, err)
		}
		out.add(member{name: f.Name, value: y})
	}
	return value{kind: isStruct, tree: out}, nil
}

// spelled makes a value of a spec's whose decimals keep their spelling.
func spelled(v state.Value) (value, error) {
	switch v.Kind {
	case state.Number:
		if _, ok := state.ParseDecimal(v.Text); !ok {
			return value{}, fmt.Errorf("%q is not a number", v.Text)
		}
		return value{kind: isDigits, s: v.Text}, nil
	case state.Array, state.Struct:
		t := &tree{}
		for _, e := range v.List {
			x, err := spelled(e)
			if err != nil {
				return x, err
			}
			t.members = append(t.members, member{value: x})
		}
		for _, f := range v.Fields {
			x, err := spelled(f.Value)
			if err != nil {
				return x, err
			}
			t.add(member{name: f.Name, value: x})
		}
		return value{kind: value{}.composed(v.Kind == state.Struct), tree: t}, nil
	}
	x, ok := constantOf(v)
	if !ok {
		return x, fmt.Errorf("this %s is too large", v.Kind)
	}
	return x, nil
}

// anyTTL returns a time to live that keys of the shape have.
func (s *shape) anyTTL() int64 {
	rule := s.source.TTL
	if rule == nil {
		return 0
	}
	for _, ttl := range []int64{rule.Set, rule.Max, rule.Min} {
		if ttl > 0 && s.fitsTTL(ttl) {
			return ttl
		}
	}
	return 1
}

// Decode returns the value of a unit as a version has it: an int is an Int, also where the wire has one kind of number
// or only text. The error says why the unit does not fit the version, and holds no value.
func (p *Programs) Decode(version state.Version, u Unit) (state.Value, error) {
	s, ok := p.shape(version)
	if !ok {
		return state.Value{}, fmt.Errorf("version %s is not declared", version)
	}
	r := read(u.Sorted())
	if !s.fits(r) || p.patterns && !s.pattern.Covers(u.Key) {
		return state.Value{}, p.unfit(ErrNotFrom, r.unit, s)
	}
	root, err := s.root(r)
	if err != nil {
		return state.Value{}, err
	}
	return root.state()
}

// state returns a value as plain data.
func (v value) state() (state.Value, error) {
	if isMap, ok := v.isComposite(); ok {
		out := state.Value{Kind: state.Array}
		if isMap {
			out.Kind = state.Struct
		}
		err := v.each(func(_ int, name string, x value) error {
			y, err := x.state()
			if isMap {
				out.Fields = append(out.Fields, state.FieldValue{Name: name, Value: y})
			} else {
				out.List = append(out.List, y)
			}
			return err
		})
		slices.SortFunc(out.Fields, func(a, b state.FieldValue) int { return strings.Compare(a.Name, b.Name) })
		return out, err
	}
	if text, ok := v.longText(); ok {
		return state.Value{Kind: state.Number, Text: text}, nil
	}
	x, err := v.scalar()
	if err != nil {
		return state.Value{}, err
	}
	text, _ := x.text()
	switch x.kind {
	case isBool:
		return state.Value{Kind: state.Bool, Bool: x.i == 1}, nil
	case isInt, isBig:
		return state.Value{Kind: state.Int, Text: text}, nil
	case isDec:
		if v.kind == isText || v.kind == isDigits {
			text = v.s // as it is spelled
		}
		return state.Value{Kind: state.Number, Text: text}, nil
	case isStr:
		return state.Value{Kind: state.Str, Text: text}, nil
	case isBytes:
		return state.Value{Kind: state.Bytes, Bytes: []byte(x.s)}, nil
	}
	return state.Value{Kind: state.Null}, nil
}

// longText returns the text of a JSON number that is not an int, however long it is.
func (v value) longText() (string, bool) {
	if v.kind != isNode || v.doc.nodes[v.i].kind != nodeNumber || v.doc.msgpack {
		return "", false
	}
	text := v.doc.raw(int32(v.i))
	return text, v.doc.numberKind(v.typ, int32(v.i)) == state.Number && !state.IsIntText(text)
}

// keyOf fills the segments of a pattern; one that is not given is "1".
func keyOf(pattern string, segments map[string]string) string {
	var b strings.Builder
	for rest := pattern; rest != ""; {
		literal, after, found := strings.Cut(rest, "<")
		b.WriteString(literal)
		if !found {
			break
		}
		inner, next, _ := strings.Cut(after, ">")
		name, _, _ := strings.Cut(strings.TrimSuffix(inner, "..."), " ")
		if value, ok := segments[name]; ok {
			b.WriteString(value)
		} else {
			b.WriteString("1")
		}
		rest = next
	}
	return b.String()
}
