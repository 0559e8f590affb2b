package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/jitter"
	"github.com/fluxcd/pkg/runtime/patch"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/gitsource"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// soon is the pause before an attempt that follows at once.
const soon = 10 * time.Millisecond

// attempt is one call of Reconcile for one Delivery.
type attempt struct {
	r         *DeliveryReconciler
	name      types.NamespacedName
	started   time.Time
	requested string // token of the request that this attempt answers
	signer    string // of the revision; empty if nothing had to be signed
	vouched   bool   // whether that was verified in this attempt
	adopt     bool   // whether that request says to take the stores as they are

	mu       sync.Mutex // guards delivery and patcher while a run reports
	delivery *v1alpha1.Delivery
	patcher  *patch.SerialPatcher
	told     time.Time // when progress was written last
	ran      int       // steps that ended
	until    time.Time // when what waits for a window may go on; zero if nothing does
	news     bool      // whether a success is worth an event

	desired state.Desired // of the revision
	plans   *plans
	plan    *plan.Plan     // made last
	have    state.Observed // what it was made from
}

// begin says that an attempt is under way if its outcome is not known to be that of the last one: a new
// generation, a request, or nothing settled yet. A Delivery that is merely looked at again stays what it was.
func (a *attempt) begin(ctx context.Context) error {
	d := a.delivery
	a.news = !conditions.IsReady(d)
	if d.Spec.Git.Verify == nil {
		conditions.Delete(d, v1alpha1.SourceVerifiedCondition)
	}
	requested, _ := meta.ReconcileAnnotationValue(d.Annotations)
	a.requested = clip(requested, maxName) // as it is taken down when it was handled
	ready := conditions.Get(d, meta.ReadyCondition)
	settled := ready != nil && ready.Status != metav1.ConditionUnknown
	if settled && d.Generation == d.Status.ObservedGeneration && a.requested == d.Status.LastHandledReconcileAt {
		return nil
	}
	if a.requested != d.Status.LastHandledReconcileAt {
		a.r.specs.forget(a.name) // whoever asks wants it looked at anew
		if a.asks(v1alpha1.ForceAnnotation) && d.Status.LastHandledForceAt != a.requested {
			d.Status.Failures, d.Status.LastHandledForceAt = nil, a.requested // once, whatever becomes of this attempt
		}
		a.adopt = a.asks(v1alpha1.AdoptAnnotation)
	}
	return a.progress(ctx, "fetching "+d.Spec.Git.URL)
}

// asks tells whether the request that is answered asks for what an annotation stands for.
func (a *attempt) asks(annotation string) bool {
	return a.requested != "" && clip(a.delivery.Annotations[annotation], maxName) == a.requested
}

// progress says what is being done.
func (a *attempt) progress(ctx context.Context, message string) error {
	conditions.Delete(a.delivery, meta.StalledCondition)
	conditions.MarkUnknown(a.delivery, meta.ReadyCondition, meta.ProgressingReason, "%s", tidy(message))
	conditions.MarkReconciling(a.delivery, meta.ProgressingReason, "%s", tidy(message))
	return a.patch(ctx)
}

// run goes down the line once and says how it ended.
func (a *attempt) run(ctx context.Context) verdict {
	src, err := gitSource(ctx, a.r.Client, a.delivery)
	if err != nil {
		return judge(a.disavow(err, a.r.specs.get(a.name, sourceKey(a.delivery, src.Verify))))
	}
	s, err := a.read(ctx, src)
	if err != nil {
		return judge(err)
	}
	if err := errors.Join(s.err, a.allowed(s.desired)); err != nil {
		return judge(err)
	}
	connected, err := a.r.stores.of(ctx, a.r.Client, a.name, s.desired.Stores)
	if err != nil {
		return judge(err)
	}
	edges := a.edges(connected)
	if v, calm := a.glance(ctx, edges, s); calm {
		return v
	}
	running, stop := a.watched(ctx, src)
	defer stop()
	unfit, o, err := a.deliver(running, edges, s.desired)
	waits := onlyWaits(o, err)
	if cause := context.Cause(running); err != nil && errors.Is(cause, errInterrupted) {
		err = cause
	}
	if err != nil {
		v := judge(err)
		if waits && v.then == wait {
			a.r.looks.put(a.name, look{spec: s, left: o.Last, waits: &v, until: o.Until, at: a.started})
		}
		return v
	}
	a.r.looks.put(a.name, look{spec: s, left: o.Last, unfit: unfit, at: a.started})
	return verdict{reason: meta.ReconciliationSucceededReason, message: tidy("applied revision " + s.revision + s.signed() + unfit + a.pinned()), then: settled}
}

