package plan

import (
	"testing"

	"keyshift.dev/state"
)

// What a step does to old units is part of its name: an approval of a drain is none of a discard.
func TestStrategyIsPartOfTheDigest(t *testing.T) {
	digests := map[state.Digest]state.Strategy{}
	steps := map[state.Strategy]int{state.StrategyOnline: 3, state.StrategyDrain: 2, state.StrategyDiscard: 3} // a drain changes nothing that a backup could keep
	for _, strategy := range []state.Strategy{state.StrategyOnline, state.StrategyDrain, state.StrategyDiscard} {
		s := scenario{}
		s.keyspace("jobs", "2.0.0", []string{"1.0.0", "2.0.0"})
		s.Want.Keyspaces[0].Policy.Strategy = strategy
		s.live("count", "jobs", []string{"1.0.0=3"})
		p := planned(t, s.Want, s.Have)
		if other, taken := digests[p.Digest]; taken || len(p.Steps) != steps[strategy] {
			t.Errorf("the plan of %q has %d steps and the digest of %q", strategy, len(p.Steps), other)
		}
		digests[p.Digest] = strategy
	}
}
