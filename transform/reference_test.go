package transform

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

var (
	someNumbers = []string{"0", "1", "-1", "2", "200", "-70000", "4294967296", "9223372036854775807", "1.0", "0.5", "-2.5", "1e3"}
	someTexts   = []string{"", "a", "true", "1", "0.5", "é𝄞", "\xff", "a\xed\xa0\x80", strings.Repeat("x", 40)}
	someNames   = []string{"a", "b", "c"}
)

// Compiled shapes take exactly what state.Shape.Fits takes: of every kind, in every encoding.
func TestClassifyAgreesWithReferenceOnEveryWire(t *testing.T) {
	fits, misses := map[state.Encoding]int{}, map[state.Encoding]int{}
	encodings := []state.Encoding{state.Text, state.JSON, state.MsgPack, state.Raw}
	rapid.Check(t, func(t *rapid.T) {
		base := state.Shape{Keys: "k:<id>", Type: rapid.SampledFrom([]state.Redis{
			state.String, state.Document, state.List, state.Set, state.Hash, state.Stream, state.Map, state.SortedSet,
		}).Draw(t, "redis")}
		encoding := rapid.SampledFrom(encodings).Draw(t, "encoding")
		if base.Type == state.Document {
			encoding = state.JSON
		} else if base.Type.Parts() {
			for _, name := range partsOf(base.Type) {
				base.Encodings = append(base.Encodings, state.FieldEncoding{Field: name, Encoding: rapid.SampledFrom(encodings).Draw(t, name)})
			}
		} else {
			base.Encoding = encoding
		}
		a, b := base, base
		a.Version, b.Version = "1.0.0", "2.0.0"
		a.Value, b.Value = someShape(t, base.Type), someShape(t, base.Type)
		p, err := Compile(state.Keyspace{Name: "k", Shapes: []state.Shape{a, b}})
		if err != nil {
			t.Skip(err)
		}
		for range 8 {
			v, u := someUnit(t, rapid.SampledFrom([]state.Shape{a, b}).Draw(t, "of"), encoding)
			class, reason := p.Classify(u)
			for _, s := range []state.Shape{a, b} {
				if class.Has(s.Version) != s.Fits(v) {
					t.Fatalf("%+v is of class %s (%s), but Fits(%s) is %v: %+v", u, class, reason, s.Version, s.Fits(v), s)
				}
				if s.Fits(v) {
					fits[encoding]++
				} else {
					misses[encoding]++
				}
			}
		}
	})
	for _, e := range encodings {
		if fits[e] < 20 || misses[e] < 20 {
			t.Errorf("%s: %d fitted and %d did not: the test proves nothing", e, fits[e], misses[e])
		}
	}
}

func partsOf(redis state.Redis) []string {
	switch redis {
	case state.SortedSet:
		return []string{"member"}
	case state.Map:
		return []string{"field", "value"}
	}
	return someNames
}

func someShape(t *rapid.T, redis state.Redis) state.Type {
	switch redis {
	case state.Hash, state.Stream:
		return state.Type{Alts: []state.Alt{someStruct(t, 1)}}
	case state.Map, state.SortedSet:
		a := state.Alt{Kind: state.Struct}
		for _, name := range partsOf(redis) {
			a.Fields = append(a.Fields, state.Field{Name: name, Type: someType(t, 1)})
		}
		if redis == state.SortedSet {
			a.Fields = append(a.Fields, state.Field{Name: "score", Type: state.Type{Alts: []state.Alt{someNumber(t)}}})
		}
		return state.Type{Alts: []state.Alt{a}}
	}
	return someType(t, 2)
}

func someType(t *rapid.T, depth int) state.Type {
	if rapid.IntRange(0, 5).Draw(t, "any") == 0 {
		return state.AnyType()
	}
	out := state.Type{}
	for range rapid.IntRange(1, 2).Draw(t, "alternatives") {
		out.Alts = append(out.Alts, someAlt(t, depth))
	}
	return out
}

func someNumber(t *rapid.T) state.Alt {
	a := state.Alt{Kind: rapid.SampledFrom([]state.Kind{state.Int, state.Number}).Draw(t, "number")}
	if rapid.Bool().Draw(t, "bound") {
		op := rapid.SampledFrom([]string{">=", "<", "!="}).Draw(t, "op")
		a.Bounds = []state.Bound{{Op: op, Value: rapid.SampledFrom(someNumbers).Draw(t, "value")}}
	}
	return a
}

