package schema

import (
	"slices"

	"keyshift.dev/state"
)

// few proves a part of the source that admits few values: each of them comes back. What makes it must read nothing
// but that part.
func (p *proof) few(path []string, t state.Type, back state.Expr) bool {
	values := valuesOf(t)
	if len(values) == 0 {
		return false
	}
	return !slices.ContainsFunc(values, func(v state.Value) bool {
		there := folder{body: p.there, read: func(at []string) (state.Value, bool) { return v, slices.Equal(at, path) }}
		again := folder{body: back, read: func(at []string) (state.Value, bool) { return there.at(at) }}
		got, ok := again.at(path)
		return !ok || !sameScalar(got, v)
	})
}

// valuesOf lists the values of a type of words and bools, none if it has others.
func valuesOf(t state.Type) []state.Value {
	var out []state.Value
	for _, a := range t.Alts {
		switch {
		case a.Const != nil:
			out = append(out, *a.Const)
		case a.Kind == state.Bool:
			out = append(out, state.Value{Kind: state.Bool}, state.Value{Kind: state.Bool, Bool: true})
		default:
			return nil
		}
	}
	return out
}

// folder computes what a program makes of a unit of which one part is known.
type folder struct {
	body state.Expr
	read func(path []string) (state.Value, bool)
}

// at computes one part of the result; ok is false if that takes more than is known.
func (f folder) at(path []string) (v state.Value, ok bool) {
	body := f.body
	for i, name := range path {
		if body.Op == state.OpPath {
			return f.read(append(slices.Clone(body.Path), path[i:]...))
		}
		made, fill, ok := f.maker(body, name)
		switch {
		case !ok:
			return v, false
		case made == nil && fill != nil && i == len(path)-1:
			return *fill, true
		case made == nil:
			return v, false
		}
		body = *made
	}
	return f.fold(body)
}

// maker returns what makes a field, or nothing if no condition holds.
func (f folder) maker(body state.Expr, name string) (made *state.Expr, fill *state.Value, ok bool) {
	if body.Op != state.OpStruct || hasKeys(body) {
		return nil, nil, false
	}
	for _, m := range makers(body, name) {
		if len(m.Clauses) > 0 || m.Optional {
			return nil, nil, false
		}
		if m.Default != nil {
			fill = m.Default
		}
		holds, ok := f.all(m.If)
		if !ok || holds && made != nil {
			return nil, nil, false
		}
		if holds {
			made = &m.Value
		}
	}
	return made, fill, true
}

// all tells whether all conditions hold.
func (f folder) all(conds []state.Expr) (holds, ok bool) {
	for _, c := range conds {
		v, ok := f.fold(c)
		if !ok || v.Kind != state.Bool {
			return false, false
		}
		if !v.Bool {
			return false, true
		}
	}
	return true, true
}

// fold computes an expression.
func (f folder) fold(e state.Expr) (v state.Value, ok bool) {
	switch e.Op {
	case state.OpLit:
		return *e.Lit, true
	case state.OpPath:
		return f.read(e.Path)
	case state.OpIndex:
		return f.index(e)
	case state.OpEq, state.OpNe, state.OpAnd, state.OpOr:
		x, okX := f.fold(e.Args[0])
		y, okY := f.fold(e.Args[1])
		return combine(e.Op, x, y, okX && okY)
	case state.OpNot:
		x, ok := f.fold(e.Args[0])
		return state.Value{Kind: state.Bool, Bool: !x.Bool}, ok && x.Kind == state.Bool
	}
	return v, false
}

func combine(op state.Op, x, y state.Value, ok bool) (state.Value, bool) {
	out := state.Value{Kind: state.Bool}
	bools := x.Kind == state.Bool && y.Kind == state.Bool
	switch op {
	case state.OpAnd:
		out.Bool = x.Bool && y.Bool
		return out, ok && bools
	case state.OpOr:
		out.Bool = x.Bool || y.Bool
		return out, ok && bools
	}
	out.Bool = sameScalar(x, y) == (op == state.OpEq)
	return out, ok && x.Kind == y.Kind && x.Kind != state.Array && x.Kind != state.Struct
}

// index computes an entry of a table, or an element of a list of choices: [if c {a}, b][0].
func (f folder) index(e state.Expr) (v state.Value, ok bool) {
	at, ok := f.fold(e.Args[1])
	if !ok {
		return v, false
	}
	switch table := e.Args[0]; table.Op {
	case state.OpStruct:
		made, _, ok := f.maker(table, at.Text)
		if !ok || made == nil || at.Kind != state.Str {
			return v, false
		}
		return f.fold(*made)
	case state.OpLit:
		i := slices.IndexFunc(table.Lit.Fields, func(g state.FieldValue) bool { return g.Name == at.Text })
		if i < 0 || at.Kind != state.Str {
			return v, false
		}
		return table.Lit.Fields[i].Value, true
	case state.OpList:
		return f.first(table, at)
	}
	return v, false
}

func (f folder) first(list state.Expr, at state.Value) (v state.Value, ok bool) {
	if at.Text != "0" {
		return v, false
	}
	for _, item := range list.Items {
		var conds []state.Expr
		for _, c := range item.Clauses {
			if c.If == nil {
				return v, false
			}
			conds = append(conds, *c.If)
		}
		holds, ok := f.all(conds)
		switch {
		case !ok:
			return v, false
		case holds:
			return f.fold(item.Value)
		}
	}
	return v, false
}
