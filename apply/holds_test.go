package apply

import (
	"slices"
	"testing"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// What Holds foresees is what the policy allows, and only of rewrites.
func TestHolds(t *testing.T) {
	p := plan.Plan{Steps: []plan.Step{{Kind: plan.Rollout, Object: "checkout"}, {Kind: plan.Rewrite, Object: "session"}, {Kind: plan.Verify, Object: "session"}}}
	for _, test := range []struct {
		policy       state.Policy
		units, unfit int64
		want         []Held
	}{
		{state.Policy{}, 99, 1, nil},
		{state.Policy{}, 98, 2, []Held{{1, UnfitUnits, "session", 2, 1}}},
		{state.Policy{MaxInvalid: "2"}, 98, 2, nil},
		{state.Policy{Invalid: state.InvalidFail}, 98, 1, []Held{{1, UnfitUnits, "session", 1, 0}}},
	} {
		s := Situation{Want: state.Desired{Keyspaces: []state.Keyspace{{Name: "session", Policy: test.policy}}}}
		s.Have.Keyspaces = []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "1.0.0", Units: test.units}, {Class: state.Unfit, Units: test.unfit}}}}
		if got := Holds(s, p); !slices.Equal(got, test.want) {
			t.Errorf("%+v: got %v, want %v", test, got, test.want)
		}
	}
}
