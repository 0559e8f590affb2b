package plan

// byRule orders what is too large to search, by a rule that depends on the present alone and therefore keeps its
// suffixes: the first component that may go to its desired release goes; else the first keyspace that may be
// rewritten to its desired version is; else the first component that cannot read a desired version goes to a
// release that can, reads all that is there and writes nothing new. Every move is as safe as one of the search,
// but there may be cheaper orders, and an order that needs other detours is not found.
func (m *model) byRule() found {
	r := newRuling(m)
	var moves []move
	for limit := 4*len(m.comps) + 2*len(m.keys); !m.done(r.at); limit-- {
		by, ok := r.next()
		if !ok || limit == 0 {
			return found{limit: true, nearest: r.at}
		}
		r.take(by)
		moves = append(moves, by)
	}
	return found{ok: true, moves: moves}
}

// ruling follows the rule. It remembers what each object may do until a move changes what that depends on.
type ruling struct {
	*model
	at      node
	goes    []answer // by component: to its desired release
	bridges []answer // by component: to the first release that helps it on
	turns   []answer // by keyspace: to its desired version
}

func newRuling(m *model) *ruling {
	return &ruling{model: m, at: m.start(), goes: make([]answer, len(m.comps)), bridges: make([]answer, len(m.comps)), turns: make([]answer, len(m.keys))}
}

// answer is a release or version that an object may go to, and whether that is known.
type answer struct {
	known, may bool
	to         int
}

// next returns the move that the rule wants, and whether there is one.
func (r *ruling) next() (move, bool) {
	for ci := range r.goes {
		if a := ask(&r.goes[ci], ci, r.desired); a.may {
			return move{moveRollout, ci, a.to}, true
		}
	}
	for ki := range r.turns {
		if a := ask(&r.turns[ki], ki, r.turn); a.may {
			return move{moveRewrite, ki, a.to}, true
		}
	}
	for ci := range r.bridges {
		if a := ask(&r.bridges[ci], ci, r.bridge); a.may {
			return move{moveRollout, ci, a.to}, true
		}
	}
	return move{}, false
}

func ask(a *answer, object int, find func(int) (int, bool)) answer {
	if !a.known {
		a.known = true
		a.to, a.may = find(object)
	}
	return *a
}

func (r *ruling) desired(comp int) (int, bool) {
	c := &r.comps[comp]
	return c.goal, !c.fixed && r.at.runs[comp] != c.goal && r.mayRoll(r.at, comp, c.goal)
}

func (r *ruling) turn(key int) (int, bool) {
	k := &r.keys[key]
	return k.goal, k.goal >= 0 && !r.at.present[key].within(k.fits) && r.mayRewrite(r.at, key, k.goal)
}

func (r *ruling) bridge(comp int) (int, bool) {
	if r.at.runs[comp] == r.comps[comp].goal {
		return 0, false
	}
	for _, to := range r.targets(r.at, comp) {
		if r.helps(r.at, comp, to) && r.mayRoll(r.at, comp, to) {
			return to, true
		}
	}
	return 0, false
}

// take makes a move, and forgets what depends on it: what may be done to the keyspaces that it bears on, and to every
// component that uses one of them.
func (r *ruling) take(by move) {
	keys := []int{by.object}
	if by.kind == moveRollout {
		r.forget(by.object)
		keys = r.comps[by.object].keys
	}
	for _, ki := range keys {
		r.turns[ki].known = false
		for _, ci := range r.keys[ki].users {
			r.forget(ci)
		}
	}
	r.model.take(r.at, by)
}

func (r *ruling) forget(comp int) { r.goes[comp].known, r.bridges[comp].known = false, false }

// helps tells whether a release helps a component on: it reads all that is desired of the keyspaces it reads,
// which not all of what runs does, and writes only what is there already.
func (m *model) helps(n node, comp, to int) bool {
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
