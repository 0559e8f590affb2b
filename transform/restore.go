package transform

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Written is what a migration once made of a unit.
type Written struct {
	From, To      state.Version
	Before, After Unit
}

// Restoration is what becomes of a unit when the migration is taken back.
type Restoration string

// The outcomes of Restore.
const (
	Restored Restoration = "restored" // nothing has written it since: it is again what it was
	Merged   Restoration = "merged"   // written since: what was changed stays, what was not is again what it was
	Conflict Restoration = "conflict" // written since, and there is no way back for it
	Already  Restoration = "already"  // it is of the version already
)

// Restore takes back what a migration made of a unit that now is another one, perhaps. The unit it returns is of version
// to, which the migration started from, or which a way leads to from there.
//
// If the unit is what the migration made, byte for byte, it becomes what it was. Otherwise it takes the way back, and
// then each of its parts whose way back gives the same for the unit as it is and for the unit as the migration left it
// gets the value that it had. What the migration dropped stays out, and what the way back fills by itself stays so: the
// key may be another life of that name. The reason says why there is no way back, and holds no value.
func (p *Programs) Restore(w Written, now Unit, to state.Version) (u Unit, outcome Restoration, reason string) {
	class, reason := p.Classify(now)
	if class == state.Unfit {
		return u, Conflict, reason
	}
	if class.Has(to) {
		return u, Already, ""
	}
	before, err := p.before(w, to)
	if err == nil && sameUnit(now, w.After) {
		return before, Restored, ""
	}
	from, ok := p.Source(class, to)
	if !ok {
		return u, Conflict, "no way leads back from " + string(class)
	}
	u, wayErr := p.Convert(now, from, to)
	if wayErr != nil {
		return u, Conflict, wayErr.Error()
	}
	left, leftErr := p.Convert(w.After, w.To, to)
	if err != nil || leftErr != nil || before.Key != u.Key {
		return u, Merged, ""
	}
	if merged := u.merge(left, before, p.derived(from, to)); p.is(merged, to) {
		return merged, Merged, ""
	}
	return u, Merged, ""
}

// before is what a migration was given, as a unit of a version. If it mixed versions that one wins: to go back there is to
// let its releases write again.
func (p *Programs) before(w Written, to state.Version) (Unit, error) {
	u, err := p.Convert(w.Before, w.From, to)
	if err != nil {
		if mixed, _, ok := p.Resolve(w.Before, to); ok {
			return mixed, nil
		}
	}
	return u, err
}

// is tells whether a unit fits a version.
func (p *Programs) is(u Unit, v state.Version) bool {
	class, _ := p.Classify(u)
	return class.Has(v)
}

// sameUnit compares what two units hold. A remaining time to live shrinks by itself.
func sameUnit(a, b Unit) bool {
	return a.Key == b.Key && a.Text == b.Text && slices.Equal(a.Fields, b.Fields)
}

// merge gives each part of a unit that is as it was left the value that it had before.
// Derived tells the parts that the way back makes of the unit.
func (u Unit) merge(left, before Unit, derived map[string]bool) Unit {
	if !u.IsHash() {
		u.Text = mergeText(u.Text, left.Text, before.Text, derived)
		return u
	}
	u.Fields = slices.Clone(u.Fields)
	for i, f := range u.Fields {
		was, there := findField(before.Fields, f.Name)
		if at, ok := findField(left.Fields, f.Name); ok && there && derived[f.Name] && left.Fields[at].Value == f.Value {
			u.Fields[i].Value = before.Fields[was].Value
		}
	}
	return u
}

// mergeText merges the members of JSON objects, and other text as a whole.
func mergeText(now, left, before string, derived map[string]bool) string {
	n, nErr := parseJSON(now, nil)
	l, lErr := parseJSON(left, nil)
	b, bErr := parseJSON(before, nil)
	if nErr != nil || lErr != nil || bErr != nil || n.nodes[0].kind != nodeStruct || l.nodes[0].kind != nodeStruct || b.nodes[0].kind != nodeStruct {
		if now == left {
			return before
		}
		return now
	}
	var out strings.Builder
	written := 0
	for i := n.nodes[0].first; i != 0; i = n.nodes[i].next {
		name := n.nodes[i].name
		as, ok := l.member(0, name)
		was, there := b.member(0, name)
		if !ok || !there || !derived[name] || l.raw(as) != n.raw(i) {
			continue
		}
		out.WriteString(now[written:n.nodes[i].start])
		out.WriteString(b.raw(was))
		written = int(n.nodes[i].end)
	}
	out.WriteString(now[written:])
	return out.String()
}

// derived tells which fields of a unit's target are made of its source, and are not only filled by a default or set.
// Along several migrations it is what each makes of what the one before did. A unit that is no struct has none.
func (p *Programs) derived(from, to state.Version) map[string]bool {
	x := p.paths[[2]state.Version{from, to}]
	if x == nil {
		return nil
	}
	var known map[string]bool // nil: every field of the source
	for _, e := range x.programs {
		if e.identity() {
			continue
		}
		next := map[string]bool{}
		for _, g := range e.body.groups {
			for i := range g.makes {
				g.makes[i].value.paths(func(path []string) {
					if len(path) == 0 || known == nil || known[path[0]] {
						next[g.name] = true
					}
				})
			}
		}
		known = next
	}
	return known
}

// paths calls see for every part of the source that an expression reads.
func (e *expr) paths(see func([]string)) {
	if e == nil {
		return
	}
	if e.op == state.OpPath || e.op == state.OpHas {
		see(e.path)
	}
	for _, a := range e.args {
		a.paths(see)
	}
	for _, i := range e.items {
		i.value.paths(see)
		clausePaths(i.clauses, see)
	}
	for _, g := range e.groups {
		for i := range g.makes {
			g.makes[i].paths(see)
		}
	}
	for i := range e.dynamic {
		e.dynamic[i].paths(see)
	}
}

func (f *fieldExpr) paths(see func([]string)) {
	f.key.paths(see)
	f.value.paths(see)
	for _, c := range f.conditions {
		c.paths(see)
	}
	clausePaths(f.clauses, see)
}

func clausePaths(clauses []clause, see func([]string)) {
	for _, c := range clauses {
		c.loop.paths(see)
		c.test.paths(see)
		c.bind.paths(see)
	}
}
