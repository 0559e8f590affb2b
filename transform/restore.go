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
// gets the value that it had. What the migration dropped stays out: the key may be another life of that name. The reason
// says why there is no way back, and holds no value.
func (p *Programs) Restore(w Written, now Unit, to state.Version) (u Unit, outcome Restoration, reason string) {
	class, reason := p.Classify(now)
	if class == state.Unfit {
		return u, Conflict, reason
	}
	if class.Has(to) {
		return u, Already, ""
	}
	before, err := p.Convert(w.Before, w.From, to)
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
	if merged := u.merge(left, before); p.is(merged, to) {
		return merged, Merged, ""
	}
	return u, Merged, ""
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
func (u Unit) merge(left, before Unit) Unit {
	if !u.IsHash() {
		u.Text = mergeText(u.Text, left.Text, before.Text)
		return u
	}
	u.Fields = slices.Clone(u.Fields)
	for i, f := range u.Fields {
		was, there := findField(before.Fields, f.Name)
		if at, ok := findField(left.Fields, f.Name); ok && there && left.Fields[at].Value == f.Value {
			u.Fields[i].Value = before.Fields[was].Value
		}
	}
	return u
}

// mergeText merges the members of JSON objects, and other text as a whole.
func mergeText(now, left, before string) string {
	if now == left {
		return before
	}
	n, nErr := parseJSON(now)
	l, lErr := parseJSON(left)
	b, bErr := parseJSON(before)
	if nErr != nil || lErr != nil || bErr != nil || n.nodes[0].kind != nodeStruct || l.nodes[0].kind != nodeStruct || b.nodes[0].kind != nodeStruct {
		return now
	}
	var out strings.Builder
	written := 0
	for i := n.nodes[0].first; i != 0; i = n.nodes[i].next {
		name := n.nodes[i].name
		as, ok := l.member(0, name)
		was, there := b.member(0, name)
		if !ok || !there || l.raw(as) != n.raw(i) {
			continue
		}
		out.WriteString(now[written:n.nodes[i].start])
		out.WriteString(b.raw(was))
		written = int(n.nodes[i].end)
	}
	out.WriteString(now[written:])
	return out.String()
}
