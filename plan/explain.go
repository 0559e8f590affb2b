package plan

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// refusal says why a move towards the goal is not safe, and what would make it so.
type refusal struct{ reason, wayOut string }

// declares is how a way out begins that is a release to declare.
const declares = "declare a "

// explain turns a failed search into a counterexample: at the node nearest to the goal, what each move that is
// still wanted would break.
func (m *model) explain(want state.Desired, have state.Observed, f found) Blocked {
	b := Blocked{Code: NoSafeOrder}
	for _, c := range m.comps {
		b.Components = append(b.Components, c.name)
	}
	for _, k := range m.keys {
		b.Keyspaces = append(b.Keyspaces, k.name)
	}
	if f.limit {
		b.Code = SearchLimit
		b.Reason = fmt.Sprintf("%d components and keyspaces are coupled, too many to try every order, and the rule for large systems found none", m.objects())
		b.WayOut = "commit the change in smaller parts"
	} else if unfit, ok := m.withoutUnfit(); ok {
		return m.explainUnfit(b, have, unfit)
	}
	refused := m.refusals(f.nearest)
	var reasons []string
	for _, r := range refused[:min(len(refused), 3)] {
		reasons = append(reasons, r.reason)
	}
	if len(reasons) > 0 && b.Reason != "" {
		b.Reason += ": "
	}
	b.Reason += strings.Join(reasons, "; ")
	if len(refused) == 0 && b.Reason == "" {
		b.Reason = "no order of rollouts and rewrites leads to what is desired"
		b.WayOut = "check that the desired versions are declared and that migrations lead to them"
	}
	if b.WayOut == "" {
		b.WayOut = bridged(want, have)
	}
	if len(refused) > 0 && b.WayOut == "" {
		b.WayOut = firstWayOut(refused)
	}
	if still := m.standingStill(); !f.limit && len(still) > 0 {
		b.WayOut += fmt.Sprintf("; or let what uses %s stand still for the rewrite, with policy strategy \"stop\"", strings.Join(still, " and "))
	}
	b.Reason += stoppedMeanwhile(m.stoppedNow())
	return b
}

// firstWayOut returns the first way out that is more than a release to declare, if there is one: no release helps alone.
func firstWayOut(refused []refusal) string {
	for _, r := range refused {
		if !strings.HasPrefix(r.wayOut, declares) {
			return r.wayOut
		}
	}
	return refused[0].wayOut
}

// withoutUnfit tells whether there would be an order if no unit were unfit, and which keyspaces have such units.
func (m *model) withoutUnfit() (unfit []string, ok bool) {
	clean := *m
	clean.keys = slices.Clone(m.keys)
	for i := range clean.keys {
		if clean.keys[i].present.has(0) {
			clean.keys[i].present = clean.keys[i].present.without(setOf(0))
			unfit = append(unfit, clean.keys[i].name)
		}
	}
	return unfit, len(unfit) > 0 && clean.search().ok
}

func (m *model) explainUnfit(b Blocked, have state.Observed, unfit []string) Blocked {
	b.Code = UnfitUnits
	var parts []string
	for _, name := range unfit {
		live, _ := have.FindLive(name)
		var units int64
		for _, n := range live.Counts {
			if n.Class == state.Unfit {
				units += n.Units
			}
		}
		var keys []string
		for _, s := range live.Samples {
			keys = append(keys, s.Key)
		}
		slices.Sort(keys)
		part := fmt.Sprintf("%d units of %s fit no version", units, name)
		if len(keys) > 0 {
			part += " (" + strings.Join(keys, ", ") + ")"
		}
		parts = append(parts, part)
	}
	b.Reason = strings.Join(parts, "; ") + ", and a release that reads less than what runs now may meet them"
	b.WayOut = "mend or delete these units, or declare a version that they fit"
	return b
}

// obstacles counts the releases and classes that stand in the way of the moves that are wanted at a node.
func (m *model) obstacles(n node) int {
	count := 0
	for ci, c := range m.comps {
		if c.fixed || c.goal < 0 || n.runs[ci] == c.goal {
			continue
		}
		for i := range c.releases[c.goal].uses {
			u := &c.releases[c.goal].uses[i]
			if u.writes >= 0 {
				count += len(m.unreadable(n, u.key, setOf(u.writes)))
			}
			if u.reads && !n.present[u.key].without(setOf(0)).within(u.classes) {
				count++
			}
		}
	}
	for ki := range m.keys {
		if k := &m.keys[ki]; k.goal >= 0 && !n.present[ki].within(k.fits) {
			t := &k.to[k.goal]
			count += len(m.writers(n, ki, t.has)) + len(m.unreadable(n, ki, setOf(t.written)))
		}
	}
	return count
}

// refusals returns why the moves that are wanted at a node are not safe there: first who cannot be stopped for one, then
// components, then keyspaces.
func (m *model) refusals(n node) []refusal {
	out := m.inUse(n)
	for ci, c := range m.comps {
		if c.fixed || c.goal < 0 || n.runs[ci] == c.goal {
			continue
		}
		if n.runs[ci] == halted(c.goal) {
			if !m.mayStart(n, ci) {
				out = append(out, m.whyNotStart(n, ci))
			}
		} else if _, ok := m.rollout(n, ci, c.goal); !ok {
			out = append(out, m.whyNotRollout(n, ci))
		}
	}
	for ki := range m.keys {
		k := &m.keys[ki]
		if k.goal < 0 || n.present[ki].within(k.fits) {
			continue
		}
		if _, _, ok := m.rewrite(n, ki, k.goal); !ok && !m.held(n, ki) {
			out = append(out, m.whyNotRewrite(n, ki))
		}
	}
	return out
}

