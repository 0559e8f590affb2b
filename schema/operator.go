package schema

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// integers are the operators on integers, which CUE writes as calls: div(a, b).
var integers = map[string]state.Op{"div": state.OpDiv, "mod": state.OpMod, "quo": state.OpQuo, "rem": state.OpRem}

var comparisons = map[token.Token]state.Op{
	token.EQL: state.OpEq, token.NEQ: state.OpNe, token.LSS: state.OpLt, token.LEQ: state.OpLe, token.GTR: state.OpGt, token.GEQ: state.OpGe,
}

func (d *direction) call(e *ast.CallExpr, conds []cond) compiled {
	fun, _ := e.Fun.(*ast.Ident)
	if fun == nil || integers[fun.Name] == "" || len(e.Args) != 2 {
		d.cannot(e.Pos(), "this call")
		return compiled{}
	}
	return d.integer(e.Pos(), integers[fun.Name], e.Args[0], e.Args[1], conds)
}

func (d *direction) integer(pos token.Pos, op state.Op, left, right ast.Expr, conds []cond) compiled {
	x, y := d.compile(left, conds), d.compile(right, conds)
	if !x.ok || !y.ok {
		return compiled{}
	}
	for i, c := range []compiled{x, y} {
		if c.kinds != kindInt {
			at := []ast.Expr{left, right}[i]
			d.fail(at.Pos(), "wrong-kind", string(op)+" takes ints, and this is a "+c.kinds.String(), "declare it an int, or use another operator")
			return compiled{}
		}
	}
	if y.expr.Lit != nil && y.expr.Lit.Text == "0" {
		d.fail(right.Pos(), "wrong-kind", string(op)+" by zero", "divide by another number")
		return compiled{}
	}
	return compiled{expr: d.node(op, pos, x, y), kinds: kindInt, ok: true}
}

func (d *direction) node(op state.Op, pos token.Pos, args ...compiled) state.Expr {
	e := state.Expr{Op: op, Pos: position(pos)}
	for _, a := range args {
		e.Args = append(e.Args, a.expr)
	}
	return e
}

func (d *direction) binary(e *ast.BinaryExpr, conds []cond) compiled {
	if has, ok := d.presence(e, conds); ok {
		return has
	}
	switch e.Op {
	case token.LAND, token.LOR:
		return d.logic(e, conds)
	case token.ADD, token.SUB, token.MUL, token.QUO:
		return d.arithmetic(e, conds)
	}
	if op, ok := comparisons[e.Op]; ok {
		return d.comparison(op, e, conds)
	}
	d.cannot(e.Pos(), "the operator "+e.Op.String())
	return compiled{}
}

// presence compiles `#old.x != _|_` and `#old.x == _|_`: whether the unit has the part.
func (d *direction) presence(e *ast.BinaryExpr, conds []cond) (compiled, bool) {
	if _, bottom := bare(e.Y).(*ast.BottomLit); !bottom || e.Op != token.EQL && e.Op != token.NEQ {
		return compiled{}, false
	}
	names, ok := selectors(e.X)
	if !ok || names[0] != d.name || len(names) < 2 {
		d.cannot(e.Pos(), "a comparison with _|_ of anything but a part of "+d.name)
		return compiled{}, true
	}
	path := names[1:]
	if _, _, ok := resolve(d.source.Value, path); !ok {
		return d.part(e.X, path, conds), true // says which field is unknown
	}
	d.used = append(d.used, path)
	has := compiled{expr: state.Expr{Op: state.OpHas, Path: slices.Clone(path), Pos: position(e.Pos())}, kinds: kindBool, ok: true}
	if e.Op == token.EQL {
		has.expr = state.Expr{Op: state.OpNot, Args: []state.Expr{has.expr}, Pos: position(e.Pos())}
		return has, true
	}
	has.there = [][]string{path}
	return has, true
}

// logic compiles && and ||. The right side of && stands under the left one.
func (d *direction) logic(e *ast.BinaryExpr, conds []cond) compiled {
	x := d.compile(e.X, conds)
	right := conds
	if e.Op == token.LAND && x.ok {
		right = append(slices.Clip(conds), cond{x.expr, x.there, x.solid})
	}
	y := d.compile(e.Y, right)
	if !x.ok || !y.ok || !d.operand(e.X, x, kindBool, e.Op) || !d.operand(e.Y, y, kindBool, e.Op) {
		return compiled{}
	}
	op := state.OpOr
	out := compiled{kinds: kindBool, ok: true}
	if e.Op == token.LAND {
		op = state.OpAnd
		out.there, out.solid = slices.Concat(x.there, y.there), slices.Concat(x.solid, y.solid)
	}
	out.expr = d.node(op, e.OpPos, x, y)
	return out
}

func (d *direction) arithmetic(e *ast.BinaryExpr, conds []cond) compiled {
	x, y := d.compile(e.X, conds), d.compile(e.Y, conds)
	if !x.ok || !y.ok {
		return compiled{}
	}
	if e.Op == token.ADD && x.kinds == kindString && y.kinds == kindString {
		return compiled{expr: d.node(state.OpAdd, e.OpPos, x, y), kinds: kindString, ok: true}
	}
	if !d.operand(e.X, x, kindNumber, e.Op) || !d.operand(e.Y, y, kindNumber, e.Op) {
		return compiled{}
	}
	if e.Op == token.QUO {
		return compiled{kinds: kindFloat, slash: e.OpPos, ok: true}
	}
	out := compiled{kinds: x.kinds | y.kinds, slash: x.slash, ok: true}
	if !out.slash.IsValid() {
		out.slash = y.slash
	}
	op := map[token.Token]state.Op{token.ADD: state.OpAdd, token.SUB: state.OpSub, token.MUL: state.OpMul}[e.Op]
	out.expr = d.node(op, e.OpPos, x, y)
	return out
}

// comparison compares two values of one scalar kind; numbers are one kind.
func (d *direction) comparison(op state.Op, e *ast.BinaryExpr, conds []cond) compiled {
	x, y := d.compile(e.X, conds), d.compile(e.Y, conds)
	if !x.ok || !y.ok {
		return compiled{}
	}
	if null, ok := d.nullness(op, e, x, y); ok {
		return null
	}
	classes := []kindSet{kindNumber, kindString}
	if op == state.OpEq || op == state.OpNe {
		classes = append(classes, kindBool, kindNull)
	}
	for _, class := range classes {
		if x.kinds.within(class) && y.kinds.within(class) {
			return compiled{expr: d.node(op, e.OpPos, x, y), kinds: kindBool, slash: firstValid(x.slash, y.slash), ok: true}
		}
	}
	d.fail(e.Pos(), "wrong-kind", e.Op.String()+" compares a "+x.kinds.String()+" with a "+y.kinds.String(), "compare two numbers or two strings (== and != also two bools)")
	return compiled{}
}

// nullness compiles a comparison with null, which any kind may be compared with.
func (d *direction) nullness(op state.Op, e *ast.BinaryExpr, x, y compiled) (compiled, bool) {
	if op != state.OpEq && op != state.OpNe || x.kinds != kindNull && y.kinds != kindNull || x.slash.IsValid() || y.slash.IsValid() {
		return compiled{}, false
	}
	out := compiled{expr: d.node(op, e.OpPos, x, y), kinds: kindBool, ok: true}
	if op == state.OpNe && x.expr.Op == state.OpPath {
		out.solid = [][]string{x.expr.Path}
	}
	return out, true
}

func firstValid(a, b token.Pos) token.Pos {
	if a.IsValid() {
		return a
	}
	return b
}
