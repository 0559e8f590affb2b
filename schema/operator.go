package schema

import (
	"regexp"
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

var matches = map[token.Token]state.Op{token.MAT: state.OpMatch, token.NMAT: state.OpNoMatch}

var arithmetics = map[token.Token]state.Op{token.ADD: state.OpAdd, token.SUB: state.OpSub, token.MUL: state.OpMul, token.QUO: state.OpQuotient}

func (d *direction) integer(e *ast.CallExpr, op state.Op) compiled {
	if len(e.Args) != 2 {
		d.fail(e.Pos(), "wrong-kind", string(op)+" takes two ints", "write "+string(op)+"(a, b)")
		return compiled{}
	}
	args, ok := d.compileAll(e.Args)
	if !ok {
		return compiled{}
	}
	for i, c := range args {
		if c.kinds&kindInt == 0 || !c.kinds.within(kindInt) && !c.kinds.vague() {
			d.fail(e.Args[i].Pos(), "wrong-kind", string(op)+" takes ints, and this is "+c.kinds.one(), "declare it an int, or use another operator")
			return compiled{}
		}
	}
	if y := args[1].expr; y.Lit != nil && y.Lit.Text == "0" {
		d.fail(e.Args[1].Pos(), "wrong-kind", string(op)+" by zero", "divide by another number")
		return compiled{}
	}
	return compiled{expr: d.node(op, e.Pos(), args...), kinds: kindInt, ok: true}
}

// compileAll compiles several expressions, so that the mistakes of all are told.
func (d *direction) compileAll(es []ast.Expr) (out []compiled, ok bool) {
	ok = true
	for _, e := range es {
		x := d.compile(e)
		out, ok = append(out, x), ok && x.ok
	}
	return out, ok
}

func (d *direction) node(op state.Op, pos token.Pos, args ...compiled) state.Expr {
	e := state.Expr{Op: op, Pos: position(pos)}
	for _, a := range args {
		e.Args = append(e.Args, a.expr)
	}
	return e
}

func (d *direction) binary(e *ast.BinaryExpr) compiled {
	if has, ok := d.presence(e); ok {
		return has
	}
	switch e.Op {
	case token.LAND, token.LOR:
		return d.logic(e)
	case token.ADD, token.SUB, token.MUL, token.QUO:
		return d.arithmetic(e)
	case token.MAT, token.NMAT:
		return d.match(e)
	case token.OR:
		return d.otherwise(e, nil)
	case token.AND:
		d.cannot(e.Pos(), "a unification of values", "put the constraint into the type of the version")
		return compiled{}
	}
	if op, ok := comparisons[e.Op]; ok {
		return d.comparison(op, e)
	}
	d.cannot(e.Pos(), "the operator "+e.Op.String(), "")
	return compiled{}
}

// logic compiles && and ||. The right side of && stands where the left one holds, that of || where it does not.
func (d *direction) logic(e *ast.BinaryExpr) compiled {
	x := d.compile(e.X)
	left, op := x.holds, state.OpAnd
	if e.Op == token.LOR {
		left, op = x.fails, state.OpOr
	}
	var y compiled
	d.given([]clause{{facts: left}}, func() { y = d.compile(e.Y) })
	if !x.ok || !y.ok || !d.operand(e.X, x, kindBool, e.Op) || !d.operand(e.Y, y, kindBool, e.Op) {
		return compiled{}
	}
	out := compiled{expr: d.node(op, e.OpPos, x, y), kinds: kindBool, ok: true}
	if op == state.OpAnd {
		out.holds = x.holds.and(y.holds)
	} else {
		out.fails = x.fails.and(y.fails)
	}
	return out
}

func (d *direction) arithmetic(e *ast.BinaryExpr) compiled {
	args, ok := d.compileAll([]ast.Expr{e.X, e.Y})
	if !ok {
		return compiled{}
	}
	x, y := args[0], args[1]
	out := compiled{expr: d.node(arithmetics[e.Op], e.OpPos, x, y), kinds: x.kinds | y.kinds, ok: true}
	const textual = kindString | kindBytes
	switch {
	case e.Op == token.ADD && x.kinds&textual != 0 && x.kinds == y.kinds:
		return out
	case e.Op == token.ADD && x.kinds.vague() && y.kinds.within(textual), e.Op == token.ADD && y.kinds.vague() && x.kinds.within(textual):
		out.kinds = x.kinds & y.kinds
		return out
	case e.Op == token.MUL && x.kinds.within(textual) && y.kinds == kindInt:
		out.kinds = x.kinds
		return out
	case e.Op == token.MUL && y.kinds.within(textual) && x.kinds == kindInt:
		out.expr, out.kinds = d.node(state.OpMul, e.OpPos, y, x), y.kinds
		return out
	case x.kinds&y.kinds&kindList != 0 && !x.kinds.vague() && !y.kinds.vague():
		d.fail(e.Pos(), "wrong-kind", e.Op.String()+" takes no lists", "use list.Concat([a, b]) or list.Repeat(a, n)")
		return compiled{}
	}
	if !d.operand(e.X, x, kindNumber, e.Op) || !d.operand(e.Y, y, kindNumber, e.Op) {
		return compiled{}
	}
	switch {
	case e.Op == token.QUO && y.expr.Lit != nil && sameScalar(*y.expr.Lit, state.Value{Kind: state.Int, Text: "0"}):
		d.fail(e.Y.Pos(), "wrong-kind", "/ by zero", "divide by another number")
		return compiled{}
	case e.Op == token.QUO:
		out.kinds = kindFloat
	case x.kinds == kindFloat || y.kinds == kindFloat:
		out.kinds = kindFloat
	}
	out.kinds &= kindNumber
	return out
}

// match compiles =~ and !~.
func (d *direction) match(e *ast.BinaryExpr) compiled {
	args, ok := d.compileAll([]ast.Expr{e.X, e.Y})
	if !ok || !d.operand(e.X, args[0], kindString, e.Op) || !d.operand(e.Y, args[1], kindString, e.Op) {
		return compiled{}
	}
	if !d.expression(e.Y, args[1]) {
		return compiled{}
	}
	return compiled{expr: d.node(matches[e.Op], e.OpPos, args...), kinds: kindBool, ok: true}
}

// expression checks a regular expression that the user wrote out.
func (d *direction) expression(e ast.Expr, x compiled) bool {
	if x.expr.Op != state.OpLit {
		return true
	}
	if _, err := regexp.Compile(x.expr.Lit.Text); err != nil {
		d.fail(e.Pos(), "wrong-kind", err.Error(), "mend the regular expression (RE2)")
		return false
	}
	return true
}

// comparison compares two values of one kind; numbers are one kind. Anything may be compared with null.
func (d *direction) comparison(op state.Op, e *ast.BinaryExpr) compiled {
	args, ok := d.compileAll([]ast.Expr{e.X, e.Y})
	if !ok {
		return compiled{}
	}
	x, y := args[0], args[1]
	out := compiled{expr: d.node(op, e.OpPos, x, y), kinds: kindBool, ok: true}
	classes := []kindSet{kindNumber, kindString, kindBytes}
	xk, yk := x.kinds, y.kinds
	if op == state.OpEq || op == state.OpNe {
		classes = append(classes, kindBool, kindList, kindStruct)
		xk, yk = xk&^kindNull, yk&^kindNull
		if yk == kindNone {
			notNull(op, &out, x)
		}
	}
	if xk == kindNone || yk == kindNone {
		return out // null itself
	}
	for _, class := range classes {
		if (xk.within(class) || xk.vague()) && (yk.within(class) || yk.vague()) {
			return out
		}
	}
	d.fail(e.Pos(), "wrong-kind", e.Op.String()+" compares "+x.kinds.one()+" with "+y.kinds.one(), "compare two numbers or two strings (== and != any two of a kind)")
	return compiled{}
}

// notNull notes what a comparison with null tells.
func notNull(op state.Op, out *compiled, x compiled) {
	if x.expr.Op != state.OpPath && x.expr.Op != state.OpVar {
		return
	}
	solid := facts{solid: [][]string{whereabouts(x.expr)}}
	if op == state.OpNe {
		out.holds = solid
	} else {
		out.fails = solid
	}
}

// otherwise compiles *a | b: a, or b if a fails. CUE takes b, too, if a does not fit where the whole stands, so that a
// must fit there if it has a value, and there may be no other default.
func (d *direction) otherwise(e *ast.BinaryExpr, into *goal) compiled {
	first, marked := bare(e.X).(*ast.UnaryExpr)
	_, nested := bare(e.X).(*ast.BinaryExpr)
	second, both := bare(e.Y).(*ast.UnaryExpr)
	if nested || !marked || first.Op != token.MUL || both && second.Op == token.MUL {
		d.cannot(e.Pos(), "a choice that is not *a | b", "mark the value to take with *: *a | b takes b only if a has no value")
		return compiled{}
	}
	d.lenient++
	x := d.place(first.X, into)
	d.lenient--
	y := d.place(e.Y, into)
	if !x.ok || !y.ok {
		return compiled{}
	}
	if into != nil && !fits(into.typ, x.typed()) {
		x.expr, x.ok = fitting(x, into.typ)
	}
	if !x.ok || into != nil && (into.typ.Default != nil || fills(into.typ)) {
		d.cannot(e.Pos(), "*a | b where a may not fit the type of "+string(d.target.Version)+", or where that has a default,", "write [if a != _|_ {a}, b][0]")
		return compiled{}
	}
	t := distinct(state.Type{Alts: slices.Concat(x.typed().Alts, y.typed().Alts)})
	return of(d.node(state.OpElse, e.OpPos, x, y), t)
}

// fitting makes an expression that has a value only if it fits a type of scalars of its kind.
func fitting(x compiled, t state.Type) (state.Expr, bool) {
	var one []state.Expr
	for _, a := range t.Alts {
		if kindOf(a) != x.kinds || len(a.Len) > 0 || !x.kinds.within(kindScalar) {
			return state.Expr{}, false
		}
		all := state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Bool, Bool: true}}
		test := func(op state.Op, v state.Value) {
			is := state.Expr{Op: op, Args: []state.Expr{x.expr, {Op: state.OpLit, Lit: &v}}}
			all = state.Expr{Op: state.OpAnd, Args: []state.Expr{all, is}}
		}
		if a.Const != nil {
			test(state.OpEq, *a.Const)
		}
		for _, b := range a.Bounds {
			test(state.Op(b.Op), state.Value{Kind: a.Kind, Text: b.Value})
		}
		for _, m := range a.Match {
			test(state.OpMatch, state.Value{Kind: state.Str, Text: m})
		}
		for _, m := range a.NoMatch {
			test(state.OpNoMatch, state.Value{Kind: state.Str, Text: m})
		}
		one = append(one, all)
	}
	is := one[0]
	for _, other := range one[1:] {
		is = state.Expr{Op: state.OpOr, Args: []state.Expr{is, other}}
	}
	list := state.Expr{Op: state.OpList, Items: []state.ItemExpr{{Clauses: []state.Clause{{If: &is}}, Value: x.expr}}}
	zero := state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Int, Text: "0"}}
	return state.Expr{Op: state.OpIndex, Args: []state.Expr{list, zero}, Pos: x.expr.Pos}, true
}

// place compiles an expression for a type that its value must have, if that is given.
func (d *direction) place(e ast.Expr, into *goal) compiled {
	if into != nil {
		return d.into(e, *into)
	}
	return d.compile(e)
}
