package schema

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"

	"keyshift.dev/state"
)

// readMigration compiles the migration at a path in both directions; ok is false if it has a problem.
func (r *reader) readMigration(path []string, k state.Keyspace, to state.Version, raw rawMigration) (m state.Migration, ok bool) {
	before := len(r.problems)
	older, okOlder := k.FindShape(raw.From)
	newer, okNewer := k.FindShape(to)
	if !okOlder || !okNewer {
		return m, false // its version has a problem already
	}
	if older.Keys != newer.Keys || older.Type != newer.Type || older.Encoding != newer.Encoding {
		r.unsupported(path, "a migration to another key pattern, type or encoding", "keep keys, type and encoding of "+string(raw.From))
		return m, false
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
	up.checkDrop(m.Up.Body)
	up.checkVanished(m.Up.Body)
	m.Up.Open, m.Down.Open = keepsOpen(older, newer), keepsOpen(newer, older)
	m.Up.Losses = losses(older, newer, m.Up, m.Down, raw.Drop)
	m.Down.Losses = losses(newer, older, m.Down, m.Up, nil)
	return m, len(r.problems) == before
}

func (r *reader) direction(path []string, name string, source, target state.Shape) *direction {
	d := &direction{r: r, path: path, name: name, source: source, target: target, pos: r.places.at(path)}
	if p, err := state.ParsePattern(source.Keys); err == nil {
		d.segments = p.Names()
		for _, s := range d.segments {
			if strings.Contains(source.Keys, "<"+s+" ") {
				d.typed = append(d.typed, s)
			}
		}
	}
	return d
}

// keepsOpen tells whether undeclared fields of a unit survive.
func keepsOpen(source, target state.Shape) bool {
	s, okS := single(source.Value)
	t, okT := single(target.Value)
	return okS && okT && s.Open && t.Open
}

// body compiles what the user wrote and adds what is carried and filled.
func (d *direction) body() state.Expr {
	exprs := d.sources(d.r.lookup(d.path), 0)
	if len(exprs) > 0 {
		d.pos = position(exprs[0].Pos())
	}
	var setters []setter
	for _, e := range exprs {
		lit, isStruct := bare(e).(*ast.StructLit)
		if !isStruct {
			return d.whole(e, len(exprs))
		}
		setters = append(setters, d.flatten(nil, nil, lit.Elts)...)
	}
	if d.failed {
		return state.Expr{}
	}
	target, okT := single(d.target.Value)
	if !okT {
		if len(exprs) == 0 && fits(d.target.Value, d.source.Value) {
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
		d.cannot(e.Pos(), "an expression unified with something else")
		return state.Expr{}
	}
	x := d.compile(e, nil)
	if !x.ok || !d.fitsInto(e, x, d.target.Value, nil) {
		return state.Expr{}
	}
	return x.expr
}

// fitsInto says so if an expression cannot be a value of a type.
func (d *direction) fitsInto(e ast.Expr, x compiled, t state.Type, path []string) bool {
	where := d.path
	if len(path) > 0 {
		where = sub(d.path, path...)
	}
	want := kindsOf(t)
	switch {
	case x.slash.IsValid() && !kindFloat.within(want):
		d.failAt(position(x.slash), where, "wrong-kind", "/ gives a float, and "+string(d.target.Version)+" wants "+want.String(), "use div(a, b), the integer division")
	case x.slash.IsValid():
		d.cannot(x.slash, "the operator /")
	case !x.kinds.within(want):
		d.failAt(position(e.Pos()), where, "wrong-kind", "this is a "+x.kinds.String()+", and "+string(d.target.Version)+" wants "+want.String(),
			"change the expression, or the type in the version")
	case x.typ != nil && x.kinds&(kindList|kindStruct) != 0 && !fits(t, *x.typ):
		d.failAt(position(e.Pos()), where, "wrong-kind", "this "+x.kinds.String()+" has another shape than the one in "+string(d.target.Version), "set its fields one by one, or make the shapes alike")
	case x.expr.Op == state.OpLit && !admits(t, *x.expr.Lit):
		d.failAt(position(e.Pos()), where, "wrong-kind", "version "+string(d.target.Version)+" does not admit this value", "use one of the values that the version declares")
	default:
		return true
	}
	return false
}

// admits tells whether a scalar is one of a type's constants, or of a kind that the type does not narrow to constants.
func admits(t state.Type, v state.Value) bool {
	for _, a := range t.Alts {
		if !kindOfValue(v).within(kindOf(a)) && a.Const == nil {
			continue
		}
		if a.Const == nil || a.Const.Kind == v.Kind && a.Const.Text == v.Text && a.Const.Bool == v.Bool {
			return true
		}
	}
	return false
}

// checkDrop says so if a dropped field is unknown, carried or used.
func (d *direction) checkDrop(body state.Expr) {
	at := sub(d.path[:len(d.path)-1], "drop")
	for i, name := range d.drop {
		path := strings.Split(name, ".")
		where := sub(at, fmt.Sprint(i))
		if _, _, ok := resolve(d.source.Value, path); !ok {
			d.failAt(d.r.places.at(where), where, "unknown-field", fmt.Sprintf("version %s declares no field %q to drop", d.source.Version, name), suggest(path, d.source.Value))
			continue
		}
		if d.isUsed(path, body) {
			d.failAt(d.r.places.at(where), where, "drop-used", fmt.Sprintf("%q is dropped, but it is carried or used by %s", name, d.path[len(d.path)-1]), "remove it from drop")
		}
	}
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
