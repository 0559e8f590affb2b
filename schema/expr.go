package schema

import (
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// compiled is an expression with what is known of its value.
type compiled struct {
	expr  state.Expr
	kinds kindSet
	typ   *state.Type // nil: nothing is known beyond the kinds
	maybe bool        // of a part of the source or of a variable: it may be missing
	holds facts       // of a condition: what is so when it holds
	fails facts       // of a condition: what is so when it does not
	ok    bool
}

// facts is what a condition tells of parts of the source and of variables: those that are there, and those that are
// not null.
type facts struct {
	there, solid [][]string
}

func (f facts) and(g facts) facts {
	return facts{append(f.there[:len(f.there):len(f.there)], g.there...), append(f.solid[:len(f.solid):len(f.solid)], g.solid...)}
}

// typed returns the type of an expression.
func (x compiled) typed() state.Type {
	if x.typ != nil {
		return *x.typ
	}
	return typeOfKinds(x.kinds)
}

// of makes an expression of a known type.
func of(e state.Expr, t state.Type) compiled {
	return compiled{expr: e, kinds: kindsOf(t), typ: &t, ok: true}
}

// The limits of one direction of a migration, beyond which it is refused.
const (
	maxNodes   = 20000
	maxNesting = 200
)

// compile compiles an expression that must have a value where it stands.
func (d *direction) compile(e ast.Expr) compiled {
	x := d.raw(e)
	if !x.ok || !x.maybe || d.lenient > 0 || d.isThere(whereabouts(x.expr)) {
		return x
	}
	d.fail(e.Pos(), "may-be-missing", source(e)+" is optional in "+string(d.source.Version)+", so it may be missing here",
		"guard it: if "+source(e)+" != _|_ {...}")
	return compiled{}
}

// raw compiles an expression that may be missing.
func (d *direction) raw(e ast.Expr) compiled {
	d.nodes, d.nesting = d.nodes+1, d.nesting+1
	defer func() { d.nesting-- }()
	if d.nodes > maxNodes || d.nesting > maxNesting {
		if !d.tooLarge {
			d.cannot(e.Pos(), "an expression that is this large, or that refers to itself", "write it with fewer references to what is itself long")
		}
		d.tooLarge = true
		return compiled{}
	}
	switch e := bare(e).(type) {
	case *ast.BasicLit:
		return d.basic(e)
	case *ast.Ident:
		return d.ident(e)
	case *ast.SelectorExpr:
		return d.selector(e)
	case *ast.IndexExpr:
		return d.index(e, nil)
	case *ast.Interpolation:
		return d.interpolation(e)
	case *ast.UnaryExpr:
		return d.unary(e)
	case *ast.BinaryExpr:
		return d.binary(e)
	case *ast.CallExpr:
		return d.call(e)
	case *ast.ListLit:
		return d.list(e, nil)
	case *ast.StructLit:
		return d.structure(e, nil)
	case *ast.SliceExpr:
		d.cannot(e.Pos(), "a slice", "use list.Slice or strings.SliceRunes")
	case *ast.BottomLit:
		d.cannot(e.Pos(), "_|_ as a value", "compare with it: if #old.x != _|_ {...}")
	default:
		d.cannot(e.Pos(), "this expression", "")
	}
	return compiled{}
}

// basic compiles a literal: 1, 1_000, 2.5, "text", 'bytes', true, null.
func (d *direction) basic(e *ast.BasicLit) compiled {
	v := d.r.ctx.BuildExpr(e)
	if v.Err() != nil || !v.IsConcrete() {
		d.cannot(e.Pos(), "this literal", "")
		return compiled{}
	}
	return d.literal(e.Pos(), v)
}

// literal compiles a concrete CUE value.
func (d *direction) literal(pos token.Pos, v cue.Value) compiled {
	value := d.r.value(d.path, v)
	return of(state.Expr{Op: state.OpLit, Lit: &value, Pos: position(pos)}, typeOfValue(value))
}

func text(s string) state.Expr {
	return state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Str, Text: s}}
}

