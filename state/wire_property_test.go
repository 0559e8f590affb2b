package state_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

// What one value proves, Meet and Subsumes must not deny, in every kind of data and encoding.
func TestMeetAndSubsumesAgreeWithValuesOfEveryKind(t *testing.T) {
	encodings := []state.Encoding{"", state.Text, state.JSON, state.MsgPack, state.Raw}
	fits := 0
	rapid.Check(t, func(t *rapid.T) {
		base := state.Shape{Keys: "k:<id>", Type: rapid.SampledFrom([]state.Redis{state.String, state.List, state.Document, state.Hash, state.SortedSet, state.Map, state.Stream}).Draw(t, "redis")}
		if base.Type == state.String || base.Type == state.List {
			base.Encoding = rapid.SampledFrom(encodings).Draw(t, "encoding")
		}
		if base.Type.Parts() {
			for _, name := range partNames(base.Type) {
				base.Encodings = append(base.Encodings, state.FieldEncoding{Field: name, Encoding: rapid.SampledFrom(encodings[1:]).Draw(t, name)})
			}
		}
		a, b := base, base
		a.Value, b.Value = anyShape(t, base.Type), anyShape(t, base.Type)
		_, meet := state.Meet(a, b)
		_, back := state.Meet(b, a)
		subsumes := state.Subsumes(a, b)
		if meet != back {
			t.Fatalf("Meet is %v, and %v turned round", meet, back)
		}
		for range 12 {
			v := unitOf(t, rapid.SampledFrom([]state.Shape{a, b}).Draw(t, "of"))
			inA, inB := a.Fits(v), b.Fits(v)
			if inA && inB && !meet {
				t.Fatalf("%+v fits both, which Meet denies", v)
			}
			if subsumes && inB && !inA {
				t.Fatalf("%+v fits the narrow one only, though Subsumes holds", v)
			}
			if inA || inB {
				fits++
			}
		}
	})
	if fits < 100 {
		t.Errorf("only %d values fitted: the test proves nothing", fits)
	}
}

// A shape takes itself, whatever it is, and one with an alternative more takes it, too.
func TestSubsumesIsReflexive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := state.Shape{Keys: "k:<id>", Type: state.String, Encoding: rapid.SampledFrom([]state.Encoding{state.JSON, state.MsgPack}).Draw(t, "encoding"), Value: anyType(t, 2)}
		wide := s
		wide.Value.Alts = append(slices.Clone(s.Value.Alts), anyAlt(t, 1))
		if !state.Subsumes(s, s) || !state.Subsumes(wide, s) {
			t.Fatalf("%+v does not take itself", s.Value)
		}
	})
}

func partNames(redis state.Redis) []string {
	switch redis {
	case state.SortedSet:
		return []string{"member"}
	case state.Map:
		return []string{"field", "value"}
	}
	return names
}

func anyShape(t *rapid.T, redis state.Redis) state.Type {
	if !redis.Parts() {
		return anyType(t, 2)
	}
	if redis == state.Hash || redis == state.Stream {
		return state.Type{Alts: []state.Alt{anyStruct(t, 1)}}
	}
	a := state.Alt{Kind: state.Struct}
	for _, name := range partNames(redis) {
		a.Fields = append(a.Fields, state.Field{Name: name, Type: anyType(t, 1)})
	}
	if redis == state.SortedSet {
		a.Fields = append(a.Fields, field("score", randomNumber(t)))
	}
	return state.Type{Alts: []state.Alt{a}}
}

func anyType(t *rapid.T, depth int) state.Type {
	if rapid.IntRange(0, 9).Draw(t, "any") == 0 {
		return state.AnyType()
	}
	typ := state.Type{}
	for range rapid.IntRange(1, 2).Draw(t, "alternatives") {
		typ.Alts = append(typ.Alts, anyAlt(t, depth))
	}
	return typ
}

func randomNumber(t *rapid.T) state.Alt {
	for {
		if a := randomAlt(t); a.Kind == state.Int || a.Kind == state.Number {
			return a
		}
	}
}

func anyAlt(t *rapid.T, depth int) state.Alt {
	kinds := 4
	if depth > 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds).Draw(t, "form") {
	case 0:
		a := state.Alt{Kind: state.Bytes}
		if rapid.Bool().Draw(t, "const") {
			a.Const = &state.Value{Kind: state.Bytes, Bytes: []byte(rapid.SampledFrom(texts).Draw(t, "bytes"))}
		}
		return a
	case 1:
		return state.Alt{Kind: state.Str, Len: lengths(t)}
	case 5:
		return anyArray(t, depth-1)
	case 6:
		return anyStruct(t, depth-1)
	}
	a := randomAlt(t)
	return a
}

