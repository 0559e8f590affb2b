package schema

import (
	"slices"
	"strconv"

	"cuelang.org/go/cue/ast"

	"keyshift.dev/state"
)

// clause is one compiled clause of a comprehension, and what is so behind it.
type clause struct {
	state.Clause
	facts facts
}

// clauses compiles the clauses of a comprehension and runs f behind them. A let clause leaves none: what it names is
// compiled where the name stands.
func (d *direction) clauses(cs []ast.Clause, inList bool, f func([]clause)) {
	known := len(d.known)
	defer func() { d.known = d.known[:known] }()
	var out []clause
	for _, c := range cs {
		var next clause
		ok := true
		switch c := c.(type) {
		case *ast.LetClause:
			d.lets[c.Ident] = c.Expr
			continue
		case *ast.IfClause:
			next, ok = d.ifClause(c)
		case *ast.ForClause:
			next, ok = d.forClause(c, inList)
		default:
			d.cannot(c.Pos(), "this clause", "use for, if and let")
			ok = false
		}
		if !ok {
			return
		}
		out = append(out, next)
		d.known = append(d.known, next.facts)
	}
	f(out)
}

func (d *direction) ifClause(c *ast.IfClause) (clause, bool) {
	x := d.compile(c.Condition)
	if !x.ok {
		return clause{}, false
	}
	if x.kinds != kindBool && !x.kinds.vague() {
		d.fail(c.Condition.Pos(), "wrong-kind", "the condition is "+x.kinds.one()+", not a bool", "compare it: if #old.n > 0 {...}")
		return clause{}, false
	}
	return clause{state.Clause{If: &x.expr}, x.holds}, true
}

// forClause compiles `for k, v in x`. In a list the order of x matters, and a struct has none.
func (d *direction) forClause(c *ast.ForClause, inList bool) (clause, bool) {
	x := d.compile(c.Source)
	if !x.ok {
		return clause{}, false
	}
	t := x.typed()
	kinds := kindsOf(t)
	key := only(state.Int)
	switch {
	case kinds == kindList:
	case kinds.vague() && inList:
		// It must be a list, which is what this takes.
		wrapped := state.Expr{Op: state.OpList, Items: []state.ItemExpr{{Value: x.expr}}}
		x.expr = state.Expr{Op: state.OpCall, Name: "list.Concat", Args: []state.Expr{wrapped}, Pos: x.expr.Pos}
	case kinds == kindStruct && inList:
		d.cannot(c.Source.Pos(), "a list made from the fields of a struct, whose order is not data,", "sort what it gives: list.SortStrings([for k, v in x {k}])")
		return clause{}, false
	case kinds == kindStruct:
		key = only(state.Str)
	case kinds.vague():
		key = typeOfKinds(kindInt | kindString)
	default:
		d.fail(c.Source.Pos(), "wrong-kind", "for takes a list or a struct, and this is "+kinds.one(), "give it a list or a struct")
		return clause{}, false
	}
	out := state.Clause{For: &x.expr, Value: d.bind(c.Value, elementsOf(t))}
	if c.Key != nil && c.Key.Name != "_" {
		out.Key = d.bind(c.Key, key)
	}
	return clause{Clause: out}, true
}

// bind makes a variable of a name that a clause binds.
func (d *direction) bind(id *ast.Ident, t state.Type) string {
	d.bound++
	v := variable{id.Name + strconv.Itoa(d.bound), t}
	d.vars[id] = v
	return v.name
}

// emitted returns the clauses as data.
func emitted(cs []clause) []state.Clause {
	var out []state.Clause
	for _, c := range cs {
		out = append(out, c.Clause)
	}
	return out
}

// list compiles a list literal, each element for the type that it must have if that is given.
func (d *direction) list(e *ast.ListLit, into *goal) compiled {
	out := compiled{expr: state.Expr{Op: state.OpList, Pos: position(e.Pos())}, kinds: kindList, ok: true}
	sorted := d.sorted == ast.Expr(e)
	var elems state.Type
	plain := true
	add := func(i int, value ast.Expr, cs []clause) {
		x := d.place(value, into.element(i, plain))
		out.ok = out.ok && x.ok
		out.expr.Items = append(out.expr.Items, state.ItemExpr{Clauses: emitted(cs), Value: x.expr})
		elems.Alts = append(elems.Alts, x.typed().Alts...)
	}
	for i, elt := range e.Elts {
		switch elt := elt.(type) {
		case *ast.Comprehension:
			plain = false
			failed := d.failed
			d.failed = false
			d.clauses(elt.Clauses, !sorted, func(cs []clause) { add(i, elt.Value, cs) })
			if out.ok = out.ok && !d.failed; elt.Fallback != nil {
				d.cannot(elt.Fallback.Pos(), "else", "write a second if")
			}
			d.failed = d.failed || failed
		case *ast.Ellipsis:
		default:
			add(i, elt, nil)
		}
	}
	t := listOf(distinct(elems))
	if plain && len(out.expr.Items) > 0 {
		t = tupleOf(out.expr.Items, elems, t)
	}
	out.typ = &t
	return out
}

// tupleOf returns the type of a list of which each element has one alternative.
func tupleOf(items []state.ItemExpr, elems, otherwise state.Type) state.Type {
	if len(elems.Alts) != len(items) {
		return otherwise
	}
	a := state.Alt{Kind: state.Array, Fixed: true}
	for _, alt := range elems.Alts {
		a.Items = append(a.Items, state.Type{Alts: []state.Alt{alt}})
	}
	return state.Type{Alts: []state.Alt{a}}
}

// goal is the type that a value must have, and its place in the result.
type goal struct {
	typ  state.Type
	path []string
}

// element returns what an element of a list must be; nil if that is not known.
func (g *goal) element(i int, plain bool) *goal {
	if g == nil {
		return nil
	}
	var t state.Type
	for _, a := range g.typ.Alts {
		switch {
		case a.Kind != state.Array:
		case plain && i < len(a.Items):
			t.Alts = append(t.Alts, a.Items[i].Alts...)
			t.Default = a.Items[i].Default
		default:
			elem := elements(a)
			t.Alts, t.Default = append(t.Alts, elem.Alts...), elem.Default
		}
	}
	if t = (state.Type{Alts: distinct(t).Alts, Default: t.Default}); len(t.Alts) == 0 {
		return nil
	}
	return &goal{t, slices.Clone(g.path)}
}
