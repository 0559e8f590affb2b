package transform

import (
	"slices"

	"keyshift.dev/state"
)

// fitNode tells whether a value of a document fits.
func (t *typ) fitNode(d *document, i int32) bool { return t.altOfNode(d, i) != nil }

// altOfNode returns the first alternative that a value fits, nil if there is none.
func (t *typ) altOfNode(d *document, i int32) *alt {
	for j := range t.alts {
		if t.alts[j].fitNode(d, i) {
			return &t.alts[j]
		}
	}
	return nil
}

func (a *alt) fitNode(d *document, i int32) bool {
	n := &d.nodes[i]
	switch a.kind {
	case state.Null:
		return n.kind == nodeNull
	case state.Bool:
		return n.kind == nodeBool && (a.constant == nil || a.constant.Bool == d.isTrue(i))
	case state.Int:
		return (n.kind == nodeInt || n.kind == nodeNumber && !d.msgpack && integral(d.raw(i))) && a.fitNumber(d.number(i))
	case state.Number:
		return (n.kind == nodeInt || n.kind == nodeNumber) && a.fitAnyNumber(d.number(i))
	case state.Str:
		return n.kind == nodeStr && (a.plain() && d.isUnicode(i) || a.fitString(d.str(i)))
	case state.Bytes:
		return n.kind == nodeBytes && a.fitBytes(payload(d.raw(i)))
	case state.Array:
		return n.kind == nodeArray && a.fitElements(d, i)
	case state.Struct:
		return n.kind == nodeStruct && a.placeMembers(d, n.first) && a.fitMembers(d, n.first)
	}
	return false
}

// plain tells whether any string fits, so that few need decoding.
func (a *alt) plain() bool {
	return a.constant == nil && len(a.match)+len(a.noMatch)+len(a.length) == 0
}

func (a *alt) fitBytes(s string) bool { return a.constant == nil || string(a.constant.Bytes) == s }

func (a *alt) fitAnyNumber(text string) bool {
	_, ok := state.ParseDecimal(text)
	return ok && a.fitNumber(text)
}

func (a *alt) fitElements(d *document, list int32) bool {
	at := 0
	for i := d.nodes[list].first; i != 0; i = d.nodes[i].next {
		if t := a.typeAt(at); a.fixed && at >= len(a.items) || t != nil && !t.fitNode(d, i) {
			return false
		}
		at++
	}
	return at >= len(a.items) && a.fitLength(at)
}

// placeMembers tells whether every required member is there and none is foreign, without looking at a value.
func (a *alt) placeMembers(d *document, first int32) bool {
	required := 0
	for i := first; i != 0; i = d.nodes[i].next {
		j := a.find(d.nodes[i].name)
		switch {
		case j < 0 && !a.open, j >= 0 && a.fields[j].forbidden:
			return false
		case j >= 0 && a.fields[j].required:
			required++
		}
	}
	return required == a.required
}

func (a *alt) fitMembers(d *document, first int32) bool {
	for i := first; i != 0; i = d.nodes[i].next {
		t := a.rest
		if j := a.find(d.nodes[i].name); j >= 0 {
			t = a.fields[j].typ
		}
		if t != nil && !t.fitNode(d, i) {
			return false
		}
	}
	return true
}

// altOf returns the first alternative that a value of a unit fits, nil if there is none.
func (t *typ) altOf(v value) *alt {
	switch v.kind {
	case isNode:
		return t.altOfNode(v.doc, int32(v.i))
	case isText:
		return t.altOfText(v.s)
	}
	for i := range t.alts {
		if t.alts[i].fits(v) {
			return &t.alts[i]
		}
	}
	return nil
}

// fits tells whether a value that a program made, in the form that it has on the wire, fits.
func (a *alt) fits(v value) bool {
	switch a.kind {
	case state.Null:
		return v.kind == isNull
	case state.Bool:
		return v.kind == isBool && (a.constant == nil || a.constant.Bool == (v.i == 1))
	case state.Int, state.Number:
		whole := v.kind == isInt || v.kind == isBig || v.kind == isDigits && integral(v.s)
		if !whole && (a.kind == state.Int || v.kind != isDigits && v.kind != isFloat) {
			return false
		}
		if v.kind == isInt && a.constant == nil && len(a.bounds) == 0 {
			return true
		}
		text, ok := v.text()
		return ok && a.fitAnyNumber(text)
	case state.Str:
		return v.kind == isStr && a.fitString(v.s)
	case state.Bytes:
		return v.kind == isBytes && a.fitBytes(v.s)
	case state.Array:
		return v.kind == isList && a.fitItems(v.tree)
	case state.Struct:
		return v.kind == isStruct && a.fitFields(v.tree)
	}
	return false
}

func (a *alt) fitItems(t *tree) bool {
	if n := len(t.members); n < len(a.items) || a.fixed && n > len(a.items) || !a.fitLength(n) {
		return false
	}
	for i := range t.members {
		if e := a.typeAt(i); e != nil && e.altOf(t.members[i].value) == nil {
			return false
		}
	}
	return true
}

func (a *alt) fitFields(t *tree) bool {
	required := 0
	for i := range t.members {
		j := a.find(t.members[i].name)
		switch {
		case j < 0 && !a.open, j >= 0 && a.fields[j].forbidden:
			return false
		case j >= 0 && a.fields[j].required:
			required++
		}
	}
	return required == a.required && !slices.ContainsFunc(t.members, func(m member) bool {
		e := a.rest
		if j := a.find(m.name); j >= 0 {
			e = a.fields[j].typ
		}
		return e != nil && e.altOf(m.value) == nil
	})
}
