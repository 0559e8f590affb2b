package schema

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// selectFrom compiles a field of a struct.
func (d *direction) selectFrom(e ast.Expr, x compiled, name string) compiled {
	if !x.ok {
		return compiled{}
	}
	t := x.typed()
	if kindsOf(t)&kindNull != 0 && kindsOf(t)&^kindNull == kindStruct {
		d.fail(e.Pos(), "wrong-kind", "this may be null, which has no field "+name, "guard what it is taken from: if ... != null {...}")
		return compiled{}
	}
	at, optional, ok := below(t, name)
	if !ok {
		d.unknown(e, x, name)
		return compiled{}
	}
	x.typ, x.maybe = &at, x.maybe || optional
	switch x.expr.Op {
	case state.OpPath, state.OpVar:
		x.expr.Path = sub(x.expr.Path, name)
		x.expr.Pos = position(e.Pos())
		return d.part(x)
	case state.OpLit:
		i := slices.IndexFunc(x.expr.Lit.Fields, func(f state.FieldValue) bool { return f.Name == name })
		return of(state.Expr{Op: state.OpLit, Lit: &x.expr.Lit.Fields[i].Value, Pos: position(e.Pos())}, at)
	case state.OpStruct:
		if made := makers(x.expr, name); len(made) == 1 && len(made[0].If)+len(made[0].Clauses) == 0 && !made[0].Optional && !hasKeys(x.expr) {
			return of(made[0].Value, at)
		}
	}
	return of(state.Expr{Op: state.OpIndex, Args: []state.Expr{x.expr, text(name)}, Pos: position(e.Pos())}, at)
}

func hasKeys(e state.Expr) bool {
	return slices.ContainsFunc(e.Fields, func(f state.FieldExpr) bool { return f.Key != nil })
}

// unknown says that something has no field of a name.
func (d *direction) unknown(e ast.Expr, x compiled, name string) {
	t := x.typed()
	if _, isStruct := single(t); !isStruct && kindsOf(t)&kindStruct == 0 {
		d.fail(e.Pos(), "wrong-kind", "this is "+kindsOf(t).one()+", which has no field "+name, "select a field of a struct only")
		return
	}
	if x.expr.Op == state.OpPath {
		path := sub(x.expr.Path, name)
		d.fail(e.Pos(), "unknown-field", "version "+string(d.source.Version)+" declares no field "+strings.Join(path, "."), suggest(path, d.source.Value))
		return
	}
	d.fail(e.Pos(), "unknown-field", "there is no field "+name+" here", suggest([]string{name}, t))
}

// index compiles x[i]. What it may be is compiled for the type that it must have, if that is given.
func (d *direction) index(e *ast.IndexExpr, into *goal) compiled {
	at := d.compile(e.Index)
	if !at.ok {
		return compiled{}
	}
	if lit, isList := bare(e.X).(*ast.ListLit); isList && into != nil {
		t := listOf(into.typ)
		return d.element(e, d.list(lit, &goal{t, into.path}), at)
	}
	if at.expr.Op == state.OpLit && at.kinds == kindString {
		return d.selectFrom(e, d.raw(e.X), at.expr.Lit.Text)
	}
	return d.element(e, d.compile(e.X), at)
}

// element compiles an element of a list, or a field of a struct whose name is computed.
func (d *direction) element(e *ast.IndexExpr, x, at compiled) compiled {
	if !x.ok {
		return compiled{}
	}
	t := x.typed()
	kinds := kindsOf(t)
	out := state.Expr{Op: state.OpIndex, Args: []state.Expr{x.expr, at.expr}, Pos: position(e.Pos())}
	switch {
	case kinds.vague():
		return of(out, state.AnyType())
	case kinds == kindList && (at.kinds == kindInt || at.kinds.vague()):
		return d.listElement(e, out, t, at)
	case kinds == kindList && at.kinds&kindInt != 0:
		return of(out, elementsOf(t))
	case kinds == kindStruct && (at.kinds == kindString || at.kinds.vague()):
		return d.entry(e, out, t, at)
	case kinds == kindList || kinds == kindStruct:
		d.fail(e.Index.Pos(), "wrong-kind", at.kinds.one()+" is no index of "+kinds.one(), "index a list by an int, a struct by a string")
	default:
		d.fail(e.Pos(), "wrong-kind", kinds.one()+" cannot be indexed", "index a list by an int, a struct by a string")
	}
	return compiled{}
}

