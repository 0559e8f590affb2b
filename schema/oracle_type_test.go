package schema_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// The kinds of generated types.
const (
	anInt    = "int"
	aNumber  = "number"
	aString  = "string"
	aBool    = "bool"
	aBytes   = "bytes"
	anEnum   = "enum"
	aUnion   = "union" // scalars of several kinds, or null
	aList    = "list"
	aTuple   = "tuple"
	aStruct  = "struct"
	aMapping = "map"
	never    = "_|_"
)

// genType is a generated type.
type genType struct {
	kind   string
	narrow string     // a further constraint, as CUE source; "" if none
	fits   []string   // of a narrowed type: CUE literals that fit
	words  []string   // of an enum: its CUE literals
	fill   string     // the default, as CUE source; "" if none
	elem   *genType   // of a list or a map
	items  []*genType // of a tuple
	alts   []*genType // of a union
	fields []genField // of a struct
	open   bool
}

type genField struct {
	name     string
	t        *genType
	optional bool
}

// String writes the type as CUE source.
func (t *genType) String() string {
	text := t.plain()
	if t.narrow != "" {
		text += " & " + t.narrow
	}
	if t.fill != "" {
		text = "*" + t.fill + " | " + text
	}
	return text
}

func (t *genType) plain() string {
	switch t.kind {
	case anEnum:
		return strings.Join(t.words, " | ")
	case aUnion:
		return joined(t.alts, " | ")
	case aList:
		return "[..." + group(t.elem) + "]"
	case aTuple:
		return "[" + joined(t.items, ", ") + "]"
	case aMapping:
		return "{[string]: " + t.elem.String() + "}"
	case aStruct:
		var parts []string
		for _, f := range t.fields {
			mark := ""
			if f.optional {
				mark = "?"
			}
			parts = append(parts, f.name+mark+": "+f.t.String())
		}
		if t.open {
			parts = append(parts, "...")
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return t.kind
}

func group(t *genType) string {
	if text := t.String(); strings.Contains(text, " | ") || strings.Contains(text, " & ") {
		return "(" + text + ")"
	}
	return t.String()
}

func joined(types []*genType, by string) string {
	parts := make([]string, len(types))
	for i, t := range types {
		parts[i] = t.String()
	}
	return strings.Join(parts, by)
}

// clone returns the type without default and narrowing, as other places may have it.
func (t *genType) clone() *genType {
	c := *t
	c.fill, c.narrow, c.fits = "", "", nil
	return &c
}

// dice draws. What it draws depends on its seed alone.
type dice struct{ *rand.Rand }

func (d dice) of(words ...string) string { return words[d.IntN(len(words))] }

// one tells, once in n.
func (d dice) one(n int) bool { return d.IntN(n) == 0 }

// wires says what an encoding can hold.
type wires struct{ nested, null, bytes, big bool }

// scalar draws a type of one scalar.
func (d dice) scalar(w wires) *genType {
	switch n := d.IntN(16); {
	case n < 4:
		return d.intType()
	case n < 6:
		return &genType{kind: aNumber}
	case n < 10:
		return d.stringType()
	case n < 12:
		return &genType{kind: aBool}
	case n < 14:
		return &genType{kind: anEnum, words: [][]string{{`"free"`, `"pro"`}, {`"on"`, `"off"`}, {`"a"`, `"b"`, `"c"`}, {`"été"`, `"😀"`, `""`}}[d.IntN(4)]}
	case w.bytes && n == 14:
		return &genType{kind: aBytes}
	case w.null:
		return &genType{kind: aUnion, alts: []*genType{{kind: d.of(anInt, aString, aBool)}, {kind: "null"}}}
	case w.nested && d.one(2):
		return &genType{kind: aUnion, alts: []*genType{{kind: anInt}, {kind: aString}}}
	}
	return &genType{kind: aString}
}

func (d dice) intType() *genType {
	t := &genType{kind: anInt}
	switch d.IntN(6) {
	case 0:
		t.narrow, t.fits = ">=0", []string{"0", "1", "77", "1700000000123"}
	case 1:
		t.narrow, t.fits = ">=-10 & <=100", []string{"-10", "0", "99", "100"}
	}
	return t
}

func (d dice) stringType() *genType {
	t := &genType{kind: aString}
	switch d.IntN(10) {
	case 0:
		t.narrow, t.fits = `=~"^[a-z]+$"`, []string{`"a"`, `"ada"`, `"zz"`}
	case 1:
		t.narrow, t.fits = `=~"^[0-9]+$"`, []string{`"0"`, `"007"`, `"12345678901234567890"`}
	case 2:
		t.narrow, t.fits = `!=""`, []string{`"x"`, `" "`, `"Zoë"`}
	}
	return t
}

// typed draws a type of any kind.
func (d dice) typed(w wires, depth int) *genType {
	if !w.nested || depth == 0 || d.one(2) {
		return d.scalar(w)
	}
	switch d.IntN(8) {
	case 0, 1, 2:
		return &genType{kind: aList, elem: d.typed(w, depth-1)}
	case 3, 4:
		return d.structType(w, depth-1, 3)
	case 5, 6:
		return &genType{kind: aMapping, elem: d.typed(w, depth-1)}
	}
	t := &genType{kind: aTuple}
	for range 1 + d.IntN(3) {
		t.items = append(t.items, d.scalar(w))
	}
	return t
}

var fieldNames = []string{"a", "b", "c", "d", "e", "f", "g", "h", `"full-name"`, "é1"}

func (d dice) structType(w wires, depth, most int) *genType {
	t := &genType{kind: aStruct}
	for i, n := range d.Perm(len(fieldNames))[:1+d.IntN(most)] {
		t.fields = append(t.fields, genField{name: fieldNames[n], t: d.typed(w, depth), optional: i > 0 && d.one(4)})
	}
	return t
}

// withDefault gives a scalar a default sometimes.
func (d dice) withDefault(t *genType) *genType {
	c := *t
	switch {
	case !d.one(4) || t.narrow != "" || len(t.words) == 1:
	case t.kind == anEnum:
		c.fill = d.of(t.words...)
	case t.kind == anInt:
		c.fill = d.of("0", "7")
	case t.kind == aString:
		c.fill = d.of(`""`, `"none"`)
	case t.kind == aBool:
		c.fill = d.of("true", "false")
	}
	return &c
}

var (
	someInts    = []string{"0", "1", "-1", "7", "42", "-1000", "17000003", "1700000000123", "9007199254740993", "9223372036854775807", "-9223372036854775808"}
	bigInts     = []string{"9223372036854775808", "18446744073709551616", "-123456789012345678901234567890"}
	someNumbers = []string{"0", "1.5", "-0.001", "12345.678", "3", "2.50", "-0.5", "0.1", "100", "123456789.123456", "-7.0"}
	someStrings = []string{"", "Ada", "é\"\\", "<1>", "😀", "e\u0301", "日本 語", "a b  c", "true", "12", "-7", "3.14", " padded ", "ada@example.com",
		"2024-02-29T12:30:00Z", "\n\t", "\u0001", "ß", "İ", "ǆ", "a,b,,c", "u:1:x", "SGVsbG8=", "48656c6c6f", `{"a":1}`, "1h30m", "\u2028", "👩‍👩‍👧"}
	someKeys = []string{"a", "b", "x y", "é", "1", "full-name", "😀"}
)

// value draws a value of a type.
func (d dice) value(t *genType, w wires) any {
	if len(t.fits) > 0 {
		return literal(d.of(t.fits...))
	}
	switch t.kind {
	case anEnum:
		return literal(d.of(t.words...))
	case aUnion:
		return d.value(t.alts[d.IntN(len(t.alts))], w)
	case anInt:
		if w.big && d.one(6) {
			return number(d.of(bigInts...))
		}
		return number(d.of(someInts...))
	case aNumber:
		text := d.of(someNumbers...)
		if w.bytes { // a double has no zeros at its end
			text = plainNumber(text)
		}
		return number(text)
	case aBool:
		return d.one(2)
	case aString:
		return d.of(someStrings...)
	case aBytes:
		return []byte(d.of("", "\x00\xff", "Ada", "\xc3\xa9"))
	case "null":
		return nil
	}
	return d.nested(t, w)
}

func (d dice) nested(t *genType, w wires) any {
	switch t.kind {
	case aList:
		out := make([]any, d.IntN(4))
		for i := range out {
			out[i] = d.value(t.elem, w)
		}
		return out
	case aTuple:
		out := make([]any, len(t.items))
		for i := range out {
			out[i] = d.value(t.items[i], w)
		}
		return out
	}
	out := map[string]any{}
	if t.kind == aMapping {
		for _, n := range d.Perm(len(someKeys))[:d.IntN(4)] {
			out[someKeys[n]] = d.value(t.elem, w)
		}
		return out
	}
	for _, f := range t.fields {
		if f.t.kind != never && (!f.optional || d.one(2)) {
			out[strings.Trim(f.name, `"`)] = d.value(f.t, w)
		}
	}
	if t.open && d.one(2) {
		out["beside"] = d.of("x", "é")
	}
	return out
}

// literal reads a CUE literal of a scalar.
func literal(text string) any {
	switch {
	case text == "true" || text == "false":
		return text == "true"
	case strings.HasPrefix(text, `"`):
		s, err := strconv.Unquote(text)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", text, err))
		}
		return s
	}
	return number(text)
}
