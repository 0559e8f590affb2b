package apply_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// door is an HTTP gate that a test opens and shuts.
type door struct {
	state.Gate
	shut  atomic.Bool
	asked atomic.Int64
}

func newDoor(t *testing.T, name string) *door {
	t.Helper()
	d := &door{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		d.asked.Add(1)
		if d.shut.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(s.Close)
	d.Gate = state.Gate{Name: name, HTTP: s.URL}
	return d
}

// closeUntilAsked shuts the door, and returns when it was found shut so many times.
func (d *door) closeUntilAsked(n int64) {
	d.shut.Store(true)
	for before := d.asked.Load(); d.asked.Load() < before+n; {
		time.Sleep(time.Millisecond)
	}
}

// idle leaves pods that do nothing, so that a rewrite alone writes.
func (w *world) idle(o cluster.MemoryOptions) {
	w.recluster(o, nil)
	w.deploy("1.4.0")
	w.edges.GateEvery = 5 * time.Millisecond
}

// TestGateBefore: the rollouts have no gate, so they are done; the backup waits while the keyspace's does not hold, and
// then the rest is done.
func TestGateBefore(t *testing.T) {
	w, d := embedded(t, 100), newDoor(t, "errors")
	w.idle(cluster.MemoryOptions{})
	d.shut.Store(true)
	w.after.Keyspaces[0].Policy.Gates = []state.Gate{d.Gate}
	o, err := w.deliver(w.after)
	blocked, ok := errors.AsType[*plan.BlockedError](err)
	if !ok || blocked.Blocked.Code != apply.GateClosed || !strings.Contains(err.Error(), "gate errors (http://127.0.0.1:") || !strings.Contains(err.Error(), "answers 503") {
		t.Fatalf("%v", err)
	}
	if got, want := steps(o), upgrade[:2]; !reflect.DeepEqual(got, want) || !o.Until.IsZero() {
		t.Errorf("done while it is closed: %v, want %v; to go on at %s", got, want, o.Until)
	}
	w.backupWaited()
	d.shut.Store(false)
	if o, err = w.deliver(w.after); err != nil || !reflect.DeepEqual(steps(o), upgrade[2:]) {
		t.Errorf("done once it is open: %v, %v", steps(o), err)
	}
}

// TestGateWithoutPrometheus: who cannot ask knows nothing, and goes no further.
func TestGateWithoutPrometheus(t *testing.T) {
	w := embedded(t, 10)
	w.after.Components[0].Policy.Gates = []state.Gate{{Name: "errors", PromQL: "job:errors:ratio < 0.01"}}
	o, err := w.deliver(w.after)
	if len(o.Done) > 0 || err == nil || !strings.Contains(err.Error(), "--prometheus") || !strings.Contains(err.Error(), apply.GateClosed) {
		t.Errorf("did %v, %v", steps(o), err)
	}
}

// TestManyBehindOneGate: what waits for a gate of the system is looked at once, not once for each part of it.
func TestManyBehindOneGate(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "slo")
	d.shut.Store(true)
	gates := []state.Gate{d.Gate}
	w.after.Components[0].Policy.Gates, w.after.Keyspaces[0].Policy.Gates = gates, gates
	for _, name := range []string{"xx", "yy", "zz"} {
		k := w.after.Keyspaces[0]
		k.Name, k.Shapes = name, append([]state.Shape(nil), k.Shapes...)
		for i := range k.Shapes {
			k.Shapes[i].Keys = name + ":<id>"
		}
		w.after.Keyspaces = append(w.after.Keyspaces, k)
		if err := w.client.HSet(t.Context(), name+":1", "user_id", "1", "name", "Ada", "created_ms", "5000").Err(); err != nil {
			t.Fatal(err)
		}
	}
	o, err := w.deliver(w.after)
	planned := 0
	for _, e := range w.events {
		if e.Kind == apply.Planned {
			planned++
		}
	}
	if len(o.Done) > 0 || err == nil || planned != 1 || d.asked.Load() != 1 {
		t.Errorf("looked %d times, asked %d times, did %v, %v", planned, d.asked.Load(), steps(o), err)
	}
}

