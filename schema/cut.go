package schema

import (
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

// cuts are parts to leave out, by their path.
type cuts map[string]cut

// from takes the parts out of the files of a package, wherever they are written. It tells whether each is written.
func (cs cuts) from(files []*ast.File) bool {
	found := map[string]bool{}
	for _, f := range files {
		cs.decls(&f.Decls, nil, found)
	}
	return len(found) == len(cs)
}

// longestPart is how many names lead to a part.
const longestPart = 3

func (cs cuts) decls(decls *[]ast.Decl, path []string, found map[string]bool) {
	for i, d := range *decls {
		switch d := d.(type) {
		case *ast.Field:
			name, _, err := ast.LabelName(d.Label)
			if err != nil {
				continue
			}
			at := sub(path, name)
			c, ok := cs[join(at)]
			if !ok {
				cs.expr(d.Value, at, found)
				continue
			}
			found[join(at)] = true
			(*decls)[i] = never(d)
			if c.with != nil {
				*decls = append(*decls, &ast.Field{Label: d.Label, Value: c.with})
			}
		case *ast.EmbedDecl:
			cs.expr(d.Expr, path, found)
		}
	}
}

func (cs cuts) expr(e ast.Expr, path []string, found map[string]bool) {
	if len(path) >= longestPart {
		return
	}
	switch e := e.(type) {
	case *ast.StructLit:
		cs.decls(&e.Elts, path, found)
	case *ast.BinaryExpr:
		if e.Op == token.AND {
			cs.expr(e.X, path, found)
			cs.expr(e.Y, path, found)
		}
	}
}

// never keeps a declaration, so that what it refers to stays used, and evaluates it never.
func never(d ast.Decl) ast.Decl {
	return &ast.Comprehension{
		Clauses: []ast.Clause{&ast.IfClause{Condition: ast.NewBool(false)}},
		Value:   &ast.StructLit{Elts: []ast.Decl{d}},
	}
}