func (d *direction) listElement(e *ast.IndexExpr, out state.Expr, t state.Type, at compiled) compiled {
	elem := elementsOf(t)
	if at.expr.Op == state.OpLit {
		i, err := strconv.Atoi(at.expr.Lit.Text)
		short := !slices.ContainsFunc(t.Alts, func(a state.Alt) bool { return !a.Fixed || i < len(a.Items) })
		switch {
		case err != nil || i < 0 || short:
			d.fail(e.Index.Pos(), "wrong-kind", "the list has no element "+at.expr.Lit.Text, "lists are counted from 0")
			return compiled{}
		case len(t.Alts) == 1 && i < len(t.Alts[0].Items):
			elem = t.Alts[0].Items[i]
		}
	}
	return of(out, elem)
}

// entry compiles a look-up in a table. A name that the table lacks and the index may be is a mistake.
func (d *direction) entry(e *ast.IndexExpr, out state.Expr, t state.Type, at compiled) compiled {
	names, few := words(at.typed())
	a, closed := single(t)
	elem := elementsOf(t)
	if few && closed && !a.Open {
		elem = state.Type{}
		for _, n := range names {
			f, ok := find(a, n)
			if !ok && d.lenient == 0 {
				d.fail(e.Pos(), "may-be-missing", "the table has no entry "+strconv.Quote(n)+", which "+source(e.Index)+" may be", "add it to the table")
				return compiled{}
			}
			elem.Alts = append(elem.Alts, f.Type.Alts...)
		}
		elem = distinct(elem)
	}
	if len(elem.Alts) == 0 {
		d.fail(e.Pos(), "wrong-kind", "the table is empty", "give it entries")
		return compiled{}
	}
	return of(out, elem)
}

// presence compiles `x != _|_` and `x == _|_`: whether there is such a part, or whether something can be computed.
func (d *direction) presence(e *ast.BinaryExpr) (compiled, bool) {
	if _, bottom := bare(e.Y).(*ast.BottomLit); !bottom || e.Op != token.EQL && e.Op != token.NEQ {
		return compiled{}, false
	}
	d.lenient++
	x := d.raw(e.X)
	d.lenient--
	if !x.ok {
		return compiled{}, true
	}
	has := compiled{expr: d.has(e, x), kinds: kindBool, ok: true}
	if x.expr.Op == state.OpPath || x.expr.Op == state.OpVar {
		has.holds.there = [][]string{whereabouts(x.expr)}
	}
	if e.Op == token.EQL {
		has.expr = state.Expr{Op: state.OpNot, Args: []state.Expr{has.expr}, Pos: position(e.Pos())}
		has.holds, has.fails = has.fails, has.holds
	}
	return has, true
}

// has asks for a part, or makes a question of an expression: what fails is not there.
func (d *direction) has(e *ast.BinaryExpr, x compiled) state.Expr {
	pos := position(e.Pos())
	switch x.expr.Op {
	case state.OpPath:
		return state.Expr{Op: state.OpHas, Path: slices.Clone(x.expr.Path), Pos: pos}
	case state.OpVar, state.OpIndex:
		return state.Expr{Op: state.OpHas, Args: []state.Expr{x.expr}, Pos: pos}
	}
	truth := func(b bool) state.Expr {
		return state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Bool, Bool: b}}
	}
	null := state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Null}}
	made := state.Expr{Op: state.OpOr, Args: []state.Expr{{Op: state.OpEq, Args: []state.Expr{x.expr, null}, Pos: pos}, truth(true)}, Pos: pos}
	return state.Expr{Op: state.OpElse, Args: []state.Expr{made, truth(false)}, Pos: pos}
}
