package schema

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// source prints an expression as the user wrote it.
func source(e ast.Expr) string {
	b, err := format.Node(e)
	if err != nil {
		return "this"
	}
	return string(b)
}

// whereabouts names what an expression is a part of, and which: of the source unit its path, of a variable the name behind
// a mark that no field has.
func whereabouts(e state.Expr) []string {
	if e.Op == state.OpVar {
		return append([]string{"\x00" + e.Name}, e.Path...)
	}
	return e.Path
}

// isThere tells whether a condition says that a part is there: then every part above it is, too.
func (d *direction) isThere(at []string) bool {
	return slices.ContainsFunc(d.known, func(f facts) bool {
		return slices.ContainsFunc(f.there, func(there []string) bool { return under(there, at) })
	})
}

// isSolid tells whether a condition says that a part is not null.
func (d *direction) isSolid(at []string) bool {
	return slices.ContainsFunc(d.known, func(f facts) bool {
		return slices.ContainsFunc(f.solid, func(solid []string) bool { return slices.Equal(solid, at) })
	})
}

// given runs f where conditions hold.
func (d *direction) given(steps []clause, f func()) {
	before := len(d.known)
	for _, s := range steps {
		d.known = append(d.known, s.facts)
	}
	f()
	d.known = d.known[:before]
}

// variable is what a clause binds.
type variable struct {
	name string
	typ  state.Type
}

// ident compiles a name.
func (d *direction) ident(e *ast.Ident) compiled {
	if v, ok := d.vars[e.Node]; ok && e.Node != nil {
		return d.part(compiled{expr: state.Expr{Op: state.OpVar, Name: v.name, Pos: position(e.Pos())}, typ: &v.typ, ok: true})
	}
	switch e.Name {
	case d.name:
		return d.part(compiled{expr: state.Expr{Op: state.OpPath, Pos: position(e.Pos())}, typ: &d.source.Value, ok: true})
	case "#old", "#new":
		d.cannot(e.Pos(), e.Name+" is what this direction makes, so using it", "use "+d.name)
		return compiled{}
	case "#key":
		d.cannot(e.Pos(), "#key as a whole", "name the segment: #key."+strings.Join(append(d.segments, "id")[:1], ""))
		return compiled{}
	}
	if inner, ok := d.expand(e); ok {
		return d.expanded(e, inner, func() compiled { return d.raw(inner) })
	}
	if x, ok := d.constantOf(e); ok {
		return x
	}
	d.cannot(e.Pos(), "a reference to "+e.Name, "refer to "+d.name+", #key, let clauses, or concrete values")
	return compiled{}
}

// expanded compiles what a name stands for, which may not be the name itself again.
func (d *direction) expanded(e *ast.Ident, inner ast.Expr, compile func() compiled) compiled {
	if !slices.Contains(d.expanding, inner) {
		d.expanding = append(d.expanding, inner)
		defer func() { d.expanding = d.expanding[:len(d.expanding)-1] }()
		return compile()
	}
	for _, v := range d.vars {
		if strings.TrimRight(v.name, "0123456789") == strings.TrimRight(e.Name, "0123456789") {
			d.fail(e.Pos(), "cycle", e.Name+" refers to itself here: the field "+e.Name+" hides the variable "+e.Name, "rename the variable, or the field")
			return compiled{}
		}
	}
	d.fail(e.Pos(), "cycle", e.Name+" refers to itself", "compute it from "+d.name+", or from another field")
	return compiled{}
}

// part finishes a part of the source or of a variable: what a condition says is not null is not, and what it says
// is there is there.
func (d *direction) part(x compiled) compiled {
	if d.isSolid(whereabouts(x.expr)) {
		t := without(*x.typ, state.Null)
		x.typ = &t
	}
	x.kinds = kindsOf(*x.typ)
	x.maybe = x.maybe && !d.isThere(whereabouts(x.expr))
	return x
}