func lengths(t *rapid.T) []state.Bound {
	var out []state.Bound
	for _, op := range []string{">=", "<="} {
		if n := rapid.IntRange(-1, 3).Draw(t, op); n >= 0 {
			out = append(out, state.Bound{Op: op, Value: strconv.Itoa(n)})
		}
	}
	return out
}

func anyArray(t *rapid.T, depth int) state.Alt {
	a := state.Alt{Kind: state.Array, Fixed: rapid.Bool().Draw(t, "fixed"), Len: lengths(t)}
	for range rapid.IntRange(0, 2).Draw(t, "items") {
		a.Items = append(a.Items, anyType(t, depth))
	}
	if !a.Fixed && rapid.Bool().Draw(t, "elem") {
		e := anyType(t, depth)
		a.Elem = &e
	}
	return a
}

func anyStruct(t *rapid.T, depth int) state.Alt {
	a := state.Alt{Kind: state.Struct, Open: rapid.Bool().Draw(t, "open")}
	for _, name := range names[:rapid.IntRange(0, len(names)).Draw(t, "fields")] {
		f := state.Field{Name: name, Type: anyType(t, depth)}
		switch rapid.IntRange(0, 4).Draw(t, "presence") {
		case 0:
			f.Optional = true
		case 1:
			f.Forbidden = true
		}
		a.Fields = append(a.Fields, f)
	}
	if a.Open && rapid.Bool().Draw(t, "rest") {
		r := anyType(t, depth)
		a.Rest = &r
	}
	return a
}

// unitOf draws a unit that is likely to fit a shape: each part is of one of its alternatives, or of any kind.
func unitOf(t *rapid.T, s state.Shape) state.Value {
	at := func(name string) state.Encoding {
		if s.Type == state.SortedSet && name == "score" {
			return state.JSON
		}
		return s.EncodingOf(name)
	}
	a := rapid.SampledFrom(s.Value.Alts).Draw(t, "alternative")
	if s.Type.Parts() {
		return structOf(t, a, at)
	}
	e := s.Encoding
	if s.Type == state.Document {
		e = state.JSON
	}
	return valueOf(t, a, e)
}

func structOf(t *rapid.T, a state.Alt, at func(string) state.Encoding) state.Value {
	v := state.Value{Kind: state.Struct}
	for _, f := range a.Fields {
		if f.Forbidden || len(f.Type.Alts) == 0 || f.Optional && rapid.Bool().Draw(t, "absent") {
			continue
		}
		v.Fields = append(v.Fields, state.FieldValue{Name: f.Name, Value: valueOf(t, rapid.SampledFrom(f.Type.Alts).Draw(t, f.Name), at(f.Name))})
	}
	if a.Open && rapid.Bool().Draw(t, "more") {
		rest := state.AnyType()
		if a.Rest != nil {
			rest = *a.Rest
		}
		v.Fields = append(v.Fields, state.FieldValue{Name: "d", Value: valueOf(t, rapid.SampledFrom(rest.Alts).Draw(t, "d"), at("d"))})
	}
	return v
}

func valueOf(t *rapid.T, a state.Alt, e state.Encoding) state.Value {
	v := plainOf(t, a, e)
	if e == state.Raw && v.Kind != state.Bytes {
		return state.Value{Kind: state.Bytes, Bytes: []byte(v.Text)}
	}
	if e != state.JSON && e != state.MsgPack && e != state.Raw { // text
		if v.Kind == state.Bool {
			return state.Value{Kind: state.Str, Text: strconv.FormatBool(v.Bool)}
		}
		return state.Value{Kind: state.Str, Text: v.Text}
	}
	if v.Kind == state.Int && e == state.JSON {
		v.Kind = state.Number
	}
	return v
}

func plainOf(t *rapid.T, a state.Alt, e state.Encoding) state.Value {
	if a.Const != nil {
		return *a.Const
	}
	within := func(string) state.Encoding { return e }
	switch a.Kind {
	case state.Struct:
		return structOf(t, a, within)
	case state.Array:
		v := state.Value{Kind: state.Array}
		for i := range rapid.IntRange(0, 3).Draw(t, "length") {
			elem := state.AnyType()
			switch {
			case i < len(a.Items):
				elem = a.Items[i]
			case a.Elem != nil:
				elem = *a.Elem
			}
			v.List = append(v.List, valueOf(t, rapid.SampledFrom(elem.Alts).Draw(t, "element"), e))
		}
		return v
	case state.Int, state.Number:
		text := rapid.SampledFrom(numbers).Draw(t, "number")
		return state.Value{Kind: rapid.SampledFrom([]state.Kind{a.Kind, state.Number}).Draw(t, "kind"), Text: text}
	case state.Bytes:
		return state.Value{Kind: a.Kind, Bytes: []byte(rapid.SampledFrom(texts).Draw(t, "bytes"))}
	}
	return state.Value{Kind: a.Kind, Bool: rapid.Bool().Draw(t, "bool"), Text: rapid.SampledFrom(texts).Draw(t, "text")}
}

