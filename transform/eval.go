package transform

import (
	"math/big"
	"strings"

	"keyshift.dev/state"
)

// env is the unit that a program reads, and what it remembers while it does.
type env struct {
	budget
	room     *Room
	from     *shape
	key      string
	flat     bool    // fields, alt and slots hold the unit, else root
	alt      int     // of the source's type, that the unit fits
	fields   []Field // sorted
	slots    slots
	root     value
	open     bool // the program carries what an open shape does not declare
	vars     []value
	segments map[string]string // of the key, once one was asked for
}

// field returns the place of a field of a hash.
func (e *env) field(x *expr) (int, bool) {
	if len(x.path) != 1 {
		return 0, false
	}
	if s := x.places[e.alt].slot; s >= 0 {
		i := e.slots[s]
		return int(i), i >= 0
	}
	return findField(e.fields, x.path[0])
}

// load returns the part of the source at a path.
func (e *env) load(x *expr) (value, error) {
	if e.flat && len(x.path) > 0 {
		i, ok := e.field(x)
		if !ok {
			return value{}, x.absent
		}
		return value{kind: isText, s: e.fields[i].Value, typ: x.places[e.alt].typ}, nil
	}
	if e.flat {
		return e.whole(), e.spend(len(e.fields) * elementCost)
	}
	v, ok := e.root.path(x.path)
	if !ok {
		return value{}, x.absent
	}
	return v, nil
}

// whole returns a hash as a struct.
func (e *env) whole() value {
	t := e.room.tree(len(e.fields))
	for _, f := range e.fields {
		t.add(member{name: f.Name, value: value{kind: isText, s: f.Value}})
	}
	return value{kind: isStruct, tree: t, typ: e.from.value}
}

// typedText reads a text as the first alternative that it fits; an undeclared one is a string.
func typedText(t *typ, text string) (value, error) {
	if t == nil || len(t.alts) == 0 {
		return str(text), nil
	}
	a := t.altOfText(text)
	if a == nil {
		return value{}, errKinds
	}
	switch a.kind {
	case state.Int, state.Number:
		v, ok := numberOf(text, a.kind)
		if !ok {
			return v, errHuge
		}
		return v, nil
	case state.Bool:
		return boolean(text == "true"), nil
	}
	return str(text), nil
}

// eval computes a value. What a program only carries stays a part of the source.
func (e *env) eval(x *expr) (value, error) {
	if err := e.step(); err != nil {
		return value{}, err
	}
	switch x.op {
	case state.OpLit:
		return x.lit, nil
	case state.OpPath:
		return e.load(x)
	case state.OpVar:
		v, ok := e.vars[x.slot].path(x.path)
		if !ok {
			return v, x.absent
		}
		return v, nil
	case state.OpHas:
		return e.has(x)
	case state.OpKey:
		return e.segment(x)
	case state.OpAnd, state.OpOr:
		return e.logic(x)
	case state.OpNot:
		b, err := e.truth(x.args[0])
		return boolean(!b), err
	case state.OpConcat:
		return e.concat(x)
	case state.OpStruct:
		return e.structure(x)
	case state.OpList:
		return e.list(x)
	case state.OpElse:
		if v, err := e.eval(x.args[0]); err == nil || e.spent() || isLimit(err) {
			return v, err
		}
		return e.eval(x.args[1])
	case state.OpIndex:
		return e.index(x)
	case state.OpCall:
		return e.call(x)
	}
	return e.binary(x)
}

// scalar computes a scalar, or a list or struct that is one operand of several kinds.
func (e *env) scalar(x *expr) (value, error) {
	switch {
	case x.op == state.OpLit:
		return x.lit, nil
	case x.op == state.OpPath && e.flat && len(x.path) == 1:
		i, ok := e.field(x)
		if !ok {
			return value{}, x.absent
		}
		e.steps += len(e.fields[i].Value) / builtinCost
		return typedText(x.places[e.alt].typ, e.fields[i].Value)
	}
	v, err := e.eval(x)
	if err != nil {
		return v, err
	}
	e.steps += len(v.s) / textCost
	if v, err = v.scalar(); err == nil {
		e.steps += v.cost()
	}
	return v, err
}

