package schema

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// into compiles an expression for the type that its value must have: CUE unifies the two.
func (d *direction) into(e ast.Expr, g goal) compiled {
	switch e := bare(e).(type) {
	case *ast.StructLit:
		if g.typ.IsAny() {
			break
		}
		return d.structure(e, &g)
	case *ast.ListLit:
		if g.typ.IsAny() || kindsOf(g.typ)&kindList == 0 {
			break
		}
		return d.list(e, &g)
	case *ast.BinaryExpr:
		if e.Op == token.OR {
			return d.otherwise(e, &g)
		}
	case *ast.IndexExpr:
		if lit, isList := bare(e.X).(*ast.ListLit); isList && slices.ContainsFunc(lit.Elts, isComprehension) {
			return d.index(e, &g)
		}
	case *ast.Ident:
		if inner, ok := d.expand(e); ok {
			return d.expanded(e, inner, func() compiled { return d.into(inner, g) })
		}
	}
	x := d.compile(e)
	if !x.ok || !d.fitsInto(e, x, g.typ, g.path) {
		return compiled{}
	}
	d.warnOfFloat(e, x, g)
	return x
}

func isComprehension(e ast.Expr) bool {
	_, ok := e.(*ast.Comprehension)
	return ok
}

// fitsInto says so if an expression cannot be a value of a type. What it may be only sometimes is checked when the
// value is there: a number that is an int, a string that matches.
func (d *direction) fitsInto(e ast.Expr, x compiled, t state.Type, path []string) bool {
	where := d.path
	if len(path) > 0 {
		where = sub(d.path, path...)
	}
	fail := func(message, hint string) bool {
		d.failAt(position(e.Pos()), where, "wrong-kind", message, hint)
		return false
	}
	want, version := kindsOf(t), string(d.target.Version)
	rest := x.kinds &^ want
	switch {
	case x.kinds == kindFloat && want&kindFloat == 0 && x.expr.Op == state.OpQuotient:
		d.failAt(x.expr.Pos, where, "wrong-kind", "/ gives a float, and "+version+" wants "+want.String(), "use div(a, b), the integer division")
		return false
	case x.kinds&want == kindNone, rest != kindNone && rest != kindFloat && !x.kinds.vague():
		return fail("this is "+x.kinds.one()+", and "+version+" wants "+want.String(), "change the expression, or the type in the version")
	case x.expr.Op == state.OpLit && x.kinds.within(kindScalar) && !admits(t, *x.expr.Lit):
		return fail("version "+version+" does not admit this value", "use one of the values that the version declares")
	case canFit(t, x.typed()), isPart(x.expr) && x.kinds.within(kindScalar) && mayFit(t, x.typed()):
		return true
	case x.kinds.within(kindScalar):
		return fail("version "+version+" does not admit what this may be", "use values that the version declares")
	case x.kinds.vague():
		d.failAt(position(e.Pos()), where, "cannot-compile", "a value of which nothing is known cannot be filled with the defaults and constants of "+version, "set its fields one by one")
		return false
	}
	return fail("this "+x.kinds.String()+" has another shape than the one in "+version, "set its fields one by one, or make the shapes alike")
}

// isPart tells whether an expression is a part of the source or of a variable.
func isPart(e state.Expr) bool { return e.Op == state.OpPath || e.Op == state.OpVar }

// embedded returns the only value in {x}, which is x itself.
func embedded(lit *ast.StructLit) (ast.Expr, bool) {
	var only ast.Expr
	for _, decl := range lit.Elts {
		switch decl := decl.(type) {
		case *ast.EmbedDecl:
			if _, isComprehension := bare(decl.Expr).(*ast.Comprehension); isComprehension || only != nil {
				return nil, false
			}
			only = decl.Expr
		case *ast.LetClause, *ast.CommentGroup, *ast.Attribute:
		default:
			return nil, false
		}
	}
	return only, only != nil
}

// structure compiles a struct literal inside an expression, for the type that it must have if that is given.
func (d *direction) structure(lit *ast.StructLit, g *goal) compiled {
	if inner, ok := embedded(lit); ok {
		return d.place(inner, g)
	}
	if g == nil {
		return d.free(lit)
	}
	if kindsOf(g.typ)&kindStruct == 0 {
		d.failAt(position(lit.Pos()), sub(d.path, g.path...), "wrong-kind", "this is a struct, and "+string(d.target.Version)+" wants "+kindsOf(g.typ).String(), "give one value")
		return compiled{}
	}
	alts := slices.DeleteFunc(slices.Clone(g.typ.Alts), func(a state.Alt) bool { return a.Kind != state.Struct })
	before, pos := d.failed, d.pos
	d.failed, d.pos = false, position(lit.Pos())
	defer func() { d.failed, d.pos = d.failed || before, pos }()
	setters := d.flatten(g.path, nil, lit.Elts)
	if _, open := last(lit.Elts).(*ast.Ellipsis); open {
		setters = append(setters, setter{path: g.path, open: true, pos: position(lit.Pos())})
	}
	if d.failed {
		return compiled{}
	}
	if len(alts) > 1 {
		return d.oneOf(lit, alts, setters, g)
	}
	if !d.complete(g.path, alts[0], nil, setters, position(lit.Pos())) {
		return compiled{}
	}
	out := d.build(g.path, alts[0], nil, setters)
	out.Pos = position(lit.Pos())
	if d.failed {
		return compiled{}
	}
	return of(out, state.Type{Alts: alts})
}

