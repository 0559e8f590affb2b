package transform

import (
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
)

// env is the unit that a program reads: a hash with its placed fields, or a document.
type env struct {
	from     *shape
	key      string
	alt      int // of the source's type, that the unit fits
	fields   []Field
	slots    slots
	doc      document
	segments map[string]string // of the key, once one was asked for
}

// has tells whether the unit has a part at the path.
func (e *env) has(x *expr) bool {
	if e.from.hash {
		_, ok := e.field(x)
		return ok || len(x.path) == 0
	}
	_, ok := e.doc.find(0, x.path)
	return ok
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

// load returns the scalar at a path, of the kind that the source's type gives it.
func (e *env) load(x *expr) (value, error) {
	t := x.places[e.alt].typ
	if e.from.hash {
		i, ok := e.field(x)
		if !ok {
			return value{}, x.absent
		}
		return typedText(t, e.fields[i].Value)
	}
	i, ok := e.doc.find(0, x.path)
	if !ok {
		return value{}, x.absent
	}
	return e.doc.scalar(t, i)
}

// typedText reads the text of a hash field as the first alternative that it fits; an undeclared one is a string.
func typedText(t *typ, text string) (value, error) {
	if t == nil {
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

// scalar reads a JSON value as the first alternative that it fits; lists and objects are none.
func (d document) scalar(t *typ, i int32) (value, error) {
	n := &d.nodes[i]
	switch n.kind {
	case state.Null:
		return value{}, nil
	case state.Bool:
		return boolean(d.text[n.start] == 't'), nil
	case state.Str:
		s := d.str(i)
		if !utf8.ValidString(s) {
			return value{}, errUTF8
		}
		return str(s), nil
	case state.Number:
		k := state.Number
		if t != nil {
			if a := t.altOfJSON(d, i); a != nil {
				k = a.kind
			}
		}
		v, ok := numberOf(d.raw(i), k)
		if !ok {
			return v, errHuge
		}
		return v, nil
	}
	return value{}, errKinds
}

// eval computes a scalar.
func (e *env) eval(x *expr) (value, error) {
	switch x.op {
	case state.OpLit:
		if !x.lit.ok {
			return value{}, errKinds
		}
		return x.lit.scalar, nil
	case state.OpPath:
		return e.load(x)
	case state.OpHas:
		return boolean(e.has(x)), nil
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
		return value{}, errKinds
	}
	return e.binary(x)
}

func (e *env) binary(x *expr) (value, error) {
	a, err := e.eval(x.args[0])
	if err != nil {
		return a, err
	}
	if len(x.args) == 1 {
		return calculate(state.OpSub, value{kind: isInt}, a)
	}
	b, err := e.eval(x.args[1])
	if err != nil {
		return b, err
	}
	switch x.op {
	case state.OpEq, state.OpNe, state.OpLt, state.OpLe, state.OpGt, state.OpGe:
		return compare(x.op, a, b)
	}
	return calculate(x.op, a, b)
}

// truth computes a boolean.
func (e *env) truth(x *expr) (bool, error) {
	v, err := e.eval(x)
	if err == nil && v.kind != isBool {
		err = errKinds
	}
	return v.i == 1, err
}

func (e *env) logic(x *expr) (value, error) {
	b, err := e.truth(x.args[0])
	if err != nil || b == (x.op == state.OpOr) {
		return boolean(b), err
	}
	b, err = e.truth(x.args[1])
	return boolean(b), err
}

func (e *env) concat(x *expr) (value, error) {
	var b strings.Builder
	for _, a := range x.args {
		v, err := e.eval(a)
		if err != nil {
			return v, err
		}
		s, ok := v.text()
		if !ok {
			return v, errKinds
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
	return str(e.segments[x.path[0]]), nil
}
