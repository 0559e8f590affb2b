package reconciler

import (
	"path/filepath"
	"testing"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
)

// A run knows its commit, and how much room there is where backups and undo logs go, also before that folder is made.
func TestEdges(t *testing.T) {
	a := &attempt{r: &DeliveryReconciler{}, delivery: &v1alpha1.Delivery{}}
	a.delivery.Status.LastAttemptedRevision = "main@sha1:7f3c"
	if e := a.edges(nil); e.Revision != "main@sha1:7f3c" || e.Room != nil {
		t.Errorf("%+v", e)
	}
	a.r.State = &apply.Storage{Address: filepath.Join(t.TempDir(), "state")}
	if free, err := a.edges(nil).Room(t.Context()); err != nil || free <= 0 {
		t.Errorf("room for %d, %v", free, err)
	}
}
