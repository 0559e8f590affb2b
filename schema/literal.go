package schema

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// setter is one value that #up or #down sets, at its place in the result. Nested struct literals are flattened to
// their leaves, since CUE unifies several of one place.
type setter struct {
	path  []string
	conds []cond
	value ast.Expr // nil: the struct itself, before its fields
	open  bool     // of a struct: it ends in ..., so that what it does not set is carried
	pos   state.Pos
}

// cond is one compiled condition of an if, and the parts of the source that are there, and that are not null, when
// it holds.
type cond struct {
	expr  state.Expr
	there [][]string
	solid [][]string
}

// direction compiles one direction of a migration.
type direction struct {
	r        *reader
	path     []string // of #up or #down in the spec
	pos      state.Pos
	name     string // of the source in expressions: #old or #new
	source   state.Shape
	target   state.Shape
	segments []string // of the key pattern
	typed    []string // of them those that are not plain text
	drop     []string // fields of the source not to carry, dotted where nested
	used     [][]string
	failed   bool
}

func (d *direction) fail(pos token.Pos, code, message, hint string) {
	d.failAt(position(pos), d.path, code, message, hint)
}

func (d *direction) failAt(pos state.Pos, path []string, code, message, hint string) {
	d.failed = true
	if pos.File == "" {
		pos = d.pos
	}
	d.r.problemAt(pos, path, code, message, hint)
}

// now says what compiles, in hints.
const now = "selectors of #old, #new and #key, literals, + - * and div mod quo rem of integers, comparison, && || !, " +
	"string interpolation, if fields and nested structs"

func (d *direction) cannot(pos token.Pos, what string) {
	d.fail(pos, "cannot-compile", what+" cannot be compiled yet", "what can: "+now)
}

// flatten gathers the setters of a struct literal.
func (d *direction) flatten(path []string, conds []cond, decls []ast.Decl) []setter {
	var out []setter
	for _, decl := range decls {
		switch decl := decl.(type) {
		case *ast.Field:
			out = append(out, d.field(path, conds, decl)...)
		case *ast.Comprehension:
			out = append(out, d.comprehension(path, conds, decl)...)
		case *ast.EmbedDecl:
			switch e := bare(decl.Expr).(type) {
			case *ast.StructLit:
				out = append(out, d.flatten(path, conds, e.Elts)...)
			case *ast.Comprehension:
				out = append(out, d.comprehension(path, conds, e)...)
			default:
				d.cannot(decl.Pos(), "an embedded value")
			}
		case *ast.Ellipsis, *ast.CommentGroup, *ast.Attribute:
		case *ast.LetClause:
			d.cannot(decl.Pos(), "let")
		default:
			d.cannot(decl.Pos(), "this declaration")
		}
	}
	return out
}

func (d *direction) field(path []string, conds []cond, f *ast.Field) []setter {
	name, isIdent, err := ast.LabelName(f.Label)
	_, quoted := f.Label.(*ast.BasicLit)
	if err != nil || !isIdent && !quoted || isIdent && (name[0] == '_' || name[0] == '#') || f.Alias != nil {
		d.cannot(f.Pos(), "a field whose name is not plain")
		return nil
	}
	if f.Constraint != token.ILLEGAL {
		d.cannot(f.Pos(), "an optional or required field of a result")
		return nil
	}
	at := sub(path, name)
	value := bare(f.Value)
	lit, nested := value.(*ast.StructLit)
	if !nested {
		return []setter{{path: at, conds: conds, value: value, pos: position(f.Pos())}}
	}
	_, open := last(lit.Elts).(*ast.Ellipsis)
	out := []setter{{path: at, conds: conds, open: open, pos: position(f.Pos())}}
	return append(out, d.flatten(at, conds, lit.Elts)...)
}

// comprehension compiles `if cond {...}`; a `for` or a `let` cannot be compiled.
func (d *direction) comprehension(path []string, conds []cond, c *ast.Comprehension) []setter {
	inner := slices.Clone(conds)
	for _, clause := range c.Clauses {
		ifClause, ok := clause.(*ast.IfClause)
		if !ok {
			d.cannot(clause.Pos(), "a comprehension with for or let")
			return nil
		}
		x := d.compile(ifClause.Condition, inner)
		if !x.ok {
			return nil
		}
		if x.kinds != kindBool {
			d.fail(ifClause.Condition.Pos(), "wrong-kind", "the condition is a "+x.kinds.String()+", not a bool", "compare it: if #old.n > 0 {...}")
			return nil
		}
		inner = append(slices.Clip(inner), cond{x.expr, x.there, x.solid})
	}
	lit, ok := bare(c.Value).(*ast.StructLit)
	if !ok {
		d.cannot(c.Pos(), "an if that gives no struct")
		return nil
	}
	return d.flatten(path, inner, lit.Elts)
}

// bare takes the parentheses off an expression.
func bare(e ast.Expr) ast.Expr {
	for {
		p, ok := e.(*ast.ParenExpr)
		if !ok {
			return e
		}
		e = p.X
	}
}

func last(decls []ast.Decl) ast.Decl {
	if len(decls) == 0 {
		return nil
	}
	return decls[len(decls)-1]
}