func (e *env) binary(x *expr) (value, error) {
	a, err := e.scalar(x.args[0])
	if err != nil {
		return a, err
	}
	if len(x.args) == 1 {
		return calculate(state.OpSub, value{kind: isInt}, a)
	}
	b, err := e.scalar(x.args[1])
	if err != nil {
		return b, err
	}
	if e.spent() {
		return value{}, errWork
	}
	switch x.op {
	case state.OpEq, state.OpNe:
		if composite(a, b) {
			is := e.same(a, b, true)
			if e.spent() {
				return value{}, errWork
			}
			return boolean(is == (x.op == state.OpEq)), nil
		}
		return compare(x.op, a, b)
	case state.OpLt, state.OpLe, state.OpGt, state.OpGe:
		return compare(x.op, a, b)
	case state.OpMatch, state.OpNoMatch:
		return e.matches(x, a, b)
	}
	v, err := calculate(x.op, a, b)
	if err == nil && (v.kind == isStr || v.kind == isBytes) {
		err = e.spend(len(v.s))
	}
	return v, err
}

func (e *env) matches(x *expr, a, b value) (value, error) {
	if a.kind != isStr || b.kind != isStr {
		return value{}, errKinds
	}
	re, err := e.pattern(x.match, b.s, a.s)
	if err != nil {
		return value{}, err
	}
	return boolean(re.MatchString(a.s) == (x.op == state.OpMatch)), nil
}

// truth computes a boolean.
func (e *env) truth(x *expr) (bool, error) {
	v, err := e.scalar(x)
	if err == nil && v.kind != isBool {
		err = errKinds
	}
	return err == nil && v.i == 1, err
}

func (e *env) logic(x *expr) (value, error) {
	b, err := e.truth(x.args[0])
	if err != nil || b == (x.op == state.OpOr) {
		return boolean(b), err
	}
	b, err = e.truth(x.args[1])
	return boolean(b), err
}

// has tells whether there is a part of the source, or what an operand selects.
func (e *env) has(x *expr) (value, error) {
	if len(x.args) == 0 {
		_, err := e.load(x)
		return boolean(err == nil), nil
	}
	_, err := e.eval(x.args[0])
	if err != nil && (e.spent() || isLimit(err)) {
		return value{}, err
	}
	return boolean(err == nil), nil
}

func (e *env) concat(x *expr) (value, error) {
	var b strings.Builder
	for _, a := range x.args {
		v, err := e.scalar(a)
		if err != nil {
			return v, err
		}
		s, ok := v.text()
		if !ok {
			return v, errKinds
		}
		if err := e.spend(len(s)); err != nil {
			return v, err
		}
		b.WriteString(s)
	}
	return str(b.String()), nil
}

func (e *env) segment(x *expr) (value, error) {
	if e.segments == nil {
		segments, ok := e.from.pattern.Match(e.key)
		if !ok {
			return value{}, x.absent
		}
		e.segments = segments
	}
	text := e.segments[x.path[0]]
	if !x.int {
		if !validText(text) {
			return value{}, errKeyText
		}
		return str(text), nil
	}
	if len(text) > maxDigits {
		return value{}, errHuge
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return value{}, errKinds
	}
	return bigInt(n), nil
}

// index selects an element of a list or a field of a struct. Of one that stands there as a literal nothing else is
// computed: CUE is lazy, and the rest may fail.
func (e *env) index(x *expr) (value, error) {
	switch list := x.args[0]; {
	case list.op == state.OpList:
		return e.item(list, x.args[1])
	case list.op == state.OpStruct && len(list.dynamic) == 0:
		return e.entry(list, x.args[1])
	}
	v, err := e.eval(x.args[0])
	if err != nil {
		return v, err
	}
	isMap, ok := v.isComposite()
	if !ok {
		return v, errKinds
	}
	i, err := e.scalar(x.args[1])
	switch {
	case err != nil:
		return i, err
	case isMap && i.kind == isStr:
		v, ok = v.field(i.s)
	case !isMap && i.kind == isInt:
		v, ok = v.element(i.i)
	case !isMap && i.kind == isBig:
		ok = false
	default:
		return v, errKinds
	}
	if !ok {
		return value{}, errIndex
	}
	return v, nil
}
