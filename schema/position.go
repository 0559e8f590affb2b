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

// places knows where in the user's files a path of the spec is written. It looks into a value when it is first asked
// for something below it.
type places struct {
	root *place
}

// place is a path that is written at least once.
type place struct {
	pos    token.Pos  // where it is first
	values []ast.Expr // of every time it is written
	decls  []ast.Decl // of the package, if it is the root
	opened bool
	under  map[string]*place
}

// findPlaces indexes the files of the spec's package.
func findPlaces(files []*ast.File) places {
	root := &place{}
	for _, f := range files {
		root.decls = append(root.decls, f.Decls...)
	}
	return places{root}
}

// find returns the place of a path, nil if it is not written.
func (p places) find(path []string) *place {
	at := p.root
	for _, name := range path {
		if at = at.below(name); at == nil {
			return nil
		}
	}
	return at
}

// below returns the place of a name in a struct, or of an index in a list.
func (p *place) below(name string) *place {
	if p == nil {
		return nil
	}
	return p.fields()[strings.TrimRight(name, "?!")]
}

// fields returns what is written below a place.
func (p *place) fields() map[string]*place {
	if p == nil {
		return nil
	}
	if !p.opened {
		p.opened = true
		p.open(p.decls)
		for _, e := range p.values {
			p.inside(e)
		}
	}
	return p.under
}

func (p *place) open(decls []ast.Decl) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			if name, _, err := ast.LabelName(d.Label); err == nil {
				p.add(name, d.Pos(), d.Value)
			}
		case *ast.EmbedDecl:
			p.inside(d.Expr)
		}
	}
}

func (p *place) add(name string, pos token.Pos, e ast.Expr) {
	q := p.under[name]
	if q == nil {
		if p.under == nil {
			p.under = map[string]*place{}
		}
		q = &place{pos: pos}
		p.under[name] = q
	}
	q.values = append(q.values, e)
}

// holds tells whether a position is within one of the values of a place.
func (p *place) holds(pos state.Pos) bool {
	return slices.ContainsFunc(p.values, func(e ast.Expr) bool {
		from, to := position(e.Pos()), position(e.End())
		after := from.Line < pos.Line || from.Line == pos.Line && from.Column <= pos.Column
		before := pos.Line < to.Line || pos.Line == to.Line && pos.Column < to.Column
		return from.File == pos.File && after && before
	})
}

func (p *place) inside(e ast.Expr) {
	switch e := e.(type) {
	case *ast.StructLit:
		p.open(e.Elts)
	case *ast.ListLit:
		for i, elt := range e.Elts {
			p.add(strconv.Itoa(i), elt.Pos(), elt)
		}
	case *ast.BinaryExpr:
		if e.Op == token.AND {
			p.inside(e.X)
			p.inside(e.Y)
		}
	}
}

// declared tells whether a path is written.
func (p places) declared(path []string) bool { return p.find(path) != nil }

// at returns the place of a path, or of the nearest path above it that is written.
func (p places) at(path []string) state.Pos {
	var nearest state.Pos
	at := p.root
	for _, name := range path {
		if at = at.below(name); at == nil {
			break
		}
		if pos := position(at.pos); pos.File != "" {
			nearest = pos
		}
	}
	return nearest
}

// join makes a key of names that no other list of names has.
func join(names []string) string {
	return strings.Join(names, "\x00")
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
