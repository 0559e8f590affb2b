package reconciler

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"keyshift.dev/api/v1alpha1"
)

// TestNameOfAPlan is one that the API server takes, however long that of its Delivery is.
func TestNameOfAPlan(t *testing.T) {
	w := newWorld(t)
	w.seed(5)
	name := w.deliver("s"+strings.Repeat("hop", 80), always)
	w.git.push(urlOf(name.Name), w.shop(1))
	w.reconcile(name)
	all, said := w.plans(name)
	if len(all) != 1 {
		t.Fatalf("plans %v", said)
	}
	if wrong := validation.IsDNS1123Subdomain(all[0].Name); len(wrong) > 0 {
		t.Errorf("%q: %v", all[0].Name, wrong)
	}
}

// TestSupersededByAnotherCommit: a Plan whose step failed, and that a commit leaves behind, is not run by its old approval.
func TestSupersededByAnotherCommit(t *testing.T) {
	w := newWorld(t)
	name, x := w.asking()
	w.approve(x, true, "ada")
	x.Status.Phase, x.Status.ApprovedBy = v1alpha1.PlanPaused, "ada" // its first step met a store that did not answer
	now := metav1.Now()
	x.Status.StartedAt = &now
	x.Status.Steps[0].State = v1alpha1.StepFailed
	if err := w.client.Status().Update(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	w.git.push(urlOf("shop"), w.shop(1, "div(#old.created_ms, 1000)", "div(#old.created_ms, 1000) + 0"))
	w.reconcile(name)
	if _, said := w.plans(name); !slices.Contains(said, "Superseded ada") {
		t.Errorf("plans %v", said)
	}
	w.git.push(urlOf("shop"), w.shop(1))
	d, _ := w.reconcile(name)
	if live := d.Status.Components[0].Live; len(live) != 1 || live[0].Release != "1.4.0" {
		t.Errorf("run by the approval of a plan that was left behind: %+v", live)
	}
}
