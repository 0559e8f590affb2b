package reconciler

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/plan"
)

// every is the least time between two writes of progress.
const every = 2 * time.Second

// Annotations of events beside the object's own.
var (
	annotationRevision = v1alpha1.GroupVersion.Group + "/revision"
	annotationDigest   = v1alpha1.GroupVersion.Group + "/digest"
	annotationSigner   = v1alpha1.GroupVersion.Group + "/signer"
)

// planned writes what was observed and what is planned.
func (a *attempt) planned(ctx context.Context, e apply.Event) {
	a.plan, a.have = &e.Plan, e.Have
	show(&a.delivery.Status, a.desired, e.Have, metav1.Now())
	if len(e.Plan.Steps) == 0 && len(e.Plan.Blocked) == 0 {
		return // the plan that led here stays, as done
	}
	a.delivery.Status.Plan = showPlan(e.Plan, a.delivery.Status.LastAttemptedRevision)
	if len(e.Plan.Steps) == 0 {
		return
	}
	controllerutil.AddFinalizer(a.delivery, v1alpha1.Finalizer) // until the run is over
	a.event(corev1.EventTypeNormal, v1alpha1.EventPlanned, sayPlan(e.Plan))
	a.told = time.Now()
	a.complain(ctx, a.progress(ctx, sayPlan(e.Plan)))
}

func sayPlan(p plan.Plan) string {
	said := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		said[i] = s.String()
	}
	return fmt.Sprintf("planned %d steps: %s", len(said), strings.Join(said, "; "))
}

// report writes how a run goes: starts and ends at once, and as events; progress at most every two seconds.
func (a *attempt) report(ctx context.Context, e apply.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.complain(ctx, a.plans.report(ctx, e))
	p := a.delivery.Status.Plan
	place := fmt.Sprintf("step %d of %d: %s", e.Index+1, len(e.Plan.Steps), e.Step)
	switch e.Kind {
	case apply.Planned:
		a.planned(ctx, e)
		return
	case apply.Started:
		mark(p, e.Index, v1alpha1.StepRunning)
		a.event(corev1.EventTypeNormal, v1alpha1.EventStepStarted, place+": "+e.Step.Reason)
	case apply.Progressed:
		if p == nil || time.Since(a.told) < every {
			return
		}
		p.Progress = progressOf(e)
		place += ": " + saySize(p.Progress)
	case apply.Ended:
		a.ran++
		mark(p, e.Index, v1alpha1.StepDone)
		showScaled(&a.delivery.Status, a.desired, a.have, e.Step, metav1.Now())
		a.event(corev1.EventTypeNormal, v1alpha1.EventStepEnded, place+sayOutcome(e))
	case apply.Paused:
		place += sayError(e.Err)
		a.event(corev1.EventTypeWarning, v1alpha1.EventGateClosed, place)
	case apply.ImagesUnclear:
		place = clip(e.Err.Error(), maxMessage)
		a.event(corev1.EventTypeWarning, v1alpha1.EventImagesUnclear, place)
	case apply.Resumed:
		place += ": its gates hold again"
	case apply.Soaking:
		place += fmt.Sprintf(": soaking until %s, after %s", e.Until.UTC().Format(time.RFC3339), e.After)
	case apply.Superseded, apply.Waiting:
		mark(p, e.Index, v1alpha1.StepPending)
	case apply.GivenUp:
		a.delivery.Status.Failures = showFailures(append(failuresOf(a.delivery.Status.Failures), *e.Failure))
		place = "not tried again: " + e.Failure.Reason
	case apply.Failed:
		a.ran++
		mark(p, e.Index, v1alpha1.StepFailed)
		a.event(corev1.EventTypeWarning, v1alpha1.EventStepFailed, place+sayError(e.Err))
	}
	a.told = time.Now()
	a.complain(ctx, a.progress(ctx, place))
}

func sayError(err error) string {
	if err == nil {
		return ""
	}
	return ": " + judge(err).message
}

// sayOutcome says what an ended backup, rewrite or verify did.
func sayOutcome(e apply.Event) string {
	if b := e.Backup; b != nil {
		return fmt.Sprintf(": %d keys and %d bytes in %s", b.Keys, b.Bytes, b.Archive)
	}
	o := e.Outcome
	if o == nil {
		return ""
	}
	said := fmt.Sprintf(": %d scanned, %d rewritten, %d already there, %d gone, %d conflicts retried, %d unfit, %d in the undo log",
		o.Scanned, o.Rewritten, o.Already, o.Gone, o.Conflicts, o.Unfit, o.Logged)
	if o.Mixed > 0 {
		said += fmt.Sprintf("; %d mixed two versions", o.Mixed)
	}
	if u := e.Undo; u != nil {
		said += fmt.Sprintf("; from the undo log %d restored, %d merged, %d in conflict, %d gone, %d superseded",
			u.Restored, u.Merged, u.Conflicts, u.Gone, u.Superseded)
	}
	return said
}

func progressOf(e apply.Event) *v1alpha1.Progress {
	switch {
	case e.Rollout != nil:
		return &v1alpha1.Progress{Pods: &v1alpha1.PodProgress{
			Desired: int32(e.Rollout.Desired), Updated: int32(e.Rollout.Updated), Ready: int32(e.Rollout.Ready),
			Old: int32(e.Rollout.Old), Terminating: int32(e.Rollout.Terminating)}}
	case e.Rewrite != nil:
		return &v1alpha1.Progress{Scanned: e.Rewrite.Scanned, Rewritten: e.Rewrite.Rewritten,
			Conflicts: e.Rewrite.Conflicts, Unfit: e.Rewrite.Unfit, Estimate: e.Rewrite.Estimate}
	default:
		return nil
	}
}

// tell makes the event of an attempt's end: every failure, and a success that changed something.
func (a *attempt) tell(v verdict) {
	switch v.then {
	case settled:
		if a.news {
			a.event(corev1.EventTypeNormal, v.reason, v.message)
		}
	case wait:
		if a.news || a.ran > 0 {
			a.event(corev1.EventTypeNormal, v.reason, v.message)
		}
	case retry, stall:
		a.event(corev1.EventTypeWarning, v.reason, v.message)
	case again:
	}
}

// event records an event with the revision it is about.
func (a *attempt) event(kind, reason, message string) {
	d := a.delivery
	about := map[string]string{}
	if d.Status.LastAttemptedRevision != "" {
		about[annotationRevision] = d.Status.LastAttemptedRevision
	}
	if a.signer != "" {
		about[annotationSigner] = a.signer
	}
	if d.Status.Plan != nil {
		about[annotationDigest] = d.Status.Plan.Digest
	}
	a.r.AnnotatedEventf(d, about, kind, reason, "%s", tidy(message))
}

// suspend says that a run was left unfinished, and nothing if none was.
func (a *attempt) suspend(ctx context.Context) error {
	if !conditions.IsReconciling(a.delivery) {
		return nil
	}
	conditions.Delete(a.delivery, meta.ReconcilingCondition)
	conditions.MarkFalse(a.delivery, meta.ReadyCondition, meta.SuspendedReason, "suspended before it was done; what was applied stays")
	return a.patch(ctx)
}
