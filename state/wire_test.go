package state_test

import (
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

// object is a hash or JSON shape of one struct.
func object(redis state.Redis, open bool, fields ...state.Field) state.Shape {
	s := state.Shape{Keys: "k:<id>", Type: redis, Value: state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields, Open: open}}}}
	if redis == state.String {
		s.Encoding = state.JSON
	}
	return s
}

func field(name string, alts ...state.Alt) state.Field {
	return state.Field{Name: name, Type: state.Type{Alts: alts}}
}

func optional(f state.Field) state.Field  { f.Optional = true; return f }
func forbidden(f state.Field) state.Field { f.Forbidden = true; return f }
func kind(k state.Kind, bounds ...state.Bound) state.Alt {
	return state.Alt{Kind: k, Bounds: bounds}
}

func constant(k state.Kind, text string) state.Alt {
	return state.Alt{Kind: k, Const: &state.Value{Kind: k, Text: text, Bool: text == "true"}}
}

func TestMeet(t *testing.T) {
	str, integer, number, boolean := kind(state.Str), kind(state.Int), kind(state.Number), kind(state.Bool)
	hash, json := state.Hash, state.String
	for _, c := range []struct {
		name string
		a, b state.Shape
		want string // empty: disjoint
	}{
		{"the shop's sessions",
			object(hash, false, field("user_id", integer), field("name", str), field("created_ms", integer), optional(field("legacy", str))),
			object(hash, false, field("user_id", integer), field("full_name", str), field("created", integer), field("plan", constant(state.Str, "free"), constant(state.Str, "pro"))), ""},
		{"a new optional field", object(hash, false, field("id", integer)), object(hash, false, field("id", integer), optional(field("x", str))), "both may have only id"},
		{"a retyped field on text", object(hash, false, field("id", integer)), object(hash, false, field("id", str)), "both may have only id"},
		{"a retyped field in JSON", object(json, false, field("id", integer)), object(json, false, field("id", str)), ""},
		{"int and number in JSON", object(json, false, field("id", integer)), object(json, false, field("id", number)), "both may have only id"},
		{"bool and int on text", object(hash, false, field("id", integer)), object(hash, false, field("id", boolean)), ""},
		{"bool and a regex on text", object(hash, false, field("id", boolean)), object(hash, false, field("id", state.Alt{Kind: state.Str, Match: []string{"^[0-9]+$"}})), ""},
		{"a version field", object(hash, false, field("v", constant(state.Int, "1"))), object(hash, false, field("v", constant(state.Int, "2"))), ""},
		{"a number and its text", object(hash, false, field("v", constant(state.Number, "1"))), object(hash, false, field("v", constant(state.Str, "1.0"))), "both may have only v"},
		{"disjoint bounds", object(json, false, field("n", kind(state.Int, state.Bound{Op: "<", Value: "100"}))), object(json, false, field("n", kind(state.Int, state.Bound{Op: ">=", Value: "100"}))), ""},
		{"touching bounds", object(json, false, field("n", kind(state.Int, state.Bound{Op: "<=", Value: "100"}))), object(json, false, field("n", kind(state.Int, state.Bound{Op: ">=", Value: "100"}))), "both may have only n"},
		{"an open shape", object(hash, true, field("id", integer)), object(hash, false, field("id", integer), field("owner", str)), "both may have only id, owner"},
		{"an open shape that forbids", object(hash, true, field("id", integer), forbidden(field("owner", str))), object(hash, true, field("id", integer), field("owner", str)), ""},
		{"two open shapes", object(hash, true), object(hash, true), "both may have any fields"},
		{"only the empty hash", object(hash, false, optional(field("a", str))), object(hash, false, optional(field("b", str))), ""},
		{"the empty object", object(json, false, optional(field("a", str))), object(json, false, optional(field("b", str))), "both may have no field at all"},
		{"another type", object(hash, false, field("a", str)), object(json, false, field("a", str)), ""},
	} {
		overlap, meet := state.Meet(c.a, c.b)
		_, back := state.Meet(c.b, c.a)
		if overlap != c.want || meet != (c.want != "") || back != meet {
			t.Errorf("%s: Meet is %q, %v (turned round %v), want %q", c.name, overlap, meet, back, c.want)
		}
	}
}

func TestSubsumes(t *testing.T) {
	str, integer := kind(state.Str), kind(state.Int)
	free, pro := constant(state.Str, "free"), constant(state.Str, "pro")
	for _, c := range []struct {
		name         string
		wide, narrow state.Shape
		want         bool
	}{
		{"itself", object(state.Hash, false, field("a", integer)), object(state.Hash, false, field("a", integer)), true},
		{"one optional field more", object(state.Hash, false, field("a", integer), optional(field("b", str))), object(state.Hash, false, field("a", integer)), true},
		{"one field more", object(state.Hash, false, field("a", integer), field("b", str)), object(state.Hash, false, field("a", integer)), false},
		{"one field fewer", object(state.Hash, false), object(state.Hash, false, field("a", integer)), false},
		{"a longer enum", object(state.Hash, false, field("a", free, pro)), object(state.Hash, false, field("a", free)), true},
		{"a shorter enum", object(state.Hash, false, field("a", free)), object(state.Hash, false, field("a", free, pro)), false},
		{"string for int on text", object(state.Hash, false, field("a", str)), object(state.Hash, false, field("a", integer)), true},
		{"string for int in JSON", object(state.String, false, field("a", str)), object(state.String, false, field("a", integer)), false},
		{"wider bounds", object(state.Hash, false, field("a", kind(state.Int, state.Bound{Op: ">=", Value: "0"}))), object(state.Hash, false, field("a", kind(state.Int, state.Bound{Op: ">", Value: "0"}))), true},
		{"optional in an open one", object(state.Hash, true, optional(field("a", integer))), object(state.Hash, true), false},
		{"open", object(state.Hash, true), object(state.Hash, false, field("a", integer)), true},
	} {
		if got := state.Subsumes(c.wide, c.narrow); got != c.want {
			t.Errorf("%s: Subsumes is %v", c.name, got)
		}
	}
}