// Expressions that some text matches both of are never proved disjoint, which Meet shows.
func TestDisjointExpressions(t *testing.T) {
	text := func(e string) state.Shape {
		return state.Shape{Keys: "k:<id>", Type: state.String, Value: state.Type{Alts: []state.Alt{{Kind: state.Str, Match: []string{e}}}}}
	}
	for _, c := range []struct {
		a, b string
		meet bool
	}{
		{"^[0-9]+$", "^u:", false},
		{"^[0-9]+$", "u:", false},
		{"[0-9]", "u:", true},
		{"^a*$", "^b*$", true}, // the empty text
		{"^a+$", "^b+$", false},
		{"^(?i)user$", "^USER$", true},
		{"^(?i)user$", "^member$", false},
		{"^.{3}$", "^.{4}$", false},
		{"^.{3,}$", "^.{4}$", true},
		{`^\d+$`, `^\D+$`, false},
		{`^\pL+$`, `^[a-z]+$`, true},
		{`^\pL+$`, `^[0-9]+$`, false},
		{`^a$`, "^a\n$", false},
		{`(?m)^a$`, "^b\na$", true},
		{`a\b`, "^ab$", true}, // not proved
		{"^v2:", "^v1:", false},
		{`\Ax\z`, "^[x]$", true},
		{"(", "^a$", true},
	} {
		if _, meet := state.Meet(text(c.a), text(c.b)); meet != c.meet {
			t.Errorf("%s and %s: %v", c.a, c.b, meet)
		}
		if _, meet := state.Meet(text(c.b), text(c.a)); meet != c.meet {
			t.Errorf("%s and %s: %v", c.b, c.a, meet)
		}
	}
	expression := rapid.StringMatching(`\^?([ab]|[ab]\*|[ab]\+|\[ab\]|\(a\|b\)|a\{2\}|\.){1,3}\$?`)
	rapid.Check(t, func(t *rapid.T) {
		x, y := expression.Draw(t, "x"), expression.Draw(t, "y")
		word := rapid.StringMatching(`[abc]{0,4}`).Draw(t, "text")
		p, errP := regexp.Compile(x)
		q, errQ := regexp.Compile(y)
		if errP != nil || errQ != nil {
			t.Skip()
		}
		if _, meet := state.Meet(text(x), text(y)); !meet && p.MatchString(word) && q.MatchString(word) {
			t.Fatalf("%q matches %s and %s", word, x, y)
		}
	})
}

