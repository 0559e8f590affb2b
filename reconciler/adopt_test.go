package reconciler

import (
	"context"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"

	"keyshift.dev/api/v1alpha1"
)

// A store that was emptied holds its Delivery until somebody says, once and for this time, that it is to be taken
// as it is.
func TestAdopt(t *testing.T) {
	w := newWorld(t)
	w.seed(20)
	name := w.deliver("shop")
	w.git.push(urlOf("shop"), w.shop(0))
	good, _ := w.reconcile(name)
	wantReady(t, good)

	w.redis.FlushAll()
	annotate := func(requested, adopt string) *v1alpha1.Delivery {
		d := w.get(name)
		d.Annotations = map[string]string{meta.ReconcileRequestAnnotation: requested, v1alpha1.AdoptAnnotation: adopt}
		if err := w.r.Update(context.Background(), d); err != nil {
			t.Fatal(err)
		}
		d, _ = w.reconcile(name)
		return d
	}
	held := annotate("1", "another token")
	ready := conditions.Get(held, meta.ReadyCondition)
	if ready.Reason != v1alpha1.ReasonStoreChanged || !strings.Contains(ready.Message, v1alpha1.AdoptAnnotation) {
		t.Fatalf("emptied: %s %q, want StoreChanged and the annotation that adopts", ready.Reason, ready.Message)
	}
	wantReady(t, annotate("2", "2"))

	// The token is used up: emptied again, it holds again.
	w.seed(20)
	d, _ := w.reconcile(name)
	wantReady(t, d)
	w.redis.FlushAll()
	d, _ = w.reconcile(name)
	if ready := conditions.Get(d, meta.ReadyCondition); ready.Reason != v1alpha1.ReasonStoreChanged {
		t.Errorf("emptied again: %s %q, want StoreChanged", ready.Reason, ready.Message)
	}
}
