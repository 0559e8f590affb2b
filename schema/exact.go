package schema

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// losses lists why the way back may not restore a unit, none if it is proved to restore every one.
//
// The proof is symbolic and conservative. Of each field of the source, the expression that makes it on the way back
// is composed with what the way there makes of what it reads. The field is proved if the result simplifies to the
// field itself, by these rules alone: a renamed or carried field comes back; (x*c) div c, (x*c) quo c, (x+c)-c and
// (x-c)+c are x, for an integer x and an integer constant c other than zero; a field that admits one constant only
// is restored by any value that fits; an optional field comes back if both ways leave out what is missing. Anything
// under a condition, filled by a default, or made by another operator is not proved. Restored means the same value:
// a number may come back in another notation, 5.0 as 5.
func losses(source, target state.Shape, there, back state.Program, drop []string) []state.Loss {
	p := proof{source: source, target: target, there: there.Body, drop: drop}
	s, isStruct := single(source.Value)
	switch {
	case there.Body.Op == state.OpPath && len(there.Body.Path) == 0 && back.Body.Op == state.OpPath && len(back.Body.Path) == 0:
		return nil
	case !isStruct || there.Body.Op != state.OpStruct || back.Body.Op != state.OpStruct:
		return []state.Loss{{Field: "", Reason: "the way back is not proved to restore the value"}}
	}
	p.fields(nil, s, back.Body)
	p.undeclared(s, there)
	return p.out
}

type proof struct {
	source, target state.Shape
	there          state.Expr
	drop           []string
	out            []state.Loss
}

func (p *proof) lose(path []string, reason string) {
	p.out = append(p.out, state.Loss{Field: strings.Join(path, "."), Reason: reason})
}

// fields proves the fields of a struct of the source, given what makes it on the way back.
func (p *proof) fields(path []string, a state.Alt, back state.Expr) {
	for _, f := range a.Fields {
		at := sub(path, f.Name)
		_, isConst := constant(f.Type)
		if f.Forbidden || isConst && !f.Optional {
			continue
		}
		made := makers(back, f.Name)
		switch {
		case len(made) == 0:
			p.gone(at)
		case len(made) > 1 || len(made[0].If) > 0:
			p.lose(at, "the way back makes it under a condition")
		case made[0].Value.Op == state.OpStruct && f.Optional:
			p.lose(at, "the way back always makes it")
		case made[0].Value.Op == state.OpStruct:
			inner, ok := single(f.Type)
			if !ok {
				p.lose(at, "not proved to come back")
				continue
			}
			p.fields(at, inner, made[0].Value)
		default:
			p.field(at, f, made[0])
		}
	}
}

// makers returns the expressions that make a field.
func makers(body state.Expr, name string) []state.FieldExpr {
	var out []state.FieldExpr
	for _, f := range body.Fields {
		if f.Name == name {
			out = append(out, f)
		}
	}
	return out
}

// field proves one field that the way back makes by one expression.
func (p *proof) field(path []string, f state.Field, back state.FieldExpr) {
	e, maybe, ok := p.compose(back.Value)
	e = p.simplify(e)
	switch restored := ok && e.Op == state.OpPath && slices.Equal(e.Path, path); {
	case restored && !f.Optional && !maybe:
	case restored && f.Optional && maybe && back.Optional && back.Default == nil && back.Value.Op == state.OpPath:
	case restored:
		p.lose(path, "a missing one becomes the default")
	case !covers(reads(p.there), path) && !slices.ContainsFunc(reads(p.there), func(q []string) bool { return under(q, path) }):
		p.gone(path)
	case !ok && f.Optional:
		p.lose(path, "a missing one may come back as another value")
	default:
		p.lose(path, blame(e))
	}
}

// gone says why a field is not there to come back.
func (p *proof) gone(path []string) {
	if slices.Contains(p.drop, strings.Join(path, ".")) {
		p.lose(path, "dropped")
		return
	}
	p.lose(path, "version "+string(p.target.Version)+" does not keep it")
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
	case state.OpLit, state.OpKey:
		return e, false, true
	case state.OpStruct, state.OpHas:
		return e, false, false
	}
	out := state.Expr{Op: e.Op}
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
		return state.Expr{Op: state.OpPath, Path: append(slices.Clone(body.Path), path...)}, false, true
	}
	made := makers(body, path[0])
	if len(made) != 1 || len(made[0].If) > 0 || made[0].Default != nil {
		return state.Expr{}, false, false
	}
	e, maybe, ok = p.made(made[0].Value, path[1:])
	return e, maybe || made[0].Optional, ok
}

// simplify applies the rules of the proof from the leaves up.
func (p *proof) simplify(e state.Expr) state.Expr {
	args := make([]state.Expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = p.simplify(a)
	}
	e.Args = args
	if len(args) == 2 && e.Op == state.OpAdd && isInt(args[0]) {
		args[0], args[1] = args[1], args[0]
	}
	if len(args) != 2 || len(args[0].Args) != 2 {
		return e
	}
	inner, outer := args[0], args[1]
	x, c := inner.Args[0], inner.Args[1]
	if (inner.Op == state.OpMul || inner.Op == state.OpAdd) && isInt(x) {
		x, c = c, x
	}
	if !isInt(c) || !isInt(outer) || c.Lit.Text != outer.Lit.Text || c.Lit.Text == "0" || !p.isIntPart(x) {
		return e
	}
	switch {
	case inner.Op == state.OpMul && (e.Op == state.OpDiv || e.Op == state.OpQuo),
		inner.Op == state.OpAdd && e.Op == state.OpSub,
		inner.Op == state.OpSub && e.Op == state.OpAdd:
		return x
	}
	return e
}

func isInt(e state.Expr) bool { return e.Op == state.OpLit && e.Lit.Kind == state.Int }

func (p *proof) isIntPart(e state.Expr) bool {
	if e.Op != state.OpPath {
		return false
	}
	t, _, ok := resolve(p.source.Value, e.Path)
	return ok && kindsOf(t) == kindInt
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
	for _, f := range t.Fields {
		declared := slices.ContainsFunc(s.Fields, func(g state.Field) bool { return g.Name == f.Name })
		if !declared && !f.Forbidden {
			p.lose([]string{f.Name}, "an undeclared field of that name would be overwritten")
		}
	}
}