// oneOf compiles a struct that may be one of several: it must have all that CUE would fill in of the one that it is.
func (d *direction) oneOf(lit *ast.StructLit, alts []state.Alt, setters []setter, g *goal) compiled {
	out := d.free(lit)
	if !out.ok {
		return out
	}
	one := state.Type{Alts: slices.DeleteFunc(slices.Clone(alts), func(a state.Alt) bool {
		return !canFit(state.Type{Alts: []state.Alt{a}}, out.typed())
	})}
	if len(one.Alts) == 0 {
		d.failAt(position(lit.Pos()), sub(d.path, g.path...), "wrong-kind", "this struct is none of those that "+string(d.target.Version)+" admits", "set every field of one of them")
		return compiled{}
	}
	if slices.ContainsFunc(setters, func(s setter) bool { return s.open }) {
		d.cannot(lit.Pos(), "an open struct where one of several may stand", "set every field, without ...")
		return compiled{}
	}
	return out
}

// free compiles a struct literal of which no type is known: its fields are those that it sets.
func (d *direction) free(lit *ast.StructLit) compiled {
	before := d.failed
	d.failed = false
	defer func() { d.failed = d.failed || before }()
	setters := d.flatten(nil, nil, lit.Elts)
	if d.failed {
		return compiled{}
	}
	e, t := d.freely(nil, setters)
	e.Pos = position(lit.Pos())
	if d.failed {
		return compiled{}
	}
	return of(e, t)
}

// freely makes a struct of its setters, and its type.
func (d *direction) freely(path []string, setters []setter) (state.Expr, state.Type) {
	out, a := state.Expr{Op: state.OpStruct}, state.Alt{Kind: state.Struct}
	byName := map[string][]setter{}
	var names []string
	for _, s := range setters {
		if s.key != nil && len(s.path) == len(path) {
			x, fe := d.dynamic(s, nil)
			out.Fields = append(out.Fields, fe...)
			rest := x.typed()
			if a.Open = true; a.Rest != nil {
				rest = distinct(state.Type{Alts: slices.Concat(a.Rest.Alts, rest.Alts)})
			}
			a.Rest = &rest
			continue
		}
		if len(s.path) > len(path) {
			n := s.path[len(path)]
			if byName[n] == nil {
				names = append(names, n)
			}
			byName[n] = append(byName[n], s)
		}
	}
	for _, n := range names { // the type keeps the order in which they are written
		fields, f := d.freeField(sub(path, n), byName[n])
		out.Fields = append(out.Fields, fields...)
		a.Fields = append(a.Fields, f)
	}
	sortFields(out.Fields)
	return out, state.Type{Alts: []state.Alt{a}}
}

func (d *direction) freeField(path []string, ss []setter) ([]state.FieldExpr, state.Field) {
	name := path[len(path)-1]
	f := state.Field{Name: name, Optional: true}
	marks := slices.DeleteFunc(slices.Clone(ss), func(s setter) bool { return s.key != nil || len(s.path) != len(path) })
	if len(marks) == 1 && marks[0].value == nil {
		e, t := d.freely(path, trimmed(ss, len(marks[0].steps)))
		fe := state.FieldExpr{Name: name, Value: e}
		apply(&fe, marks[0].steps)
		f.Type, f.Optional = t, len(marks[0].steps) > 0
		return []state.FieldExpr{fe}, f
	}
	var out []state.FieldExpr
	for _, s := range marks {
		if s.value == nil {
			s.value = ast.Expr(s.lit)
		}
		if s.open || !s.conditional() && s.lit != nil {
			d.failAt(s.pos, d.path, "cannot-compile", "a field that is set in several places inside an expression cannot be compiled", "set it in one place")
			return nil, f
		}
		x := d.compileSet(s, nil)
		fe := state.FieldExpr{Name: name, Value: x.expr}
		apply(&fe, s.steps)
		f.Optional = f.Optional && len(s.steps) > 0
		f.Type.Alts = append(f.Type.Alts, x.typed().Alts...)
		out = append(out, whereThere(fe))
	}
	f.Type = distinct(f.Type)
	return out, f
}
