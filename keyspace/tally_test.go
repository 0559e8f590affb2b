package keyspace

import (
	"fmt"
	"testing"
)

// TestTalliesShareTheirMemory: every keyspace of a pass remembered a quarter of a million units of its own. Now they
// have room for that many together, and the largest lose theirs, so that the counts of the others stay exact.
func TestTalliesShareTheirMemory(t *testing.T) {
	tallies := newTallies(20)
	for i := range 100_000 {
		for j, x := range tallies {
			if i < 100*j || j >= 15 { // five large ones
				x.key(&unit{target: target{key: fmt.Sprint(j, ":", i)}}).add("1.0.0")
			}
		}
		remembered := tallies[0].memory.left
		for _, x := range tallies {
			remembered += x.seen.size()
		}
		if remembered != seenLimit {
			t.Fatalf("after %d rounds there is memory for %d units, not %d", i, remembered, seenLimit)
		}
	}
	for j, x := range tallies[:15] {
		for i := range 100 * j {
			if x.key(&unit{target: target{key: fmt.Sprint(j, ":", i)}}).add("1.0.0") || x.total != int64(100*j) {
				t.Fatalf("keyspace %d counts a unit twice, %d in all", j, x.total)
			}
		}
	}
}
