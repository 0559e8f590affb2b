package transform

import (
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"
	"keyshift.dev/state"
)

// value is a scalar that a program computes with.
type value struct {
	kind kind
	i    int64    // of an isInt; 1 for true of an isBool
	s    string   // of an isStr
	big  *big.Int // of an isBig: does not fit an int64
	dec  *apd.Decimal
}

type kind uint8

const (
	isNull kind = iota
	isBool
	isInt
	isBig
	isDec
	isStr
)

// maxDigits bounds the integers that are computed with; longer ones are carried as text only.
const maxDigits = 4096

func boolean(b bool) value {
	if b {
		return value{kind: isBool, i: 1}
	}
	return value{kind: isBool}
}

func str(s string) value { return value{kind: isStr, s: s} }

// bigInt returns an integer in its smallest form.
func bigInt(n *big.Int) value {
	if n.IsInt64() {
		return value{kind: isInt, i: n.Int64()}
	}
	return value{kind: isBig, big: n}
}

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
	return value{kind: isDec, dec: d}, err == nil
}

// numberOf reads a number: an integer if its text is one and a decimal is not asked for alone.
func numberOf(text string, k state.Kind) (value, bool) {
	if k == state.Int || state.IsIntText(text) {
		return intOf(text)
	}
	return decOf(text)
}

// constantOf makes a scalar of a spec's value.
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
	}
	return value{}, false
}

// text prints a scalar as CUE interpolates it; ok is false for null.
func (v value) text() (s string, ok bool) {
	switch v.kind {
	case isBool:
		return strconv.FormatBool(v.i == 1), true
	case isInt:
		return strconv.FormatInt(v.i, 10), true
	case isBig:
		return v.big.String(), true
	case isDec:
		return v.dec.String(), true
	case isStr:
		return v.s, true
	}
	return "", false
}

// appendJSON appends the JSON form of a scalar; ok is false for a string that JSON cannot hold.
func (v value) appendJSON(b []byte) (out []byte, ok bool) {
	switch v.kind {
	case isNull:
		return append(b, "null"...), true
	case isStr:
		return appendQuoted(b, v.s), utf8.ValidString(v.s)
	}
	s, ok := v.text()
	return append(b, s...), ok
}

func (v value) isNumber() bool { return v.kind == isInt || v.kind == isBig || v.kind == isDec }

// equal tells whether two scalars are the same value: numbers by size, others by kind and content.
func (v value) equal(w value) bool {
	if v.isNumber() && w.isNumber() {
		return compareNumbers(v, w) == 0
	}
	return v.kind == w.kind && v.i == w.i && v.s == w.s
}

// appendValue appends the JSON form of any value of a spec.
func appendValue(b []byte, v state.Value) ([]byte, bool) {
	switch v.Kind {
	case state.Array:
		b = append(b, '[')
		for i, e := range v.List {
			if i > 0 {
				b = append(b, ',')
			}
			var ok bool
			if b, ok = appendValue(b, e); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case state.Struct:
		b = append(b, '{')
		for i, f := range v.Fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendQuoted(b, f.Name), ':')
			var ok bool
			if b, ok = appendValue(b, f.Value); !ok {
				return b, false
			}
		}
		return append(b, '}'), true
	case state.Int, state.Number:
		_, ok := state.ParseDecimal(v.Text)
		return append(b, v.Text...), ok
	}
	c, ok := constantOf(v)
	if !ok {
		return b, false
	}
	return c.appendJSON(b)
}

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
	}
	c, ok := constantOf(v)
	if !ok {
		return "", false
	}
	return c.text()
}
