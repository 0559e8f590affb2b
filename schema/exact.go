package schema

import (
	"slices"

	"keyshift.dev/state"
)

// losses lists why the way back may not restore a unit, none if it is proved to restore every one.
//
// The proof is symbolic and conservative. Of each field of the source, the expression that makes it on the way back
// is composed with what the way there makes of what it reads. The field is proved if the result simplifies to the
// field itself by the rules of simplify, if it admits few values and each of them comes back (few), or if it is a
// list whose elements are proved one by one (elementwise). A field that admits one constant only is restored by any
// value that fits; an optional field comes back if both ways leave out what is missing. Restored means the same
// value: of JSON and MessagePack a number may come back in another notation, 5.0 as 5. What is stored as text has to
// come back as it was (stored), and a key has to keep its time to live (expiry).
func losses(source, target state.Shape, there, back state.Program, drop []string) []state.Loss {
	p := proof{source: source, target: target, there: there.Body, back: back.Body, drop: drop}
	return p.losses(there)
}

func (p *proof) losses(there state.Program) []state.Loss {
	p.expiry()
	back := p.back
	s, isStruct := single(p.source.Value)
	if !isStruct || back.Op != state.OpStruct {
		p.whole(back)
		return p.out
	}
	p.fields(nil, s, back)
	p.undeclared(s, there)
	return p.out
}

type proof struct {
	source, target state.Shape
	there, back    state.Expr
	drop           []string
	strict         bool // numbers keep their notation on every wire
	out            []state.Loss
}

func (p *proof) lose(path []string, reason string) {
	p.out = append(p.out, state.Loss{Field: dotted(path), Reason: reason})
}

// whole proves a unit that is made by one expression.
func (p *proof) whole(back state.Expr) {
	e, maybe, ok := p.compose(back)
	e = p.simplify(e)
	if restored := ok && !maybe && e.Op == state.OpPath && len(e.Path) == 0; !restored && !p.few(nil, p.source.Value, back) {
		reason := blame(e)
		if reason == unproved {
			reason = "the way back is not proved to restore the value"
		}
		p.lose(nil, reason)
		return
	}
	p.stored(nil, p.source.Value, []state.FieldExpr{{Value: back}})
	if s, ok := single(p.source.Value); ok && s.Open {
		t, _ := single(p.target.Value)
		if reason := p.rest(s, t); reason != "" {
			p.lose(nil, reason)
		}
	}
}

// fields proves the fields of a struct of the source, given what makes it on the way back.
func (p *proof) fields(path []string, a state.Alt, back state.Expr) {
	for _, f := range a.Fields {
		at := sub(path, f.Name)
		_, isConst := constant(f.Type)
		if f.Forbidden || isConst && !f.Optional {
			continue
		}
		made, before := makers(back, f.Name), len(p.out)
		switch {
		case len(made) == 0:
			p.gone(at)
		case !f.Optional && p.few(at, f.Type, p.back):
		case len(made) > 1 || len(made[0].Clauses) > 0:
			p.lose(at, "the way back makes it under a condition")
		case len(made[0].If) > 0:
			p.guarded(at, f, made[0])
		case made[0].Value.Op == state.OpStruct && f.Optional:
			p.lose(at, "the way back always makes it")
		case made[0].Value.Op == state.OpStruct:
			p.inside(at, f, made[0].Value)
			continue
		default:
			p.field(at, f, made[0])
		}
		if len(p.out) == before {
			p.stored(at, f.Type, made)
		}
	}
	if hasKeys(back) {
		p.lose(path, "the way back computes names of fields")
	}
}

// inside proves a struct that the way back makes of its fields.
func (p *proof) inside(at []string, f state.Field, back state.Expr) {
	inner, ok := single(f.Type)
	if !ok || inner.Open {
		p.lose(at, unproved)
		return
	}
	p.fields(at, inner, back)
}

// makers returns the expressions that make a field.
func makers(body state.Expr, name string) []state.FieldExpr {
	var out []state.FieldExpr
	for _, f := range body.Fields {
		if f.Key == nil && f.Name == name {
			out = append(out, f)
		}
	}
	return out
}

// field proves one field that the way back makes by one expression.
func (p *proof) field(path []string, f state.Field, back state.FieldExpr) {
	e, maybe, ok := p.compose(back.Value)
	e = p.simplify(e)
	if lost, made := p.elementwise(path, f.Type, e); made && ok && !maybe && !f.Optional {
		p.out = append(p.out, lost...)
		return
	}
	switch restored := ok && e.Op == state.OpPath && slices.Equal(e.Path, path); {
	case restored && !f.Optional && !maybe:
	case restored && f.Optional && maybe && back.Optional && back.Default == nil && back.Value.Op == state.OpPath:
	case restored:
		p.lose(path, "a missing one becomes the default")
	case !p.isRead(path):
		p.gone(path)
	case !ok && f.Optional:
		p.lose(path, "a missing one may come back as another value")
	default:
		p.lose(path, blame(e))
	}
}