// TestGateDuringARewrite: a gate that does not hold any more pauses the rewrite in its middle. Nothing is written until it
// holds again; then the rewrite goes on to its end.
func TestGateDuringARewrite(t *testing.T) {
	w, d := onRedis(t, 3000), newDoor(t, "errors")
	w.idle(cluster.MemoryOptions{})
	w.after.Keyspaces[0].Policy.Throttle = state.ThrottleGentle
	w.after.Keyspaces[0].Policy.Gates = []state.Gate{d.Gate}
	var kinds []apply.EventKind
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Step.Kind != plan.Rewrite || e.Kind == apply.Preflighted {
			return
		}
		if len(kinds) == 0 || kinds[len(kinds)-1] != e.Kind {
			kinds = append(kinds, e.Kind)
		}
		switch {
		case e.Kind == apply.Progressed && !d.shut.Load() && len(kinds) == 2:
			d.closeUntilAsked(2)
		case e.Kind == apply.Paused:
			if held, ok := errors.AsType[*apply.HoldError](e.Err); !ok || held.Code != apply.GateClosed || !strings.Contains(held.Reason, "errors") {
				t.Errorf("paused because of %v", e.Err)
			}
			w.still()
			d.shut.Store(false)
		}
	})
	if err != nil || !reflect.DeepEqual(steps(o), upgrade) {
		t.Fatalf("%v, %v", steps(o), err)
	}
	want := []apply.EventKind{apply.Started, apply.Progressed, apply.Paused, apply.Resumed, apply.Progressed, apply.Ended}
	if !reflect.DeepEqual(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
	if n := o.Rewritten(); n != 3000 {
		t.Errorf("%d of 3000 rewritten", n)
	}
}

// still waits until what was on its way has arrived, and then sees to it that nothing more is written, in the middle of a
// rewrite.
func (w *world) still() {
	last := dump(w.T, w.client)
	for same := 0; same < 5; {
		now := dump(w.T, w.client)
		if same++; !reflect.DeepEqual(now, last) {
			same = 0
		}
		last = now
	}
	converted := 0
	for _, fields := range last {
		if _, ok := fields["full_name"]; ok {
			converted++
		}
	}
	if converted == 0 || converted == len(last) {
		w.Errorf("%d of %d units are converted: that is not the middle", converted, len(last))
	}
}

// TestGateDuringARollout: a rollout cannot be paused. It goes on to its end, and what follows it waits although it has no
// gate of its own.
func TestGateDuringARollout(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "errors")
	w.idle(cluster.MemoryOptions{Terminate: 200 * time.Millisecond})
	w.after.Components[0].Policy.Gates = []state.Gate{d.Gate}
	paused := 0
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Started && e.Step.To == "2.0.0" {
			d.shut.Store(true)
		}
		if e.Kind == apply.Paused && e.Step.Kind == plan.Rollout {
			paused++
		}
	})
	if got, want := steps(o), upgrade[:2]; !reflect.DeepEqual(got, want) {
		t.Errorf("done %v, want %v", got, want)
	}
	if err == nil || !strings.Contains(err.Error(), apply.GateClosed) || paused != 1 {
		t.Errorf("told %d times that the gate does not hold, %v", paused, err)
	}
}

// TestGateEndsWithTheContext: who waits for a gate goes when asked to.
func TestGateEndsWithTheContext(t *testing.T) {
	w, d := onRedis(t, 3000), newDoor(t, "errors")
	w.idle(cluster.MemoryOptions{})
	w.after.Keyspaces[0].Policy.Throttle = state.ThrottleGentle
	w.after.Keyspaces[0].Policy.Gates = []state.Gate{d.Gate}
	ctx, stop := contextWithCause(t)
	cause := errors.New("the Delivery was changed")
	var once atomic.Bool
	_, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
		switch {
		case e.Step.Kind == plan.Rewrite && e.Kind == apply.Progressed && once.CompareAndSwap(false, true):
			d.closeUntilAsked(2)
		case e.Kind == apply.Paused:
			stop(cause)
		}
	})
	if !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	d.shut.Store(false)
	w.after.Keyspaces[0].Policy.Throttle = state.ThrottleFast
	if o, err := w.deliver(w.after); err != nil || len(o.Done) == 0 {
		t.Errorf("afterwards: %v, %v", steps(o), err)
	}
}
