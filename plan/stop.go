package plan

import "slices"

// halted stands for a component that is stopped, by the release of its template, -1 if that is not known.
func halted(template int) int { return -3 - template }

// haltedAt returns the release of the template of a stopped component, and whether it is stopped at a node.
func (n node) haltedAt(comp int) (template int, ok bool) {
	return -3 - n.runs[comp], n.runs[comp] < mixed
}

// replaced returns the releases that a rollout of a component replaces at a node: those that run, or that of the
// template of a stopped one, as if it ran.
func (m *model) replaced(n node, comp int) []int {
	if template, ok := n.haltedAt(comp); !ok {
		return m.running(n, comp)
	} else if template >= 0 {
		return []int{template}
	}
	return nil
}

// open tells whether a keyspace whose rewrites stop its components has one before it at a node.
func (m *model) open(n node, key int) bool {
	k := &m.keys[key]
	return k.stops && k.goal >= 0 && !n.present[key].within(k.fits)
}

// mayStop tells whether a component may be stopped: the release of it that runs uses a keyspace whose policy lets that be.
// It is always safe. Whether there is a rewrite to stop for does not matter: were it asked, a plan would make one, by a detour
// over releases that write what has to be rewritten, and be off its way as soon as the first of them runs (invariant 6). A
// rollout that is under way ends first: were it cut short by a stop, it would be cheaper to stop in its middle than before
// it, and a plan would change under its own rollout (invariant 6).
func (m *model) mayStop(n node, comp int) bool {
	c, r := &m.comps[comp], n.runs[comp]
	if c.fixed || r < 0 {
		return false
	}
	return slices.ContainsFunc(c.stops, func(key int) bool { return m.keys[key].goal >= 0 && c.releases[r].use(key) != nil })
}

// mayStart tells whether a stopped component may run the release of its template again: it reads all that is there, and
// what it writes every running release reads. It reads no less than what ran: that was asked of the rollout to it.
func (m *model) mayStart(n node, comp int) bool {
	template, ok := n.haltedAt(comp)
	return ok && template >= 0 && m.mayWrite(n, comp, template) && m.mayMeet(n, comp, template)
}

// mayTurn tells whether the template of a stopped component may become that of a release. Nobody runs it yet, so it
// only has to be seen that a release which reads less meets nothing that it cannot read.
func (m *model) mayTurn(n node, comp, to int) bool {
	for i := range m.comps[comp].releases[to].uses {
		u := &m.comps[comp].releases[to].uses[i]
		if !u.reads || !m.narrows(n, comp, to, u.key) {
			continue
		}
		if n.present[u.key].has(0) && !ablated(invariantUnfit) || !ablated(invariantReadable) && !n.present[u.key].without(setOf(0)).within(u.classes) {
			return false
		}
	}
	return true
}

// mayMeet tells whether a release reads all that is there.
func (m *model) mayMeet(n node, comp, to int) bool {
	for i := range m.comps[comp].releases[to].uses {
		u := &m.comps[comp].releases[to].uses[i]
		if u.reads && !ablated(invariantReadable) && !n.present[u.key].without(setOf(0)).within(u.classes) {
			return false
		}
	}
	return true
}

// usersOf returns the running releases that use a keyspace, those that Keyshift may not stop first.
func (m *model) usersOf(n node, key int) (out []meeting) {
	for _, fixed := range []bool{true, false} {
		for _, ci := range m.keys[key].users {
			for _, r := range m.running(n, ci) {
				if m.comps[ci].fixed == fixed && m.comps[ci].releases[r].use(key) != nil {
					out = append(out, meeting{ci, r, key, 0})
				}
			}
		}
	}
	return out
}

// mustStop tells whether a component that runs has to be stopped before the goal, whatever it is rolled to, and whether
// it would have to be and may not.
func (m *model) mustStop(n node, comp int) (must, mayNot bool) {
	c := &m.comps[comp]
	if _, stopped := n.haltedAt(comp); stopped || len(c.stops) == 0 {
		return false, false
	}
	for _, key := range c.stops {
		if m.open(n, key) && (c.fixed && slices.ContainsFunc(c.start, func(r int) bool { return c.releases[r].use(key) != nil }) || slices.Contains(c.always, key)) {
			return !c.fixed, c.fixed
		}
	}
	return false, false
}

// stopping notes which keyspaces that stop their components the releases of a component use.
func (m *model) stopping(c *component) {
	for _, key := range c.keys {
		if !m.keys[key].stops {
			continue
		}
		c.stops = append(c.stops, key)
		if !slices.ContainsFunc(slices.Concat(c.targets, c.start), func(r int) bool { return c.releases[r].use(key) == nil }) && !c.fixed {
			c.always = append(c.always, key)
		}
	}
}
