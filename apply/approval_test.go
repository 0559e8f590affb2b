package apply_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// blockedBy tells whether an error is of a part that is blocked by a code.
func blockedBy(err error, code plan.Code) bool {
	blocked, ok := errors.AsType[*plan.BlockedError](err)
	return ok && blocked.Blocked.Code == code
}

// approve lets a person approve exactly the plan with a digest, and returns what was asked for.
func (w *world) approve(digest state.Digest) *[]plan.Plan {
	asked := &[]plan.Plan{}
	var approved []state.Digest
	w.edges.Approved = func(_ context.Context, _ apply.Situation, waiting plan.Plan) ([]state.Digest, error) {
		*asked = append(*asked, waiting)
		if waiting.Digest == digest {
			for _, s := range waiting.Steps {
				approved = append(approved, s.Digest)
			}
		}
		return approved, nil
	}
	return asked
}

// TestApproval: a plan that loses data waits as a whole until a person approves it; the approval of another one is none.
func TestApproval(t *testing.T) {
	w := embedded(t, 100)
	w.after.Keyspaces[0].Policy.Approval = state.ApprovalDestructive
	asked := w.approve("sha256:0123456789abcdef")
	o, err := w.deliver(w.after)
	if len(o.Done) > 0 || !blockedBy(err, apply.AwaitingApproval) || !strings.Contains(err.Error(), (*asked)[0].Short()) {
		t.Fatalf("done %v, %v", steps(o), err)
	}
	w.approve((*asked)[0].Digest)
	if got := steps(w.mustDeliver(w.after, "2.0.0")); !reflect.DeepEqual(got, upgrade) {
		t.Errorf("done %v", got)
	}
}

// TestApprovalCoversWhatIsLeft: a run that was interrupted goes on without being approved again, and so does one that is
// planned anew after each step.
func TestApprovalCoversWhatIsLeft(t *testing.T) {
	w := embedded(t, 100)
	w.edges.Approval = state.ApprovalAlways // as its Delivery demands
	asked := w.approve("")
	if _, err := w.deliver(w.after); !blockedBy(err, apply.AwaitingApproval) {
		t.Fatal(err)
	}
	w.approve((*asked)[0].Digest)
	for range upgrade {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
			if e.Kind == apply.Ended {
				cancel()
			}
		})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if o := w.mustDeliver(w.after, "2.0.0"); len(o.Done) > 0 {
		t.Errorf("left was %v", steps(o))
	}
}

// TestApprovalOfOnePart does not hold what has nothing to do with it.
func TestApprovalOfOnePart(t *testing.T) {
	w := embedded(t, 10)
	w.beside("zz")
	w.after.Keyspaces[0].Policy.Approval = state.ApprovalAlways
	o, err := w.deliver(w.after)
	if got := strings.Join(steps(o), ", "); !blockedBy(err, apply.AwaitingApproval) || !strings.Contains(got, "verify zz 2.0.0") || strings.Contains(got, "session") {
		t.Errorf("done %s, %v", got, err)
	}
}

// beside adds a keyspace like the first that nobody uses, with one unit at 1.0.0.
func (w *world) beside(name string) {
	w.Helper()
	k := w.after.Keyspaces[0]
	k.Name, k.Shapes = name, append([]state.Shape(nil), k.Shapes...)
	for i := range k.Shapes {
		k.Shapes[i].Keys = name + ":<id>"
	}
	w.after.Keyspaces = append(w.after.Keyspaces, k)
	if err := w.client.HSet(w.Context(), name+":1", "user_id", "1", "name", "Ada", "created_ms", "5000").Err(); err != nil {
		w.Fatal(err)
	}
}

// stuck makes every rollout to a release of checkout one that cannot go on.
func (w *world) stuck(release string) {
	r, found := w.after.Components[0].FindRelease(release)
	if !found {
		w.Fatalf("no release %s", release)
	}
	w.cluster.Stick(r.Images[0].Image)
	w.edges.RolloutTimeout = 300 * time.Millisecond
}

