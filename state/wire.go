package state

import (
	"regexp"
	"slices"
)

// A wire says what tells values apart where they are stored. On text everything is a string: "7" fits a string,
// a number and an int, "true" a string and a bool. JSON has kinds, but one kind of number: 7, 7.0 and 7e0 fit an int.
type wire int

const (
	onText wire = iota
	onJSON
)

func (s Shape) wire() wire {
	if s.Type == String && s.Encoding == JSON {
		return onJSON
	}
	return onText
}

// Fits tells whether a stored value fits the shape. The value is as the wire has it: of a hash a Struct of Strs,
// of a text a Str; of JSON any value, its numbers of kind Number or Int. It is the reference for faster deciders.
func (s Shape) Fits(v Value) bool {
	if s.Type == Hash && len(v.Fields) == 0 {
		return false // Redis has no empty hash
	}
	return s.wire().fits(s.Value, v)
}

func (w wire) fits(t Type, v Value) bool {
	return slices.ContainsFunc(t.Alts, func(a Alt) bool { return w.fitsAlt(a, v) })
}

func (w wire) fitsAlt(a Alt, v Value) bool {
	if v.Kind == Struct {
		return a.Kind == Struct && w.fitsFields(a, v.Fields)
	}
	if v.Kind == Array {
		return a.Kind == Array && (a.Elem == nil || !slices.ContainsFunc(v.List, func(e Value) bool { return !w.fits(*a.Elem, e) }))
	}
	switch a.Kind {
	case Null:
		return v.Kind == Null
	case Bool:
		b, ok := w.bool(v)
		return ok && (a.Const == nil || a.Const.Bool == b)
	case Int, Number:
		d, ok := w.number(v, a.Kind == Int)
		return ok && a.fitsNumber(d)
	case Str:
		return v.Kind == Str && a.fitsText(v.Text)
	}
	return false
}

func (w wire) bool(v Value) (value, ok bool) {
	if w == onText {
		return v.Text == "true", v.Kind == Str && (v.Text == "true" || v.Text == "false")
	}
	return v.Bool, v.Kind == Bool
}

func (w wire) number(v Value, integral bool) (Decimal, bool) {
	isNumber := v.Kind == Number || v.Kind == Int
	if w == onText {
		isNumber = v.Kind == Str && (!integral || IsIntText(v.Text))
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
	if a.Const != nil && a.Const.Text != text {
		return false
	}
	return !slices.ContainsFunc(a.Match, func(e string) bool { return !matches(e, text, true) }) &&
		!slices.ContainsFunc(a.NoMatch, func(e string) bool { return matches(e, text, false) })
}

// matches tells whether the text matches the expression; broken is the answer for one that does not compile.
func matches(expression, text string, broken bool) bool {
	re, err := regexp.Compile(expression)
	if err != nil {
		return broken
	}
	return re.MatchString(text)
}

func (w wire) fitsFields(a Alt, fields []FieldValue) bool {
	for _, f := range a.Fields {
		v, found := findValue(fields, f.Name)
		switch {
		case !found && f.required(), found && f.Forbidden, found && !w.fits(f.Type, v):
			return false
		}
	}
	return a.Open || !slices.ContainsFunc(fields, func(f FieldValue) bool {
		_, declared := a.field(f.Name)
		return !declared
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

// words returns the stored texts or values that fit the alternative if they are known to be few, ok false otherwise.
func (w wire) words(a Alt) (values []Value, ok bool) {
	switch {
	case a.Kind == Null && w == onJSON:
		return []Value{{Kind: Null}}, true
	case a.Kind == Bool && a.Const != nil:
		return []Value{w.boolWord(a.Const.Bool)}, true
	case a.Kind == Bool:
		return []Value{w.boolWord(true), w.boolWord(false)}, true
	case a.Kind == Str && a.Const != nil:
		return []Value{{Kind: Str, Text: a.Const.Text}}, true
	case (a.Kind == Int || a.Kind == Number) && a.Const != nil && w == onJSON:
		return []Value{{Kind: Number, Text: a.Const.Text}}, true // all spellings of a number fit alike
	case a.Kind == Int && a.Const != nil:
		d, ok := ParseDecimal(a.Const.Text)
		text, fits := d.IntText(maxIntText)
		return []Value{{Kind: Str, Text: text}}, ok && fits
	}
	return nil, false
}

// maxIntText bounds constants that are spelled out to compare them with strings.
const maxIntText = 1000

func (w wire) boolWord(b bool) Value {
	switch {
	case w == onJSON:
		return Value{Kind: Bool, Bool: b}
	case b:
		return Value{Kind: Str, Text: "true"}
	}
	return Value{Kind: Str, Text: "false"}
}
