package schema

import (
	"slices"
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
	typ   *state.Type // of a part of the source
	there [][]string  // of a condition: the parts of the source that are there when it holds
	solid [][]string  // of a condition: the parts of the source that are not null when it holds
	slash token.Pos   // of a `/` in it, which gives a float
	ok    bool
}

// compile compiles an expression under the conditions that hold where it stands.
func (d *direction) compile(e ast.Expr, conds []cond) compiled {
	switch e := bare(e).(type) {
	case *ast.BasicLit:
		return d.basic(e)
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
		return d.reference(e, conds)
	case *ast.Interpolation:
		return d.interpolation(e, conds)
	case *ast.UnaryExpr:
		return d.unary(e, conds)
	case *ast.BinaryExpr:
		return d.binary(e, conds)
	case *ast.CallExpr:
		return d.call(e, conds)
	case *ast.ListLit:
		d.cannot(e.Pos(), "a list")
	case *ast.StructLit:
		d.cannot(e.Pos(), "a struct inside an expression")
	default:
		d.cannot(e.Pos(), "this expression")
	}
	return compiled{}
}

// basic compiles a literal: 1, 1_000, 2.5, "text", true, null.
func (d *direction) basic(e *ast.BasicLit) compiled {
	v := d.r.ctx.BuildExpr(e)
	if v.Err() != nil || !v.IsConcrete() || v.Kind() == cue.BytesKind {
		d.cannot(e.Pos(), "this literal")
		return compiled{}
	}
	value := d.r.value(d.path, v)
	return compiled{expr: state.Expr{Op: state.OpLit, Lit: &value, Pos: position(e.Pos())}, kinds: kindOfValue(value), ok: true}
}

// selectors returns the names of a reference: #old.a."b" is #old, a, b.
func selectors(e ast.Expr) (names []string, ok bool) {
	switch e := bare(e).(type) {
	case *ast.Ident:
		return []string{e.Name}, true
	case *ast.SelectorExpr:
		names, ok = selectors(e.X)
		name, _, err := ast.LabelName(e.Sel)
		return append(names, name), ok && err == nil
	}
	return nil, false
}

func (d *direction) reference(e ast.Expr, conds []cond) compiled {
	names, ok := selectors(e)
	if !ok {
		d.cannot(e.Pos(), "an index")
		return compiled{}
	}
	switch names[0] {
	case d.name:
		return d.part(e, names[1:], conds)
	case "#key":
		return d.segment(e, names[1:])
	case "#old", "#new":
		d.fail(e.Pos(), "cannot-compile", names[0]+" is what this direction makes, so it cannot be used in it", "use "+d.name)
	default:
		d.cannot(e.Pos(), "a reference to "+strings.Join(names, "."))
	}
	return compiled{}
}

// part compiles a part of the source unit.
func (d *direction) part(e ast.Expr, path []string, conds []cond) compiled {
	t, optional, ok := resolve(d.source.Value, path)
	if !ok {
		d.fail(e.Pos(), "unknown-field", "version "+string(d.source.Version)+" declares no field "+strings.Join(path, "."), suggest(path, d.source.Value))
		return compiled{}
	}
	d.used = append(d.used, path)
	if optional && !guarded(path, conds) {
		dotted := d.name + "." + strings.Join(path, ".")
		d.fail(e.Pos(), "may-be-missing", dotted+" is optional in "+string(d.source.Version)+", so it may be missing here",
			"guard it: if "+dotted+" != _|_ {...}")
		return compiled{}
	}
	if isSolid(path, conds) {
		t.Alts = slices.DeleteFunc(slices.Clone(t.Alts), func(a state.Alt) bool { return a.Kind == state.Null })
	}
	return compiled{expr: state.Expr{Op: state.OpPath, Path: slices.Clone(path), Pos: position(e.Pos())}, kinds: kindsOf(t), typ: &t, ok: true}
}

// guarded tells whether a condition says that the part is there: then every part above it is, too.
func guarded(path []string, conds []cond) bool {
	for _, c := range conds {
		for _, there := range c.there {
			if len(there) >= len(path) && slices.Equal(there[:len(path)], path) {
				return true
			}
		}
	}
	return false
}

