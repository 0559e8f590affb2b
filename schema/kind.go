package schema

import (
	"math/bits"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// kindSet is the kinds that an expression may have. A number is an int or a float.
type kindSet uint8

const (
	kindNull kindSet = 1 << iota
	kindBool
	kindInt
	kindFloat
	kindString
	kindBytes
	kindList
	kindStruct

	kindNumber = kindInt | kindFloat
	kindScalar = kindNull | kindBool | kindNumber | kindString | kindBytes
	kindAny    = kindScalar | kindList | kindStruct
	kindNone   = kindSet(0)
)

var kindNames = []struct {
	set  kindSet
	name string
}{
	{kindNull, "null"}, {kindBool, "bool"}, {kindNumber, "number"}, {kindInt, "int"}, {kindFloat, "float"},
	{kindString, "string"}, {kindBytes, "bytes"}, {kindList, "list"}, {kindStruct, "struct"},
}

// String lists the kinds: "int", "number or string".
func (k kindSet) String() string {
	var names []string
	for _, n := range kindNames {
		if k&n.set == n.set {
			names = append(names, n.name)
			k &^= n.set
		}
	}
	return strings.Join(names, " or ")
}

// one names the kinds with an article: "an int", "a string".
func (k kindSet) one() string {
	if strings.HasPrefix(k.String(), "int") {
		return "an " + k.String()
	}
	return "a " + k.String()
}

// within tells whether every kind of k is one of o.
func (k kindSet) within(o kindSet) bool { return k&^o == 0 }

// vague tells whether next to nothing is known: of a part of type _, or of decoded JSON.
func (k kindSet) vague() bool { return bits.OnesCount8(uint8(k)) > 5 }

// kindsOf returns the kinds a type admits.
func kindsOf(t state.Type) kindSet {
	var out kindSet
	for _, a := range t.Alts {
		out |= kindOf(a)
	}
	return out
}

func kindOf(a state.Alt) kindSet {
	switch a.Kind {
	case state.Null:
		return kindNull
	case state.Bool:
		return kindBool
	case state.Int:
		return kindInt
	case state.Number:
		if a.Const != nil {
			return kindFloat
		}
		return kindNumber
	case state.Str:
		return kindString
	case state.Bytes:
		return kindBytes
	case state.Array:
		return kindList
	}
	return kindStruct
}

// namedKinds are the kinds as the signatures of builtins name them.
var namedKinds = map[string]kindSet{
	"null": kindNull, "bool": kindBool, "int": kindInt, "number": kindNumber, "string": kindString, "bytes": kindBytes,
	"list": kindList, "struct": kindStruct, "any": kindAny,
}

// parseKinds reads "string|bytes".
func parseKinds(text string) kindSet {
	var out kindSet
	for _, name := range strings.Split(text, "|") {
		out |= namedKinds[name]
	}
	return out
}

// typeOfKinds returns the widest type of some kinds.
func typeOfKinds(k kindSet) state.Type {
	var t state.Type
	for _, a := range state.AnyType().Alts {
		switch of := kindOf(a); {
		case of&k == 0:
		case of == kindNumber && k&kindFloat == 0:
			t.Alts = append(t.Alts, state.Alt{Kind: state.Int})
		default:
			t.Alts = append(t.Alts, a)
		}
	}
	return t
}

// kindOfValue returns the kind of a literal.
func kindOfValue(v state.Value) kindSet {
	return kindOf(state.Alt{Kind: v.Kind, Const: &v})
}

// typeOfValue returns the type of one value alone.
func typeOfValue(v state.Value) state.Type {
	a := state.Alt{Kind: v.Kind}
	switch v.Kind {
	case state.Null:
	case state.Array:
		a.Fixed = true
		for _, item := range v.List {
			a.Items = append(a.Items, typeOfValue(item))
		}
	case state.Struct:
		for _, f := range v.Fields {
			a.Fields = append(a.Fields, state.Field{Name: f.Name, Type: typeOfValue(f.Value)})
		}
	default:
		a.Const = &v
	}
	return state.Type{Alts: []state.Alt{a}}
}

// single returns the only alternative of a type if that is a struct.
func single(t state.Type) (state.Alt, bool) {
	if len(t.Alts) == 1 && t.Alts[0].Kind == state.Struct {
		return t.Alts[0], true
	}
	return state.Alt{}, false
}

// constant returns the only value a type admits, if it is a scalar.
func constant(t state.Type) (state.Value, bool) {
	if len(t.Alts) == 1 && t.Alts[0].Const != nil {
		return *t.Alts[0].Const, true
	}
	if len(t.Alts) == 1 && t.Alts[0].Kind == state.Null {
		return state.Value{Kind: state.Null}, true
	}
	return state.Value{}, false
}

// words returns the values of a type that admits only some strings.
func words(t state.Type) ([]string, bool) {
	var out []string
	for _, a := range t.Alts {
		if a.Kind != state.Str || a.Const == nil {
			return nil, false
		}
		out = append(out, a.Const.Text)
	}
	return out, len(out) > 0
}

// find returns the declared field of a struct that values may have.
func find(a state.Alt, name string) (state.Field, bool) {
	for _, f := range a.Fields {
		if f.Name == name && !f.Forbidden {
			return f, true
		}
	}
	return state.Field{}, false
}

// without returns a type without its alternatives of some kind.
func without(t state.Type, kind state.Kind) state.Type {
	t.Alts = slices.DeleteFunc(slices.Clone(t.Alts), func(a state.Alt) bool { return a.Kind == kind })
	return t
}
