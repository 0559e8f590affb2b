package transform

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"keyshift.dev/state"
)

// value is what a program computes with: a scalar, a list or struct that the program made, or a part of the source,
// which is looked at only when a program asks for it and otherwise keeps its bytes.
type value struct {
	kind kind
	i    int64     // of an isInt; 1 for true of an isBool; of an isNode its place
	s    string    // of an isStr, isBytes, isText, isDigits or isFloat
	num  *number   // of an isBig or isDec
	tree *tree     // of an isList or isStruct
	doc  *document // of an isNode
	typ  *typ      // of a part of the source: what the source's shape says of it, nil if nothing
}

// number is a number that does not fit an int64.
type number struct {
	big *big.Int
	dec *apd.Decimal
}

type kind uint8

const (
	isNull kind = iota
	isBool
	isInt
	isBig
	isDec
	isStr
	isBytes
	isList
	isStruct

	// Parts of a source.
	isNode   // of a document
	isText   // text whose type says what it stands for
	isDigits // the text of a JSON number that a program made
	isFloat  // the text of a MessagePack float that a program made
)

// tree is a list or a struct that a program made. One that takes the place of an object or list in the source has its
// spelling: white space, the order and the spelling of names.
type tree struct {
	open, close string // as the source has them; empty if it has none
	members     []member
	index       map[string]int // of the members by name, once they are many
}

// member is an element of a list or a field of a struct.
type member struct {
	name  string
	value value

	from   *expr // what made it; nil if it is carried undeclared
	filled bool  // a default

	sep, token, colon string // the bytes before the member, its name, and those between name and value, as the source has them
}

// maxDigits bounds the integers that are computed with; longer ones are carried as text only.
const maxDigits = 4096

func boolean(b bool) value {
	if b {
		return value{kind: isBool, i: 1}
	}
	return value{kind: isBool}
}

func str(s string) value      { return value{kind: isStr, s: s} }
func integerOf(n int64) value { return value{kind: isInt, i: n} }
func listOf(items []value) value {
	t := &tree{members: make([]member, len(items))}
	for i, v := range items {
		t.members[i].value = v
	}
	return value{kind: isList, tree: t}
}

// bigInt returns an integer in its smallest form.
func bigInt(n *big.Int) value {
	if n.IsInt64() {
		return value{kind: isInt, i: n.Int64()}
	}
	return value{kind: isBig, num: &number{big: n}}
}

func decimalOf(d *apd.Decimal) value { return value{kind: isDec, num: &number{dec: d}} }

// intOf reads an integral number.
func intOf(text string) (value, bool) {
	if len(text) <= smallDigits {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return value{kind: isInt, i: n}, true
		}
	}
	d, ok := state.ParseDecimal(text)
	if !ok {
		return value{}, false
	}
	if text, ok = d.IntText(maxDigits); !ok {
		return value{}, false
	}
	n, ok := new(big.Int).SetString(text, 10)
	return bigInt(n), ok
}

// decOf reads a decimal.
func decOf(text string) (value, bool) {
	if len(text) > maxDigits {
		return value{}, false
	}
	d, _, err := apd.NewFromString(text)
	return decimalOf(d), err == nil && d.Form == apd.Finite
}

// numberOf reads a number: an integer if its text is one and a decimal is not asked for alone.
func numberOf(text string, k state.Kind) (value, bool) {
	if k == state.Int || state.IsIntText(text) {
		return intOf(text)
	}
	return decOf(text)
}

// constantOf makes a value of a spec's.
func constantOf(v state.Value) (value, bool) {
	switch v.Kind {
	case state.Null:
		return value{}, true
	case state.Bool:
		return boolean(v.Bool), true
	case state.Int:
		return intOf(v.Text)
	case state.Number:
		return decOf(v.Text)
	case state.Str:
		return str(v.Text), true
	case state.Bytes:
		return value{kind: isBytes, s: string(v.Bytes)}, true
	case state.Array:
		t := &tree{}
		for _, e := range v.List {
			x, ok := constantOf(e)
			if !ok {
				return x, false
			}
			t.members = append(t.members, member{value: x})
		}
		return value{kind: isList, tree: t}, true
	case state.Struct:
		t := &tree{}
		for _, f := range v.Fields {
			x, ok := constantOf(f.Value)
			if !ok {
				return x, false
			}
			t.add(member{name: f.Name, value: x})
		}
		return value{kind: isStruct, tree: t}, true
	}
	return value{}, false
}

// text prints a scalar as CUE interpolates it; ok is false for null, lists and structs.
func (v value) text() (s string, ok bool) {
	switch v.kind {
	case isBool:
		return strconv.FormatBool(v.i == 1), true
	case isInt:
		return strconv.FormatInt(v.i, 10), true
	case isBig:
		return v.num.big.String(), true
	case isDec:
		return v.num.dec.String(), true
	case isStr, isText, isDigits, isFloat:
		return v.s, true
	case isBytes:
		return strings.ToValidUTF8(v.s, "\uFFFD"), true
	}
	return "", false
}

func (v value) isNumber() bool { return v.kind == isInt || v.kind == isBig || v.kind == isDec }

// scalar reads a part of a source as its type has it. A list or an object of a document stays a node.
func (v value) scalar() (value, error) {
	switch v.kind {
	case isNode:
		return v.doc.scalar(v.typ, int32(v.i))
	case isText:
		return typedText(v.typ, v.s)
	case isDigits:
		k := state.Number
		if v.typ != nil {
			if a := v.typ.altOf(v); a != nil {
				k = a.kind
			}
		}
		n, ok := numberOf(v.s, k)
		if !ok {
			return n, errHuge
		}
		return n, nil
	case isFloat:
		n, ok := decOf(v.s)
		if !ok {
			return n, errHuge
		}
		return n, nil
	}
	return v, nil
}

// isComposite tells whether a value is a list or a struct, and which.
func (v value) isComposite() (isMap, ok bool) {
	switch v.kind {
	case isList, isStruct:
		return v.kind == isStruct, true
	case isNode:
		k := v.doc.nodes[v.i].kind
		return k == nodeStruct, k == nodeStruct || k == nodeArray
	}
	return false, false
}

// equal tells whether two values are the same: numbers by size, lists by their elements, structs by their fields,
// others by kind and content.
func (v value) equal(w value) bool { return new(budget).same(v, w, false) }

// identical tells whether two values are equal and their numbers of one kind, as CUE compares the elements of lists.
func (v value) identical(w value) bool { return new(budget).same(v, w, true) }

// textOf returns the text of a spec's scalar on a hash; ok is false for null, lists and structs.
func textOf(v state.Value) (string, bool) {
	switch v.Kind {
	case state.Int:
		d, ok := state.ParseDecimal(v.Text)
		if !ok {
			return "", false
		}
		return d.IntText(maxDigits)
	case state.Number:
		_, ok := state.ParseDecimal(v.Text)
		return strings.TrimSpace(v.Text), ok
	case state.Bytes:
		return "", false
	}
	c, ok := constantOf(v)
	if !ok {
		return "", false
	}
	return c.text()
}
