package plan

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// InvariantError names the broken invariant by its number in the design: 1 readable, 2 convergent, 3 recoverable, 4 exact,
// 5 deterministic, 6 stable; 7 is that what policies demand of the order is kept: strategy stop, after and jump.
type InvariantError struct {
	Invariant int
	Step      int // index into Plan.Steps, -1 if it is about the whole plan or a step by itself
	Reason    string
}

// Error says which invariant, where and why.
func (e *InvariantError) Error() string {
	where := ""
	if e.Step >= 0 {
		where = fmt.Sprintf(" at step %d", e.Step+1)
	}
	return fmt.Sprintf("invariant %d (%s) is broken%s: %s", e.Invariant, invariantNames[e.Invariant], where, e.Reason)
}

var invariantNames = map[int]string{1: "readable", 2: "convergent", 3: "recoverable", 4: "exact", 5: "deterministic", 6: "stable", 7: "demanded"}

// Check proves a plan without knowing how it was made: every step is safe before, during and after it
// (invariants 1 to 3 and 7), the end is what is wanted but for what is Blocked (4), and the digests name the content (5).
// CheckStable proves the sixth.
func Check(want state.Desired, have state.Observed, p Plan) error {
	want, have = sortedDesired(want), sortedObserved(have)
	x := diff.NewIndex(want, have)
	for i, s := range p.Steps {
		part, live := around(x, s)
		if err := checkStep(part, live, s); err != nil {
			if e, ok := err.(*InvariantError); ok {
				e.Step = i
			}
			return err
		}
		x.Put(End(part, live, s))
	}
	for _, c := range diff.Compute(want, x.Have()) {
		if !p.blocks(c) {
			return &InvariantError{4, -1, fmt.Sprintf("%s %s is left to do in the end: %s", c.Kind, c.Object, c.Reason)}
		}
	}
	if err := p.checkParts(want); err != nil {
		return err
	}
	sealed := seal(Plan{System: p.System, Steps: slices.Clone(p.Steps), Parts: slices.Clone(p.Parts)}, x)
	for i := range p.Steps {
		if sealed.Steps[i].Digest != p.Steps[i].Digest {
			return &InvariantError{5, i, "its digest is not that of its content"}
		}
	}
	if sealed.Digest != p.Digest {
		return &InvariantError{5, -1, "the plan's digest is not that of its steps"}
	}
	return nil
}

// checkParts proves that the parts can go on without each other: each has its steps together, every step is about an
// object of its part, and no part has anything that a step of another bears on.
func (p Plan) checkParts(want state.Desired) error {
	part := -1
	for i, s := range p.Steps {
		if s.Part != part && s.Part != part+1 || s.Part >= len(p.Parts) {
			return &InvariantError{5, i, "its part of the plan is not the one before nor the next"}
		}
		part = s.Part
		mine := p.Parts[part].Keyspaces
		if s.OnComponent() {
			mine = p.Parts[part].Components
		}
		if _, found := slices.BinarySearch(mine, s.Object); !found {
			return &InvariantError{5, i, "it is about no object of its part of the plan"}
		}
	}
	if part != len(p.Parts)-1 {
		return &InvariantError{5, -1, "a part of the plan has no step"}
	}
	for i, needs := range p.Needs(want) {
		for _, n := range needs {
			if p.Steps[n].Part != p.Steps[i].Part {
				return &InvariantError{5, i, fmt.Sprintf("it needs step %d, which is of another part of the plan", n+1)}
			}
		}
	}
	return nil
}

func (p Plan) blocks(c diff.Change) bool {
	return slices.ContainsFunc(p.Blocked, func(b Blocked) bool {
		if c.OnKeyspace() {
			return slices.Contains(b.Keyspaces, c.Object)
		}
		return slices.Contains(b.Components, c.Object)
	})
}

// CheckStable proves that from every moment of a plan, planning again gives what is left of it. A component that is being
// scaled back up is not stopped any more, so that step is over for the planner as soon as it has begun.
func CheckStable(want state.Desired, have state.Observed, p Plan) error {
	for _, m := range Simulate(want, have, p) {
		rest := p.Steps[m.Step:]
		if m.Phase == After || m.Phase == During && p.Steps[m.Step].To == BackUp {
			rest = p.Steps[m.Step+1:]
		}
		again := Make(want, m.State, diff.Compute(want, m.State))
		same := slices.EqualFunc(again.Steps, rest, func(a, b Step) bool { return a.Digest == b.Digest })
		if !same {
			return &InvariantError{6, m.Step, fmt.Sprintf("planning again %s it gives another plan: %s instead of %s", m.Phase, brief(again.Steps), brief(rest))}
		}
	}
	return nil
}

