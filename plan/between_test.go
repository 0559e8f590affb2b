package plan

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// TestInTheMiddleOfAStep: while a step runs, releases lose their last pods one by one and units change their class
// one by one. Planning again in any such moment gives the same plan as when the step began. Only where the last pod is
// gone of a release that stood in the way of a cheaper order, it may give that one.
func TestInTheMiddleOfAStep(t *testing.T) {
	defer checks(*count)
	checks(max(1, *count/2))
	moments, cheaper := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		p := make1(s)
		for _, m := range Simulate(s.Want, s.Have, p) {
			if m.Phase != During || p.Steps[m.Step].To == BackUp { // which is over for the planner once it has begun
				continue
			}
			moments++
			at := partly(t, s.Want, m.State, p.Steps[m.Step])
			again := Make(s.Want, at, diff.Compute(s.Want, at))
			if slices.EqualFunc(again.Steps, p.Steps[m.Step:], func(a, b Step) bool { return a.Digest == b.Digest }) {
				continue
			}
			cheaper++
			if err := Check(s.Want, at, again); err != nil || !price(s.Want, at, again.Steps).less(price(s.Want, at, p.Steps[m.Step:])) {
				t.Fatalf("in the middle of step %d of %s it plans %s\n%+v", m.Step+1, brief(p.Steps), brief(again.Steps), at)
			}
		}
	})
	t.Logf("%d moments, in %d of them a cheaper order", moments, cheaper)
	if cheaper > moments/50 {
		t.Errorf("in %d of %d moments it plans anew", cheaper, moments)
	}
}

// partly draws a world between the beginning and the end of a step.
func partly(t *rapid.T, want state.Desired, have state.Observed, s Step) state.Observed {
	switch s.Kind {
	case Scale:
		live, _ := have.FindRunning(s.Object)
		live.Releases = slices.DeleteFunc(slices.Clone(live.Releases), func(string) bool { return chance(t, 2, "gone") })
		if len(live.Releases) == 0 { // that is the end of the step
			live.Releases = s.From[:1]
		}
		return withRunning(have, live)
	case Rollout:
		live, _ := have.FindRunning(s.Object)
		if live.Stopped { // nobody runs
			return have
		}
		live.Releases = slices.DeleteFunc(slices.Clone(live.Releases), func(r string) bool {
			return r != s.To && chance(t, 2, "gone")
		})
		if len(live.Releases) == 1 { // that is the end of the step
			live.Releases = append(live.Releases, s.From[:min(1, len(s.From))]...)
		}
		return withRunning(have, live)
	case Rewrite:
		k, _ := want.FindKeyspace(s.Object)
		live, _ := have.FindLive(s.Object)
		written := diff.ClassesOf(k).Written(state.Version(s.To))
		live.Counts = slices.DeleteFunc(slices.Clone(live.Counts), func(n state.Count) bool {
			return n.Class == written || n.Class != state.Unfit && chance(t, 2, "converted")
		})
		live.Counts = append(live.Counts, state.Count{Class: written, Units: 3})
		return withLive(have, live)
	}
	return have
}
