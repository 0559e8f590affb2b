package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	ctrl "sigs.k8s.io/controller-runtime"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
)

// look is the last full pass that found nothing to do, or nothing that may be done yet.
type look struct {
	spec  spec
	left  apply.Situation
	unfit string   // the remark on units that fit no version
	waits *verdict // what all that is left waits for; nil if nothing is left
	until time.Time
	at    time.Time

	sampled time.Time // when a sample was drawn last
	seen    string    // what it said
}

// fullEvery is how long a full pass is relied on.
func (r *DeliveryReconciler) fullEvery() time.Duration {
	if r.Full == 0 {
		return time.Hour
	}
	return r.Full
}

// sampleEvery is how long a sample is relied on. Between two nothing is read but the ledgers and what runs.
func (r *DeliveryReconciler) sampleEvery() time.Duration {
	if r.Sample == 0 {
		return 5 * time.Minute
	}
	return r.Sample
}

// glance spares the pass over every key where nothing was asked for, nothing has changed, and the last pass is young. The
// verdict says what was looked at instead, and how sure that is; what the status says of the keys, and when they were
// observed in full, stays as that pass left it.
func (a *attempt) glance(ctx context.Context, edges apply.Edges, s spec) (verdict, bool) {
	held, ok := a.r.looks.get(a.name)
	d := a.delivery
	due := !ok || time.Since(held.at) >= a.r.fullEvery() || held.spec.revision != s.revision || held.spec.source != s.source
	asked := a.requested != d.Status.LastHandledReconcileAt || d.Generation != d.Status.ObservedGeneration
	if due || asked || a.adopt || !a.stays(ctx, held, s.revision) {
		return verdict{}, false
	}
	var sample *keyspace.DriftOptions
	if time.Since(held.sampled) >= a.r.sampleEvery() {
		sample = &keyspace.DriftOptions{}
	}
	g, err := apply.Look(ctx, edges, held.left, sample)
	if err != nil {
		g.Differs = err.Error() // the full pass meets it again, and the status tells it then
	}
	if g.Differs != "" {
		ctrl.LoggerFrom(ctx).Info("every key is looked at", "because", g.Differs)
		return verdict{}, false
	}
	if sample != nil {
		held.sampled, held.seen = time.Now(), g.String()
		a.r.looks.put(a.name, held)
	}
	if held.waits != nil {
		a.until = held.until
		return *held.waits, true
	}
	message := fmt.Sprintf("applied revision %s%s%s%s", s.revision, s.signed(), held.unfit, a.pinned())
	if held.seen != "" {
		message += "; since the last full pass " + held.seen
	}
	return verdict{reason: meta.ReconciliationSucceededReason, message: tidy(message), then: settled}, true
}

// stays tells whether the Delivery is still said to be as that pass left it: Ready, or waiting for what is not there yet.
func (a *attempt) stays(ctx context.Context, held look, revision string) bool {
	d := a.delivery
	if held.waits == nil {
		return conditions.IsReady(d) && d.Status.LastAppliedRevision == revision
	}
	if conditions.GetReason(d, meta.ReadyCondition) != held.waits.reason || !held.until.IsZero() && !time.Now().Before(held.until) {
		return false
	}
	if err := a.plans.load(ctx); err != nil {
		return false // the full pass meets it again
	}
	asked := slices.ContainsFunc(held.left.Plan().Blocked, func(b plan.Blocked) bool { return b.Code == apply.AwaitingApproval })
	return !a.plans.decided() && (!asked || slices.ContainsFunc(a.plans.all, asks)) // whose Plan was deleted is asked again
}

// decided tells whether a person has decided on a Plan that waits, which the controller has not taken down yet.
func (p *plans) decided() bool {
	for _, x := range p.all {
		approval := x.Spec.Approval
		switch x.Status.Phase {
		case v1alpha1.PlanAwaitingApproval:
			if approval != nil {
				return true
			}
		case v1alpha1.PlanRejected:
			if approval == nil || approval.Approved {
				return true
			}
		case v1alpha1.PlanPending:
			return true
		}
	}
	return false
}

// onlyWaits tells whether a delivery left nothing but what may not be begun yet.
func onlyWaits(o apply.Outcome, err error) bool {
	if _, failed := errors.AsType[*apply.StepError](err); failed || len(o.Left.Steps)+len(o.Left.Broken) > 0 {
		return false
	}
	if _, held := errors.AsType[*apply.HoldError](err); held {
		return false
	}
	if _, back := errors.AsType[*apply.BackError](err); !back && len(o.Left.Blocked) == 0 {
		return false
	}
	return !slices.ContainsFunc(o.Left.Blocked, func(b plan.Blocked) bool { return !apply.Passes(b.Code) })
}
