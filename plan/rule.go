package plan

// byRule orders what is too large to search, by a rule that depends on the present alone and therefore keeps its
// suffixes: the first component that may go to its desired release goes; else the first keyspace that may be
// rewritten to its desired version is; else the first component that cannot read a desired version goes to a
// release that can, reads all that is there and writes nothing new. Every move is as safe as one of the search,
// but there may be cheaper orders, and an order that needs other detours is not found.
func (m *model) byRule() found {
	n := m.start()
	var moves []move
	for limit := 4*len(m.comps) + 2*len(m.keys); !m.done(n); limit-- {
		next, by, ok := m.ruled(n)
		if !ok || limit == 0 {
			return found{limit: true, nearest: n}
		}
		n, moves = next, append(moves, by)
	}
	return found{ok: true, moves: moves}
}

func (m *model) ruled(n node) (node, move, bool) {
	for ci, c := range m.comps {
		if !c.fixed && n.runs[ci] != c.goal {
			if next, ok := m.rollout(n, ci, c.goal); ok {
				return next, move{moveRollout, ci, c.goal}, true
			}
		}
	}
	for ki := range m.keys {
		if to := m.keys[ki].goal; to >= 0 && !n.present[ki].within(m.keys[ki].fits) {
			if next, _, ok := m.rewrite(n, ki, to); ok {
				return next, move{moveRewrite, ki, to}, true
			}
		}
	}
	for ci, c := range m.comps {
		for _, to := range m.targets(n, ci) {
			if n.runs[ci] != c.goal && m.bridges(n, ci, to) {
				if next, ok := m.rollout(n, ci, to); ok {
					return next, move{moveRollout, ci, to}, true
				}
			}
		}
	}
	return node{}, move{}, false
}

// bridges tells whether a release helps a component on: it reads all that is desired of the keyspaces it reads,
// which not all of what runs does, and writes only what is there already.
func (m *model) bridges(n node, comp, to int) bool {
	helps := false
	for i := range m.comps[comp].releases[to].uses {
		u := &m.comps[comp].releases[to].uses[i]
		k := &m.keys[u.key]
		if u.writes >= 0 && k.add(n.present[u.key], u.writes) != n.present[u.key] {
			return false
		}
		if k.goal < 0 || !u.reads {
			continue
		}
		if !u.classes.has(k.to[k.goal].written) {
			return false
		}
		for _, r := range m.running(n, comp) {
			if v := m.comps[comp].releases[r].use(u.key); v != nil && v.reads && !v.classes.has(k.to[k.goal].written) {
				helps = true
			}
		}
	}
	return helps
}
