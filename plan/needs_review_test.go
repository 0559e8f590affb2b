package plan

import (
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
)

// TestStepsThatNeedNothingOfEachOtherTrade: two neighbours of which the second does not need the first are safe in either
// order, and together.
func TestStepsThatNeedNothingOfEachOtherTrade(t *testing.T) {
	traded := 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(size{4, 3, 4, 3}).Draw(t, "system")
		want, have := sortedDesired(s.Want), sortedObserved(s.Have)
		p := Make(want, have, diff.Compute(want, have))
		needs := p.Needs(want)
		for i := 1; i < len(p.Steps); i++ {
			free := true
			for _, at := range needs[i] {
				free = free && at != i-1
			}
			if free {
				traded++
				now := have
				for j := range i - 1 {
					now = End(want, now, p.Steps[j])
				}
				if err := CheckStep(want, Begin(want, now, p.Steps[i-1]), p.Steps[i]); err != nil {
					t.Fatalf("step %d during %d: %v\n%s%s", i+1, i, err, p, s.GoString())
				}
				for _, j := range []int{i, i - 1} {
					if err := CheckStep(want, now, p.Steps[j]); err != nil {
						t.Fatalf("step %d before %d: %v\n%s%s", i+1, i, err, p, s.GoString())
					}
					now = End(want, now, p.Steps[j])
				}
			}
		}
	})
	t.Logf("%d pairs were traded", traded)
	if traded == 0 {
		t.Error("no pair was")
	}
}