func TestMeetOfOtherWires(t *testing.T) {
	object := state.Type{Alts: []state.Alt{{Kind: state.Struct, Open: true}}}
	of := func(redis state.Redis, e state.Encoding, alts ...state.Alt) state.Shape {
		return state.Shape{Keys: "k:<id>", Type: redis, Encoding: e, Value: state.Type{Alts: alts}}
	}
	str, integer, number := kind(state.Str), kind(state.Int), kind(state.Number)
	for _, c := range []struct {
		name string
		a, b state.Shape
		want string
	}{
		{"JSON and MsgPack objects", of(state.String, state.JSON, object.Alts...), of(state.String, state.MsgPack, object.Alts...), ""},
		{"a JSON object and text", of(state.String, state.JSON, object.Alts...), of(state.String, "", str), "the same bytes may be json and text"},
		{"a JSON object and a counter", of(state.String, state.JSON, object.Alts...), of(state.String, "", integer), ""},
		{"a JSON number and a counter", of(state.String, state.JSON, number), of(state.String, state.Text, integer), "the same bytes may be json and text"},
		{"bytes and text", of(state.String, state.Raw, kind(state.Bytes)), of(state.String, "", str), "the same bytes may be raw and text"},
		{"the type json and a string", of(state.Document, "", object.Alts...), of(state.String, state.JSON, object.Alts...), ""},
		{"a hash and a map", of(state.Hash, "", object.Alts...), of(state.Map, "", object.Alts...), "a hash may also be a map"},
		{"int and float in MsgPack", of(state.String, state.MsgPack, integer), of(state.String, state.MsgPack, number), "an int may also be a number"},
		{"an integral float constant in MsgPack", of(state.String, state.MsgPack, integer), of(state.String, state.MsgPack, constant(state.Number, "1.0")), "both may be 1.0"},
		{"a counter and its text", of(state.String, "", integer), of(state.String, "", str), "an int may also be a string"},
		{"a counter and a prefixed text", of(state.String, "", integer), of(state.String, "", state.Alt{Kind: state.Str, Match: []string{"^v2:"}}), ""},
		{"a constant", of(state.String, "", constant(state.Str, "on")), of(state.String, "", str), `both may be "on"`},
		{"lengths", of(state.String, "", state.Alt{Kind: state.Str, Len: []state.Bound{{Op: "<=", Value: "3"}}}), of(state.String, "", state.Alt{Kind: state.Str, Len: []state.Bound{{Op: ">=", Value: "4"}}}), ""},
		{"empty lists", of(state.String, state.JSON, state.Alt{Kind: state.Array, Elem: &state.Type{Alts: []state.Alt{str}}}), of(state.String, state.JSON, state.Alt{Kind: state.Array, Elem: &state.Type{Alts: []state.Alt{integer}}}), "both may be the same list"},
		{"lists of at least one", of(state.String, state.JSON, atLeastOne(str)), of(state.String, state.JSON, atLeastOne(integer)), ""},
		{"a tuple and a longer list", of(state.String, state.JSON, state.Alt{Kind: state.Array, Items: []state.Type{{Alts: []state.Alt{str}}}, Elem: &state.Type{Alts: []state.Alt{str}}}),
			of(state.String, state.JSON, atLeastOne(str, state.Bound{Op: ">", Value: "1"})), "both may be the same list"},
		{"a tuple and a longer list of others", of(state.String, state.JSON, state.Alt{Kind: state.Array, Items: []state.Type{state.AnyType()}, Elem: &state.Type{Alts: []state.Alt{str}}}),
			of(state.String, state.JSON, atLeastOne(integer, state.Bound{Op: ">=", Value: "2"})), ""},
		{"tuples", of(state.String, state.JSON, state.Alt{Kind: state.Array, Items: []state.Type{{Alts: []state.Alt{str}}}}), of(state.String, state.JSON, state.Alt{Kind: state.Array, Items: []state.Type{{Alts: []state.Alt{integer}}}}), ""},
	} {
		overlap, meet := state.Meet(c.a, c.b)
		if !meet {
			overlap = ""
		}
		if overlap != c.want || meet != (c.want != "") {
			t.Errorf("%s: Meet is %q, %v, want %q", c.name, overlap, meet, c.want)
		}
	}
}

func TestTextIsUTF8(t *testing.T) {
	s := state.Shape{Keys: "k:<id>", Type: state.String, Value: state.Type{Alts: []state.Alt{kind(state.Str)}}}
	if s.Fits(state.Value{Kind: state.Str, Text: "a\xff"}) || !s.Fits(state.Value{Kind: state.Str, Text: "ä"}) {
		t.Error("a string is UTF-8")
	}
}

func TestSubsumesTTL(t *testing.T) {
	of := func(ttl *state.TTL) state.Shape {
		s := object(state.Hash, false, field("a", kind(state.Int)))
		s.TTL = ttl
		return s
	}
	hour, day := &state.TTL{Max: 3_600_000}, &state.TTL{Max: 86_400_000, Min: 1}
	expiring := &state.TTL{Set: 1000}
	for _, c := range []struct {
		wide, narrow *state.TTL
		want         bool
	}{{nil, nil, true}, {nil, hour, true}, {hour, nil, false}, {day, hour, true}, {hour, day, false}, {expiring, hour, true}, {hour, expiring, false}, {expiring, nil, false}} {
		if got := state.Subsumes(of(c.wide), of(c.narrow)); got != c.want {
			t.Errorf("%+v takes %+v: %v", c.wide, c.narrow, got)
		}
		if overlap, meet := state.Meet(of(c.wide), of(c.narrow)); !meet || !strings.Contains(overlap, "a") {
			t.Errorf("%+v and %+v: a TTL tells nothing apart", c.wide, c.narrow)
		}
	}
}

// atLeastOne is a list of one kind of elements that is not empty.
func atLeastOne(elem state.Alt, more ...state.Bound) state.Alt {
	return state.Alt{Kind: state.Array, Elem: &state.Type{Alts: []state.Alt{elem}}, Len: append(more, state.Bound{Op: ">=", Value: "1"})}
}