// narrow adds a release that reads nothing but 2.0.0, and desires it: it is rolled out once the data is rewritten.
func (w *world) narrow() {
	c := &w.after.Components[0]
	r, _ := c.FindRelease("2.0.0")
	r.Name, r.Images, r.Uses = "3.0.0", append([]state.Image(nil), r.Images...), append([]state.Use(nil), r.Uses...)
	r.Images[0].Image, r.Uses[0].Reads = "ghcr.io/acme/checkout:3.0.0", ">=2.0.0 <3.0.0"
	c.Releases, c.Release = append(append([]state.Release(nil), c.Releases...), r), r.Name
}

// TestQuarantine: a rollout that got stuck is not tried again until the spec changes; what it reached is kept.
func TestQuarantine(t *testing.T) {
	w := embedded(t, 100)
	w.stuck("2.0.0")
	o, err := w.deliver(w.after)
	if err == nil || len(o.Failures) != 1 || o.Failures[0].Code != "RolloutStuck" || !reflect.DeepEqual(steps(o), upgrade[:1]) {
		t.Fatalf("%v, failures %+v, done %v", err, o.Failures, steps(o))
	}
	w.edges.Failures = o.Failures
	o, err = w.deliver(w.after)
	if len(o.Done)+len(o.Stopped) > 0 || !blockedBy(err, apply.Quarantined) || len(o.Failures) != 1 || !strings.Contains(err.Error(), "RolloutStuck") && !strings.Contains(err.Error(), "rollout checkout") {
		t.Fatalf("tried again: %v, %v, %+v", steps(o), err, o.Failures)
	}
	w.edges.Failures = o.Failures
	w.after.Components[0].Release, w.after.Keyspaces[0].Version = "1.5.0", "1.0.0"
	if o = w.mustDeliver(w.after, "1.0.0"); len(o.Failures) > 0 {
		t.Errorf("the spec has changed and %+v is in force", o.Failures)
	}
}

// TestRollback: a rollout that gets stuck when the data is rewritten already takes data and image back to where they were,
// under live traffic, and stays there until the spec changes.
func TestRollback(t *testing.T) {
	w := embedded(t, 100)
	if o := w.mustDeliver(w.before, "1.0.0"); len(o.Done) > 0 {
		t.Fatalf("done %v", steps(o))
	}
	w.narrow()
	w.after.Components[0].Policy.OnFailure = state.OnFailureRollback
	w.stuck("3.0.0")
	o, err := w.deliver(w.after)
	back := []string{"rollout checkout 2.0.0", "rollout checkout 1.5.0", "backup session 1.0.0", "rewrite session 1.0.0", "verify session 1.0.0", "rollout checkout 1.4.0"}
	if got := steps(o); !reflect.DeepEqual(got, append(append([]string(nil), upgrade...), back...)) && !reflect.DeepEqual(got, append(append([]string(nil), upgrade...), back[1:]...)) {
		t.Errorf("done %v, %v", got, err)
	}
	rolled, ok := errors.AsType[*apply.BackError](err)
	if !ok || rolled.Failure.Code != "RolloutStuck" {
		t.Fatalf("%v", err)
	}
	w.check("1.0.0")
	running, err := w.cluster.Observe(t.Context(), w.after.System, w.after.Components)
	if err != nil || !reflect.DeepEqual(running[0].Releases, []string{"1.4.0"}) {
		t.Errorf("%v runs, %v", running, err)
	}
	w.edges.Failures = o.Failures
	o, err = w.deliver(w.after)
	if _, ok := errors.AsType[*apply.BackError](err); !ok || len(o.Done) > 0 || len(o.Failures) != 1 {
		t.Errorf("done %v, %v, failures %+v", steps(o), err, o.Failures)
	}
	w.edges.Failures = nil // as a person forces it
	w.cluster.Unstick("ghcr.io/acme/checkout:3.0.0")
	w.edges.RolloutTimeout = 10 * time.Second
	w.mustDeliver(w.after, "2.0.0")
}
