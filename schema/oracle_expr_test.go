package schema_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// term is something that an expression may refer to.
type term struct {
	text   string
	t      *genType
	source bool   // it is the source unit or a part of it
	path   string // of the source unit: "p.x"
	maybe  bool   // it may be missing
}

// exprs draws expressions of a type, as CUE source, over what is in scope.
type exprs struct {
	dice
	scope []term
	used  map[string]bool // paths of the source that were referred to
	names int             // variables so far
}

// enter puts a value and everything below it into scope.
func (e *exprs) enter(t term) {
	e.scope = append(e.scope, t)
	if t.t.kind != aStruct || t.maybe {
		return
	}
	for _, f := range t.t.fields {
		if f.t.kind == never {
			continue
		}
		path := strings.TrimPrefix(t.path+"."+strings.Trim(f.name, `"`), ".")
		e.enter(term{t.text + "." + f.name, f.t, t.source, path, f.optional})
	}
}

func (e *exprs) use(t term) string {
	if t.source {
		e.used[t.path] = true
	}
	return t.text
}

// find returns the terms that ok admits.
func (e *exprs) find(maybe bool, ok func(*genType) bool) []term {
	var out []term
	for _, t := range e.scope {
		if t.maybe == maybe && ok(t.t) {
			out = append(out, t)
		}
	}
	return out
}

// fitting tells whether a term of a type may stand where another is wanted.
func fitting(want *genType) func(*genType) bool {
	w := want.clone().String()
	return func(t *genType) bool {
		if want.narrow != "" {
			return t.narrow == want.narrow && t.kind == want.kind
		}
		return t.clone().String() == w || want.kind == aNumber && t.kind == anInt || want.kind == aString && t.isWords()
	}
}

// isWords tells whether a type is an enum of strings.
func (t *genType) isWords() bool { return t.kind == anEnum && strings.HasPrefix(t.words[0], `"`) }

// expr draws an expression of a type.
func (e *exprs) expr(t *genType, depth int) string {
	terms := e.find(false, fitting(t))
	if len(terms) > 0 && (depth == 0 || e.one(3)) {
		return e.use(terms[e.IntN(len(terms))])
	}
	if len(t.fits) > 0 && !e.one(4) {
		return e.of(t.fits...)
	}
	if depth > 0 {
		switch e.IntN(12) {
		case 0:
			return "[if " + e.condition(depth-1) + " {" + e.expr(t, depth-1) + "}, " + e.expr(t, depth-1) + "][0]"
		case 1:
			if maybe := e.find(true, fitting(t)); len(maybe) > 0 {
				return e.missing(maybe[e.IntN(len(maybe))], t, depth)
			}
		case 2:
			if text, ok := e.table(t, depth); ok {
				return text
			}
		}
	}
	return e.form(t, depth)
}

// missing refers to what may be missing.
func (e *exprs) missing(m term, t *genType, depth int) string {
	e.use(m)
	if e.one(2) {
		return "(*" + m.text + " | " + e.literal(t) + ")"
	}
	return "[if " + m.text + " != _|_ {" + m.text + "}, " + e.expr(t, depth-1) + "][0]"
}

// table looks a word of an enum up.
func (e *exprs) table(t *genType, depth int) (string, bool) {
	enums := e.find(false, (*genType).isWords)
	if len(enums) == 0 {
		return "", false
	}
	key := enums[e.IntN(len(enums))]
	var rows []string
	for _, w := range key.t.words {
		rows = append(rows, w+": "+e.expr(t, depth-1))
	}
	return "{" + strings.Join(rows, ", ") + "}[" + e.use(key) + "]", true
}

