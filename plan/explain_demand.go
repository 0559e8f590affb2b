package plan

import (
	"fmt"
	"slices"

	"keyshift.dev/state"
)

// whyNotPermitted says which demand of its policy keeps a component from its desired release, and whether one does.
func (m *model) whyNotPermitted(n node, comp int, step string) (refusal, bool) {
	c := m.comps[comp]
	if first := m.comesAfter(n, comp); first >= 0 {
		o := m.comps[first]
		return refusal{
			fmt.Sprintf("%s, policy after lets it wait for %s, which does not run %s alone", step, o.name, o.releases[max(o.goal, 0)].name),
			fmt.Sprintf("take %s out of after of %s, or declare a release that lets %s go first", o.name, c.name, o.name),
		}, true
	}
	if from := m.stepsOver(n, comp, c.goal); from >= 0 {
		for _, r := range []int{from, c.goal} {
			if name := c.releases[r].name; !state.Version(name).Valid() {
				return refusal{fmt.Sprintf("%s, policy jump tells no distance, as %s is no version", step, name),
					fmt.Sprintf("take jump out of the policy of %s, or give its releases names that are versions", c.name)}, true
			}
		}
		return refusal{
			fmt.Sprintf("%s, policy jump lets no rollout lead there from %s, and none to what lies between is safe", step, c.releases[from].name),
			fmt.Sprintf("take jump out of the policy of %s, or declare a release between them that may run", c.name),
		}, true
	}
	return refusal{}, false
}

// whyNotStart says why a stopped component may not run its desired release again.
func (m *model) whyNotStart(n node, comp int) refusal {
	return m.whyNotRun(n, comp, fmt.Sprintf("in scale %s back up", m.comps[comp].name))
}

// inUse returns why keyspaces are not rewritten that something uses which Keyshift does not stop.
func (m *model) inUse(n node) (out []refusal) {
	for ki := range m.keys {
		if k := &m.keys[ki]; m.open(n, ki) && m.held(n, ki) {
			out = append(out, m.whyInUse(m.usersOf(n, ki)[0], fmt.Sprintf("rewrite %s to %s", k.name, k.to[k.goal].version)))
		}
	}
	return out
}

// held tells whether something that Keyshift does not stop uses a keyspace that is rewritten only while nobody does.
func (m *model) held(n node, key int) bool {
	users := m.usersOf(n, key)
	return m.keys[key].stops && len(users) > 0 && m.comps[users[0].comp].fixed
}

// whyInUse says who keeps a keyspace in use that is rewritten only while nobody uses it.
func (m *model) whyInUse(hit meeting, step string) refusal {
	c, k := m.comps[hit.comp], m.keys[hit.key]
	r := refusal{fmt.Sprintf("%s would not begin while running %s uses it, as its strategy is \"stop\"", step, m.called(hit)),
		fmt.Sprintf("see why %s cannot be stopped and started again, or choose another strategy for %s", c.name, k.name)}
	if c.fixed {
		r.wayOut = fmt.Sprintf("Keyshift does not stop %s: take it off %s for the rewrite, or choose another strategy for %s", c.name, k.name, k.name)
	}
	return r
}

// standingStill names the keyspaces of which the rewrites would leave an order if they stopped their components: one, if
// one is enough, else all; none if that would not help.
func (m *model) standingStill() (names []string) {
	var online []int
	for i := range m.keys {
		if k := &m.keys[i]; k.online && k.goal >= 0 && !k.present.within(k.fits) {
			online = append(online, i)
			names = append(names, k.name)
		}
	}
	for n, i := range online {
		if m.ifStopping(i) {
			return names[n : n+1]
		}
	}
	if len(online) > 1 && m.ifStopping(online...) {
		return names
	}
	return nil
}

// ifStopping tells whether there would be an order if the rewrites of some keyspaces stopped their components.
func (m *model) ifStopping(keys ...int) bool {
	still := *m
	still.keys, still.comps = slices.Clone(m.keys), slices.Clone(m.comps)
	for _, i := range keys {
		still.keys[i].stops = true
	}
	for i := range still.comps {
		still.comps[i].stops, still.comps[i].always = nil, nil
		still.stopping(&still.comps[i])
	}
	return still.search().ok
}

// stoppedNow names the components that are stopped at the start.
func (m *model) stoppedNow() (names []string) {
	for _, c := range m.comps {
		if c.halted {
			names = append(names, c.name)
		}
	}
	return names
}