func brief(steps []Step) string {
	var parts []string
	for _, s := range steps {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s %s", s.Kind, s.Object, s.To)))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// CheckStep proves one step from the world before it.
func CheckStep(want state.Desired, have state.Observed, s Step) error {
	part, live := around(diff.NewIndex(want, have), s)
	return checkStep(part, live, s)
}

// around returns the part of a system that a step bears on.
func around(x *diff.Index, s Step) (state.Desired, state.Observed) {
	if s.OnComponent() {
		return x.AroundComponent(s.Object)
	}
	return x.Around(s.Object)
}

func checkStep(want state.Desired, have state.Observed, s Step) error {
	before, during, after := meetings(want, have), meetings(want, Begin(want, have, s)), meetings(want, End(want, have, s))
	for _, v := range slices.Concat(during, after) {
		if !slices.ContainsFunc(before, v.follows) {
			return &InvariantError{1, -1, fmt.Sprintf("%s %s: %s", s.Kind, s.Object, v)}
		}
	}
	switch s.Kind {
	case Rollout:
		return checkRollout(want, have, s)
	case Scale:
		return checkScale(want, have, s)
	case Backup:
		return checkBackup(want, have, s)
	case Rewrite:
		return checkRewrite(want, have, s)
	case Prune:
		return checkPrune(want, have, s)
	case Verify:
		if _, ok := want.FindKeyspace(s.Object); !ok {
			return fmt.Errorf("verify %s: there is no such keyspace in the catalogue; plan again", s.Object)
		}
		return nil
	}
	return fmt.Errorf("step kind %q is not known; plan again", s.Kind)
}

// follows tells whether a violation was there already as another: a class is a promise, and units of one that
// promises more may have been among those of one that promises less.
func (v Violation) follows(earlier Violation) bool {
	return v.Component == earlier.Component && v.Release == earlier.Release && v.Keyspace == earlier.Keyspace &&
		diff.Covers(earlier.Class, v.Class)
}

// meetings returns every pair of a running release and a class that may be there and that it cannot read.
func meetings(want state.Desired, have state.Observed) []Violation {
	var out []Violation
	for _, k := range want.Keyspaces {
		present := diff.Present(want, have, k, diff.ClassesOf(k))
		for _, c := range want.Components {
			for _, name := range diff.Runs(c, have) {
				r, _ := c.FindRelease(name)
				u, _ := r.FindUse(k.Name)
				for _, class := range present {
					if u.Reads != "" && class != state.Unfit && !slices.ContainsFunc(class.Versions(), u.Reads.Contains) {
						out = append(out, Violation{c.Name, name, k.Name, class})
					}
				}
			}
		}
	}
	return out
}

// broken is meetings of a whole system in an order of its own.
func broken(x *diff.Index, want state.Desired) []Violation {
	var out []Violation
	for _, k := range want.Keyspaces {
		out = append(out, meetings(x.Around(k.Name))...)
	}
	slices.SortFunc(out, func(a, b Violation) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// checkRollout proves that a release that reads less than what it replaces comes only after a full pass that found
// nothing outside of its range and nothing unfit, and that the policy of the component is kept.
func checkRollout(want state.Desired, have state.Observed, s Step) error {
	c, ok := want.FindComponent(s.Object)
	r, declared := c.FindRelease(s.To)
	if !ok || !declared || c.External || c.Removed {
		return fmt.Errorf("rollout %s to %s: it is not a release that Keyshift may roll; plan again", s.Object, s.To)
	}
	for _, u := range r.Uses {
		k, ok := want.FindKeyspace(u.Keyspace)
		if !ok || u.Reads == "" || !readsLess(c, replacedBy(c, have), k, u) {
			continue
		}
		know := learn(want, have, k)
		outside := slices.ContainsFunc(know.present, func(class state.Class) bool {
			return !slices.ContainsFunc(class.Versions(), u.Reads.Contains)
		})
		switch {
		case !know.verified:
			return &InvariantError{1, -1, fmt.Sprintf("rollout %s to %s reads less of %s than what runs, and no full pass has verified it", c.Name, r.Name, k.Name)}
		case outside:
			return &InvariantError{1, -1, fmt.Sprintf("rollout %s to %s may meet units of %s that it cannot read", c.Name, r.Name, k.Name)}
		}
	}
	return checkDemands(want, have, c, s)
}

// readsLess tells whether a release narrows what its component reads: there is a declared version that every
// running release reads and it does not, or none of them reads the keyspace.
func readsLess(c state.Component, runs []string, k state.Keyspace, u state.Use) bool {
	none := true
	common := slices.Clone(k.Shapes)
	for _, name := range runs {
		r, _ := c.FindRelease(name)
		v, _ := r.FindUse(k.Name)
		none = none && v.Reads == ""
		common = slices.DeleteFunc(common, func(s state.Shape) bool { return !v.Reads.Contains(s.Version) })
	}
	return none || slices.ContainsFunc(common, func(s state.Shape) bool { return !u.Reads.Contains(s.Version) })
}

// checkRewrite proves that nobody writes what the rewrite converts, that every class has a way, and that what it changes
// is in a backup where the policy wants one.
func checkRewrite(want state.Desired, have state.Observed, s Step) error {
	k, ok := want.FindKeyspace(s.Object)
	to := state.Version(s.To)
	shape, declared := k.FindShape(to)
	if !ok || !declared {
		return fmt.Errorf("rewrite %s to %s: no such version is known; plan again", s.Object, s.To)
	}
	if s.Strategy != emptying(k) {
		return fmt.Errorf("rewrite %s to %s: its strategy is %q, and the step says %q; plan again", k.Name, to, emptying(k), s.Strategy)
	}
	if err := checkUnused(want, have, k, to); err != nil {
		return err
	}
	know := learn(want, have, k)
	for _, class := range diff.Writes(want, have, k.Name, know.classes) {
		if !class.Has(to) {
			return &InvariantError{2, -1, fmt.Sprintf("rewrite %s to %s: a running release writes %s", k.Name, to, class)}
		}
	}
	for _, class := range know.lacking(to) {
		if k.Policy.Strategy.Empties() {
			break
		}
		path, ok := diff.Route(k, class, to)
		if !ok {
			return &InvariantError{2, -1, fmt.Sprintf("rewrite %s to %s: no migration leads there from %s", k.Name, to, class)}
		}
		if forsaken(shape, path) {
			return fmt.Errorf("rewrite %s from %s to %s: the commit declares no such version; plan again", s.Object, class, s.To)
		}
	}
	return checkRecoverable(k, know, to)
}

// emptying returns the strategy of a keyspace if it converts nothing.
func emptying(k state.Keyspace) state.Strategy {
	if k.Policy.Strategy.Empties() {
		return k.Policy.Strategy
	}
	return ""
}
