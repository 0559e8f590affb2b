package schema

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// setter is one value that a struct literal sets, at its place in the result. Nested struct literals are flattened to
// their leaves, since CUE unifies several of one place.
type setter struct {
	path  []string // of the field; of one whose name is computed, that of the struct it is in
	key   ast.Expr // the name, if it is computed
	steps []clause // of the comprehensions around it
	value ast.Expr // nil: the struct itself, before its fields
	lit   *ast.StructLit
	open  bool // of a struct: it ends in ..., so that what it does not set is carried
	pos   state.Pos
}

// conditional tells whether the setter may set nothing.
func (s setter) conditional() bool { return len(s.steps) > 0 }

// apply puts the clauses that a field stands under into it.
func apply(f *state.FieldExpr, steps []clause) {
	if slices.ContainsFunc(steps, func(c clause) bool { return c.For != nil }) {
		f.Clauses = emitted(steps)
		return
	}
	for _, c := range steps {
		f.If = append(f.If, *c.If)
	}
}

// trimmed returns setters without the first clauses, which a struct around them has already.
func trimmed(ss []setter, n int) []setter {
	out := slices.Clone(ss)
	for i := range out {
		out[i].steps = out[i].steps[n:]
	}
	return out
}

// flatten gathers the setters of a struct literal.
func (d *direction) flatten(path []string, steps []clause, decls []ast.Decl) []setter {
	d.know(decls)
	var out []setter
	for _, decl := range decls {
		switch decl := decl.(type) {
		case *ast.Field:
			out = append(out, d.field(path, steps, decl)...)
		case *ast.Comprehension:
			out = append(out, d.comprehension(path, steps, decl)...)
		case *ast.EmbedDecl:
			out = append(out, d.embed(path, steps, decl.Expr)...)
		case *ast.Ellipsis, *ast.CommentGroup, *ast.Attribute, *ast.LetClause:
		default:
			d.cannot(decl.Pos(), "this declaration", "")
		}
	}
	return out
}

// know notes the fields of a struct literal that others may name: those that stand in it once.
func (d *direction) know(decls []ast.Decl) {
	times := map[string]int{}
	for _, decl := range decls {
		if f, ok := decl.(*ast.Field); ok {
			name, _, _ := ast.LabelName(f.Label)
			times[name]++
		}
	}
	for _, decl := range decls {
		if f, ok := decl.(*ast.Field); ok {
			name, _, _ := ast.LabelName(f.Label)
			d.siblings[f.Value] = times[name] == 1
		}
	}
}

// embed gathers the setters of a struct that is embedded in another.
func (d *direction) embed(path []string, steps []clause, e ast.Expr) []setter {
	switch e := bare(e).(type) {
	case *ast.StructLit:
		return d.flatten(path, steps, e.Elts)
	case *ast.Comprehension:
		return d.comprehension(path, steps, e)
	case *ast.Ident:
		if inner, ok := d.expand(e); ok {
			return d.embed(path, steps, inner)
		}
	}
	d.cannot(e.Pos(), "an embedded value", "set its fields one by one")
	return nil
}

func (d *direction) field(path []string, steps []clause, f *ast.Field) []setter {
	if f.Constraint != token.ILLEGAL || f.Alias != nil {
		d.cannot(f.Pos(), "an optional, required or aliased field of a result", "set a plain field")
		return nil
	}
	value := bare(f.Value)
	if key, ok := computedName(f.Label); ok {
		if name, ok := d.constantName(key); ok {
			return d.named(sub(path, name), steps, f, value)
		}
		return []setter{{path: path, key: key, steps: steps, value: value, pos: position(f.Pos())}}
	}
	name, isIdent, err := ast.LabelName(f.Label)
	_, quoted := f.Label.(*ast.BasicLit)
	switch {
	case err != nil || !isIdent && !quoted || isIdent && name[0] == '#':
		d.cannot(f.Pos(), "a field whose name is not plain", "name it plainly, in quotes, or as (expression)")
		return nil
	case isIdent && name[0] == '_':
		return nil // hidden: it is compiled where it is used
	}
	return d.named(sub(path, name), steps, f, value)
}

// named gathers the setters of a field whose name is known.
func (d *direction) named(at []string, steps []clause, f *ast.Field, value ast.Expr) []setter {
	lit, nested := value.(*ast.StructLit)
	if nested {
		_, scalar := embedded(lit)
		nested = !scalar
	}
	if !nested {
		return []setter{{path: at, steps: steps, value: value, pos: position(f.Pos())}}
	}
	_, open := last(lit.Elts).(*ast.Ellipsis)
	out := []setter{{path: at, steps: steps, lit: lit, open: open, pos: position(f.Pos())}}
	return append(out, d.flatten(at, steps, lit.Elts)...)
}

// computedName returns the expression of a name (x) or "\(x)".
func computedName(l ast.Label) (ast.Expr, bool) {
	switch l := l.(type) {
	case *ast.ParenExpr:
		return l.X, true
	case *ast.Interpolation:
		return l, true
	}
	return nil, false
}

// constantName returns the name that a computed one always is.
func (d *direction) constantName(key ast.Expr) (string, bool) {
	lit, ok := bare(key).(*ast.BasicLit)
	if !ok {
		return "", false
	}
	name, err := d.r.ctx.BuildExpr(lit).String()
	return name, err == nil
}

// comprehension gathers what `for`, `if` and `let` give.
func (d *direction) comprehension(path []string, steps []clause, c *ast.Comprehension) []setter {
	var out []setter
	if c.Fallback != nil {
		d.cannot(c.Fallback.Pos(), "else", "write a second if")
		return nil
	}
	lit, ok := bare(c.Value).(*ast.StructLit)
	if !ok {
		d.cannot(c.Pos(), "a comprehension that gives no struct", "")
		return nil
	}
	d.given(steps, func() {
		d.clauses(c.Clauses, false, func(cs []clause) {
			out = d.flatten(path, slices.Concat(steps, cs), lit.Elts)
		})
	})
	return out
}

// bare takes the parentheses off an expression.
func bare(e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.Alias:
			e = x.Expr
		default:
			return e
		}
	}
}

func last(decls []ast.Decl) ast.Decl {
	if len(decls) == 0 {
		return nil
	}
	return decls[len(decls)-1]
}