// isSolid tells whether a condition says that the part is not null.
func isSolid(path []string, conds []cond) bool {
	return slices.ContainsFunc(conds, func(c cond) bool {
		return slices.ContainsFunc(c.solid, func(p []string) bool { return slices.Equal(p, path) })
	})
}

func (d *direction) segment(e ast.Expr, path []string) compiled {
	switch {
	case len(path) != 1 || !slices.Contains(d.segments, path[0]):
		d.fail(e.Pos(), "unknown-field", "the key pattern "+d.source.Keys+" has no segment "+strings.Join(path, "."), "use one of "+strings.Join(d.segments, ", "))
		return compiled{}
	case slices.Contains(d.typed, path[0]):
		d.fail(e.Pos(), "unsupported", "using a typed segment of the key is not supported yet", "write <"+path[0]+"> in the pattern")
		return compiled{}
	}
	return compiled{expr: state.Expr{Op: state.OpKey, Path: slices.Clone(path), Pos: position(e.Pos())}, kinds: kindString, ok: true}
}

// interpolation compiles "a\(x)b".
func (d *direction) interpolation(e *ast.Interpolation, conds []cond) compiled {
	out := compiled{expr: state.Expr{Op: state.OpConcat, Pos: position(e.Pos())}, kinds: kindString, ok: true}
	first, _ := e.Elts[0].(*ast.BasicLit)
	last, _ := e.Elts[len(e.Elts)-1].(*ast.BasicLit)
	if first == nil || last == nil {
		d.cannot(e.Pos(), "this interpolation")
		return compiled{}
	}
	info, prefix, _, err := literal.ParseQuotes(first.Value, last.Value)
	if err != nil || !info.IsDouble() {
		d.cannot(e.Pos(), "an interpolation of bytes")
		return compiled{}
	}
	for i, elt := range e.Elts {
		if lit, isText := elt.(*ast.BasicLit); isText && i%2 == 0 {
			text, err := info.Unquote(lit.Value[prefix:])
			if err != nil {
				d.cannot(lit.Pos(), "this text")
				return compiled{}
			}
			prefix = 1
			if text != "" {
				out.expr.Args = append(out.expr.Args, state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Str, Text: text}})
			}
			continue
		}
		x := d.compile(elt, conds)
		if x.ok && !x.kinds.within(kindString|kindNumber|kindBool) {
			d.fail(elt.Pos(), "wrong-kind", "a "+x.kinds.String()+" cannot stand in a string", "use a string, a number or a bool")
			x.ok = false
		}
		out.ok = out.ok && x.ok
		out.expr.Args = append(out.expr.Args, x.expr)
	}
	return out
}

func (d *direction) unary(e *ast.UnaryExpr, conds []cond) compiled {
	x := d.compile(e.X, conds)
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
		d.cannot(e.Pos(), "the constraint "+e.Op.String())
		return compiled{}
	}
	if !d.operand(e.X, x, want, e.Op) {
		return compiled{}
	}
	switch {
	case e.Op == token.ADD:
		return x
	case e.Op == token.SUB && x.expr.Op == state.OpLit:
		lit := *x.expr.Lit
		if lit.Text = strings.TrimPrefix("-"+lit.Text, "--"); strings.Trim(lit.Text, "-0.") == "" {
			lit.Text = x.expr.Lit.Text // there is no negative zero
		}
		x.expr.Lit = &lit
		return x
	}
	return compiled{expr: state.Expr{Op: op, Args: []state.Expr{x.expr}, Pos: position(e.Pos())}, kinds: x.kinds, slash: x.slash, ok: true}
}

// operand says so if an operand has a kind that its operator does not take.
func (d *direction) operand(e ast.Expr, x compiled, want kindSet, op token.Token) bool {
	if x.kinds.within(want) {
		return true
	}
	d.fail(e.Pos(), "wrong-kind", op.String()+" takes a "+want.String()+", and this is a "+x.kinds.String(), "change the operand, or its type in the version")
	return false
}
