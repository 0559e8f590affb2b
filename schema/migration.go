package schema

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// direction compiles one direction of a migration.
type direction struct {
	r        *reader
	path     []string // of #up or #down in the spec
	pos      state.Pos
	name     string // of the source in expressions: #old or #new
	source   state.Shape
	target   state.Shape
	segments []string // of the key pattern
	typed    []string // of them those that are ints
	drop     []string // fields of the source not to carry, dotted where nested
	derived  bool     // nothing is written
	failed   bool

	// What is known where the compiler is.
	known     []facts               // what conditions say
	vars      map[ast.Node]variable // what clauses bind
	lets      map[ast.Node]ast.Expr // what let clauses of comprehensions name
	siblings  map[ast.Node]bool     // values of fields of the result: whether it is the only one
	sorted    ast.Expr              // a list whose order does not matter
	comparing bool                  // inside a comparator
	lenient   int                   // a part that may be missing may stand here
	bound     int                   // variables so far
	expanding []ast.Expr            // what names stand for, outermost first
	nodes     int                   // compiled so far
	nesting   int
	tooLarge  bool
}

func (r *reader) direction(path []string, name string, source, target state.Shape) *direction {
	d := &direction{r: r, path: path, name: name, source: source, target: target, pos: r.places.at(path),
		vars: map[ast.Node]variable{}, lets: map[ast.Node]ast.Expr{}, siblings: map[ast.Node]bool{}}
	if p, err := r.pattern(source.Keys); err == nil {
		d.segments = p.Names()
		for _, s := range d.segments {
			if p.IsInt(s) {
				d.typed = append(d.typed, s)
			}
		}
	}
	return d
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

func (d *direction) cannot(pos token.Pos, what, hint string) {
	if hint == "" {
		hint = "write it with operators, if, for, let and the builtins of CUE's strings, strconv, list, math, regexp, time and encoding packages"
	}
	d.fail(pos, "cannot-compile", what+" cannot be compiled", hint)
}

// readMigration compiles the migration at a path in both directions; ok is false if it has a problem.
func (r *reader) readMigration(path []string, k state.Keyspace, to state.Version, raw rawMigration) (m state.Migration, ok bool) {
	before := len(r.problems)
	older, okOlder := k.FindShape(raw.From)
	newer, okNewer := k.FindShape(to)
	if !okOlder || !okNewer || !r.sameUnits(path, older, newer) {
		return m, false // a version has a problem already
	}
	m = state.Migration{From: raw.From, To: to, Drop: slices.Sorted(slices.Values(raw.Drop)), Pos: r.places.at(path)}
	up := r.direction(sub(path, "#up"), "#old", older, newer)
	up.drop = raw.Drop
	down := r.direction(sub(path, "#down"), "#new", newer, older)
	m.Up.Body = up.body()
	m.Down.Body = down.body()
	if len(r.problems) > before {
		return m, false
	}
	m.Derived = up.derived && down.derived
	up.checkDrop(m.Up.Body)
	up.checkVanished(m.Up.Body)
	m.Up.Open, m.Down.Open = keepsOpen(older, newer), keepsOpen(newer, older)
	m.Up.Losses = losses(older, newer, m.Up, m.Down, raw.Drop)
	m.Down.Losses = losses(newer, older, m.Down, m.Up, nil)
	up.keepApart(m.Up, m.Down)
	down.keepApart(m.Down, m.Up)
	if len(r.problems) == before {
		up.warnUndeclared(m.Up.Body)
	}
	return m, len(r.problems) == before
}

// sameUnits says so if a unit of one version cannot become one of the other: a migration makes one unit of one.
func (r *reader) sameUnits(path []string, older, newer state.Shape) bool {
	from, errFrom := r.pattern(older.Keys)
	to, errTo := r.pattern(newer.Keys)
	if errFrom != nil || errTo != nil {
		return false
	}
	versions := string(older.Version) + " and " + string(newer.Version)
	if !older.Type.Whole() || !newer.Type.Whole() {
		switch {
		case older.Type != newer.Type:
			r.problem(path, "unsupported", fmt.Sprintf("a unit of %s is a part of one key, and one of the other is not: %s and %s hold different kinds of data", versions, older.Type, newer.Type),
				"keep the type, or declare another keyspace and let the application move the data")
			return false
		case older.Keys != newer.Keys:
			r.problem(path, "unsupported", "the units of "+versions+" are parts of one key, which is not renamed part by part", "keep the key pattern "+older.Keys)
			return false
		}
		return true
	}
	return r.sameSegments(path, from, to)
}

// sameSegments says so if one key could become several, or several one.
func (r *reader) sameSegments(path []string, from, to state.Pattern) bool {
	for _, name := range to.Names() {
		if !slices.Contains(from.Names(), name) {
			r.problem(path, "splits", fmt.Sprintf("one key of %q could become several of %q: nothing says what <%s> is", from, to, name),
				"use the same segments in both patterns; splitting a key into several is not something a migration can undo")
			return false
		}
	}
	for _, name := range from.Names() {
		if !slices.Contains(to.Names(), name) {
			r.problem(path, "merges", fmt.Sprintf("several keys of %q could become one of %q: <%s> is lost", from, to, name),
				"use the same segments in both patterns; merging keys is not something a migration can undo")
			return false
		}
	}
	return true
}

// keepsOpen tells whether undeclared fields of a unit survive.
func keepsOpen(source, target state.Shape) bool {
	s, okS := single(source.Value)
	t, okT := single(target.Value)
	return okS && okT && carriesRest(s, t)
}

// carriesRest tells whether what a struct has beside its declared fields is carried to another.
func carriesRest(source, target state.Alt) bool {
	return source.Open && target.Open && (target.Rest == nil || source.Rest == nil || fits(*target.Rest, *source.Rest))
}

// body compiles what the user wrote and adds what is carried and filled.
func (d *direction) body() state.Expr {
	exprs := d.sources(d.r.lookup(d.path), 0)
	d.derived = len(exprs) == 0
	if len(exprs) > 0 {
		d.pos = position(exprs[0].Pos())
	}
	target, isStruct := single(d.target.Value)
	var setters []setter
	for _, e := range exprs {
		lit, literal := bare(e).(*ast.StructLit)
		if literal {
			_, scalar := embedded(lit)
			literal = !scalar
		}
		if !literal || !isStruct {
			return d.whole(e, len(exprs))
		}
		setters = append(setters, d.flatten(nil, nil, lit.Elts)...)
	}
	if d.failed {
		return state.Expr{}
	}
	if !isStruct {
		if fits(d.target.Value, d.source.Value) {
			return state.Expr{Op: state.OpPath}
		}
		d.failAt(d.pos, d.path, "not-filled", "nothing makes a value of "+string(d.target.Version), "write "+d.path[len(d.path)-1]+": an expression of "+d.name)
		return state.Expr{}
	}
	var source *state.Alt
	if s, ok := single(d.source.Value); ok {
		source = &s
	}
	return d.build(nil, target, source, setters)
}

// sources returns the expressions that the user gave for a value, wherever they are written.
func (d *direction) sources(v cue.Value, depth int) []ast.Expr {
	if !v.Exists() || depth > maxDepth {
		return nil
	}
	parts := []cue.Value{v}
	if op, args := v.Expr(); op == cue.AndOp {
		parts = args
	}
	var out []ast.Expr
	for _, p := range parts {
		var e ast.Expr
		switch n := p.Source().(type) {
		case *ast.Field:
			e = n.Value
		case ast.Expr:
			e = n
		}
		if e == nil || position(e.Pos()).File == "" {
			continue // the definitions' own part
		}
		if ident, ok := e.(*ast.Ident); ok && ident.Name == "_" {
			continue
		}
		if names, ok := selectors(e); ok && names[0] != d.name && names[0] != "#key" {
			if to := cue.Dereference(p); position(to.Pos()) != position(p.Pos()) {
				out = append(out, d.sources(to, depth+1)...)
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// whole compiles a direction that is one expression, #up: #old.
func (d *direction) whole(e ast.Expr, parts int) state.Expr {
	if parts > 1 {
		d.cannot(e.Pos(), "an expression unified with something else", "write it in one place")
		return state.Expr{}
	}
	return d.into(e, goal{typ: d.target.Value}).expr
}

// suggest is a hint that names the declared fields most like the one that is not there.
func suggest(path []string, t state.Type) string {
	at := t
	for _, name := range path[:max(len(path)-1, 0)] {
		inner, _, ok := resolve(at, []string{name})
		if !ok {
			break
		}
		at = inner
	}
	a, ok := single(at)
	if !ok || len(path) == 0 {
		return "it has no fields"
	}
	var names []string
	for _, f := range a.Fields {
		if f.Forbidden {
			continue
		}
		if near(f.Name, path[len(path)-1]) {
			return fmt.Sprintf("did you mean %q?", f.Name)
		}
		names = append(names, f.Name)
	}
	return "it declares " + strings.Join(names, ", ")
}

// near tells whether two names differ by at most two edits and not in all they have.
func near(a, b string) bool {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)] <= 2 && row[len(b)] < max(len(a), len(b))
}
