package apply_test

import (
	"context"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

// TestLastSoakFailedIsRemembered: a last step that did not stand its soak has failed for the next delivery, too.
func TestLastSoakFailedIsRemembered(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "errors")
	w.idle(cluster.MemoryOptions{})
	k := &w.after.Keyspaces[0]
	k.Policy.Gates, k.Policy.Soak.AfterRewrite = []state.Gate{d.Gate}, 3_600_000
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Soaking {
			d.shut.Store(true)
		}
	})
	if err == nil || len(o.Failures) != 1 {
		t.Fatal(err)
	}
	w.edges.Failures = o.Failures
	o, err = w.deliver(w.after)
	t.Logf("%v %+v", err, o.Failures)
	if err == nil {
		t.Errorf("the gate is shut still, and all is said to be well")
	}
}

// TestLastSoakGoesBackAfterARestart: it goes back even if the process ended between the failure and the way back.
func TestLastSoakGoesBackAfterARestart(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "errors")
	w.idle(cluster.MemoryOptions{})
	if _, err := w.deliver(w.before); err != nil {
		t.Fatal(err)
	}
	k := &w.after.Keyspaces[0]
	k.Policy.Gates, k.Policy.Soak.AfterRewrite, k.Policy.OnFailure = []state.Gate{d.Gate}, 3_600_000, state.OnFailureRollback
	ctx, stop := context.WithCancel(t.Context())
	var failures []apply.Failure
	_, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Soaking {
			d.shut.Store(true)
		}
		if e.Kind == apply.GivenUp {
			failures = append(failures, *e.Failure)
			stop()
		}
	})
	if len(failures) != 1 {
		t.Fatal(err)
	}
	w.edges.Failures = failures
	o, err := w.deliver(w.after)
	t.Logf("%v %v %+v", steps(o), err, o.Failures)
	if err == nil {
		t.Errorf("it does not go back any more")
	}
}