// isRead tells whether the way there reads a part, or something in it.
func (p *proof) isRead(path []string) bool {
	read := reads(p.there)
	return covers(read, path) || slices.ContainsFunc(read, func(q []string) bool { return under(q, path) })
}

// guarded proves an optional field that each way makes where the other has it: if #old.x != _|_ {y: f(#old.x)}.
func (p *proof) guarded(path []string, f state.Field, back state.FieldExpr) {
	const reason = "the way back makes it under a condition"
	if !f.Optional || back.Default != nil || len(back.If) != 1 || !asksFor(back.If[0]) || len(back.If[0].Path) != 1 {
		p.lose(path, reason)
		return
	}
	made := makers(p.there, back.If[0].Path[0])
	if len(made) != 1 || made[0].Default != nil || len(made[0].Clauses) > 0 {
		p.lose(path, reason)
		return
	}
	same := len(made[0].If) == 1 && asksFor(made[0].If[0]) && slices.Equal(made[0].If[0].Path, path) ||
		len(made[0].If) == 0 && made[0].Optional && made[0].Value.Op == state.OpPath && slices.Equal(made[0].Value.Path, path)
	if !same {
		p.lose(path, reason)
		return
	}
	q := *p
	q.there.Fields = slices.Clone(p.there.Fields)
	for i, g := range q.there.Fields {
		if g.Name == made[0].Name {
			q.there.Fields[i].If, q.there.Fields[i].Optional = nil, false
		}
	}
	e, maybe, ok := q.compose(back.Value)
	if e = q.simplify(e); !ok || maybe || e.Op != state.OpPath || !slices.Equal(e.Path, path) {
		p.lose(path, blame(e))
	}
}

func asksFor(e state.Expr) bool { return e.Op == state.OpHas && len(e.Args) == 0 }

// gone says why a field is not there to come back.
func (p *proof) gone(path []string) {
	if slices.Contains(p.drop, dotted(path)) {
		p.lose(path, "dropped")
		return
	}
	p.lose(path, notKept(p.target))
}

// blame names the operator that loses something.
func blame(e state.Expr) string {
	switch e.Op {
	case state.OpDiv, state.OpQuo:
		return string(e.Op) + " drops the remainder"
	case state.OpMod, state.OpRem:
		return string(e.Op) + " keeps only the remainder"
	}
	for _, a := range e.Args {
		if reason := blame(a); reason != unproved {
			return reason
		}
	}
	return unproved
}

const unproved = "not proved to come back"

// compose replaces what an expression of the way back reads by what the way there made it of. maybe tells that it
// reads something that may be missing; ok is false if the way there makes it under conditions or in parts.
func (p *proof) compose(e state.Expr) (composed state.Expr, maybe, ok bool) {
	switch e.Op {
	case state.OpPath:
		return p.made(p.there, e.Path)
	case state.OpLit:
		return e, false, true
	case state.OpKey:
		return e, false, p.source.Keys == p.target.Keys || !e.Int
	case state.OpStruct, state.OpHas, state.OpElse, state.OpVar:
		return e, false, false
	case state.OpList:
		return p.composeLoop(e)
	}
	out := state.Expr{Op: e.Op, Name: e.Name}
	ok = true
	for _, a := range e.Args {
		x, m, o := p.compose(a)
		out.Args = append(out.Args, x)
		maybe, ok = maybe || m, ok && o
	}
	return out, maybe, ok
}

func (p *proof) made(body state.Expr, path []string) (e state.Expr, maybe, ok bool) {
	if len(path) == 0 {
		return body, false, body.Op != state.OpStruct
	}
	if body.Op == state.OpPath { // a whole part was carried, and this is a part of it
		at := append(slices.Clone(body.Path), path...)
		_, optional, ok := resolve(p.source.Value, at)
		return state.Expr{Op: state.OpPath, Path: at}, optional, ok
	}
	made := makers(body, path[0])
	if len(made) != 1 || len(made[0].If)+len(made[0].Clauses) > 0 || made[0].Default != nil || hasKeys(body) {
		return state.Expr{}, false, false
	}
	e, maybe, ok = p.made(made[0].Value, path[1:])
	return e, maybe || made[0].Optional, ok
}

// undeclared says what becomes of the fields that an open source may have beside its declared ones.
func (p *proof) undeclared(s state.Alt, there state.Program) {
	if !s.Open {
		return
	}
	if !there.Open {
		p.lose(nil, "undeclared fields do not fit version "+string(p.target.Version))
		return
	}
	t, _ := single(p.target.Value)
	if reason := p.rest(s, t); reason != "" {
		p.lose(nil, reason)
	}
	for _, f := range t.Fields {
		declared := slices.ContainsFunc(s.Fields, func(g state.Field) bool { return g.Name == f.Name })
		if !declared && !f.Forbidden {
			p.lose([]string{f.Name}, "an undeclared field of that name would be overwritten")
		}
	}
}