func (m *model) whyNotRollout(n node, comp int) refusal {
	c := m.comps[comp]
	step := fmt.Sprintf("in rollout %s %s → %s", c.name, m.names(n, comp), c.releases[c.goal].name)
	if r, ok := m.whyNotPermitted(n, comp, step); ok {
		return r
	}
	return m.whyNotRun(n, comp, step)
}

// whyNotRun says what the desired release of a component would break that begins to run.
func (m *model) whyNotRun(n node, comp int, step string) refusal {
	c := m.comps[comp]
	for i := range c.releases[c.goal].uses {
		u := &c.releases[c.goal].uses[i]
		k := &m.keys[u.key]
		if u.writes >= 0 {
			added := k.add(n.present[u.key], u.writes).without(n.present[u.key])
			if hits := m.unreadable(n, u.key, added); len(hits) > 0 {
				hit := hits[0]
				return refusal{fmt.Sprintf("%s, %s writes %s %s, which running %s does not read", step,
					c.releases[c.goal].name, k.name, k.classes[hit.class], m.called(hit)), m.wayOut(hit)}
			}
		}
		if not := n.present[u.key].without(setOf(0)).without(u.classes); u.reads && !not.empty() {
			class := k.classes[not.first()]
			return refusal{fmt.Sprintf("%s, %s could meet %s %s, which it does not read", step, c.releases[c.goal].name, k.name, class),
				fmt.Sprintf("declare a bridge release of %s that reads %s %s and writes what %s writes", c.name, k.name, class, c.releases[c.goal].name)}
		}
	}
	return refusal{step + ", it could meet units that fit no version", "mend or delete these units"}
}

func (m *model) whyNotRewrite(n node, key int) refusal {
	k := &m.keys[key]
	t := &k.to[k.goal]
	step := fmt.Sprintf("rewrite %s to %s", k.name, t.version)
	lacking := n.present[key].without(t.has)
	if not := lacking.without(t.routes); !not.empty() {
		class := k.classes[not.first()]
		return refusal{fmt.Sprintf("%s has no migration from %s", step, class), fmt.Sprintf("declare migrations of %s that lead from %s to %s", k.name, class, t.version)}
	}
	if hits := m.usersOf(n, key); k.stops && len(hits) > 0 {
		return m.whyInUse(hits[0], step)
	}
	if hits := m.writers(n, key, t.has); len(hits) > 0 {
		hit := hits[0]
		return refusal{fmt.Sprintf("%s would not end while running %s writes %s", step, m.called(hit), k.classes[hit.class]), m.wayOut(hit)}
	}
	added := k.add(n.present[key], t.written).without(n.present[key])
	if hits := m.unreadable(n, key, added); len(hits) > 0 {
		hit := hits[0]
		return refusal{fmt.Sprintf("%s would make %s, which running %s does not read", step, k.classes[hit.class], m.called(hit)), m.wayOut(hit)}
	}
	return refusal{step + " is not safe", "declare a bridge release"}
}

// wayOut says what would let a release out of the way.
func (m *model) wayOut(hit meeting) string {
	c, k := m.comps[hit.comp], m.keys[hit.key]
	u := c.releases[hit.release].use(hit.key)
	meets := u.reads && !u.classes.has(hit.class)
	switch {
	case c.fixed && meets:
		return fmt.Sprintf("Keyshift does not roll %s: move it to a release that reads %s %s, or stop it", c.name, k.name, k.classes[hit.class])
	case c.fixed:
		return fmt.Sprintf("Keyshift does not roll %s: move it to a release that does not write %s %s, or stop it", c.name, k.name, k.classes[hit.class])
	case meets:
		writes := "nothing"
		if u.writes >= 0 {
			writes = string(k.classes[u.writes])
		}
		return fmt.Sprintf("declare a bridge release of %s that reads %s %s beside what %s reads, and writes %s", c.name, k.name, k.classes[hit.class], c.releases[hit.release].name, writes)
	}
	return fmt.Sprintf("declare a release of %s that reads what %s reads and does not write %s %s", c.name, c.releases[hit.release].name, k.name, k.classes[hit.class])
}

func (m *model) called(hit meeting) string {
	return m.comps[hit.comp].name + " " + m.comps[hit.comp].releases[hit.release].name
}

func (m *model) names(n node, comp int) string {
	var names []string
	for _, r := range m.replaced(n, comp) {
		if r != m.comps[comp].goal {
			names = append(names, m.comps[comp].releases[r].name)
		}
	}
	return strings.Join(names, ", ")
}

// tooManyVersions guards the search's sets.
func tooManyVersions(x *diff.Index, want state.Desired) (Blocked, bool) {
	for _, k := range want.Keyspaces {
		if n := len(k.Shapes) + len(know(x, k).present); n >= setSize {
			b := Blocked{Code: SearchLimit, Keyspaces: []string{k.Name}}
			for _, c := range want.Components {
				b.Components = append(b.Components, c.Name)
			}
			b.Reason = fmt.Sprintf("%s has %d versions and classes, planning stops at %d", k.Name, n, setSize)
			b.WayOut = "take versions out of the spec that no release and no unit needs"
			return b, true
		}
	}
	return Blocked{}, false
}
