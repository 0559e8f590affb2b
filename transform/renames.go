package transform

import "keyshift.dev/state"

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
