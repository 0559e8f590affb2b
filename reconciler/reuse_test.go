package reconciler

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/cluster"
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

// TestDriftDuringARun: what was approved and done, and is taken back by somebody while the same run goes on elsewhere, is not done
// once more without being asked for.
func TestDriftDuringARun(t *testing.T) {
	w := newWorld(t)
	w.seed(50)
	name := w.deliver("shop", always)
	w.git.push(urlOf("shop"), withBilling(w.shop(0), "1.4.0", ""))
	w.reconcile(name)
	w.git.push(urlOf("shop"), withBilling(w.shop(1), "2.0.0", ""))
	w.reconcile(name)
	all, _ := w.plans(name)
	w.approve(all[0], true, "ada")
	billing, old := state.Workload{Kind: "Deployment", Namespace: "shop", Name: "billing"}, state.Image{Container: "app", Image: "ghcr.io/acme/billing:1.4.0"}
	var once sync.Once
	w.cluster.OnPod(func(_ context.Context, p cluster.Pod) {
		if slices.ContainsFunc(p.Images, func(i state.Image) bool { return i.Image == "ghcr.io/acme/checkout:1.5.0" }) {
			once.Do(func() { w.cluster.Deploy(billing, 1, old) })
		}
	})
	w.happened()
	d, _ := w.reconcile(name)
	rolled := count(w.happened(), func(e string) bool {
		return strings.Contains(e, v1alpha1.EventStepStarted) && strings.Contains(e, "rollout billing")
	})
	if _, said := w.plans(name); rolled != 1 || !slices.Equal(said, []string{"AwaitingApproval", "Succeeded ada"}) {
		t.Errorf("billing was rolled out %d times, plans %v", rolled, said)
	}
	wantReason(t, d, v1alpha1.ReasonAwaitingApproval, "billing waits for the approval")
}