func someAlt(t *rapid.T, depth int) state.Alt {
	kinds := []state.Kind{state.Null, state.Bool, state.Int, state.Str, state.Bytes, state.Str, state.Array, state.Struct}
	if depth == 0 {
		kinds = kinds[:6]
	}
	a := state.Alt{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	narrow := rapid.IntRange(0, 2).Draw(t, "narrow")
	switch {
	case a.Kind == state.Int:
		return someNumber(t)
	case a.Kind == state.Struct:
		return someStruct(t, depth-1)
	case a.Kind == state.Array:
		for range rapid.IntRange(0, 1).Draw(t, "items") {
			a.Items = append(a.Items, someType(t, depth-1))
		}
		if a.Fixed = narrow == 0; !a.Fixed {
			e := someType(t, depth-1)
			a.Elem = &e
		}
	case a.Kind == state.Str && narrow == 0:
		a.Match = []string{rapid.SampledFrom([]string{"^[0-9]+$", "x|true", "^$"}).Draw(t, "match")}
	case a.Kind == state.Str && narrow == 1:
		a.Len = []state.Bound{{Op: "<=", Value: "2"}}
	case a.Kind == state.Bytes && narrow == 0:
		a.Const = &state.Value{Kind: state.Bytes, Bytes: []byte(rapid.SampledFrom(someTexts).Draw(t, "bytes"))}
	}
	return a
}

func someStruct(t *rapid.T, depth int) state.Alt {
	a := state.Alt{Kind: state.Struct, Open: rapid.Bool().Draw(t, "open")}
	for _, name := range someNames[:rapid.IntRange(1, 3).Draw(t, "fields")] {
		f := state.Field{Name: name, Type: someType(t, depth)}
		f.Optional = rapid.Bool().Draw(t, "optional")
		f.Forbidden = !f.Optional && rapid.IntRange(0, 5).Draw(t, "forbidden") == 0
		a.Fields = append(a.Fields, f)
	}
	if a.Open && rapid.Bool().Draw(t, "rest") {
		rest := someType(t, depth)
		a.Rest = &rest
	}
	return a
}

// someUnit draws a unit that is likely to fit, as the value that it stands for and as bytes.
func someUnit(t *rapid.T, s state.Shape, encoding state.Encoding) (state.Value, Unit) {
	u := Unit{Key: "k:1", Type: s.Type}
	a := rapid.SampledFrom(s.Value.Alts).Draw(t, "alternative")
	if !s.Type.Parts() {
		v := storable(t, a, encoding)
		u.Text = encoded(t, v, encoding)
		return v, u
	}
	v := state.Value{Kind: state.Struct}
	add := func(name string, typ state.Type, encoding state.Encoding) {
		x := storable(t, rapid.SampledFrom(typ.Alts).Draw(t, name), encoding)
		if s.Type == state.SortedSet && name == "score" {
			x = state.Value{Kind: state.Number, Text: rapid.SampledFrom(someNumbers).Draw(t, "score")}
		}
		u.Fields = append(u.Fields, Field{Name: name, Value: encoded(t, x, encoding)})
		v.Fields = append(v.Fields, state.FieldValue{Name: name, Value: x})
	}
	for _, f := range a.Fields {
		if rapid.IntRange(0, 5).Draw(t, "absent") == 0 && !slices.Contains([]state.Redis{state.Map, state.SortedSet}, s.Type) {
			continue
		}
		encoding := s.EncodingOf(f.Name)
		if s.Type == state.SortedSet && f.Name == "score" {
			encoding = state.JSON
		}
		add(f.Name, f.Type, encoding)
	}
	if a.Open && rapid.Bool().Draw(t, "stranger") {
		add("d", someType(t, 1), s.EncodingOf("d"))
	}
	return v, u.Sorted()
}

// storable draws a value that an encoding can spell, of the alternative if it can.
func storable(t *rapid.T, a state.Alt, encoding state.Encoding) state.Value {
	switch encoding {
	case state.Raw:
		return state.Value{Kind: state.Bytes, Bytes: []byte(rapid.SampledFrom(someTexts).Draw(t, "bytes"))}
	case state.JSON, state.MsgPack:
	default:
		return text(rapid.SampledFrom(append(someTexts, someNumbers...)).Draw(t, "text"))
	}
	v := state.Value{Kind: a.Kind}
	switch a.Kind {
	case state.Bool:
		v.Bool = rapid.Bool().Draw(t, "bool")
	case state.Int, state.Number:
		v = state.Value{Kind: state.Number, Text: rapid.SampledFrom(someNumbers).Draw(t, "number")}
		if encoding == state.MsgPack && !strings.ContainsAny(v.Text, ".e") && rapid.Bool().Draw(t, "int") {
			v.Kind = state.Int
		}
	case state.Str:
		v.Text = rapid.SampledFrom(someTexts).Draw(t, "text")
		if encoding == state.JSON && strings.Contains(v.Text, "\xff") {
			v.Text = "y"
		}
	case state.Bytes:
		if encoding == state.JSON {
			return state.Value{Kind: state.Null}
		}
		v.Bytes = []byte(rapid.SampledFrom(someTexts).Draw(t, "bytes"))
	case state.Array:
		for i := range rapid.IntRange(0, 2).Draw(t, "length") {
			e := state.AnyType()
			if i < len(a.Items) {
				e = a.Items[i]
			} else if a.Elem != nil {
				e = *a.Elem
			}
			v.List = append(v.List, storable(t, rapid.SampledFrom(e.Alts).Draw(t, "element"), encoding))
		}
	case state.Struct:
		for _, f := range a.Fields {
			if rapid.IntRange(0, 5).Draw(t, "absent") > 0 {
				x := storable(t, rapid.SampledFrom(f.Type.Alts).Draw(t, f.Name), encoding)
				v.Fields = append(v.Fields, state.FieldValue{Name: f.Name, Value: x})
			}
		}
	}
	return v
}

// encoded writes a value without the writers of this package. A surrogate alone is an escape in JSON.
func encoded(t *rapid.T, v state.Value, encoding state.Encoding) string {
	switch encoding {
	case state.JSON:
		return spellJSON(v)
	case state.MsgPack:
		return spellMsgPack(t, v)
	case state.Raw:
		return string(v.Bytes)
	}
	return v.Text
}

func spellJSON(v state.Value) string {
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, "\xed\xa0\x80", `\ud800`) + `"` }
	var parts []string
	switch v.Kind {
	case state.Bool:
		return strconv.FormatBool(v.Bool)
	case state.Int, state.Number:
		return v.Text
	case state.Str:
		return quoted(v.Text)
	case state.Array:
		for _, x := range v.List {
			parts = append(parts, spellJSON(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case state.Struct:
		for _, f := range v.Fields {
			parts = append(parts, quoted(f.Name)+": "+spellJSON(f.Value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return "null"
}

// spellMsgPack writes the longest form of a value, or a short one.
func spellMsgPack(t *rapid.T, v state.Value) string {
	long := func(head byte, n int) []byte { return binary.BigEndian.AppendUint32([]byte{head}, uint32(n)) }
	switch v.Kind {
	case state.Bool:
		return map[bool]string{true: "\xc3", false: "\xc2"}[v.Bool]
	case state.Int:
		n, _ := strconv.ParseInt(v.Text, 10, 64)
		if n >= -32 && n < 128 && rapid.Bool().Draw(t, "short") {
			return string([]byte{byte(n)})
		}
		return string(binary.BigEndian.AppendUint64([]byte{0xd3}, uint64(n)))
	case state.Number:
		f, _ := strconv.ParseFloat(v.Text, 64)
		if float64(float32(f)) == f && rapid.Bool().Draw(t, "short") {
			return string(binary.BigEndian.AppendUint32([]byte{0xca}, math.Float32bits(float32(f))))
		}
		return string(binary.BigEndian.AppendUint64([]byte{0xcb}, math.Float64bits(f)))
	case state.Str:
		if len(v.Text) < 32 && rapid.Bool().Draw(t, "short") {
			return string([]byte{0xa0 | byte(len(v.Text))}) + v.Text
		}
		return string(long(0xdb, len(v.Text))) + v.Text
	case state.Bytes:
		return string(long(0xc6, len(v.Bytes))) + string(v.Bytes)
	case state.Array:
		b := long(0xdd, len(v.List))
		for _, x := range v.List {
			b = append(b, spellMsgPack(t, x)...)
		}
		return string(b)
	case state.Struct:
		b := long(0xdf, len(v.Fields))
		for _, f := range v.Fields {
			b = append(b, spellMsgPack(t, text(f.Name))+spellMsgPack(t, f.Value)...)
		}
		return string(b)
	}
	return "\xc0"
}
