package reconciler

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/gitsource"
)

// stuck is a world whose second rollout got stuck: it went back, and is not tried again.
func stuck(t *testing.T) (*world, types.NamespacedName) {
	w := newWorld(t)
	name := w.applied(func(d *v1alpha1.Delivery) { d.Spec.Timeout = &metav1.Duration{Duration: time.Second} })
	w.cluster.Stick("ghcr.io/acme/checkout:2.0.0")
	w.git.push(urlOf("shop"), w.shop(1, `release: "2.0.0" // desired`, "release: \"2.0.0\"\n\tpolicy: onFailure: \"rollback\""))
	if d, _ := w.reconcile(name); len(d.Status.Failures) != 1 {
		t.Fatalf("failures %+v", d.Status.Failures)
	}
	d, _ := w.reconcile(name)
	wantReason(t, d, v1alpha1.ReasonRolledBack, "")
	return w, name
}

// force asks for one more try.
func (w *world) force(name types.NamespacedName, token string) {
	w.t.Helper()
	d := w.get(name)
	d.Annotations = map[string]string{meta.ReconcileRequestAnnotation: token, v1alpha1.ForceAnnotation: token}
	if err := w.client.Update(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
}

func started(events []string) int {
	return count(events, func(e string) bool { return strings.Contains(e, v1alpha1.EventStepStarted) })
}

// TestForcedOnce: a forced try that fails again is not made once more because the word of its end did not get through.
func TestForcedOnce(t *testing.T) {
	w, name := stuck(t)
	w.happened()
	w.force(name, strings.Repeat("now", 200)) // longer than what is taken down of it
	d, _ := w.reconcile(name)
	if n := started(w.happened()); n == 0 || len(d.Status.Failures) != 1 {
		t.Fatalf("%d steps were started, failures %+v", n, d.Status.Failures)
	}
	d.Status.LastHandledReconcileAt = "" // the process ended before it was written
	if err := w.client.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d, _ = w.reconcile(name)
	wantReason(t, d, v1alpha1.ReasonRolledBack, "")
	if n := started(w.happened()); n > 0 || len(d.Status.Failures) != 1 {
		t.Errorf("%d steps were started by force once more, failures %+v", n, d.Status.Failures)
	}
	w.cluster.Unstick("ghcr.io/acme/checkout:2.0.0")
	w.force(name, "another")
	d, _ = w.reconcile(name)
	wantReady(t, d)
}

// TestForceIsNotLost by an interruption that came before anything was begun.
func TestForceIsNotLost(t *testing.T) {
	w, name := stuck(t)
	w.cluster.Unstick("ghcr.io/acme/checkout:2.0.0")
	w.force(name, "now")
	ctx, stop := context.WithCancel(t.Context())
	w.r.Fetch = func(context.Context, gitsource.Source, string) (gitsource.Snapshot, error) {
		stop() // as when the controller is restarted
		return gitsource.Snapshot{}, ctx.Err()
	}
	if _, err := w.r.Reconcile(ctx, ctrl.Request{NamespacedName: name}); err != nil {
		t.Fatal(err)
	}
	if d := w.get(name); d.Status.LastHandledReconcileAt == "now" {
		t.Fatal("the attempt was not interrupted")
	}
	w.r.Fetch = w.git.fetch
	d, _ := w.reconcile(name)
	wantReady(t, d)
	wantLive(t, d, "2.0.0", "2.0.0", 50)
}