// expand returns what a name stands for: the expression of a let clause, of a field beside it in the result, or of a
// field outside that is computed from the unit.
func (d *direction) expand(e ast.Expr) (ast.Expr, bool) {
	id, ok := bare(e).(*ast.Ident)
	if !ok || id.Node == nil {
		return nil, false
	}
	if let, ok := d.lets[id.Node]; ok {
		return let, true
	}
	switch n := id.Node.(type) {
	case *ast.LetClause:
		return n.Expr, true
	case ast.Expr:
		once, sibling := d.siblings[n]
		hidden := id.Name[0] == '_' // which nothing but its own declaration gives a value
		if once && (hidden || !isChoice(n)) {
			return n, true
		}
		_, values := d.declared(id)
		if !sibling && len(values) == 1 && d.dependsOnUnit(n, map[ast.Node]bool{}) && !isChoice(n) {
			return n, true
		}
	}
	return nil, false
}

// isChoice tells an expression whose value may become another one where it is unified: a | b, and an open struct.
func isChoice(e ast.Expr) bool {
	switch e := bare(e).(type) {
	case *ast.BinaryExpr:
		return e.Op == token.OR || e.Op == token.AND
	case *ast.StructLit:
		_, open := last(e.Elts).(*ast.Ellipsis)
		return open
	}
	return false
}

// declared finds the path of the field that a name refers to, and every value given for it.
func (d *direction) declared(id *ast.Ident) (path []string, values []ast.Expr) {
	for n := len(d.path); n >= 0; n-- {
		at := d.r.places.find(d.path[:n]).below(id.Name)
		if at == nil {
			continue
		}
		if id.Node == nil && n == 0 || slices.ContainsFunc(at.values, func(e ast.Expr) bool { return ast.Node(e) == id.Node }) {
			return sub(d.path[:n], id.Name), at.values
		}
	}
	return nil, nil
}

// constantOf compiles a reference to a concrete value elsewhere in the package.
func (d *direction) constantOf(id *ast.Ident) (compiled, bool) {
	path, values := d.declared(id)
	if path == nil || slices.ContainsFunc(values, func(e ast.Expr) bool { return d.dependsOnUnit(e, map[ast.Node]bool{}) }) {
		return compiled{}, false
	}
	return d.concrete(id.Pos(), child(d.r.ctx.BuildInstance(d.r.inst), path...))
}

// concrete compiles a value that CUE knows, if it is concrete without a default.
func (d *direction) concrete(pos token.Pos, v cue.Value) (compiled, bool) {
	if op, _ := v.Eval().Expr(); !v.Exists() || op == cue.OrOp || v.Validate(cue.Concrete(true)) != nil {
		return compiled{}, false
	}
	if v.IncompleteKind() == cue.BottomKind || v.IncompleteKind() == cue.TopKind {
		return compiled{}, false
	}
	return d.literal(pos, v), true
}

// child returns what is at a path of a value; hidden names and definitions are found by their names.
func child(v cue.Value, path ...string) cue.Value {
	for _, n := range path {
		if n[0] != '_' && n[0] != '#' {
			v = v.LookupPath(cue.MakePath(cue.Str(n)))
			continue
		}
		it, err := v.Fields(cue.All())
		v = cue.Value{}
		for err == nil && it.Next() {
			if strings.TrimRight(it.Selector().String(), "?!") == n {
				v = it.Value()
				break
			}
		}
	}
	return v
}

// dependsOnUnit tells whether an expression is computed from the unit of a migration, or may be.
func (d *direction) dependsOnUnit(e ast.Node, seen map[ast.Node]bool) bool {
	if e == nil || seen[e] {
		return false
	}
	seen[e] = true
	found := false
	ast.Walk(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || found {
			return !found
		}
		switch to := id.Node.(type) {
		case *ast.LetClause:
			found = d.dependsOnUnit(to.Expr, seen)
		case *ast.ImportSpec:
		case nil:
			if at := d.r.places.root.below(id.Name); at != nil && id.Name != "system" {
				found = slices.ContainsFunc(at.values, func(v ast.Expr) bool { return d.dependsOnUnit(v, seen) })
			}
		default:
			found = d.dependsOnUnit(to, seen)
		}
		found = found || slices.Contains([]string{"#old", "#new", "#key", "#up", "#down", "system"}, id.Name)
		return !found
	}, nil)
	return found
}