// What one value proves, Meet and Subsumes must not deny: they may only err on the other side.
func TestMeetAndSubsumesAgreeWithValues(t *testing.T) {
	for _, redis := range []state.Redis{state.Hash, state.String} {
		t.Run(string(redis), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				a, b := randomShape(t, "a", redis), randomShape(t, "b", redis)
				_, meet := state.Meet(a, b)
				subsumes := state.Subsumes(a, b)
				for range 20 {
					v := randomUnit(t, redis)
					inA, inB := a.Fits(v), b.Fits(v)
					if inA && inB && !meet {
						t.Fatalf("%+v fits both, which Meet denies", v)
					}
					if subsumes && inB && !inA {
						t.Fatalf("%+v fits the narrow one only, though Subsumes holds", v)
					}
				}
			})
		})
	}
}

var (
	names   = []string{"a", "b", "c"}
	texts   = []string{"", "0", "1", "2", "1.0", "1e0", "-0", "1.5", "01", "true", "false", "x"}
	numbers = []string{"0", "1", "2", "1.5", "1.0"}
)

func randomShape(t *rapid.T, label string, redis state.Redis) state.Shape {
	fields := make([]state.Field, 0, len(names))
	for _, name := range names[:rapid.IntRange(0, len(names)).Draw(t, label)] {
		f := field(name, rapid.SliceOfN(rapid.Custom(randomAlt), 1, 2).Draw(t, name)...)
		switch rapid.IntRange(0, 4).Draw(t, "presence") {
		case 0:
			f.Optional = true
		case 1:
			f.Forbidden = true
		}
		fields = append(fields, f)
	}
	return object(redis, rapid.Bool().Draw(t, "open"), fields...)
}

func randomAlt(t *rapid.T) state.Alt {
	a := state.Alt{Kind: rapid.SampledFrom([]state.Kind{state.Null, state.Bool, state.Int, state.Number, state.Str, state.Array}).Draw(t, "kind")}
	narrow := rapid.IntRange(0, 2).Draw(t, "narrow")
	switch {
	case a.Kind == state.Bool && narrow == 1:
		return constant(state.Bool, rapid.SampledFrom([]string{"true", "false"}).Draw(t, "const"))
	case a.Kind == state.Str && narrow == 1:
		return constant(state.Str, rapid.SampledFrom(texts).Draw(t, "const"))
	case a.Kind == state.Str && narrow == 2:
		expression := []string{rapid.SampledFrom([]string{"^[0-9]+$", "^$", "x|true"}).Draw(t, "expression")}
		if rapid.Bool().Draw(t, "not") {
			return state.Alt{Kind: state.Str, NoMatch: expression}
		}
		return state.Alt{Kind: state.Str, Match: expression}
	case (a.Kind == state.Int || a.Kind == state.Number) && narrow == 1:
		return constant(a.Kind, rapid.SampledFrom(numbers).Draw(t, "const"))
	case a.Kind == state.Int || a.Kind == state.Number:
		for range narrow {
			a.Bounds = append(a.Bounds, state.Bound{
				Op:    rapid.SampledFrom([]string{">=", "<=", ">", "<", "!="}).Draw(t, "op"),
				Value: rapid.SampledFrom(numbers).Draw(t, "bound"),
			})
		}
	}
	return a
}

func randomUnit(t *rapid.T, redis state.Redis) state.Value {
	v := state.Value{Kind: state.Struct}
	for _, name := range append([]string{"d"}, names...) {
		if rapid.Bool().Draw(t, name) {
			v.Fields = append(v.Fields, state.FieldValue{Name: name, Value: randomLeaf(t, redis)})
		}
	}
	return v
}

func randomLeaf(t *rapid.T, redis state.Redis) state.Value {
	text := rapid.SampledFrom(texts).Draw(t, "text")
	if redis == state.Hash {
		return state.Value{Kind: state.Str, Text: text}
	}
	switch k := rapid.SampledFrom([]state.Kind{state.Null, state.Bool, state.Number, state.Str, state.Array}).Draw(t, "kind"); k {
	case state.Number:
		return state.Value{Kind: k, Text: rapid.SampledFrom(numbers).Draw(t, "number")}
	case state.Bool:
		return state.Value{Kind: k, Bool: rapid.Bool().Draw(t, "bool")}
	case state.Str:
		return state.Value{Kind: k, Text: text}
	default:
		return state.Value{Kind: k}
	}
}
