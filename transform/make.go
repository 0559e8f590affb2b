package transform

import (
	"fmt"

	"keyshift.dev/state"
)

// made is one field of a result before it is written: a part of the source, carried as it stands, or something new.
type made struct {
	how    how
	at     int   // carried: index of the field of the hash, or node of the document
	from   *expr // carried: its path; nested: the struct; computed: the expression
	scalar value // computed
	fill   *literal
}

type how uint8

const (
	nothing   how = iota // the field is absent
	keep                 // its own place in the source
	carry                // another part of the source
	computed             // a scalar
	filled               // a literal
	defaulted            // a default
	nested               // a struct, of a document alone
)

// field makes one field of a struct. Where several of its expressions are made they must agree.
func (e *env) make(g *group) (made, error) {
	var m made
	for i := range g.makes {
		f := &g.makes[i]
		holds, err := e.holds(f)
		if err != nil {
			return m, fmt.Errorf("%w: %w", f.fails, err)
		}
		if !holds {
			continue
		}
		next, err := e.makeOne(f)
		if err != nil {
			return m, fmt.Errorf("%w: %w", f.fails, err)
		}
		if next.how == nothing {
			continue
		}
		if m.how != nothing && !e.agree(m, next) {
			return m, fmt.Errorf("%w: %w", f.fails, errConflict)
		}
		if m.how == nothing || next.how == keep {
			m = next
		}
	}
	if m.how == nothing && g.fill != nil {
		m = made{how: defaulted, fill: g.fill}
	}
	return m, nil
}

func (e *env) holds(f *fieldExpr) (bool, error) {
	for _, c := range f.conditions {
		if holds, err := e.truth(c); err != nil || !holds {
			return false, err
		}
	}
	return true, nil
}

func (e *env) makeOne(f *fieldExpr) (made, error) {
	x := f.value
	switch x.op {
	case state.OpPath:
		at, ok := e.locate(x)
		if !ok && f.optional {
			return made{}, nil
		}
		if !ok {
			return made{}, x.absent
		}
		if f.own {
			return made{how: keep, at: at, from: x}, nil
		}
		return made{how: carry, at: at, from: x}, nil
	case state.OpStruct:
		return made{how: nested, from: x}, nil
	case state.OpLit:
		return made{how: filled, fill: &x.lit}, nil
	}
	v, err := e.eval(x)
	return made{how: computed, scalar: v, from: x}, err
}

// origin returns the first path that a computed field reads, nil if there is none.
func (m made) origin() []string {
	if m.from == nil {
		return nil
	}
	return m.from.origin
}

// locate returns the field or the node at a path.
func (e *env) locate(x *expr) (int, bool) {
	if e.from.hash {
		return e.field(x)
	}
	i, ok := e.doc.find(0, x.path)
	return int(i), ok
}

// agree tells whether two made fields are one value. Lists and objects agree if they are the same text.
func (e *env) agree(a, b made) bool {
	x, xok := e.scalarOf(a)
	y, yok := e.scalarOf(b)
	if xok && yok {
		return x.equal(y)
	}
	s, sok := e.compositeOf(a)
	t, tok := e.compositeOf(b)
	return sok && tok && s == t
}

// scalarOf returns the scalar of a made field; ok is false if it is a list or an object.
func (e *env) scalarOf(m made) (value, bool) {
	switch m.how {
	case keep, carry:
		v, err := e.load(m.from)
		return v, err == nil
	case computed:
		return m.scalar, true
	case filled, defaulted:
		return m.fill.scalar, m.fill.ok
	}
	return value{}, false
}

func (e *env) compositeOf(m made) (string, bool) {
	switch {
	case (m.how == keep || m.how == carry) && !e.from.hash:
		return e.doc.raw(int32(m.at)), true
	case m.how == filled && !m.fill.ok:
		return m.fill.json, true
	}
	return "", false
}
