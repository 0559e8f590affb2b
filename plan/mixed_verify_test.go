package plan

import (
	"strings"
	"testing"

	"keyshift.dev/state"
)

// TestVerifyKnowsMixedUnits: a release may begin to read units that mix versions if it reads all of these and a rewrite
// resolves them later. The verify before it finds such units, of which it must not think that they fit nothing: planning
// would start over, verify again, and never go on.
func TestVerifyKnowsMixedUnits(t *testing.T) {
	s := scenario{}
	for _, line := range []string{
		"keyspace session 2.0.0 1.0.0 2.0.0",
		"component billing 2.0.0", "release billing 1.0.0", "release billing 2.0.0 session >=1.0.0 2.0.0",
		"component checkout 2.0.0", "release checkout 1.0.0 session >=1.0.0 +1.0.0", "release checkout 2.0.0",
		"run billing 1.0.0", "run checkout 1.0.0",
		"count session 2.0.0=5 ?=2", "mixed session 1.0.0|2.0.0=2",
	} {
		s.read(strings.Fields(line))
	}
	p := planned(t, s.Want, s.Have)
	expect(t, p, "[verify session, rollout billing 2.0.0, rollout checkout 2.0.0, backup session 2.0.0, rewrite session 2.0.0, verify session 2.0.0]")
	counts := []state.Count{{Class: "2.0.0", Units: 4}, {Class: state.Unfit, Units: 3}}
	mixed := state.Count{Class: "1.0.0|2.0.0", Units: 3}
	rest := planned(t, s.Want, EndCounted(s.Want, s.Have, p.Steps[0], counts, mixed))
	expect(t, rest, brief(p.Steps[1:]))
	if junk := planned(t, s.Want, EndCounted(s.Want, s.Have, p.Steps[0], counts)); len(junk.Blocked) != 1 || junk.Blocked[0].Code != UnfitUnits {
		t.Errorf("units that fit nothing are read first by billing 2.0.0: %s", junk)
	}
}
