package apply_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

// TestFailureIsKeptWhenTheDeliveryIsInterrupted: what failed for good is not forgotten because the delivery ends before its next plan.
func TestFailureIsKeptWhenTheDeliveryIsInterrupted(t *testing.T) {
	w := embedded(t, 20)
	w.stuck("2.0.0")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	o, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.GivenUp {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) || len(o.Failures) != 1 {
		t.Errorf("%v, failures %+v", err, o.Failures)
	}
}

// TestManyThatFail: each of many parts has its turn, and none is blamed for the failures of those before it.
func TestManyThatFail(t *testing.T) {
	w := embedded(t, 5)
	w.idle(cluster.MemoryOptions{})
	w.edges.RolloutTimeout = 100 * time.Millisecond
	const n = 6
	for i := range n {
		c := w.after.Components[0]
		wl := *c.Workload
		wl.Name = fmt.Sprintf("extra%d", i)
		c.Name, c.Workload = wl.Name, &wl
		old := state.Release{Name: "1.0.0", Images: []state.Image{{Container: "app", Image: "x/" + wl.Name + ":1.0.0"}}}
		fresh := state.Release{Name: "2.0.0", Images: []state.Image{{Container: "app", Image: "x/" + wl.Name + ":2.0.0"}}}
		c.Releases, c.Release = []state.Release{old, fresh}, "2.0.0"
		w.after.Components = append(w.after.Components, c)
		w.cluster.Deploy(wl, 1, old.Images...)
		w.cluster.Stick(fresh.Images[0].Image)
	}
	o, err := w.deliver(w.after)
	if len(o.Failures) != n {
		t.Errorf("%d failures of %d: %v", len(o.Failures), n, err)
	}
}

// TestStuckWithNoOldPodLeft: where the pods of the old release are gone, a stuck rollout leaves no step behind; what follows it
// is not begun all the same, until its pods are ready.
func TestStuckWithNoOldPodLeft(t *testing.T) {
	w := embedded(t, 20)
	w.recluster(cluster.MemoryOptions{}, nil)
	w.cluster.Stick(w.imageOf("1.4.0")) // so that they give way at once
	w.cluster.Stick(w.imageOf("1.5.0"))
	w.edges.RolloutTimeout = 300 * time.Millisecond
	w.deploy("1.4.0")
	o, err := w.deliver(w.after)
	if _, stuck := errors.AsType[*cluster.StuckError](err); !stuck || len(o.Done) > 0 || len(o.Failures) != 1 {
		t.Fatalf("done %v, %v, failures %+v", steps(o), err, o.Failures)
	}
	w.edges.Failures = o.Failures
	if o, err = w.deliver(w.after); len(o.Done)+len(o.Stopped) > 0 || !blockedBy(err, apply.Quarantined) || len(o.Failures) != 1 {
		t.Fatalf("done %v, %v, failures %+v", steps(o), err, o.Failures)
	}
	w.recluster(cluster.MemoryOptions{}, nil)
	w.deploy("1.5.0") // whatever was wrong with them is mended
	w.edges.Failures, w.edges.RolloutTimeout = o.Failures, 10*time.Second
	for { // until they are ready
		if o, err = w.deliver(w.after); !blockedBy(err, apply.Quarantined) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil || len(o.Failures) > 0 || o.Rewritten() == 0 {
		t.Errorf("done %v, %v, failures %+v", steps(o), err, o.Failures)
	}
}
