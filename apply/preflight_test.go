package apply

import (
	"testing"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestDue: every rewrite is looked at before the first step, and again when work on its keyspace begins.
func TestDue(t *testing.T) {
	const backup = plan.Kind("backup")
	steps := []plan.Step{
		{Kind: plan.Rollout, Object: "cart"}, {Kind: plan.Verify, Object: "session"}, {Kind: backup, Object: "session"}, {Kind: plan.Rewrite, Object: "session"}, {Kind: plan.Verify, Object: "session"},
		{Kind: plan.Rollout, Object: "cart"}, {Kind: plan.Rewrite, Object: "cart"}, {Kind: plan.Verify, Object: "cart"},
	}
	for i := range steps {
		for j := range steps {
			want := i == 0 || i == 2 && j >= 2 && j <= 4 || i == 6 && j >= 6
			if got := due(steps, i, j); got != want {
				t.Errorf("step %d before step %d: %t", j, i, got)
			}
		}
	}
}

// TestSizes: drains and rollouts have none, and the plan's digest does not know of any.
func TestSizes(t *testing.T) {
	s := Situation{
		Want: state.Desired{Keyspaces: []state.Keyspace{{Name: "session", Store: "main"}}},
		Have: state.Observed{
			Keyspaces: []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "1.0.0", Units: 7}, {Class: "2.0.0", Units: 3}}, Profile: &state.Profile{Bytes: state.Spread{Total: 99}}}},
			Stores:    []state.Census{{Store: "main", Keys: 1_000_000}},
		},
	}
	p := plan.Plan{Steps: []plan.Step{
		{Kind: plan.Rollout, Object: "checkout"}, {Kind: plan.Rewrite, Object: "session", To: "2.0.0", Strategy: state.StrategyDrain},
		{Kind: plan.Rewrite, Object: "session", To: "2.0.0"}, {Kind: plan.Verify, Object: "session", To: "2.0.0"},
	}}
	got := Sizes(s, p)
	if len(got) != 2 || got[0].Step != 2 || got[0].Units != 7 || got[0].Bytes != 99 || got[1].Step != 3 || got[1].Units != 10 || got[0].Millis < 2000 {
		t.Errorf("%+v", got)
	}
}
