package plan

import "slices"

// node is a state of the search.
type node struct {
	runs    []int // by component: the one release that runs, or mixed: what the start has, or halted
	present []set // by keyspace
}

// mixed stands for the releases that run together at the start.
const mixed = -1

// move is a rollout, a rewrite with its verify, or that a component is stopped or started again. Moves are ordered by
// kind, object and target: what is stopped starts as early as it can, and nothing is stopped before it must be.
type move struct {
	kind   int
	object int // keyspace or component
	to     int // version or release; 0 if it is stopped
}

// The kinds of moves, in the order of their names.
const (
	moveStart = iota
	moveRewrite
	moveRollout
	moveStop
)

func (m *model) start() node {
	n := node{}
	for _, c := range m.comps {
		run := mixed
		switch {
		case c.halted:
			run = halted(c.template)
		case c.settled:
			run = c.start[0]
		}
		n.runs = append(n.runs, run)
	}
	for _, k := range m.keys {
		n.present = append(n.present, k.present)
	}
	return n
}

// running returns the releases of a component that run at a node.
func (m *model) running(n node, comp int) []int {
	switch {
	case n.runs[comp] == mixed:
		return m.comps[comp].start
	case n.runs[comp] < mixed:
		return nil
	}
	return []int{n.runs[comp]}
}

// targets returns the releases that a component may be rolled to at a node: those worth it, and those that run.
// One that runs and cannot read all that is there may stay where its like may not come (the rule of repair).
func (m *model) targets(n node, comp int) []int {
	c := m.comps[comp]
	if c.fixed || n.runs[comp] != mixed {
		return c.targets
	}
	out := append(slices.Clone(c.targets), c.start...)
	slices.Sort(out)
	return slices.Compact(out)
}

func (m *model) done(n node) bool {
	for i, c := range m.comps {
		if !c.fixed && n.runs[i] != c.goal {
			return false
		}
	}
	for i := range m.keys {
		if !n.present[i].within(m.keys[i].fits) {
			return false
		}
	}
	return true
}

// rollout returns the node after a rollout, and whether it is safe.
func (m *model) rollout(n node, comp, to int) (node, bool) {
	if !m.mayRoll(n, comp, to) {
		return node{}, false
	}
	return m.take(n.clone(), move{moveRollout, comp, to}), true
}

// mayRoll tells whether a rollout is safe in every moment, and its component's policy permits it. During it every release
// of the component runs. It is safe if no release meets a class that it cannot read, unless it met it before (invariant 1
// and the rule of repair), and if a release that reads less than what runs meets nothing unfit.
func (m *model) mayRoll(n node, comp, to int) bool {
	if !m.permits(n, comp, to) {
		return false
	}
	if _, stopped := n.haltedAt(comp); stopped {
		return m.mayTurn(n, comp, to)
	}
	return m.mayWrite(n, comp, to) && (slices.Contains(m.running(n, comp), to) || m.mayRead(n, comp, to))
}

// mayWrite tells whether every running release, and the one that writes, reads what it writes and is not there yet.
func (m *model) mayWrite(n node, comp, to int) bool {
	for i := range m.comps[comp].releases[to].uses {
		u := &m.comps[comp].releases[to].uses[i]
		if u.writes < 0 {
			continue
		}
		added := m.keys[u.key].add(n.present[u.key], u.writes).without(n.present[u.key])
		if !added.empty() && (!m.readable(n, u.key, added) || u.reads && !ablated(invariantReadable) && !added.within(u.classes)) {
			return false
		}
	}
	return true
}

