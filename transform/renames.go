package transform

import (
	"slices"

	"keyshift.dev/state"
)

// Renames returns the fields of a unit's target whose value is that of one field of its source under another name, with
// that field: what belongs to the field beside its value, such as when it expires, goes with it.
func (p *Programs) Renames(from, to state.Version) map[string]string {
	source := p.origins(from, to)
	for name, at := range source {
		if name == at {
			delete(source, name)
		}
	}
	return source
}

// origins returns the fields of a unit's target whose value is that of one field of its source, with that field; nil if
// no way leads there.
func (p *Programs) origins(from, to state.Version) map[string]string {
	x := p.paths[[2]state.Version{from, to}]
	if x == nil {
		return nil
	}
	source := map[string]string{}
	for i, e := range x.programs {
		next := e.copies()
		if i > 0 {
			for name, at := range next {
				if origin, ok := source[at]; ok {
					next[name] = origin
				} else {
					delete(next, name)
				}
			}
		}
		source = next
	}
	return source
}

// Lost returns the declared fields of a hash of from that the way back from to never makes, sorted: a unit that has one
// of them does not come back.
func (p *Programs) Lost(from, to state.Version) []string {
	back := p.paths[[2]state.Version{to, from}]
	source, ok := p.shape(from)
	if !ok || back == nil || !back.flat || len(back.programs) == 0 {
		return nil
	}
	last := back.programs[len(back.programs)-1]
	if last.open || last.identity() {
		return nil
	}
	var out []string
	for _, a := range source.value.alts {
		for _, f := range a.fields {
			makes := slices.ContainsFunc(last.body.groups, func(g group) bool { return g.name == f.name })
			if !makes && !f.forbidden && !slices.Contains(out, f.name) {
				out = append(out, f.name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// copies returns the fields that the program makes of one field alone, their own included.
func (p *program) copies() map[string]string {
	out := map[string]string{}
	if p.identity() {
		for _, a := range p.from.value.alts {
			for _, f := range a.fields {
				out[f.name] = f.name
			}
		}
		return out
	}
	for _, g := range p.body.groups {
		if len(g.makes) != 1 || len(g.makes[0].clauses)+len(g.makes[0].conditions) > 0 || g.makes[0].key != nil {
			continue
		}
		if v := g.makes[0].value; v.op == state.OpPath && len(v.path) == 1 {
			out[g.name] = v.path[0]
		}
	}
	return out
}
