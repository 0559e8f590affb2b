package schema

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// looping is a list comprehension over one list that makes one element of each: [for x in list {…}].
func looping(e state.Expr) (c state.Clause, value state.Expr, ok bool) {
	if e.Op != state.OpList || len(e.Items) != 1 || len(e.Items[0].Clauses) != 1 || e.Items[0].Clauses[0].For == nil {
		return c, value, false
	}
	c = e.Items[0].Clauses[0]
	return c, e.Items[0].Value, c.Key == ""
}

// composeLoop composes what a comprehension of the way back runs over, if it is one element of each.
func (p *proof) composeLoop(e state.Expr) (composed state.Expr, maybe, ok bool) {
	c, value, ok := looping(e)
	if !ok {
		return e, false, false
	}
	list, maybe, ok := p.compose(*c.For)
	c.For = &list
	return state.Expr{Op: state.OpList, Items: []state.ItemExpr{{Clauses: []state.Clause{c}, Value: value}}}, maybe, ok
}

// elementwise proves a list that both ways make element by element: each element comes back, but for the losses in it.
// ok is false if the list is not made like that.
func (p *proof) elementwise(path []string, t state.Type, e state.Expr) (lost []state.Loss, ok bool) {
	outer, back, ok := looping(e)
	if !ok || kindsOf(t) != kindList || len(t.Alts) != 1 || len(t.Alts[0].Items) > 0 {
		return nil, false
	}
	inner, there, ok := looping(*outer.For)
	if !ok || inner.For.Op != state.OpPath || !slices.Equal(inner.For.Path, path) {
		return nil, false
	}
	there, okThere := unbound(there, inner.Value)
	back, okBack := unbound(back, outer.Value)
	elem := elementsOf(t)
	if !okThere || !okBack || !isClosed(elem) {
		return nil, false
	}
	var drop []string
	for _, name := range p.drop {
		if below, ok := strings.CutPrefix(name, dotted(path)+"."); ok {
			drop = append(drop, below)
		}
	}
	source := state.Shape{Version: p.source.Version, Keys: p.source.Keys, Type: state.String, Encoding: encodingAt(p.source, path), Value: elem}
	target := state.Shape{Version: p.target.Version, Keys: p.source.Keys, Type: state.String, Encoding: state.JSON} // lists are on no text
	inside := proof{source: source, target: target, there: there, back: back, drop: drop, strict: p.strict}
	for _, l := range inside.losses(state.Program{Body: there, Open: true}) {
		l.Field = strings.TrimSuffix(dotted(path)+"."+l.Field, ".")
		lost = append(lost, l)
	}
	return lost, true
}

// isClosed tells whether a type has no fields beside the declared ones.
func isClosed(t state.Type) bool {
	return !slices.ContainsFunc(t.Alts, func(a state.Alt) bool { return a.Open })
}

// unbound makes an expression on a variable one on the whole unit. It must read nothing else.
func unbound(e state.Expr, name string) (state.Expr, bool) {
	switch e.Op {
	case state.OpPath, state.OpHas:
		return e, false
	case state.OpVar:
		return state.Expr{Op: state.OpPath, Path: e.Path, Pos: e.Pos}, e.Name == name
	case state.OpList:
		return e, false
	}
	ok := true
	take := func(x state.Expr) state.Expr {
		out, fine := unbound(x, name)
		ok = ok && fine
		return out
	}
	e.Args, e.Fields = slices.Clone(e.Args), slices.Clone(e.Fields)
	for i := range e.Args {
		e.Args[i] = take(e.Args[i])
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		f.Value = take(f.Value)
		ok = ok && f.Key == nil && len(f.Clauses)+len(f.If) == 0
	}
	return e, ok
}
