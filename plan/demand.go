package plan

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// before returns the components that a component is to be rolled out after, as far as Keyshift rolls them.
func before(want state.Desired, c state.Component) (out []state.Component) {
	for _, name := range c.Policy.After {
		if first, ok := want.FindComponent(name); ok && name != c.Name && !first.External && !first.Removed {
			out = append(out, first)
		}
	}
	return out
}

// rankOf returns the part of a release's name that a jump counts by, and whether the name is a version.
func rankOf(name string, jump state.Jump) (string, bool) {
	parts := strings.SplitN(name, ".", 3)
	if !state.Version(name).Valid() {
		return name, false
	}
	switch jump {
	case state.JumpMajor:
		return parts[0], true
	case state.JumpMinor:
		return parts[0] + "." + parts[1], true
	}
	return name, true
}

// jumps tells whether the policy of a component lets one rollout lead from a release to another. If not, it says why: a
// declared release between them of a rank that neither has, or a name that is no version.
func jumps(c state.Component, from, to string) (why string, ok bool) {
	jump := c.Policy.Jump
	if jump == "" || jump == state.JumpAny || from == to {
		return "", true
	}
	here, known := rankOf(from, jump)
	there, also := rankOf(to, jump)
	if !known || !also {
		name := from
		if known {
			name = to
		}
		return fmt.Sprintf("policy jump %q cannot be told of %s, whose name is no version", jump, name), false
	}
	low, high := state.Version(from), state.Version(to)
	if low.Compare(high) > 0 {
		low, high = high, low
	}
	for _, r := range c.Releases {
		v := state.Version(r.Name)
		if rank, known := rankOf(r.Name, jump); known && v.Compare(low) > 0 && v.Compare(high) < 0 && rank != here && rank != there {
			return fmt.Sprintf("policy jump %q lets it not step over %s", jump, r.Name), false
		}
	}
	return "", true
}

// checkDemands proves that a rollout keeps the order and the distance that the policy of its component demands.
func checkDemands(want state.Desired, have state.Observed, c state.Component, s Step) error {
	for _, first := range before(want, c) {
		if live, _ := have.FindRunning(first.Name); live.Template != first.Release || !slices.Equal(diff.Runs(first, have), []string{first.Release}) {
			return &InvariantError{7, -1, fmt.Sprintf("rollout %s to %s comes after %s, which does not run %s alone", c.Name, s.To, first.Name, first.Release)}
		}
	}
	for _, from := range replacedBy(c, have) {
		if why, ok := jumps(c, from, s.To); !ok {
			return &InvariantError{7, -1, fmt.Sprintf("rollout %s from %s to %s: %s", c.Name, from, s.To, why)}
		}
	}
	return nil
}

// replacedBy returns the releases that a rollout of a component replaces: those that run, and the template of a stopped
// one, as if that ran.
func replacedBy(c state.Component, have state.Observed) []string {
	runs := diff.Runs(c, have)
	if live, _ := have.FindRunning(c.Name); live.Stopped && live.Template != "" {
		runs = append(runs, live.Template)
		slices.Sort(runs)
	}
	return slices.Compact(runs)
}

// demands puts into a component of the model what its policy demands of its rollouts.
func (c *component) demands(def state.Component, want state.Desired) {
	for _, first := range before(want, def) {
		c.after = append(c.after, slices.IndexFunc(want.Components, func(o state.Component) bool { return o.Name == first.Name }))
	}
	if def.Policy.Jump == "" || def.Policy.Jump == state.JumpAny {
		return
	}
	c.reach = make([][]bool, len(def.Releases))
	for i, from := range def.Releases {
		rank, _ := rankOf(from.Name, def.Policy.Jump)
		c.ranks = append(c.ranks, rank)
		for _, to := range def.Releases {
			_, ok := jumps(def, from.Name, to.Name)
			c.reach[i] = append(c.reach[i], ok)
		}
	}
}

// permits tells whether the policy of a component lets it be rolled to a release.
func (m *model) permits(n node, comp, to int) bool {
	return m.comesAfter(n, comp) < 0 && m.stepsOver(n, comp, to) < 0
}

// comesAfter returns the first component that has to be at its desired release before, and is not; -1 if none.
func (m *model) comesAfter(n node, comp int) int {
	if ablated(invariantAfter) {
		return -1
	}
	for _, first := range m.comps[comp].after {
		if n.runs[first] != m.comps[first].goal {
			return first
		}
	}
	return -1
}

// stepsOver returns the first release from which a rollout to another leads too far, -1 if none.
func (m *model) stepsOver(n node, comp, to int) int {
	c := &m.comps[comp]
	if c.reach == nil || ablated(invariantJump) {
		return -1
	}
	for _, from := range m.replaced(n, comp) {
		if !c.reach[from][to] {
			return from
		}
	}
	return -1
}
