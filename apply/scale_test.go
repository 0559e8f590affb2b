package apply_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// standstill lets no release of the shop read both versions, so that its pods are stopped for the rewrite.
func standstill(w *world) {
	for _, d := range []*state.Desired{&w.before, &w.after} {
		d.Keyspaces = slices.Clone(d.Keyspaces)
		d.Keyspaces[0].Policy.Strategy, d.Keyspaces[0].Policy.Throttle = state.StrategyStop, state.ThrottleGentle
		d.Components = slices.Clone(d.Components)
		c := &d.Components[0]
		c.Releases = slices.DeleteFunc(slices.Clone(c.Releases), func(r state.Release) bool { return r.Name == "1.5.0" })
		for i := range c.Releases {
			c.Releases[i].Uses = slices.Clone(c.Releases[i].Uses)
			u := &c.Releases[i].Uses[0]
			u.Reads = state.Range(u.Writes)
		}
	}
}

// the plans of the two directions, of which the first step is done when a run dies behind it
var (
	stopUpgrade = []string{"scale checkout 0", "backup session 2.0.0", "rewrite session 2.0.0", "verify session 2.0.0", "rollout checkout 2.0.0", "scale checkout up"}
	stopRevert  = []string{"scale checkout 0", "backup session 1.0.0", "rewrite session 1.0.0", "verify session 1.0.0", "rollout checkout 1.4.0", "scale checkout up"}
)

// runs makes sure that two pods of a release run, and nothing else.
func (w *world) runs(release string) {
	w.Helper()
	running, err := w.cluster.Observe(w.Context(), w.after.System, w.after.Components)
	if err != nil {
		w.Fatal(err)
	}
	if r := running[0]; r.Stopped || r.Ready != 2 || r.Desired != 2 || !slices.Equal(r.Releases, []string{release}) {
		w.Fatalf("want two pods of %s: %+v", release, r)
	}
}

// TestStopTheWorld brings the shop to its new version without any bridge, and back: nobody meets a session that it cannot
// read, because nobody runs while there are two kinds.
func TestStopTheWorld(t *testing.T) {
	w := onRedis(t, 500)
	standstill(w)
	w.mustDeliver(w.before, "1.0.0")
	for _, way := range []struct {
		commit  state.Desired
		version state.Version
		release string
		steps   []string
	}{{w.after, "2.0.0", "2.0.0", stopUpgrade}, {w.before, "1.0.0", "1.4.0", stopRevert}} {
		left := false
		o, err := apply.Deliver(t.Context(), w.edges, way.commit, func(e apply.Event) {
			left = left || e.Kind == apply.Started && e.Step.Kind == plan.Rewrite && len(w.cluster.Pods(*w.after.Components[0].Workload)) > 0
		})
		if err != nil || !slices.Equal(steps(o), way.steps) || left {
			t.Fatalf("%v, %v; pods were left: %t", steps(o), err, left)
		}
		w.check(way.version)
		w.runs(way.release)
	}
}

// dies delivers until a rewrite has written something, and cancels it there.
func (w *world) dies() {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	defer cancel()
	_, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Progressed && e.Rewrite != nil && e.Step.Kind == plan.Rewrite && e.Rewrite.Rewritten > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		w.Fatalf("it did not die in the middle: %v", err)
	}
	if pods := w.cluster.Pods(*w.after.Components[0].Workload); len(pods) > 0 {
		w.Fatalf("pods are left: %v", pods)
	}
}

// A process that dies while a component is stopped leaves it stopped; the next one goes on and starts it again.
func TestDiesWhileStopped(t *testing.T) {
	for _, way := range []struct {
		name    string
		commit  func(*world) state.Desired
		version state.Version
		release string
		steps   []string
	}{
		{"and goes on", func(w *world) state.Desired { return w.after }, "2.0.0", "2.0.0", stopUpgrade[2:]},
		{"and goes back", func(w *world) state.Desired { return w.before }, "1.0.0", "1.4.0", append(slices.Clone(stopRevert[1:4]), stopRevert[5])},
	} {
		t.Run(way.name, func(t *testing.T) {
			w := onRedis(t, 3000)
			standstill(w)
			w.mustDeliver(w.before, "1.0.0")
			w.dies()
			o := w.mustDeliver(way.commit(w), way.version)
			if !slices.Equal(steps(o), way.steps) {
				t.Errorf("it took the steps %v, want %v", steps(o), way.steps)
			}
			w.runs(way.release)
		})
	}
}

