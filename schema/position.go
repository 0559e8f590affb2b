package schema

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// position returns a place in the user's tree, the zero Pos for places in our definitions and for none.
func position(p token.Pos) state.Pos {
	if !p.IsValid() || p.Filename() == "" || strings.HasPrefix(p.Filename(), own) {
		return state.Pos{}
	}
	return state.Pos{File: p.Filename(), Line: p.Line(), Column: p.Column()}
}

// places knows where in the user's files a path of the spec is written.
type places struct {
	byPath map[string]state.Pos
	refers map[string][]reference // what the value at a path refers to
}

// findPlaces walks the files of the spec's package.
func findPlaces(files []*ast.File) places {
	p := places{byPath: map[string]state.Pos{}, refers: map[string][]reference{}}
	for _, f := range files {
		p.decls("", f.Decls)
	}
	return p
}

func (p places) decls(path string, decls []ast.Decl) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			name, _, err := ast.LabelName(d.Label)
			if err != nil {
				continue
			}
			p.expr(join(path, name), d.Pos(), d.Value)
		case *ast.EmbedDecl:
			p.inside(path, d.Expr)
		}
	}
}

func (p places) expr(path string, pos token.Pos, e ast.Expr) {
	if _, taken := p.byPath[path]; !taken {
		p.byPath[path] = position(pos)
	}
	p.refers[path] = append(p.refers[path], references(e, false)...)
	p.inside(path, e)
}

func (p places) inside(path string, e ast.Expr) {
	switch e := e.(type) {
	case *ast.StructLit:
		p.decls(path, e.Elts)
	case *ast.ListLit:
		for i, elt := range e.Elts {
			p.expr(join(path, strconv.Itoa(i)), elt.Pos(), elt)
		}
	case *ast.BinaryExpr:
		if e.Op == token.AND {
			p.inside(path, e.X)
			p.inside(path, e.Y)
		}
	}
}

// at returns the place of a path, or of the nearest path above it that is written.
func (p places) at(path []string) state.Pos {
	for n := len(path); n > 0; n-- {
		if pos, ok := p.byPath[join("", path[:n]...)]; ok && pos.File != "" {
			return pos
		}
	}
	return state.Pos{}
}

// join makes a key of names that no other list of names has.
func join(path string, names ...string) string {
	for _, n := range names {
		path += "\x00" + strings.TrimRight(n, "?!")
	}
	return path
}

// name returns the name of a selector, without quotes and marks.
func name(s cue.Selector) string {
	if s.LabelType() == cue.StringLabel {
		return s.Unquoted()
	}
	return strings.TrimRight(s.String(), "?!")
}

// printPath prints names as CUE does: system.keyspaces.session.versions."2.0.0".
func printPath(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = n
		if bare := strings.TrimLeft(n, "_#"); !ast.IsValidIdent(n) && !ast.IsValidIdent(bare) {
			if _, err := strconv.Atoi(n); err != nil {
				quoted[i] = strconv.Quote(n)
			}
		}
	}
	return strings.Join(quoted, ".")
}

// sub returns the path of something below another path.
func sub(path []string, names ...string) []string {
	return append(slices.Clip(path), names...)
}
