package reconciler

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
)

// TestPlanOfSomebodyElse: only a Plan that the controller made and says so of is run.
func TestPlanOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	name, asks := w.asking()
	forged := &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "forged", Labels: asks.Labels}}
	forged.Spec = *asks.Spec.DeepCopy()
	for i := range forged.Spec.Steps {
		forged.Spec.Steps[i].Risk, forged.Spec.Steps[i].Notes, forged.Spec.Steps[i].Reason = "none", nil, "harmless"
	}
	if err := w.client.Create(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	w.approve(forged, true, "ada")
	w.r.looks.forget(name) // as a restart does
	d, _ := w.reconcile(name)
	live := d.Status.Components[0].Live
	if len(live) != 1 || live[0].Release != "1.4.0" {
		t.Errorf("a Plan that somebody else wrote was run: %+v", live)
	}
	_, said := w.plans(name)
	t.Logf("plans %v", said)
}

// TestOrphanIsUsedAgain: the approval of a Plan whose status was never written is not used, as it could never be consumed.
func TestOrphanIsUsedAgain(t *testing.T) {
	w := newWorld(t)
	name, x := w.asking()
	x.Status = v1alpha1.PlanRunStatus{} // the process ended between the two writes
	if err := w.client.Status().Update(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	w.approve(x, true, "ada")
	for i := range 2 {
		d, _ := w.reconcile(name)
		if c := d.Status.Components[0]; i > 0 && len(c.Live) == 1 && c.Live[0].Release == "2.0.0" {
			t.Errorf("run %d: %+v", i, c.Live)
		}
		// the way back, approved
		w.git.push(urlOf("shop"), w.shop(0))
		w.reconcile(name)
		back, said := w.plans(name)
		t.Logf("plans %v", said)
		for _, y := range back {
			if y.Status.Phase == v1alpha1.PlanAwaitingApproval {
				w.approve(y, true, "ada")
			}
		}
		w.reconcile(name)
		w.git.push(urlOf("shop"), w.shop(1))
	}
	if all, said := w.plans(name); slices.ContainsFunc(all, func(y *v1alpha1.Plan) bool { return y.Name == x.Name }) {
		t.Errorf("the Plan that was not made to its end is still there: %v", said)
	}
}

// TestWaitingPlanIsSupersededByARevert: what nothing asks for any more cannot be approved for later.
func TestWaitingPlanIsSupersededByARevert(t *testing.T) {
	w := newWorld(t)
	name := w.applied(always)
	w.git.push(urlOf("shop"), w.shop(1))
	w.reconcile(name)
	w.git.push(urlOf("shop"), w.shop(0))
	d, _ := w.reconcile(name)
	wantReady(t, d)
	all, said := w.plans(name)
	if !slices.Equal(said, []string{"Superseded"}) {
		t.Errorf("plans %v", said)
	}
	w.approve(all[0], true, "ada")
	w.reconcile(name)
	w.git.push(urlOf("shop"), w.shop(1))
	d, _ = w.reconcile(name)
	if live := d.Status.Components[0].Live; len(live) != 1 || live[0].Release != "1.4.0" {
		t.Errorf("run by an approval of a plan that was stale when it was given: %+v", live)
	}
}

// TestDeletedPlanIsAskedForAgain at the next attempt.
func TestDeletedPlanIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	name, asks := w.asking()
	if err := w.client.Delete(t.Context(), asks); err != nil {
		t.Fatal(err)
	}
	w.reconcile(name)
	if _, said := w.plans(name); !slices.Equal(said, []string{"AwaitingApproval"}) {
		t.Errorf("plans %v", said)
	}
}

// TestPlanOfAnotherLife: an approved Plan of a Delivery that was deleted, and made again under its name, is not run.
func TestPlanOfAnotherLife(t *testing.T) {
	w := newWorld(t)
	name, x := w.asking()
	w.approve(x, true, "ada")
	x.OwnerReferences[0].UID = "uid-of-the-first-shop"
	if err := w.client.Update(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	w.r.looks.forget(name)
	d, _ := w.reconcile(name)
	if live := d.Status.Components[0].Live; len(live) != 1 || live[0].Release != "1.4.0" {
		t.Errorf("run by the approval that another Delivery was given: %+v", live)
	}
	if _, said := w.plans(name); !slices.Equal(said, []string{"AwaitingApproval"}) {
		t.Errorf("plans %v", said)
	}
}
