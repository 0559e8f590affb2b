package state

import (
	"fmt"
	"regexp"
	"strconv"
)

// matches tells whether the text matches the expression; broken is the answer for one that does not compile.
func matches(expression, text string, broken bool) bool {
	re, err := regexp.Compile(expression)
	if err != nil {
		return broken
	}
	return re.MatchString(text)
}

// words returns the stored values that fit the alternative if they are known to be few, ok false otherwise. Some of
// them may not: its other constraints are not asked.
func (w wire) words(a Alt) (values []Value, ok bool) {
	switch {
	case !w.has(a.Kind):
		return nil, true
	case a.Kind == Null:
		return []Value{{Kind: Null}}, true
	case a.Kind == Bool && a.Const != nil:
		return []Value{w.boolWord(a.Const.Bool)}, true
	case a.Kind == Bool:
		return []Value{w.boolWord(true), w.boolWord(false)}, true
	case (a.Kind == Str || a.Kind == Bytes) && a.Const != nil:
		return []Value{{Kind: a.Kind, Text: a.Const.Text, Bytes: a.Const.Bytes}}, true
	case (a.Kind == Int || a.Kind == Number) && a.Const != nil:
		return w.numberWords(a)
	}
	return nil, false
}

// maxIntText bounds constants that are spelled out to compare them with strings.
const maxIntText = 1000

func (w wire) numberWords(a Alt) (values []Value, ok bool) {
	d, parsed := ParseDecimal(a.Const.Text)
	text, integral := d.IntText(maxIntText)
	switch {
	case !parsed:
		return nil, false
	case w == onJSON || w == onScore:
		return []Value{{Kind: Number, Text: a.Const.Text}}, true // all spellings of a number fit alike
	case w == onText && a.Kind == Int, w == onMsgPack && a.Kind == Int:
		kind := Int
		if w == onText {
			kind = Str
		}
		return []Value{{Kind: kind, Text: text}}, integral
	case w == onMsgPack && integral:
		return []Value{{Kind: Int, Text: text}, {Kind: Number, Text: text}}, true
	case w == onMsgPack && !d.Integral():
		return []Value{{Kind: Number, Text: a.Const.Text}}, true
	}
	return nil, false // text has a number in many spellings
}

func (w wire) boolWord(b bool) Value {
	if w == onText {
		return Value{Kind: Str, Text: strconv.FormatBool(b)}
	}
	return Value{Kind: Bool, Bool: b}
}

// print says a scalar of the spec in words.
func (v Value) print() string {
	switch v.Kind {
	case Null:
		return "null"
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Str:
		return strconv.Quote(v.Text)
	case Bytes:
		return fmt.Sprintf("%q", v.Bytes)
	}
	return v.Text
}

// leads tells which bytes a stored value may begin with, and whether it may be empty.
type leads struct {
	byte  [256]bool
	empty bool
}

func (l *leads) add(from, to byte) {
	for c := int(from); c <= int(to); c++ {
		l.byte[c] = true
	}
}

func (l *leads) text(s string) {
	if s == "" {
		l.empty = true
		return
	}
	l.add(s[0], s[0])
}

// sharedBytes tells whether the same bytes may be stored for a type on one wire and for another on another: whether they
// may begin alike.
func sharedBytes(a wire, x Type, b wire, y Type) bool {
	var p, q leads
	for _, alt := range x.Alts {
		a.lead(alt, &p)
	}
	for _, alt := range y.Alts {
		b.lead(alt, &q)
	}
	for c := range p.byte {
		if p.byte[c] && q.byte[c] {
			return true
		}
	}
	return p.empty && q.empty
}

func (w wire) lead(a Alt, l *leads) {
	if !w.has(a.Kind) {
		return
	}
	switch w {
	case onJSON:
		for _, c := range []byte(" \t\r\n" + jsonLeads[a.Kind]) {
			l.byte[c] = true
		}
	case onMsgPack:
		for _, r := range msgpackLeads[a.Kind] {
			l.add(r[0], r[1])
		}
	default:
		switch {
		case a.Kind == Bool:
			l.text("true")
			l.text("false")
		case isNumber(a.Kind):
			l.add('0', '9')
			l.text("-")
		case a.Const != nil && a.Kind == Str:
			l.text(a.Const.Text)
		case a.Const != nil:
			l.text(string(a.Const.Bytes))
		default:
			l.add(0, 255)
			l.empty = true
		}
	}
}

// jsonLeads are the bytes that a JSON value of each kind begins with, behind white space (RFC 8259).
var jsonLeads = map[Kind]string{
	Null: "n", Bool: "tf", Int: "-0123456789", Number: "-0123456789", Str: `"`, Array: "[", Struct: "{",
}

// msgpackLeads are the first bytes of each kind of value (https://github.com/msgpack/msgpack/blob/master/spec.md).
var msgpackLeads = map[Kind][][2]byte{
	Null: {{0xc0, 0xc0}}, Bool: {{0xc2, 0xc3}}, Bytes: {{0xc4, 0xc6}},
	Int:    {{0x00, 0x7f}, {0xe0, 0xff}, {0xcc, 0xcf}, {0xd0, 0xd3}},
	Number: {{0x00, 0x7f}, {0xe0, 0xff}, {0xca, 0xcf}, {0xd0, 0xd3}},
	Str:    {{0xa0, 0xbf}, {0xd9, 0xdb}},
	Array:  {{0x90, 0x9f}, {0xdc, 0xdd}},
	Struct: {{0x80, 0x8f}, {0xde, 0xdf}},
}
