package reconciler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/gitsource"
)

// watched returns a context that ends when the run's purpose is gone: the Delivery was changed, suspended or
// deleted, or its repository has a newer revision. A rewrite then stops between two batches and is planned anew.
// The repository is asked every interval, and at once if a reconciliation is requested.
func (a *attempt) watched(ctx context.Context, src gitsource.Source) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watcher{
		r: a.r, src: src, generation: a.delivery.Generation, revision: a.delivery.Status.LastAttemptedRevision,
		requested: a.requested, interval: a.delivery.GetRequeueAfter(), asked: time.Now(),
	}
	every := a.r.Watch
	if every <= 0 {
		every = time.Second
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if change := w.look(ctx, a, now); change != "" {
					cancel(fmt.Errorf("%w: %s", errInterrupted, change))
					return
				}
			}
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

// watcher knows what a run works for.
type watcher struct {
	r          *DeliveryReconciler
	src        gitsource.Source
	generation int64
	revision   string
	requested  string
	interval   time.Duration
	asked      time.Time // when the repository was asked last
}

// look says what has changed, nothing if nothing has or it cannot be told.
func (w *watcher) look(ctx context.Context, a *attempt, now time.Time) string {
	d := &v1alpha1.Delivery{}
	err := w.r.Get(ctx, a.name, d)
	switch {
	case apierrors.IsNotFound(err), err == nil && !d.DeletionTimestamp.IsZero():
		return "the Delivery was deleted"
	case err != nil:
		return ""
	case d.Generation != w.generation:
		return "the Delivery was changed"
	}
	requested, _ := meta.ReconcileAnnotationValue(d.Annotations)
	if requested == w.requested && now.Sub(w.asked) < w.interval {
		return ""
	}
	w.requested, w.asked = requested, now
	snap, err := w.r.line().fetch(ctx, w.src, w.revision)
	if err != nil || errors.Is(err, gitsource.ErrUnchanged) {
		return "" // an unreachable repository does not stop what it asked for
	}
	return "the repository moved to " + snap.Revision
}