// pinned remarks that the repository is not followed.
func (a *attempt) pinned() string {
	if a.delivery.Spec.Rollback == nil {
		return ""
	}
	return "; rolled back to it: revert in Git what came after, then take spec.rollback away (keyshift resume " + a.name.Name + ")"
}

// read returns the spec of the newest revision, and says so if it is another than that of the last attempt.
func (a *attempt) read(ctx context.Context, src gitsource.Source) (spec, error) {
	dir := path.Clean(a.delivery.Spec.Path)
	if !fs.ValidPath(dir) {
		return spec{}, &pathError{a.delivery.Spec.Path}
	}
	held := a.r.specs.get(a.name, sourceKey(a.delivery, src.Verify))
	s, err := a.r.line().read(ctx, held, src, dir, func(snap gitsource.Snapshot) {
		a.vouch(snap.Revision, snap.Signer)
		if snap.Revision != a.delivery.Status.LastAttemptedRevision {
			a.delivery.Status.LastAttemptedRevision = snap.Revision
			a.complain(ctx, a.progress(ctx, "evaluating "+snap.Revision))
		}
	})
	if err != nil {
		return spec{}, a.disavow(err, held)
	}
	a.vouch(s.revision, s.signer)
	a.r.specs.put(a.name, s)
	a.delivery.Status.LastAttemptedRevision = s.revision
	if a.delivery.Spec.Rollback != nil {
		s.desired.Policy.Retire = state.RetireKeep // nothing is deleted on the way back
	}
	return s, nil
}

// allowed refuses workloads of other namespaces: whoever may write a Delivery in one namespace must not thereby
// choose the images of another.
func (a *attempt) allowed(desired state.Desired) error {
	if a.r.CrossNamespace {
		return nil
	}
	var ds state.Diagnostics
	for _, c := range desired.Components {
		if c.Workload != nil && c.Workload.Namespace != a.name.Namespace {
			ds = append(ds, state.Diagnostic{Code: crossNamespace, Pos: c.Pos, Path: "system.components." + c.Name + ".workload.namespace",
				Message: fmt.Sprintf("namespace %q is not that of the Delivery, %q", c.Workload.Namespace, a.name.Namespace),
				Hint:    "move the Delivery there, or run the controller with --allow-cross-namespace"})
		}
	}
	return ds.Err()
}

func (a *attempt) edges(connected map[string]*keyspace.Store) apply.Edges {
	e := apply.Edges{
		Approval:       state.Approval(a.delivery.Spec.Approval),
		Approved:       a.approved,
		Failures:       failuresOf(a.delivery.Status.Failures),
		Cluster:        a.r.Cluster,
		Stores:         connected,
		State:          a.r.State,
		Prometheus:     a.r.Prometheus,
		SkipImages:     a.r.SkipImages,
		Pulled:         &a.r.pulled,
		RolloutTimeout: a.delivery.GetTimeout(),
		ProgressEvery:  every / 2,
		Adopt:          a.adopt,
		Revision:       a.delivery.Status.LastAttemptedRevision,
		Signer:         a.signer,
		Approver:       a.approver,
	}
	if kept, ok := a.r.State.(interface {
		Room(context.Context) (int64, error)
	}); ok {
		e.Room = kept.Room
	}
	if a.r.Records != nil {
		last, known := a.r.mirrors.get(a.name)
		if !known {
			last = &mirrored{}
			a.r.mirrors.put(a.name, last)
		}
		e.Mirror = mirror{a.r.Records(a.delivery), last}
	}
	return e
}

