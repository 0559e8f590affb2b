package reconciler

import (
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	ctrl "sigs.k8s.io/controller-runtime"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
)

// look is the last full pass that found nothing to do.
type look struct {
	spec  spec
	left  apply.Situation
	unfit string // the remark on units that fit no version
	at    time.Time
}

// fullEvery is how long a full pass is relied on.
func (r *DeliveryReconciler) fullEvery() time.Duration {
	if r.Full == 0 {
		return time.Hour
	}
	return r.Full
}

// glance spares the pass over every key where nothing was asked for, nothing has changed, and the last pass is young. The
// verdict says what was looked at instead, and how sure that is; what the status says of the keys, and when they were
// observed in full, stays as that pass left it.
func (a *attempt) glance(ctx context.Context, edges apply.Edges, s spec) (verdict, bool) {
	held, ok := a.r.looks.get(a.name)
	d := a.delivery
	due := !ok || time.Since(held.at) >= a.r.fullEvery() || held.spec.revision != s.revision || held.spec.source != s.source
	asked := a.requested != d.Status.LastHandledReconcileAt || d.Generation != d.Status.ObservedGeneration
	if due || asked || a.adopt || !conditions.IsReady(d) || d.Status.LastAppliedRevision != s.revision {
		return verdict{}, false
	}
	g, err := apply.Look(ctx, edges, held.left, keyspace.DriftOptions{})
	if err != nil {
		g.Differs = err.Error() // the full pass meets it again, and the status tells it then
	}
	if g.Differs != "" {
		ctrl.LoggerFrom(ctx).Info("every key is looked at", "because", g.Differs)
		return verdict{}, false
	}
	message := fmt.Sprintf("applied revision %s%s", s.revision, held.unfit)
	if said := g.String(); said != "" {
		message += "; since the last full pass " + said
	}
	return verdict{reason: meta.ReconciliationSucceededReason, message: tidy(message), then: settled}, true
}