func (e *exprs) form(t *genType, depth int) string {
	switch t.kind {
	case anEnum:
		return e.of(t.words...)
	case aUnion:
		return e.expr(t.alts[e.IntN(len(t.alts))], depth)
	case "null":
		return "null"
	case aStruct:
		return e.structure(t, depth)
	case aTuple:
		parts := make([]string, len(t.items))
		for i := range parts {
			parts[i] = e.expr(t.items[i], max(depth-1, 0))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case aMapping:
		return e.mapping(t, depth)
	}
	if depth == 0 {
		return e.literal(t)
	}
	if t.kind == aList {
		return e.list(t, depth)
	}
	return e.fillIn(e.of(oracleForms[t.kind]...), depth-1)
}

func (e *exprs) structure(t *genType, depth int) string {
	var parts []string
	for _, f := range t.fields {
		if f.t.kind == never {
			continue
		}
		value := f.name + ": " + e.expr(f.t, max(depth-1, 0))
		switch {
		case f.optional && e.one(2):
		case f.optional && depth > 0 && e.one(2):
			parts = append(parts, "if "+e.condition(depth-1)+" {"+value+"}")
		default:
			parts = append(parts, value)
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (e *exprs) mapping(t *genType, depth int) string {
	sources := e.find(false, func(t *genType) bool { return t.kind == aMapping })
	if depth == 0 || len(sources) == 0 || e.one(4) {
		return "{" + e.of(`"k"`, `"x y"`, "a") + ": " + e.expr(t.elem, max(depth-1, 0)) + "}"
	}
	source := sources[e.IntN(len(sources))]
	k, v := e.variable("k"), e.variable("v")
	head := "for " + k + ", " + v + " in " + e.use(source) + " "
	saved := e.scope
	e.scope = append(e.scope[:len(saved):len(saved)], term{text: k, t: &genType{kind: aString}})
	e.enter(term{text: v, t: source.t.elem})
	if e.one(3) {
		head += "if " + e.condition(depth-1) + " "
	}
	key := e.of("("+k+")", "("+k+")", "\"x-\\("+k+")\"")
	text := "{" + head + "{" + key + ": " + e.expr(t.elem, depth-1) + "}}"
	e.scope = saved
	return text
}

func (e *exprs) list(t *genType, depth int) string {
	plain := &genType{kind: aList, elem: t.elem.clone()}
	switch e.IntN(10) {
	case 0, 1:
		parts := make([]string, e.IntN(3))
		for i := range parts {
			parts[i] = e.expr(t.elem, depth-1)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case 2:
		op := e.of("list.Reverse(%s)", "list.Take(%s, 2)", "list.Drop(%s, 1)", "list.Concat([%s, %s])", "list.Repeat(%s, 2)", "list.Slice(%s, 0, 1)", "list.FlattenN([%s], 1)")
		for strings.Contains(op, "%s") {
			op = strings.Replace(op, "%s", e.expr(plain, depth-1), 1)
		}
		return op
	case 3:
		switch {
		case t.elem.kind == aString && t.elem.narrow == "":
			return e.fillIn(e.of(oracleForms["words"]...), depth-1)
		case t.elem.kind == anInt || t.elem.kind == aNumber:
			return "list.Sort(" + e.expr(plain, depth-1) + ", " + e.of("list.Ascending", "list.Descending") + ")"
		}
	}
	return e.comprehension(t, depth)
}

// comprehension draws [for i, x in list let y = … if … {…}].
func (e *exprs) comprehension(t *genType, depth int) string {
	sources := e.find(false, func(t *genType) bool { return t.kind == aList })
	source, elem := `["a", "b,c", "é"]`, &genType{kind: aString}
	if len(sources) > 0 && !e.one(6) {
		s := sources[e.IntN(len(sources))]
		source, elem = e.use(s), s.t.elem
	}
	saved := e.scope
	e.scope = e.scope[:len(saved):len(saved)]
	v := e.variable("x")
	head := "for " + v + " in " + source + " "
	if e.one(3) {
		i := e.variable("i")
		head = "for " + i + ", " + v + " in " + source + " "
		e.scope = append(e.scope, term{text: i, t: &genType{kind: anInt}})
	}
	e.enter(term{text: v, t: elem})
	if e.one(4) {
		y, of := e.variable("y"), &genType{kind: e.of(anInt, aString, aBool)}
		head += "let " + y + " = " + e.expr(of, depth-1) + " "
		e.scope = append(e.scope, term{text: y, t: of})
	}
	if e.one(3) {
		head += "if " + e.condition(depth-1) + " "
	}
	text := "[" + head + "{" + e.expr(t.elem, depth-1) + "}]"
	e.scope = saved
	return text
}

func (e *exprs) variable(letter string) string {
	e.names++
	return letter + strconv.Itoa(e.names)
}

func (e *exprs) condition(depth int) string { return e.expr(&genType{kind: aBool}, max(depth, 0)) }

func (e *exprs) literal(t *genType) string {
	if len(t.fits) > 0 {
		return e.of(t.fits...)
	}
	switch t.kind {
	case anInt:
		return e.of("0", "7", "-3", "1_000", "0x1F", "12345678901234567890")
	case aNumber:
		return e.of("0.5", "-2.25", "1e3", "3", "0.1")
	case aString:
		return e.of(`"x"`, `""`, `"a\"b\\\n\u00e9"`, `"😀,é"`, `"12"`)
	case aBool:
		return e.of("true", "false")
	case aBytes:
		return e.of(`'x'`, `''`, `'\x00\xff'`)
	case aList:
		return "[]"
	case aMapping:
		return "{}"
	}
	return e.form(t, 0)
}

// hole is a place of a form where an expression of a kind goes.
var hole = regexp.MustCompile(`<[a-z]+>`)

func (e *exprs) fillIn(form string, depth int) string {
	return hole.ReplaceAllStringFunc(form, func(h string) string {
		switch h {
		case "<few>":
			return e.of("0", "1", "2", "3")
		case "<by>":
			return e.of("10", "-7", "1000", "3", e.expr(&genType{kind: anInt}, 0))
		case "<re>":
			return e.of(`"[a-z]+"`, `"^(.)(.*)$"`, `"é|😀"`, `"[0-9]+"`, `"a|,"`)
		case "<strings>":
			return e.expr(&genType{kind: aList, elem: &genType{kind: aString}}, depth)
		case "<numbers>":
			return e.expr(&genType{kind: aList, elem: &genType{kind: e.of(anInt, aNumber)}}, depth)
		case "<any>":
			return e.whatever()
		case "<map>":
			return "{" + e.of(`"k"`, `"x y"`, "a") + ": " + e.of("0", "-3") + "}" // CUE computes no value that nothing reads
		case "<digits>":
			return e.expr(&genType{kind: aString, narrow: `=~"^[0-9]+$"`, fits: []string{`"0"`, `"007"`, `"42"`}}, depth)
		case "<same>":
			return e.sames(depth)
		}
		return e.expr(&genType{kind: strings.Trim(h, "<>")}, depth)
	})
}

// whatever returns a value of any type that is in scope.
func (e *exprs) whatever() string {
	terms := e.find(false, func(*genType) bool { return true })
	if len(terms) == 0 {
		return "1"
	}
	return e.use(terms[e.IntN(len(terms))])
}

// sames returns two values of one type, to be compared.
func (e *exprs) sames(depth int) string {
	t := &genType{kind: e.of(anInt, aString, aBool, aNumber)}
	if terms := e.find(false, func(*genType) bool { return true }); len(terms) > 0 && e.one(2) {
		t = terms[e.IntN(len(terms))].t
	}
	if t.kind == aUnion {
		t = &genType{kind: anInt}
	}
	return fmt.Sprintf("%s %s %s", e.expr(t, depth), e.of("==", "!="), e.expr(t, depth))
}