// TestScaledUpDuringARewrite: somebody starts what is stopped in the middle of the rewrite. The rewrite stops at a key
// boundary, and goes on once it is stopped again.
func TestScaledUpDuringARewrite(t *testing.T) {
	w := onRedis(t, 3000)
	standstill(w)
	w.recluster(cluster.MemoryOptions{}, nil)
	w.deploy("1.4.0")
	m := &meddler{Memory: w.cluster, meddle: func() { w.cluster.Scale(*w.after.Components[0].Workload, 3) }}
	w.edges.Cluster = m
	once, superseded, stops := false, false, 0
	_, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Progressed && e.Step.Kind == plan.Rewrite && !once {
			once = true
			m.armed.Store(true)
		}
		superseded = superseded || e.Kind == apply.Superseded && e.Step.Kind == plan.Rewrite
		if e.Kind == apply.Ended && e.Step.Kind == plan.Scale && e.Step.To == plan.ToZero {
			stops++
		}
	})
	if err != nil || !superseded || stops != 2 {
		t.Errorf("superseded %t, stopped %d times: %v", superseded, stops, err)
	}
	w.check("2.0.0")
}

// A pod that does not go holds the run, and the component stays stopped.
func TestStopThatDoesNotEnd(t *testing.T) {
	w := embedded(t, 10)
	standstill(w)
	w.edges.RolloutTimeout = 1
	_, err := w.deliver(w.after)
	if stuck, ok := errors.AsType[*cluster.StuckError](err); !ok || stuck.Release != "" {
		t.Fatalf("want a stop that is stuck: %v", err)
	}
	w.edges.RolloutTimeout = 0
	w.mustDeliver(w.after, "2.0.0")
	w.runs("2.0.0")
}

// A component that is taken out of the spec while it is stopped is not forgotten.
func TestTakenOutWhileStopped(t *testing.T) {
	w := onRedis(t, 3000)
	standstill(w)
	w.mustDeliver(w.before, "1.0.0")
	w.dies()
	commit := w.after
	commit.Components = nil
	for range 2 {
		if _, err := w.deliver(commit); !blockedBy(err, plan.Code(diff.LeftStopped)) {
			t.Errorf("checkout is stopped for ever, and nobody says so: %v", err)
		}
	}
}

// A gate that does not hold while its component is stopped, as it may be about that, does not keep it stopped; and a soak
// does not make it wait, but watches it once it runs.
func TestNothingHoldsWhatIsStopped(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "errors")
	standstill(w)
	w.mustDeliver(w.before, "1.0.0")
	w.edges.GateEvery = 5 * time.Millisecond
	w.after.Keyspaces[0].Policy.Gates, w.after.Components[0].Policy.Gates = []state.Gate{d.Gate}, []state.Gate{d.Gate}
	w.after.Components[0].Policy.Soak = state.Soak{AfterRollout: 50, AfterRewrite: 50}
	soaked, down := 0, false
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		switch {
		case e.Step.Kind == plan.Scale && e.Kind == apply.Ended:
			down = e.Step.To == plan.ToZero
			d.shut.Store(down)
		case e.Kind == apply.Soaking && down:
			t.Errorf("it stays stopped to be watched after %s", e.After)
		case e.Kind == apply.Soaking:
			soaked++
		}
	})
	if err != nil || !slices.Equal(steps(o), stopUpgrade) || soaked != 1 {
		t.Fatalf("done %v, %v; watched %d times", steps(o), err, soaked)
	}
	w.runs("2.0.0")
}

// What is done while a component is stopped binds the stop.
func TestGateBindsAStop(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "errors")
	standstill(w)
	w.mustDeliver(w.before, "1.0.0")
	d.shut.Store(true)
	w.after.Keyspaces[0].Policy.Gates = []state.Gate{d.Gate}
	if o, err := w.deliver(w.after); len(o.Done) > 0 || !blockedBy(err, apply.GateClosed) {
		t.Errorf("done %v, %v", steps(o), err)
	}
	running, err := w.cluster.Observe(t.Context(), w.after.System, w.after.Components)
	if err != nil || running[0].Stopped || !slices.Equal(running[0].Releases, []string{"1.4.0"}) {
		t.Errorf("%+v, %v", running, err)
	}
}

// A start that gets stuck leaves its component without a ready pod: that is said for as long as it is so.
func TestAStartThatIsStuckStaysSaid(t *testing.T) {
	w := embedded(t, 10)
	standstill(w)
	w.stuck("2.0.0")
	o, err := w.deliver(w.after)
	if _, ok := errors.AsType[*cluster.StuckError](err); !ok || len(o.Failures) != 1 {
		t.Fatalf("%v, failures %+v, done %v", err, o.Failures, steps(o))
	}
	w.edges.Failures = o.Failures
	if o, err = w.deliver(w.after); err == nil {
		t.Errorf("nothing is wrong, and no pod is ready: %+v, failures %+v", o.Have.Components, o.Failures)
	}
}

// A start that gets stuck goes back if its policy wants that.
func TestAStartThatIsStuckGoesBack(t *testing.T) {
	w := embedded(t, 10)
	standstill(w)
	w.mustDeliver(w.before, "1.0.0")
	w.after.Components[0].Policy.OnFailure = state.OnFailureRollback
	w.stuck("2.0.0")
	_, err := w.deliver(w.after)
	if _, ok := errors.AsType[*apply.BackError](err); !ok {
		t.Fatalf("it did not go back: %v", err)
	}
	w.check("1.0.0")
	w.runs("1.4.0")
}
