package reconciler

import (
	"slices"
	"testing"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/state"
)

// TestDonePartIsConsumed: an approval is of one run of each part: what is done and wanted once more, while the delivery goes on
// with another part, is asked for anew.
func TestDonePartIsConsumed(t *testing.T) {
	p := owned(t)
	of := planOf(2, 2)
	x := asked(t, p, of)
	if err := p.decide(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		for _, kind := range []apply.EventKind{apply.Started, apply.Ended} {
			if err := p.report(t.Context(), apply.Event{Kind: kind, Plan: of, Index: i, Step: of.Steps[i]}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.leave(t.Context(), x, lookAt(of), state.Observed{}); err != nil { // something drifted back: both are planned whole
		t.Fatal(err)
	}
	if got := covered(x, of); !slices.Equal(got, []state.Digest{of.Parts[1].Digest}) || x.Status.Phase != v1alpha1.PlanRunning {
		t.Errorf("%v is covered by a Plan that is %s", got, x.Status.Phase)
	}
}
