package plan

import (
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
)

// TestCheapestOfAll compares Make with a search over every order of single steps in a model of its own (tiny): both
// find an order or neither does, and both pay the same.
func TestCheapestOfAll(t *testing.T) {
	feasible, infeasible, states := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		changes := diff.Compute(s.Want, s.Have)
		for _, sub := range subsystems(sortedDesired(s.Want), sortedObserved(s.Have)) {
			if len(sub.holds(changes)) > 0 || !sub.touchedBy(changes) {
				continue
			}
			steps, blocked := order(sub.want, s.Have)
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
			if got := price(steps); got != best {
				t.Fatalf("brute force pays %v, Make %v: %s", best, got, brief(steps))
			}
		}
	})
	t.Logf("%d subsystems with an order, %d without, %d states tried", feasible, infeasible, states)
}

// paid counts lossy rewrites, rewrites and rollouts.
type paid [3]int

func price(steps []Step) (p paid) {
	for _, s := range steps {
		p = p.plus(s)
	}
	return p
}

func (p paid) plus(s Step) paid {
	switch {
	case s.Kind == Rollout:
		p[2]++
	case s.Kind == Rewrite:
		p[1]++
		if len(s.Losses) > 0 {
			p[0]++
		}
	}
	return p
}

func (p paid) less(q paid) bool {
	for i := range p {
		if p[i] != q[i] {
			return p[i] < q[i]
		}
	}
	return false
}
