package reconciler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/cluster"
)

// plans returns the Plans there are, the oldest first, and, sorted, their phases and who approved them.
func (w *world) plans(name types.NamespacedName) (all []*v1alpha1.Plan, said []string) {
	w.t.Helper()
	p := &plans{client: w.client, of: &v1alpha1.Delivery{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, UID: types.UID("uid-" + name.Name)}}}
	if err := p.load(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, x := range p.all {
		said = append(said, strings.TrimSpace(fmt.Sprintf("%s %s", x.Status.Phase, x.Status.ApprovedBy)))
	}
	slices.Sort(said)
	return p.all, said
}

// approve decides on a Plan as a person does.
func (w *world) approve(x *v1alpha1.Plan, approved bool, by string) {
	w.t.Helper()
	before := x.DeepCopy()
	x.Spec.Approval = &v1alpha1.PlanApproval{Approved: approved, By: by}
	if err := w.client.Patch(w.t.Context(), x, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

func wantReason(t *testing.T, d *v1alpha1.Delivery, reason, part string) {
	t.Helper()
	ready := conditions.Get(d, meta.ReadyCondition)
	if ready == nil || ready.Status != metav1.ConditionFalse || ready.Reason != reason || !strings.Contains(ready.Message, part) {
		t.Fatalf("ready is %+v, want %s with %q", ready, reason, part)
	}
}

// applied brings the world of a shop to its first commit.
func (w *world) applied(change ...func(*v1alpha1.Delivery)) types.NamespacedName {
	w.t.Helper()
	w.seed(50)
	name := w.deliver("shop", change...)
	w.git.push(urlOf("shop"), w.shop(0))
	d, _ := w.reconcile(name)
	wantReady(w.t, d)
	return name
}

// asking brings it to its second commit, as far as the Plan that waits for a person.
func (w *world) asking() (types.NamespacedName, *v1alpha1.Plan) {
	w.t.Helper()
	name := w.applied(always)
	w.git.push(urlOf("shop"), w.shop(1))
	w.reconcile(name)
	all, said := w.plans(name)
	if !slices.Equal(said, []string{"AwaitingApproval"}) {
		w.t.Fatalf("plans %v", said)
	}
	return name, all[0]
}

func always(d *v1alpha1.Delivery) { d.Spec.Approval = "always" }

// TestApproval: a plan waits, without another pass over the keys, until a person approves it; then it runs, is consumed, and
// says who approved it and how it went.
func TestApproval(t *testing.T) {
	w := newWorld(t)
	name := w.applied(always)
	w.git.push(urlOf("shop"), w.shop(1))
	d, result := w.reconcile(name)
	all, said := w.plans(name)
	if !slices.Equal(said, []string{"AwaitingApproval"}) || result.RequeueAfter > 7*time.Second {
		t.Fatalf("plans %v, again in %s", said, result.RequeueAfter)
	}
	x := all[0]
	wantReason(t, d, v1alpha1.ReasonAwaitingApproval, x.Spec.Digest[len("sha256:"):][:12])
	if len(x.Spec.Steps) != 5 || x.Spec.Steps[3].Risk != "lossy" || x.Spec.Steps[3].Units != 50 || x.Spec.Steps[3].Undo == "" || !strings.Contains(x.Name, "shop-") {
		t.Errorf("%+v", x.Spec)
	}
	if len(d.Finalizers) > 0 {
		t.Errorf("nothing runs, and it has the finalizers %v", d.Finalizers)
	}
	seen := d.Status.ObservedAt
	if d, _ = w.reconcile(name); !d.Status.ObservedAt.Equal(seen) {
		t.Errorf("another pass over all keys, for nothing")
	}
	wantReason(t, d, v1alpha1.ReasonAwaitingApproval, "")
	w.happened()

	w.approve(x, true, "ada")
	d, _ = w.reconcile(name)
	wantReady(t, d)
	wantLive(t, d, "2.0.0", "2.0.0", 50)
	all, said = w.plans(name)
	if !slices.Equal(said, []string{"Succeeded ada"}) {
		t.Fatalf("plans %v", said)
	}
	for i, s := range all[0].Status.Steps {
		if s.State != v1alpha1.StepDone || s.StartedAt == nil || s.EndedAt == nil {
			t.Errorf("step %d: %+v", i, s)
		}
	}

	w.git.push(urlOf("shop"), w.shop(0)) // the way back is another plan
	d, _ = w.reconcile(name)
	wantReason(t, d, v1alpha1.ReasonAwaitingApproval, "")
	w.git.push(urlOf("shop"), w.shop(1)) // and the same again is another run
	d, _ = w.reconcile(name)
	wantReady(t, d)
	w.git.push(urlOf("shop"), w.shop(0))
	w.reconcile(name)
	if _, said = w.plans(name); len(said) < 2 || !slices.Contains(said, "AwaitingApproval") {
		t.Errorf("plans %v", said)
	}
}

// TestRejected: what a person rejected is not run, and not asked for again before it is another plan.
func TestRejected(t *testing.T) {
	w := newWorld(t)
	name, asks := w.asking()
	w.approve(asks, false, "ada")
	for range 2 {
		d, _ := w.reconcile(name)
		wantReason(t, d, v1alpha1.ReasonAwaitingApproval, "")
	}
	if _, said := w.plans(name); !slices.Equal(said, []string{"Rejected ada"}) {
		t.Fatalf("plans %v", said)
	}
	w.git.push(urlOf("shop"), w.shop(1, "div(#old.created_ms, 1000)", "div(#old.created_ms, 1000) + 0"))
	d, _ := w.reconcile(name)
	wantReason(t, d, v1alpha1.ReasonAwaitingApproval, "")
	if _, said := w.plans(name); !slices.Equal(said, []string{"AwaitingApproval", "Superseded ada"}) {
		t.Errorf("plans %v", said)
	}
}

// TestApprovalOfAnotherPlan counts for nothing.
func TestApprovalOfAnotherPlan(t *testing.T) {
	w := newWorld(t)
	name, asks := w.asking()
	w.git.push(urlOf("shop"), w.shop(1, "div(#old.created_ms, 1000)", "div(#old.created_ms, 1000) + 0"))
	w.approve(asks, true, "ada")
	d, _ := w.reconcile(name)
	wantReason(t, d, v1alpha1.ReasonAwaitingApproval, "")
	if _, said := w.plans(name); !slices.Equal(said, []string{"AwaitingApproval", "Superseded ada"}) {
		t.Errorf("plans %v", said)
	}
	if live := d.Status.Components[0].Live; len(live) != 1 || live[0].Release != "1.4.0" {
		t.Errorf("live: %+v", live)
	}
}

// TestGoesBackByItself: a rollout that gets stuck takes its part of the system back; that is said, and not tried again until
// the spec changes or a person forces it.
func TestGoesBackByItself(t *testing.T) {
	w := newWorld(t)
	name := w.applied(func(d *v1alpha1.Delivery) { d.Spec.Timeout = &metav1.Duration{Duration: time.Second} })
	w.cluster.Stick("ghcr.io/acme/checkout:2.0.0")
	w.git.push(urlOf("shop"), w.shop(1, `release: "2.0.0" // desired`, "release: \"2.0.0\"\n\tpolicy: onFailure: \"rollback\""))
	for range 2 {
		d, _ := w.reconcile(name)
		wantReason(t, d, v1alpha1.ReasonRolledBack, "rollout checkout to 2.0.0")
		if len(d.Status.Failures) != 1 || d.Status.Failures[0].Code != "RolloutStuck" || !d.Status.Failures[0].Back || len(d.Finalizers) > 0 {
			t.Fatalf("failures %+v, finalizers %v", d.Status.Failures, d.Finalizers)
		}
		if c := d.Status.Components[0]; len(c.Live) != 1 || c.Live[0].Release != "1.4.0" {
			t.Errorf("live: %+v", c.Live)
		}
	}
	if _, said := w.plans(name); !slices.Equal(said, []string{"RolledBack", "Succeeded"}) {
		t.Errorf("plans %v", said)
	}
	w.cluster.Unstick("ghcr.io/acme/checkout:2.0.0")
	d := w.get(name)
	d.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "now", v1alpha1.ForceAnnotation: "now"}
	if err := w.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d, _ = w.reconcile(name)
	wantReady(t, d)
	wantLive(t, d, "2.0.0", "2.0.0", 50)
	if len(d.Status.Failures) > 0 {
		t.Errorf("failures %+v", d.Status.Failures)
	}
}

// TestRollbackByAPerson goes back to an earlier revision and stays there, whatever comes in Git.
func TestRollbackByAPerson(t *testing.T) {
	w := newWorld(t)
	name := w.applied()
	earlier := w.get(name).Status.Applied[0].Revision
	w.git.push(urlOf("shop"), w.shop(1))
	d, _ := w.reconcile(name)
	wantReady(t, d)
	if len(d.Status.Applied) != 2 || d.Status.Applied[1].Revision != earlier {
		t.Fatalf("applied %+v", d.Status.Applied)
	}
	d.Spec.Rollback, d.Generation = &v1alpha1.Rollback{To: earlier}, 2
	if err := w.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d, _ = w.reconcile(name)
		wantReady(t, d)
		wantLive(t, d, "1.4.0", "1.0.0", 50)
		if message := conditions.GetMessage(d, meta.ReadyCondition); !strings.Contains(message, "keyshift resume shop") {
			t.Error(message)
		}
	}
	d.Spec.Rollback, d.Generation = nil, 3
	if err := w.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d, _ = w.reconcile(name)
	wantLive(t, d, "2.0.0", "2.0.0", 50)
}

