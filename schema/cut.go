package schema

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// cut is a part of a spec that is left out, so that the rest can be evaluated without it.
type cut struct {
	path []string
	with ast.Expr // what stands there instead; nil if nothing does
}

// level orders what may be cut by what depends on it: helpers and policies, stores, keyspaces, components.
type level int

const (
	helpers level = iota
	stores
	keyspaces
	components
)

// levels of the parts of a system; everything else is a helper.
var levels = map[string]level{"stores": stores, "keyspaces": keyspaces, "components": components}

// partOf returns the part of a spec that a path leads into: one store, keyspace or component, or one other field. It
// returns nil for what is no part: the system itself.
func partOf(path []string) ([]string, level) {
	switch {
	case len(path) == 0, len(path) == 1 && path[0] == "system":
		return nil, 0
	case path[0] != "system":
		return path[:1], helpers
	}
	l, isPart := levels[path[1]]
	switch {
	case !isPart:
		return path[:2], helpers
	case len(path) < 3:
		return nil, 0
	}
	return path[:3], l
}

// stub returns a cut of a part. A store is replaced by another, since keyspaces are in it; other parts go.
func stub(part []string, l level) cut {
	c := cut{path: part}
	if l == stores {
		c.with = standIn("{address: \"redis://" + part[2] + ":6379\"}")
	}
	if l == helpers && part[0] != "system" {
		c.with = standIn("_")
	}
	return c
}

func standIn(text string) ast.Expr {
	e, err := parser.ParseExpr(own+"cut.cue", text)
	if err != nil {
		panic("schema: " + err.Error())
	}
	return e
}

// from takes the part out of the files of a package, wherever it is written. It tells whether it is written at all.
func (c cut) from(files []*ast.File) bool {
	found := false
	for _, f := range files {
		found = c.decls(&f.Decls, c.path) || found
	}
	return found
}

func (c cut) decls(decls *[]ast.Decl, path []string) bool {
	found := false
	for i, d := range *decls {
		switch d := d.(type) {
		case *ast.Field:
			name, _, err := ast.LabelName(d.Label)
			switch {
			case err != nil || name != path[0]:
			case len(path) > 1:
				found = c.expr(d.Value, path[1:]) || found
			default:
				found = true
				(*decls)[i] = never(d)
				if c.with != nil {
					*decls = append(*decls, &ast.Field{Label: d.Label, Value: c.with})
				}
			}
		case *ast.EmbedDecl:
			found = c.expr(d.Expr, path) || found
		}
	}
	return found
}

func (c cut) expr(e ast.Expr, path []string) bool {
	switch e := e.(type) {
	case *ast.StructLit:
		return c.decls(&e.Elts, path)
	case *ast.BinaryExpr:
		if e.Op == token.AND {
			return slices.Contains([]bool{c.expr(e.X, path), c.expr(e.Y, path)}, true)
		}
	}
	return false
}

// never keeps a declaration, so that what it refers to stays used, and evaluates it never.
func never(d ast.Decl) ast.Decl {
	return &ast.Comprehension{
		Clauses: []ast.Clause{&ast.IfClause{Condition: ast.NewBool(false)}},
		Value:   &ast.StructLit{Elts: []ast.Decl{d}},
	}
}
