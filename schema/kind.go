package schema

import (
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
	kindList
	kindStruct

	kindNumber = kindInt | kindFloat
	kindNone   = kindSet(0)
)

var kindNames = []struct {
	set  kindSet
	name string
}{
	{kindNull, "null"}, {kindBool, "bool"}, {kindNumber, "number"}, {kindInt, "int"}, {kindFloat, "float"},
	{kindString, "string"}, {kindList, "list"}, {kindStruct, "struct"},
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

// within tells whether every kind of k is one of o.
func (k kindSet) within(o kindSet) bool { return k&^o == 0 }

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
	case state.Array:
		return kindList
	}
	return kindStruct
}

// kindOfValue returns the kind of a literal.
func kindOfValue(v state.Value) kindSet {
	return kindOf(state.Alt{Kind: v.Kind, Const: &v})
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

// find returns the declared field of a struct that values may have.
func find(a state.Alt, name string) (state.Field, bool) {
	for _, f := range a.Fields {
		if f.Name == name && !f.Forbidden {
			return f, true
		}
	}
	return state.Field{}, false
}

// fits tells whether every value of narrow, as CUE sees it, is one of wide. It answers false unless proved.
func fits(wide, narrow state.Type) bool {
	shape := func(t state.Type) state.Shape { return state.Shape{Type: state.String, Encoding: state.JSON, Value: t} }
	return kindsOf(narrow).within(kindsOf(wide)) && state.Subsumes(shape(wide), shape(narrow))
}

// resolve finds the type at a path of a struct. optional tells whether a stored value may lack it.
func resolve(t state.Type, path []string) (at state.Type, optional, ok bool) {
	at = t
	for _, name := range path {
		a, isStruct := single(at)
		if !isStruct {
			return state.Type{}, false, false
		}
		f, found := find(a, name)
		if !found {
			return state.Type{}, false, false
		}
		at, optional = f.Type, optional || f.Optional
	}
	return at, optional, true
}