// TestRollbackDeletesNothing: a revision that knows of no sessions yet, gone back to by a person, does not take them out of
// the spec, whatever their policy says; a commit without them does.
func TestRollbackDeletesNothing(t *testing.T) {
	w := newWorld(t)
	name := w.deliver("shop")
	w.seed(50)
	earlier := w.shop(0)
	earlier["shop.cue"] = &fstest.MapFile{Data: []byte(fmt.Sprintf(`package shop

import "keyshift.dev/schema"

system: schema.#System
system: stores: main: address: "redis://%s/0"
system: policy: retire: "delete"
system: components: checkout: {
	workload: {kind: "Deployment", namespace: "shop", name: "checkout"}
	release: "1.3.0"
	releases: "1.3.0": images: app: "ghcr.io/acme/checkout:1.3.0"
}
`, w.redis.Addr()))}
	w.git.push(urlOf("shop"), earlier)
	w.git.push(urlOf("shop"), w.shop(0))
	d, _ := w.reconcile(name)
	wantReady(t, d)
	d.Spec.Rollback, d.Generation = &v1alpha1.Rollback{To: revisionOf(earlier)}, 2
	if err := w.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	left := func() (n int) {
		for _, key := range w.redis.Keys() {
			if strings.HasPrefix(key, "session:") {
				n++
			}
		}
		return n
	}
	before := left()
	d, _ = w.reconcile(name)
	wantReady(t, d)
	if n := left(); n != before || d.Status.Components[0].Live[0].Release != "1.3.0" {
		t.Errorf("%d of %d keys are left; components %+v", n, before, d.Status.Components)
	}
	w.git.push(urlOf("shop"), earlier)
	d.Spec.Rollback, d.Generation = nil, 3
	if err := w.client.Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d, _ = w.reconcile(name)
	wantReady(t, d)
	if n := left(); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

// TestDeletedInTheMiddle: a Delivery that is deleted while it runs is there until its run has come to a safe point, and then
// gone.
func TestDeletedInTheMiddle(t *testing.T) {
	w := newWorld(t)
	name := w.applied()
	w.r.Cluster = newSlowCluster(t)
	w.git.push(urlOf("shop"), w.shop(1))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: name})
	}()
	until(t, "the run has its finalizer, and a step is begun", func() string {
		if _, said := w.plans(name); len(w.get(name).Finalizers) == 0 || !slices.Equal(said, []string{"Running"}) {
			return fmt.Sprintf("finalizers %v, plans %v", w.get(name).Finalizers, said)
		}
		return ""
	})
	if err := w.client.Delete(t.Context(), w.get(name)); err != nil {
		t.Fatal(err)
	}
	<-done
	all, said := w.plans(name)
	if !slices.Equal(said, []string{"Paused"}) || all[0].Status.Steps[0].State != v1alpha1.StepPending {
		t.Errorf("plans %v: %+v", said, all[0].Status)
	}
	if _, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: name}); err != nil {
		t.Fatal(err)
	}
	d := &v1alpha1.Delivery{}
	if err := w.client.Get(t.Context(), name, d); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("it is still there: %v, %v", d.Finalizers, err)
	}
}

// newSlowCluster is newCluster with pods that take half a minute to start.
func newSlowCluster(t *testing.T) *cluster.Memory {
	c := cluster.NewMemory(cluster.MemoryOptions{Start: 30 * time.Second})
	t.Cleanup(c.Close)
	deploy(c, "checkout", "ghcr.io/acme/checkout:1.4.0")
	return c
}

// TestOldPlansAreDeleted keeps ten that came to their end.
func TestOldPlansAreDeleted(t *testing.T) {
	w := newWorld(t)
	name := w.applied()
	for i := range 13 {
		w.git.push(urlOf("shop"), w.shop((i+1)%2))
		d, _ := w.reconcile(name)
		wantReady(t, d)
	}
	if all, said := w.plans(name); len(all) > maxEnded || len(all) < 5 {
		t.Errorf("%d plans: %v", len(all), said)
	}
}
