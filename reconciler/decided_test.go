package reconciler

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/event"

	"keyshift.dev/api/v1alpha1"
)

// TestDecided: an approval of a Plan is news. That one was made, changed in its status or deleted is not: the controller did
// that itself, and would look at everything once more for nothing.
func TestDecided(t *testing.T) {
	old, told, approved := &v1alpha1.Plan{}, &v1alpha1.Plan{}, &v1alpha1.Plan{}
	told.Status.Phase = v1alpha1.PlanRunning
	approved.Generation = 2
	if !decided.Update(event.UpdateEvent{ObjectOld: old, ObjectNew: approved}) {
		t.Error("an approval is passed over")
	}
	if decided.Create(event.CreateEvent{Object: old}) || decided.Delete(event.DeleteEvent{Object: old}) ||
		decided.Update(event.UpdateEvent{ObjectOld: old, ObjectNew: told}) {
		t.Error("what the controller did is news to it")
	}
}
