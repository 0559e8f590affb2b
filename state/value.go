package state

import (
	"reflect"
	"slices"
)

// Kind is the kind of a value.
type Kind string

// The kinds of values. An Int is also a Number; on the wire JSON has only Number, and what is a Bool or a
// Number to a shape is a string to Redis.
const (
	Null   Kind = "null"
	Bool   Kind = "bool"
	Int    Kind = "int"    // any size
	Number Kind = "number" // a decimal of any size, integral or not
	Str    Kind = "string"
	Bytes  Kind = "bytes" // of raw and msgpack; no other encoding has any
	Array  Kind = "list"
	Struct Kind = "struct"
)

// Value is one concrete value.
type Value struct {
	Kind   Kind         `json:"kind"`
	Bool   bool         `json:"bool,omitempty"`
	Text   string       `json:"text,omitempty"`   // of a Str its bytes, of an Int or Number its decimal text
	Bytes  []byte       `json:"bytes,omitempty"`  // of Bytes
	List   []Value      `json:"list,omitempty"`   // of an Array
	Fields []FieldValue `json:"fields,omitempty"` // of a Struct, sorted by name
}

// FieldValue is one field of a struct value.
type FieldValue struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
}

// Type is the set of values that a unit or a part of it may have: a value fits if it fits one alternative.
type Type struct {
	Alts    []Alt  `json:"alts"`              // never empty; in the order of the spec
	Default *Value `json:"default,omitempty"` // fills what is missing, in migrations only
}

// Alt is one alternative of a Type: a kind and what narrows it. Every constraint must hold.
type Alt struct {
	Kind    Kind     `json:"kind"`
	Const   *Value   `json:"const,omitempty"`   // of a scalar or Bytes: exactly this value
	Bounds  []Bound  `json:"bounds,omitempty"`  // of an Int or Number
	Match   []string `json:"match,omitempty"`   // of a Str: RE2 expressions it must match (unanchored, as in CUE)
	NoMatch []string `json:"noMatch,omitempty"` // of a Str: RE2 expressions it must not match
	Len     []Bound  `json:"len,omitempty"`     // of a Str its runes, of an Array its elements; >= and <= only
	Fields  []Field  `json:"fields,omitempty"`  // of a Struct, in the order of the spec
	Open    bool     `json:"open,omitempty"`    // of a Struct: other fields may stand beside
	Rest    *Type    `json:"rest,omitempty"`    // of an Open Struct: the type of every other field, `[string]: T`; nil: any
	Items   []Type   `json:"items,omitempty"`   // of an Array: the types of its first elements, all of which are there
	Fixed   bool     `json:"fixed,omitempty"`   // of an Array: nothing follows the Items
	Elem    *Type    `json:"elem,omitempty"`    // of an Array that is not Fixed: the type of each element after the Items; nil: any
}

// AnyType returns the type of every value, `_`.
func AnyType() Type {
	return Type{Alts: []Alt{{Kind: Null}, {Kind: Bool}, {Kind: Number}, {Kind: Str}, {Kind: Bytes}, {Kind: Array}, {Kind: Struct, Open: true}}}
}

// IsAny tells whether the type is `_`: it says nothing of a value.
func (t Type) IsAny() bool {
	return len(t.Alts) == len(AnyType().Alts) && !slices.ContainsFunc(AnyType().Alts, func(a Alt) bool {
		return !slices.ContainsFunc(t.Alts, func(b Alt) bool { return reflect.DeepEqual(a, b) })
	})
}

// Bound narrows a number.
type Bound struct {
	Op    string `json:"op"`    // one of >= <= > < !=
	Value string `json:"value"` // decimal text
}

// Field is one declared field of a struct.
type Field struct {
	Name      string `json:"name"`
	Type      Type   `json:"type"`
	Optional  bool   `json:"optional,omitempty"`  // name?: a stored value may lack it; a field with a default may not
	Forbidden bool   `json:"forbidden,omitempty"` // name?: _|_: a stored value must not have it
	Pos       Pos    `json:"pos,omitzero"`
}