// selector compiles x.name.
func (d *direction) selector(e *ast.SelectorExpr) compiled {
	name, _, err := ast.LabelName(e.Sel)
	if err != nil {
		d.cannot(e.Pos(), "this selector", "")
		return compiled{}
	}
	if id, ok := bare(e.X).(*ast.Ident); ok {
		if spec, imported := id.Node.(*ast.ImportSpec); imported {
			return d.imported(e, spec, name)
		}
		if id.Name == "#key" {
			return d.segment(e, name)
		}
	}
	if x, ok := d.outside(e); ok {
		return x
	}
	return d.selectFrom(e, d.raw(e.X), name)
}

// outside compiles a chain of selectors that begins at a concrete value elsewhere, where a hidden field may be meant.
func (d *direction) outside(e *ast.SelectorExpr) (compiled, bool) {
	names, ok := selectors(e)
	if !ok || !slices.ContainsFunc(names[1:], func(n string) bool { return n[0] == '_' || n[0] == '#' }) {
		return compiled{}, false
	}
	base := ast.Expr(e)
	for {
		sel, isSelector := bare(base).(*ast.SelectorExpr)
		if !isSelector {
			break
		}
		base = sel.X
	}
	id, _ := bare(base).(*ast.Ident)
	path, values := d.declared(id)
	if path == nil || slices.ContainsFunc(values, func(e ast.Expr) bool { return d.dependsOnUnit(e, map[ast.Node]bool{}) }) {
		return compiled{}, false
	}
	return d.concrete(e.Pos(), child(d.r.ctx.BuildInstance(d.r.inst), append(path, names[1:]...)...))
}

// imported compiles a constant of another package: time.RFC3339, or one of the repository's own.
func (d *direction) imported(e *ast.SelectorExpr, spec *ast.ImportSpec, name string) compiled {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return compiled{}
	}
	var v cue.Value
	if inst := d.r.inst.LookupImport(path); inst != nil {
		v = child(d.r.ctx.BuildInstance(inst), name)
	} else {
		v = d.r.ctx.CompileString("import p "+strconv.Quote(path)+"\nx: p."+name, cue.Filename(own+"constant.cue")).LookupPath(cue.ParsePath("x"))
	}
	if x, ok := d.concrete(e.Pos(), v); ok {
		return x
	}
	d.cannot(e.Pos(), source(e)+" as a value", "call it, or use a concrete value")
	return compiled{}
}

// segment compiles #key.name.
func (d *direction) segment(e ast.Expr, name string) compiled {
	if !slices.Contains(d.segments, name) {
		d.fail(e.Pos(), "unknown-field", "the key pattern "+d.source.Keys+" has no segment "+name, "use one of "+strings.Join(d.segments, ", "))
		return compiled{}
	}
	x := compiled{expr: state.Expr{Op: state.OpKey, Path: []string{name}, Pos: position(e.Pos())}, kinds: kindString, ok: true}
	if slices.Contains(d.typed, name) {
		x.expr.Int, x.kinds = true, kindInt
	}
	return x
}

// selectors returns the names of a reference: #old.a."b" is #old, a, b.
func selectors(e ast.Expr) (names []string, ok bool) {
	switch e := bare(e).(type) {
	case *ast.Ident:
		return []string{e.Name}, true
	case *ast.SelectorExpr:
		names, ok = selectors(e.X)
		name, _, err := ast.LabelName(e.Sel)
		return append(names, name), ok && err == nil
	}
	return nil, false
}
