package reconciler

import (
	"context"
	"io/fs"
	"sync"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/patch"
	"github.com/fluxcd/pkg/runtime/predicates"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	kuberecorder "k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/gitsource"
	"keyshift.dev/sandbox"
	"keyshift.dev/state"
)

// DeliveryReconciler keeps Deliveries. Client, EventRecorder and Cluster must be set; reads of Secrets through
// Client must not be cached. The program must call sandbox.Child first if sandbox.IsChild, because a spec is
// evaluated in a child process of the same program.
type DeliveryReconciler struct {
	client.Client
	kuberecorder.EventRecorder
	controller.Metrics

	Cluster        cluster.Cluster
	Records        func(*v1alpha1.Delivery) Records // where the mirror of a Delivery's ledgers is; nil: nowhere
	State          apply.Archives                   // where backups and undo logs are kept; nil: nowhere
	Prometheus     string                           // address that gates with a PromQL expression are asked of; empty: they do not hold
	SkipImages     bool                             // whether the check is left out that the images which a plan may need can be pulled
	CrossNamespace bool                             // whether a Delivery may roll out workloads of other namespaces than its own
	Full           time.Duration                    // how long a full pass over the keys is relied on, with samples between; an hour if zero, never if negative
	Sample         time.Duration                    // how long a sample of the keys is relied on between full passes; five minutes if zero, never if negative
	Watch          time.Duration                    // how often a run looks whether its Delivery has changed; one second if zero

	// Fetch and Evaluate replace gitsource.Fetch and sandbox.Evaluate.
	Fetch    func(ctx context.Context, s gitsource.Source, last string) (gitsource.Snapshot, error)
	Evaluate func(ctx context.Context, files fs.FS, dir string) (state.Desired, error)

	specs      specs
	stores     stores
	looks      memory[look]
	mirrors    memory[*mirrored]
	pulled     apply.Pulled
	evaluating sync.Mutex // an evaluation may take 1 GiB in a process of its own: one at a time
}

// SetupWithManager makes the manager call Reconcile for every new or changed Delivery, and for one whose
// annotation reconcile.fluxcd.io/requestedAt changes.
func (r *DeliveryReconciler) SetupWithManager(mgr ctrl.Manager) error {
	changed := predicate.Or(predicate.GenerationChangedPredicate{}, predicates.ReconcileRequestedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Delivery{}, builder.WithPredicates(changed)).
		Owns(&v1alpha1.Plan{}, builder.WithPredicates(decided)).
		Complete(r)
}

// decided tells of a Plan that was approved or rejected; that the controller made or deleted one itself is no news.
var decided = predicate.Funcs{
	CreateFunc:  func(event.CreateEvent) bool { return false },
	UpdateFunc:  predicate.GenerationChangedPredicate{}.Update,
	DeleteFunc:  func(event.DeleteEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// Reconcile makes one attempt to bring the live world to what the Delivery's repository says, and writes on its
// status how that went. The error is only of the API server; everything else is a condition.
func (r *DeliveryReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	started := time.Now()
	log := ctrl.LoggerFrom(ctx)
	d := &v1alpha1.Delivery{}
	err := r.Get(ctx, req.NamespacedName, d)
	if apierrors.IsNotFound(err) || err == nil && !d.DeletionTimestamp.IsZero() {
		r.forget(req.NamespacedName)
		return ctrl.Result{}, r.let(ctx, d)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	defer r.record(ctx, d, started)
	a := &attempt{r: r, delivery: d, name: req.NamespacedName, patcher: patch.NewSerialPatcher(d, r.Client), started: started}
	a.plans = &plans{client: r.Client, of: d}
	if d.Spec.Suspend {
		log.Info("suspended: nothing is observed or changed")
		return ctrl.Result{}, a.suspend(ctx)
	}
	if err := a.begin(ctx); err != nil {
		return ctrl.Result{}, err
	}
	v := a.run(ctx)
	if ctx.Err() != nil {
		log.Info("stopped: the next start goes on from here")
		return ctrl.Result{}, nil
	}
	result, err := a.end(ctx, v)
	log.Info("reconciled", "reason", v.reason, "message", v.message, "revision", d.Status.LastAttemptedRevision,
		"duration", time.Since(started).String(), "next", result.RequeueAfter.String())
	return result, err
}

// record writes the metrics of an attempt.
func (r *DeliveryReconciler) record(ctx context.Context, d *v1alpha1.Delivery, started time.Time) {
	r.RecordSuspend(ctx, d, d.Spec.Suspend)
	r.RecordReadiness(ctx, d)
	r.RecordReconciling(ctx, d)
	r.RecordStalled(ctx, d)
	r.RecordDuration(ctx, d, started)
}

// forget frees what is held in memory for a Delivery that is gone. What it applied stays.
func (r *DeliveryReconciler) forget(name types.NamespacedName) {
	r.specs.forget(name)
	r.looks.forget(name)
	r.mirrors.forget(name)
	r.stores.keep(name, nil)
}

// let lets a Delivery go that is being deleted. Its run is over, at a safe point, when this is called; nothing is asked of
// any other system, so that it cannot hang.
func (r *DeliveryReconciler) let(ctx context.Context, d *v1alpha1.Delivery) error {
	before := d.DeepCopy()
	if !controllerutil.RemoveFinalizer(d, v1alpha1.Finalizer) {
		return nil
	}
	return client.IgnoreNotFound(r.Patch(ctx, d, client.MergeFrom(before)))
}

// close closes the connections to stores.
func (r *DeliveryReconciler) close() { r.stores.close() }

// line returns the part of the line before the live world.
func (r *DeliveryReconciler) line() line {
	l := line{fetch: r.Fetch, evaluate: r.Evaluate}
	if l.fetch == nil {
		l.fetch = gitsource.Fetch
	}
	if l.evaluate == nil {
		l.evaluate = func(ctx context.Context, files fs.FS, dir string) (state.Desired, error) {
			r.evaluating.Lock()
			defer r.evaluating.Unlock()
			return sandbox.Evaluate(ctx, files, dir, sandbox.Limits{})
		}
	}
	return l
}
