package state

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// A wire says what tells values apart where they are stored. On text everything is a string: "7" fits a string,
// a number and an int, "true" a string and a bool. JSON has kinds, but one kind of number: 7, 7.0 and 7e0 fit an int.
// MsgPack has ints, floats and bytes of their own: a float fits no int. A score is a number in any spelling.
type wire int

const (
	onText wire = iota
	onJSON
	onMsgPack
	onRaw
	onScore
)

// wires says how each field of a struct is stored.
type wires func(field string) wire

func (e Encoding) wire() wire {
	switch e {
	case JSON:
		return onJSON
	case MsgPack:
		return onMsgPack
	case Raw:
		return onRaw
	}
	return onText
}

// wire says how a unit without parts is stored.
func (s Shape) wire() wire {
	if s.Type == Document {
		return onJSON
	}
	return s.Encoding.wire()
}

// part says how a part of a unit is stored.
func (s Shape) part(field string) wire {
	if s.Type == SortedSet && field == "score" {
		return onScore
	}
	return s.EncodingOf(field).wire()
}

func (w wire) all(string) wire { return w }

// has tells whether values of a kind can be stored at all.
func (w wire) has(k Kind) bool {
	switch w {
	case onText:
		return k == Bool || k == Int || k == Number || k == Str
	case onJSON:
		return k != Bytes
	case onRaw:
		return k == Bytes
	case onScore:
		return k == Int || k == Number
	}
	return true
}

// Fits tells whether a stored value fits the shape; the TTL and the key are not asked. The value is as the wire has
// it: text is a Str; JSON is any value but Bytes, its numbers of kind Number or Int; of MsgPack an Int is an int and a
// Number a float; raw is Bytes; a score is a Str or a Number. The unit of a kind of data with parts is a Struct of
// such values. It is the reference for faster deciders.
func (s Shape) Fits(v Value) bool {
	if !s.Type.Parts() {
		return s.wire().fits(s.Value, v)
	}
	if v.Kind != Struct || len(v.Fields) == 0 { // Redis has no empty hash, and no empty entry of a stream
		return false
	}
	return slices.ContainsFunc(s.Value.Alts, func(a Alt) bool { return a.Kind == Struct && fitsFields(a, v.Fields, s.part) })
}

func (w wire) fits(t Type, v Value) bool {
	return slices.ContainsFunc(t.Alts, func(a Alt) bool { return w.fitsAlt(a, v) })
}

func (w wire) fitsAlt(a Alt, v Value) bool {
	switch a.Kind {
	case Null:
		return v.Kind == Null && w.has(Null)
	case Bool:
		b, ok := w.bool(v)
		return ok && (a.Const == nil || a.Const.Bool == b)
	case Int, Number:
		d, ok := w.number(v, a.Kind == Int)
		return ok && a.fitsNumber(d)
	case Str:
		return v.Kind == Str && w.has(Str) && a.fitsText(v.Text)
	case Bytes:
		return v.Kind == Bytes && w.has(Bytes) && (a.Const == nil || bytes.Equal(a.Const.Bytes, v.Bytes))
	case Array:
		return v.Kind == Array && w.has(Array) && w.fitsItems(a, v.List)
	case Struct:
		return v.Kind == Struct && w.has(Struct) && fitsFields(a, v.Fields, w.all)
	}
	return false
}

func (w wire) bool(v Value) (value, ok bool) {
	if w == onText {
		return v.Text == "true", v.Kind == Str && (v.Text == "true" || v.Text == "false")
	}
	return v.Bool, v.Kind == Bool && w.has(Bool)
}

func (w wire) number(v Value, integral bool) (Decimal, bool) {
	isNumber := v.Kind == Number || v.Kind == Int
	switch w {
	case onText:
		isNumber = v.Kind == Str && (!integral || IsIntText(v.Text))
	case onScore:
		isNumber = isNumber || v.Kind == Str
	case onMsgPack:
		isNumber = isNumber && (!integral || v.Kind == Int)
	case onRaw:
		isNumber = false
	}
	d, ok := ParseDecimal(v.Text)
	return d, ok && isNumber && (!integral || d.Integral())
}

func (a Alt) fitsNumber(d Decimal) bool {
	if a.Const != nil {
		if c, ok := ParseDecimal(a.Const.Text); !ok || c.Cmp(d) != 0 {
			return false
		}
	}
	return !slices.ContainsFunc(a.Bounds, func(b Bound) bool { return !b.Holds(d) })
}

func (a Alt) fitsText(text string) bool {
	if !utf8.ValidString(text) || a.Const != nil && a.Const.Text != text || !a.fitsLength(utf8.RuneCountInString(text)) {
		return false
	}
	return !slices.ContainsFunc(a.Match, func(e string) bool { return !matches(e, text, true) }) &&
		!slices.ContainsFunc(a.NoMatch, func(e string) bool { return matches(e, text, false) })
}

// fitsLength tells whether a Str of so many runes, or an Array of so many elements, is long enough and not too long.
func (a Alt) fitsLength(n int) bool {
	d := decimalOf(n)
	return !slices.ContainsFunc(a.Len, func(b Bound) bool { return !b.Holds(d) })
}

func (w wire) fitsItems(a Alt, list []Value) bool {
	if len(list) < len(a.Items) || a.Fixed && len(list) > len(a.Items) || !a.fitsLength(len(list)) {
		return false
	}
	for i, v := range list {
		if t := a.item(i); t != nil && !w.fits(*t, v) {
			return false
		}
	}
	return true
}

// item returns the type of an element of an Array, nil if it may be anything.
func (a Alt) item(i int) *Type {
	if i < len(a.Items) {
		return &a.Items[i]
	}
	return a.Elem
}

func fitsFields(a Alt, fields []FieldValue, at wires) bool {
	for _, f := range a.Fields {
		v, found := findValue(fields, f.Name)
		switch {
		case !found && f.required(), found && f.Forbidden, found && !at(f.Name).fits(f.Type, v):
			return false
		}
	}
	return !slices.ContainsFunc(fields, func(f FieldValue) bool {
		_, declared := a.field(f.Name)
		return !declared && (!a.Open || a.Rest != nil && !at(f.Name).fits(*a.Rest, f.Value))
	})
}

func findValue(fields []FieldValue, name string) (Value, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return Value{}, false
}

// required tells whether every stored value has the field; a default does not make it optional.
func (f Field) required() bool { return !f.Optional && !f.Forbidden }

func (a Alt) field(name string) (Field, bool) {
	for _, f := range a.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// mayHave tells whether some stored value of a struct has the field.
func (a Alt) mayHave(name string) bool {
	f, declared := a.field(name)
	return declared && !f.Forbidden || !declared && a.Open
}

// typeOf returns the type of a field that a value may have, nil if it may be anything.
func (a Alt) typeOf(name string) *Type {
	if f, declared := a.field(name); declared {
		return &f.Type
	}
	return a.Rest
}