// interpolation compiles "a\(x)b".
func (d *direction) interpolation(e *ast.Interpolation) compiled {
	out := compiled{expr: state.Expr{Op: state.OpConcat, Pos: position(e.Pos())}, kinds: kindString, ok: true}
	first, _ := e.Elts[0].(*ast.BasicLit)
	last, _ := e.Elts[len(e.Elts)-1].(*ast.BasicLit)
	if first == nil || last == nil {
		d.cannot(e.Pos(), "this interpolation", "")
		return compiled{}
	}
	info, prefix, _, err := literal.ParseQuotes(first.Value, last.Value)
	if err != nil || !info.IsDouble() {
		d.cannot(e.Pos(), "an interpolation of bytes", "interpolate a string")
		return compiled{}
	}
	for i, elt := range e.Elts {
		if lit, isText := elt.(*ast.BasicLit); isText && i%2 == 0 {
			part, err := info.Unquote(lit.Value[prefix:])
			if err != nil {
				d.cannot(lit.Pos(), "this text", "")
				return compiled{}
			}
			prefix = 1
			if part != "" {
				out.expr.Args = append(out.expr.Args, text(part))
			}
			continue
		}
		x := d.compile(elt)
		if x.ok && !x.kinds.vague() && !x.kinds.within(kindString|kindBytes|kindNumber|kindBool) {
			d.fail(elt.Pos(), "wrong-kind", x.kinds.one()+" cannot stand in a string", "use a string, a number or a bool")
			x.ok = false
		}
		out.ok = out.ok && x.ok
		out.expr.Args = append(out.expr.Args, x.expr)
	}
	return out
}

func (d *direction) unary(e *ast.UnaryExpr) compiled {
	x := d.compile(e.X)
	if !x.ok {
		return compiled{}
	}
	op, want := state.OpNot, kindBool
	switch e.Op {
	case token.NOT:
	case token.SUB:
		op, want = state.OpSub, kindNumber
	case token.ADD:
		want = kindNumber
	default:
		d.cannot(e.Pos(), "the constraint "+e.Op.String(), "put it into the type of the version; here stands a value")
		return compiled{}
	}
	if !d.operand(e.X, x, want, e.Op) {
		return compiled{}
	}
	switch {
	case e.Op == token.ADD && x.kinds.within(want):
		return x
	case e.Op == token.ADD:
		zero := state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Int, Text: "0"}}
		return compiled{expr: state.Expr{Op: state.OpAdd, Args: []state.Expr{zero, x.expr}, Pos: position(e.Pos())}, kinds: kindNumber, ok: true}
	case e.Op == token.SUB && x.expr.Op == state.OpLit && isNumeric(x.expr.Lit.Kind):
		lit := *x.expr.Lit
		if lit.Text = strings.TrimPrefix("-"+lit.Text, "--"); strings.Trim(lit.Text, "-0.") == "" {
			lit.Text = x.expr.Lit.Text // there is no negative zero
		}
		return of(state.Expr{Op: state.OpLit, Lit: &lit, Pos: x.expr.Pos}, typeOfValue(lit))
	}
	return compiled{expr: state.Expr{Op: op, Args: []state.Expr{x.expr}, Pos: position(e.Pos())}, kinds: x.kinds & want, holds: x.fails, fails: x.holds, ok: true}
}

// operand says so if an operand has a kind that its operator does not take. What is of any kind is checked when the
// value is there.
func (d *direction) operand(e ast.Expr, x compiled, want kindSet, op token.Token) bool {
	if x.kinds.within(want) || x.kinds.vague() && x.kinds&want != 0 {
		return true
	}
	d.fail(e.Pos(), "wrong-kind", op.String()+" takes "+want.one()+", and this is "+x.kinds.one(), "change the operand, or its type in the version")
	return false
}
