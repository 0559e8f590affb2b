package plan

import (
	"container/heap"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// TestCheapestOfAll compares Make with a search over every order of single steps, each of which CheckStep allows:
// both find an order or neither does, and both pay the same.
func TestCheapestOfAll(t *testing.T) {
	defer checks(*count)
	checks(max(1, *count/10))
	feasible, infeasible, states := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(size{2, 3, 2, 3}).Draw(t, "system")
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

type trial struct {
	at   state.Observed
	paid paid
}

type trials []trial

func (q trials) Len() int           { return len(q) }
func (q trials) Less(i, j int) bool { return q[i].paid.less(q[j].paid) }
func (q trials) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *trials) Push(x any)        { *q = append(*q, x.(trial)) }
func (q *trials) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func brute(want state.Desired, have state.Observed) (best paid, seen int, ok bool) {
	done := map[string]bool{}
	open := &trials{{at: have}}
	for open.Len() > 0 {
		now := heap.Pop(open).(trial)
		key := fingerprint(want, now.at)
		if done[key] {
			continue
		}
		done[key] = true
		if len(diff.Compute(want, now.at)) == 0 {
			return now.paid, len(done), true
		}
		for _, s := range everyStep(want, now.at) {
			if CheckStep(want, now.at, s) == nil {
				heap.Push(open, trial{End(want, now.at, s), now.paid.plus(s)})
			}
		}
	}
	return best, len(done), false
}

func fingerprint(want state.Desired, have state.Observed) string {
	var key []any
	for _, c := range want.Components {
		live, _ := have.FindRunning(c.Name)
		key = append(key, diff.Runs(c, have), live.Template)
	}
	for _, k := range want.Keyspaces {
		know := learn(want, have, k)
		key = append(key, know.present, know.verified, know.rewritten)
	}
	return fmt.Sprint(key...)
}

func everyStep(want state.Desired, have state.Observed) (out []Step) {
	for _, c := range want.Components {
		for _, r := range c.Releases {
			out = append(out, Step{Kind: Rollout, Object: c.Name, To: r.Name})
		}
	}
	for _, k := range want.Keyspaces {
		know := learn(want, have, k)
		out = append(out, Step{Kind: Verify, Object: k.Name})
		for _, s := range k.Shapes {
			if len(know.lacking(s.Version)) > 0 {
				out = append(out, rewriteStep(want, have, k, s.Version))
			}
		}
	}
	return out
}
