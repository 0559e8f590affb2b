package plan

import "slices"

// byRule orders what is too large to search, by a rule that depends on the present alone and therefore keeps its
// suffixes: the first component that is stopped at its desired release and need not be is started; else the first that
// may go to its desired release goes; else the first keyspace that may be rewritten to its desired version is; else the
// first component that is stopped and need not be is started; else the first component that cannot read a desired version
// goes to a release that can, reads all that is there and writes nothing new, or, where it may not jump to its desired
// release, as near to that as it may; else the first is stopped of which a keyspace demands it. Every move is as safe as
// one of the search, but there may be cheaper orders, and an order that needs other detours is not found.
func (m *model) byRule() found {
	r := newRuling(m)
	var moves []move
	for limit := m.longest(); !m.done(r.at); limit-- {
		by, ok := r.next()
		if !ok || limit == 0 {
			return found{limit: true, nearest: r.at}
		}
		r.take(by)
		moves = append(moves, by)
	}
	return found{ok: true, moves: moves}
}

// longest bounds the moves that the rule makes: each component may be bridged over every release, stopped and started.
func (m *model) longest() int {
	n := 2 * len(m.keys)
	for _, c := range m.comps {
		n += 4
		if len(c.stops) > 0 {
			n += 4
		}
		if c.reach != nil {
			n += len(c.releases)
		}
	}
	return n
}

// ruling follows the rule. It remembers what each object may do until a move changes what that depends on.
type ruling struct {
	*model
	at      node
	goes    []answer // by component: to its desired release
	bridges []answer // by component: to the first release that helps it on
	turns   []answer // by keyspace: to its desired version
	starts  []answer // by component: at the release of its template
	stops   []answer // by component
}

func newRuling(m *model) *ruling {
	n := len(m.comps)
	return &ruling{
		model: m, at: m.start(), turns: make([]answer, len(m.keys)),
		goes: make([]answer, n), bridges: make([]answer, n), starts: make([]answer, n), stops: make([]answer, n),
	}
}

// answer is a release or version that an object may go to, and whether that is known.
type answer struct {
	known, may bool
	to         int
}

// next returns the move that the rule wants, and whether there is one.
func (r *ruling) next() (move, bool) {
	for ci := range r.starts {
		if a := ask(&r.starts[ci], ci, r.begin); a.may && a.to == r.comps[ci].goal {
			return move{moveStart, ci, a.to}, true
		}
	}
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
	for ci := range r.starts {
		if a := ask(&r.starts[ci], ci, r.begin); a.may {
			return move{moveStart, ci, a.to}, true
		}
	}
	for ci := range r.bridges {
		if a := ask(&r.bridges[ci], ci, r.bridge); a.may {
			return move{moveRollout, ci, a.to}, true
		}
	}
	for ci := range r.stops {
		if a := ask(&r.stops[ci], ci, r.end); a.may {
			return move{moveStop, ci, a.to}, true
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
	at := r.at.runs[comp]
	return c.goal, !c.fixed && at != c.goal && at != halted(c.goal) && r.mayRoll(r.at, comp, c.goal)
}

func (r *ruling) turn(key int) (int, bool) {
	k := &r.keys[key]
	return k.goal, k.goal >= 0 && !r.at.present[key].within(k.fits) && r.mayRewrite(r.at, key, k.goal)
}

func (r *ruling) bridge(comp int) (int, bool) {
	if r.at.runs[comp] == r.comps[comp].goal || r.at.runs[comp] < mixed {
		return r.nearer(comp)
	}
	for _, to := range r.targets(r.at, comp) {
		if r.helps(r.at, comp, to) && r.mayRoll(r.at, comp, to) {
			return to, true
		}
	}
	return r.nearer(comp)
}

// nearer returns the release nearest to the desired one, from which it is too far to jump, that a component may go to: it
// lies between that and something that is replaced.
func (r *ruling) nearer(comp int) (best int, ok bool) {
	c := &r.comps[comp]
	if c.fixed || c.goal < 0 || r.stepsOver(r.at, comp, c.goal) < 0 {
		return 0, false
	}
	for _, to := range r.targets(r.at, comp) {
		between := slices.ContainsFunc(r.replaced(r.at, comp), func(from int) bool { return from < to && to < c.goal || c.goal < to && to < from })
		if between && (!ok || distance(to, c.goal) < distance(best, c.goal)) && r.mayRoll(r.at, comp, to) {
			best, ok = to, true
		}
	}
	return best, ok
}

func distance(a, b int) int { return max(a-b, b-a) }

// begin returns the release that a stopped component runs once it is started, and whether it may be: nothing demands that
// it is stopped, now or because of what it writes.
func (r *ruling) begin(comp int) (int, bool) {
	template, stopped := r.at.haltedAt(comp)
	if !stopped || !r.mayStart(r.at, comp) {
		return template, false
	}
	for _, key := range r.comps[comp].stops {
		k := &r.keys[key]
		if u := r.comps[comp].releases[template].use(key); u != nil && (r.open(r.at, key) || u.writes >= 0 && !k.fits.has(u.writes)) {
			return template, false
		}
	}
	return template, true
}

// end tells whether a component may be stopped for a keyspace that can then be rewritten.
func (r *ruling) end(comp int) (int, bool) {
	if !r.mayStop(r.at, comp) {
		return 0, false
	}
	return 0, slices.ContainsFunc(r.comps[comp].stops, func(key int) bool {
		k := &r.keys[key]
		users := r.usersOf(r.at, key)
		used := slices.ContainsFunc(users, func(u meeting) bool { return u.comp == comp })
		return used && r.open(r.at, key) && !r.comps[users[0].comp].fixed && k.rewriting(r.at.present[key], k.goal) != never
	})
}

// take makes a move, and forgets what depends on it: what may be done to the keyspaces that it bears on, and to every
// component that uses one of them.
func (r *ruling) take(by move) {
	keys := []int{by.object}
	if by.kind != moveRewrite {
		r.forget(by.object)
		keys = r.comps[by.object].keys
		for _, ci := range r.comps[by.object].followers {
			r.forget(ci)
		}
	}
	for _, ki := range keys {
		r.turns[ki].known = false
		for _, ci := range r.keys[ki].users {
			r.forget(ci)
		}
	}
	r.model.take(r.at, by)
}

func (r *ruling) forget(comp int) {
	r.goes[comp].known, r.bridges[comp].known, r.starts[comp].known, r.stops[comp].known = false, false, false, false
}

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
		if k.goal < 0 || k.stops || !u.reads {
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
