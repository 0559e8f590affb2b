package plan

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// TestCheapestOfAll compares Make with a search over every order of single steps in a model of its own (tiny): both
// find an order or neither does, and both pay the same.
func TestCheapestOfAll(t *testing.T) {
	feasible, infeasible, states, spread, down := 0, 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		changes := diff.Compute(s.Want, s.Have)
		for _, sub := range subsystems(diff.NewIndex(sortedDesired(s.Want), s.Have), sortedDesired(s.Want)) {
			if mine := sub.among(grouped(changes)); len(mine) == 0 || len(sub.holds(diff.NewIndex(sortedDesired(s.Want), s.Have), mine)) > 0 {
				continue
			}
			steps, blocked := order(sub.want, s.Have, nil)
			blocked = slices.DeleteFunc(blocked, func(b Blocked) bool { return b.Code == StillUsed }) // which is no matter of order
			best, seen, ok := brute(sub.want, s.Have)
			states += seen
			if ok != (len(blocked) == 0) {
				t.Fatalf("brute force finds an order: %t (%v); Make: %s, %v", ok, best, brief(steps), blocked)
			}
			if !ok {
				infeasible++
				continue
			}
			feasible++
			spread += b2i(best[1] > 0)
			down += b2i(best[0] > 0)
			if got := price(sub.want, s.Have, steps); got != best {
				t.Fatalf("brute force pays %v, Make %v: %s", best, got, brief(steps))
			}
		}
	})
	t.Logf("%d subsystems with an order (%d spread what is unreadable, %d stop something), %d without, %d states tried", feasible, spread, down, infeasible, states)
}

// paid counts stops, rollouts and starts that spread what is unreadable, lossy rewrites, rewrites, rollouts and starts.
type paid [5]int

func price(want state.Desired, have state.Observed, steps []Step) (p paid) {
	for _, s := range steps {
		p = p.plus(s, spreads(want, have, s))
		have = End(want, have, s)
	}
	return p
}

func (p paid) plus(s Step, spreads bool) paid {
	switch {
	case s.Kind == Scale && s.To == ToZero:
		p[0]++
	case s.OnComponent():
		p[1] += b2i(spreads)
		p[4]++
	case s.Kind == Rewrite:
		p[2] += b2i(len(s.Losses) > 0 || s.Strategy == state.StrategyDiscard)
		p[3]++
	}
	return p
}

// spreads tells whether a step starts a writer of what another running release cannot read.
func spreads(want state.Desired, have state.Observed, s Step) bool {
	c, _ := want.FindComponent(s.Object)
	live, _ := have.FindRunning(s.Object)
	begins := s.To
	switch {
	case s.Kind == Scale && s.To == BackUp:
		begins = live.Template
	case s.Kind != Rollout || live.Stopped || slices.Contains(diff.Runs(c, have), s.To):
		return false
	}
	r, _ := c.FindRelease(begins)
	for _, k := range want.Keyspaces {
		u, _ := r.FindUse(k.Name)
		written := diff.ClassesOf(k).Written(u.Writes)
		for _, other := range want.Components {
			for _, name := range diff.Runs(other, have) {
				o, _ := other.FindRelease(name)
				v, _ := o.FindUse(k.Name)
				if u.Writes != "" && v.Reads != "" && !slices.ContainsFunc(written.Versions(), v.Reads.Contains) {
					return true
				}
			}
		}
	}
	return false
}

func (p paid) less(q paid) bool {
	for i := range p {
		if p[i] != q[i] {
			return p[i] < q[i]
		}
	}
	return false
}