// deliver observes, plans and runs until a plan has no step. It returns a remark on units that fit no version, and what was
// done.
func (a *attempt) deliver(ctx context.Context, edges apply.Edges, desired state.Desired) (string, apply.Outcome, error) {
	a.desired = desired
	o, err := apply.Deliver(ctx, edges, desired, func(e apply.Event) { a.report(ctx, e) })
	a.until = o.Until
	a.mu.Lock()
	a.delivery.Status.Failures = showFailures(o.Failures)
	a.complain(ctx, a.plans.close(ctx, o, err))
	a.mu.Unlock()
	if err != nil {
		return "", o, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.plan == nil || len(a.plan.Steps) > 0 {
		return "", o, errNotConverging
	}
	return sayUnfit(a.have), o, left(*a.plan)
}

// approved asks the Plans of the Delivery.
func (a *attempt) approved(ctx context.Context, s apply.Situation, waiting plan.Plan) ([]state.Digest, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plans.approved(ctx, s, waiting)
}

// left is what a plan without steps leaves undone.
func left(p plan.Plan) error {
	if err := p.Err(); err != nil || len(p.Broken) == 0 {
		return err
	}
	return &unreadableError{p.Broken}
}

// sayUnfit remarks on units that fit no version, which stay as they are.
func sayUnfit(have state.Observed) string {
	var b strings.Builder
	for _, l := range have.Keyspaces {
		for _, c := range l.Counts {
			if c.Class == state.Unfit && c.Units > 0 {
				fmt.Fprintf(&b, "; %d units of %s fit no version and stay as they are", c.Units, l.Keyspace)
			}
		}
	}
	return b.String()
}

// end writes the verdict and returns when to come again.
func (a *attempt) end(ctx context.Context, v verdict) (ctrl.Result, error) {
	d := a.delivery
	controllerutil.RemoveFinalizer(d, v1alpha1.Finalizer)
	var result ctrl.Result
	var options []patch.Option
	switch v.then {
	case settled:
		a.settle(v)
		options = append(options, patch.WithStatusObservedGeneration{})
		result.RequeueAfter = jitter.JitteredIntervalDuration(d.GetRequeueAfter())
	case stall:
		conditions.MarkFalse(d, meta.ReadyCondition, v.reason, "%s", v.message)
		conditions.MarkStalled(d, v.reason, "%s", v.message)
		conditions.Delete(d, meta.ReconcilingCondition)
		options = append(options, patch.WithStatusObservedGeneration{})
	case again:
		return ctrl.Result{RequeueAfter: soon}, a.progress(ctx, v.message)
	case retry, wait:
		a.news = conditions.GetMessage(d, meta.ReadyCondition) != v.message
		conditions.Delete(d, meta.StalledCondition)
		conditions.MarkFalse(d, meta.ReadyCondition, v.reason, "%s", v.message)
		conditions.MarkReconciling(d, meta.ProgressingWithRetryReason, "%s", v.message)
		result.RequeueAfter = comeAgain(d.GetRetryInterval(), a.until, time.Now())
	}
	if a.requested != "" {
		d.Status.LastHandledReconcileAt = a.requested
	}
	a.remember(v)
	a.tell(v)
	return result, a.patch(ctx, options...)
}

// comeAgain is how long to wait before the next try: at the latest until a window opens that something waits for.
func comeAgain(retry time.Duration, until, now time.Time) time.Duration {
	if left := until.Sub(now); !until.IsZero() && left < retry {
		return max(left, soon)
	}
	return retry
}

// settle says that the revision is applied.
func (a *attempt) settle(v verdict) {
	d := a.delivery
	a.news = a.news || a.ran > 0 || d.Status.LastAppliedRevision != d.Status.LastAttemptedRevision
	conditions.Delete(d, meta.ReconcilingCondition)
	conditions.Delete(d, meta.StalledCondition)
	conditions.MarkTrue(d, meta.ReadyCondition, v.reason, "%s", v.message)
	if d.Status.LastAppliedRevision != d.Status.LastAttemptedRevision || len(d.Status.Applied) == 0 {
		now := v1alpha1.AppliedRevision{Revision: d.Status.LastAttemptedRevision, At: metav1.Now(), Signer: a.signer}
		d.Status.Applied = first(slices.Insert(d.Status.Applied, 0, now), state.MaxApplied)
	}
	d.Status.LastAppliedRevision = d.Status.LastAttemptedRevision
	if a.signer != "" { // it may have been applied before anybody looked who signed it
		d.Status.Applied[0].Signer = a.signer
	}
}

// remember adds an attempt that ran or refused a plan to the history.
func (a *attempt) remember(v verdict) {
	s := &a.delivery.Status
	if s.Plan == nil || s.Plan.Revision != s.LastAttemptedRevision || a.ran == 0 {
		return
	}
	about := map[string]string{"revision": s.LastAttemptedRevision}
	if a.signer != "" {
		about["signer"] = a.signer
	}
	s.History.Upsert(s.Plan.Digest, time.Now(), time.Since(a.started), v.reason, about)
}

// patch writes the status. What this controller owns is overwritten, whoever changed it.
func (a *attempt) patch(ctx context.Context, options ...patch.Option) error {
	options = append(options,
		patch.WithOwnedConditions{Conditions: []string{meta.ReadyCondition, meta.ReconcilingCondition, meta.StalledCondition, v1alpha1.SourceVerifiedCondition}},
		patch.WithForceOverwriteConditions{},
		patch.WithFieldOwner(ControllerName))
	// The patcher's error is an aggregate; that the Delivery is gone is no error.
	if err := kerrors.FilterOut(a.patcher.Patch(ctx, a.delivery, options...), apierrors.IsNotFound); err != nil {
		return fmt.Errorf("write the status of Delivery %s: %w", a.name, err)
	}
	return nil
}

// complain logs an error of a status that is written again soon: a run goes on without it.
func (a *attempt) complain(ctx context.Context, err error) {
	if err != nil {
		ctrl.LoggerFrom(ctx).V(1).Info("progress was not written", "error", err.Error())
	}
}
