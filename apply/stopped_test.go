package apply_test

import (
	"context"
	"errors"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// stops delivers until the component is stopped, and ends there as if the process had died.
func (w *world) stops() {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	_, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Ended && e.Step.Kind == plan.Scale {
			cancel()
		}
	})
	if live := w.live(); !errors.Is(err, context.Canceled) || !live.Stopped || live.Since == 0 {
		w.Fatalf("it is not stopped: %+v, %v", live, err)
	}
}

func (w *world) live() state.Running {
	w.Helper()
	running, err := w.cluster.Observe(w.Context(), w.after.System, w.after.Components)
	if err != nil {
		w.Fatal(err)
	}
	return running[0]
}

// TestStoppedByAPersonLater: somebody starts what Keyshift had stopped, nothing is left to do that demands a stop, and later
// somebody puts it to zero: it stays there. Whether a run looked in between or not makes no difference.
func TestStoppedByAPersonLater(t *testing.T) {
	for _, looks := range []bool{true, false} {
		w := embedded(t, 10)
		standstill(w)
		w.mustDeliver(w.before, "1.0.0")
		w.stops()
		work := *w.after.Components[0].Workload
		w.cluster.Scale(work, 2)
		if looks {
			w.mustDeliver(w.before, "1.0.0")
			if live := w.live(); live.Left || live.Desired != 2 {
				t.Errorf("the note stands still: %+v", live)
			}
		}
		w.cluster.Scale(work, 0)
		for range 2 {
			o, err := w.deliver(w.before)
			if live := w.live(); err != nil || len(o.Done) > 0 || live.Stopped || live.Left || live.Desired != 0 {
				t.Errorf("looked %t: done %v, %+v, %v", looks, steps(o), live, err)
			}
		}
	}
}

// A stop after that is noted anew: what runs comes back as it was then, not as it was long ago.
func TestStoppedAnewLater(t *testing.T) {
	w := embedded(t, 10)
	standstill(w)
	w.mustDeliver(w.before, "1.0.0")
	w.stops()
	w.cluster.Scale(*w.after.Components[0].Workload, 1)
	w.mustDeliver(w.before, "1.0.0")
	w.mustDeliver(w.after, "2.0.0")
	if live := w.live(); live.Desired != 1 || live.Stopped {
		t.Errorf("%+v", live)
	}
}

// What another system has stopped holds its part, until that has started it.
func TestStoppedByAnotherSystem(t *testing.T) {
	w := embedded(t, 10)
	standstill(w)
	w.mustDeliver(w.before, "1.0.0")
	c := w.after.Components[0]
	if err := w.cluster.Stop(t.Context(), "mail", c); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if o, err := w.deliver(w.after); len(o.Done) > 0 || !blockedBy(err, plan.Code(diff.StoppedByOther)) {
			t.Errorf("done %v, %v", steps(o), err)
		}
	}
	if live := w.live(); live.Stopped || live.Desired != 0 {
		t.Errorf("%+v", live)
	}
	if err := w.cluster.Start(t.Context(), "mail", c); err != nil {
		t.Fatal(err)
	}
	w.mustDeliver(w.after, "2.0.0")
	w.runs("2.0.0")
}

// A note of another system on what runs still, or again, keeps it from being stopped by a second one.
func TestStopOfAnotherSystemsNote(t *testing.T) {
	w := embedded(t, 10)
	standstill(w)
	w.mustDeliver(w.before, "1.0.0")
	c := w.after.Components[0]
	if err := w.cluster.Stop(t.Context(), "mail", c); err != nil {
		t.Fatal(err)
	}
	w.cluster.Scale(*c.Workload, 2)
	_, err := w.deliver(w.after)
	if e, ok := errors.AsType[*cluster.Error](err); !ok || e.Reason != cluster.StoppedByOther {
		t.Errorf("%v", err)
	}
	if live := w.live(); live.Desired != 2 {
		t.Errorf("%+v", live)
	}
}
