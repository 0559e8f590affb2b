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

// unchanged tells whether the migrations from one version up to another change no value that fits both.
func unchanged(k Keyspace, lo, hi Version) bool {
	for lo != hi {
		m, ok := k.FindMigration(hi)
		if !ok || m.From.Compare(lo) < 0 || m.From.Compare(hi) >= 0 {
			return false
		}
		older, _ := k.FindShape(m.From)
		newer, _ := k.FindShape(m.To)
		if !keepsAll(older, newer, m.Up) || !keepsAll(newer, older, m.Down) {
			return false
		}
		hi = m.From
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
		if len(f.If) > 0 || f.Default != nil || f.Value.Op != OpPath || !slices.Equal(f.Value.Path, []string{f.Name}) {
			return false
		}
	}
	for _, f := range s.Fields {
		made := slices.ContainsFunc(p.Body.Fields, func(m FieldExpr) bool { return m.Name == f.Name })
		if !f.Forbidden && !made && t.Open {
			return false
		}
	}
	return true
}

// object returns the only alternative of a type if it is a struct.
func (t Type) object() (Alt, bool) {
	if len(t.Alts) == 1 && t.Alts[0].Kind == Struct {
		return t.Alts[0], true
	}
	return Alt{}, false
}