// take turns a node, which is the caller's own, into the one after a move that is safe.
func (m *model) take(n node, by move) node {
	switch by.kind {
	case moveRewrite:
		n.present[by.object] = setOf(m.keys[by.object].to[by.to].written).or(n.present[by.object].and(setOf(0)))
		return n
	case moveStop:
		n.runs[by.object] = halted(n.runs[by.object])
		return n
	case moveRollout:
		if _, stopped := n.haltedAt(by.object); stopped {
			n.runs[by.object] = halted(by.to)
			return n
		}
	}
	n.runs[by.object] = by.to
	for _, u := range m.comps[by.object].releases[by.to].uses {
		if u.writes >= 0 {
			n.present[u.key] = m.keys[u.key].add(n.present[u.key], u.writes)
		}
	}
	return n
}

// mayRead tells whether a release that does not run yet may start to read.
func (m *model) mayRead(n node, comp, to int) bool {
	if !m.mayMeet(n, comp, to) {
		return false
	}
	for _, u := range m.comps[comp].releases[to].uses {
		if u.reads && n.present[u.key].has(0) && !ablated(invariantUnfit) && m.narrows(n, comp, to, u.key) {
			return false
		}
	}
	return true
}

// narrows tells whether a release reads less of a keyspace than what it replaces: not all versions that
// every such release reads, or anything at all where none reads it.
func (m *model) narrows(n node, comp, to, key int) bool {
	c := m.comps[comp]
	u := c.releases[to].use(key)
	if u == nil || !u.reads {
		return false
	}
	common, anyReads := set{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}, false
	for _, r := range m.replaced(n, comp) {
		v := c.releases[r].use(key)
		if v == nil || !v.reads {
			common = set{}
			continue
		}
		anyReads = true
		common = common.and(v.versions)
	}
	return !anyReads || !common.within(u.versions)
}

// readable tells whether every running release that reads a keyspace reads the classes.
func (m *model) readable(n node, key int, classes set) bool {
	return ablated(invariantReadable) || len(m.unreadable(n, key, classes)) == 0
}

// meeting is a release that would meet a class it cannot read.
type meeting struct{ comp, release, key, class int }

// unreadable returns the running releases that read a keyspace but not all of the classes.
func (m *model) unreadable(n node, key int, classes set) (out []meeting) {
	if classes.empty() {
		return nil
	}
	for _, ci := range m.keys[key].users {
		for _, r := range m.running(n, ci) {
			u := m.comps[ci].releases[r].use(key)
			if u == nil || !u.reads {
				continue
			}
			if not := classes.without(setOf(0)).without(u.classes); !not.empty() {
				out = append(out, meeting{ci, r, key, not.first()})
			}
		}
	}
	return out
}

// rewrite returns the node after a rewrite and its verify, what it costs, and whether it is safe.
func (m *model) rewrite(n node, key, to int) (node, cost, bool) {
	if !m.mayRewrite(n, key, to) {
		return node{}, never, false
	}
	return m.take(n.clone(), move{moveRewrite, key, to}), m.keys[key].rewriting(n.present[key], to), true
}

// mayRewrite tells whether a rewrite is safe and changes anything: no running release writes a class that lacks the
// target (invariant 2), none uses the keyspace at all where its policy says so, every running reader reads the target.
func (m *model) mayRewrite(n node, key, to int) bool {
	k := &m.keys[key]
	t := &k.to[to]
	if k.stops && !ablated(invariantStopped) && len(m.usersOf(n, key)) > 0 {
		return false
	}
	if k.rewriting(n.present[key], to) == never || len(m.writers(n, key, t.has)) > 0 && !ablated(invariantConvergent) {
		return false
	}
	return m.readable(n, key, k.add(n.present[key], t.written).without(n.present[key]))
}

// writers returns the running releases that write a class outside of those given.
func (m *model) writers(n node, key int, but set) (out []meeting) {
	for _, ci := range m.keys[key].users {
		for _, r := range m.running(n, ci) {
			if u := m.comps[ci].releases[r].use(key); u != nil && u.writes >= 0 && !but.has(u.writes) {
				out = append(out, meeting{ci, r, key, u.writes})
			}
		}
	}
	return out
}

func (n node) clone() node { return node{slices.Clone(n.runs), slices.Clone(n.present)} }
