package state

import "slices"

// ToldApart tells whether a stored value itself says which of two versions it is at: no value fits both, or the
// migrations between them change nothing on one that does. If not, overlap says what fits both (Meet). A version
// that is not declared is told from any other.
func ToldApart(k Keyspace, v, w Version) (overlap string, apart bool) {
	if v.Compare(w) > 0 {
		v, w = w, v
	}
	a, okA := k.FindShape(v)
	b, okB := k.FindShape(w)
	if !okA || !okB {
		return "", true
	}
	overlap, meet := Meet(a, b)
	if !meet || unchanged(k, v, w) {
		return "", true
	}
	return overlap, false
}

// unchanged tells whether the migrations from one version up to another change no unit that fits both. Of the TTL it
// need not ask: a key whose TTL fits both rules keeps it.
func unchanged(k Keyspace, lo, hi Version) bool {
	first, _ := k.FindShape(lo)
	last, _ := k.FindShape(hi)
	for lo != hi {
		m, ok := k.FindMigration(hi)
		if !ok || m.From.Compare(lo) < 0 || m.From.Compare(hi) >= 0 {
			return false
		}
		older, _ := k.FindShape(m.From)
		newer, _ := k.FindShape(m.To)
		if !lets(older, first, last) || !sameLayout(older, newer) || !keepsAll(older, newer, m.Up) || !keepsAll(newer, older, m.Down) {
			return false
		}
		hi = m.From
	}
	return true
}

// lets tells whether a version on the way between two others may have every field that both of them may have: what it
// lacks would be lost on the way.
func lets(between, first, last Shape) bool {
	a, okA := first.Value.object()
	b, okB := last.Value.object()
	x, ok := between.Value.object()
	if !okA || !okB || !ok {
		return true // carried whole, see keepsAll
	}
	return (!a.Open || !b.Open || x.Open) && !slices.ContainsFunc(slices.Concat(a.Fields, b.Fields, x.Fields), func(f Field) bool {
		return a.mayHave(f.Name) && b.mayHave(f.Name) && !x.mayHave(f.Name)
	})
}

// sameLayout tells whether a key and bytes of the one version stay when they become one of the other.
func sameLayout(a, b Shape) bool {
	if a.Type != b.Type || a.wire() != b.wire() || !slices.Equal(a.Encodings, b.Encodings) {
		return false
	}
	if a.Keys == b.Keys {
		return true
	}
	p, errP := ParsePattern(a.Keys)
	q, errQ := ParsePattern(b.Keys)
	if errP != nil || errQ != nil || len(p.parts) != len(q.parts) || len(p.Names()) > 1 {
		return false // several segments may be cut elsewhere
	}
	for i, x := range p.parts {
		if y := q.parts[i]; x.literal != y.literal || x.name != y.name {
			return false
		}
	}
	return true
}

// keepsAll tells whether a program carries every field it makes as it is, and drops none that the target admits.
func keepsAll(source, target Shape, p Program) bool {
	if p.Body.Op == OpPath {
		return len(p.Body.Path) == 0
	}
	t, ok := target.Value.object()
	s, okS := source.Value.object()
	if !ok || !okS || p.Body.Op != OpStruct {
		return false
	}
	for _, f := range p.Body.Fields {
		if f.Key != nil || len(f.Clauses)+len(f.If) > 0 || f.Default != nil || f.Value.Op != OpPath || !slices.Equal(f.Value.Path, []string{f.Name}) {
			return false
		}
	}
	made := func(name string) bool {
		return slices.ContainsFunc(p.Body.Fields, func(m FieldExpr) bool { return m.Name == name })
	}
	lost := func(f Field) bool {
		_, declared := s.field(f.Name)
		return s.mayHave(f.Name) && t.mayHave(f.Name) && !made(f.Name) && (declared || !p.Open)
	}
	return !slices.ContainsFunc(s.Fields, lost) && !slices.ContainsFunc(t.Fields, lost) && (!s.Open || !t.Open || p.Open)
}

// object returns the only alternative of a type if it is a struct.
func (t Type) object() (Alt, bool) {
	if len(t.Alts) == 1 && t.Alts[0].Kind == Struct {
		return t.Alts[0], true
	}
	return Alt{}, false
}
