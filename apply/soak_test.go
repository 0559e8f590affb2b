package apply_test

import (
	"context"
	"errors"
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

func contextWithCause(t *testing.T) (context.Context, context.CancelCauseFunc) {
	t.Helper()
	ctx, stop := context.WithCancelCause(t.Context())
	t.Cleanup(func() { stop(nil) })
	return ctx, stop
}

// soaks lists what was watched: "before rollout checkout 2.0.0, after rollout checkout to 1.5.0".
func soaks(events []apply.Event) (out []string) {
	for _, e := range events {
		if e.Kind == apply.Soaking {
			out = append(out, "at "+string(e.Step.Kind)+" "+e.Step.Object+" "+e.Step.To+", after "+e.After)
		}
	}
	return out
}

// TestSoak: what depends on a step waits until it was watched; its verify does not, and what nothing waits for is watched
// at the end.
func TestSoak(t *testing.T) {
	w := embedded(t, 100)
	w.idle(cluster.MemoryOptions{})
	now := time.Now() // stands still, so that none of the soaks is over before it is waited for
	w.edges.Now = func() time.Time { return now }
	w.after.Components[0].Policy.Soak.AfterRollout = 30
	w.after.Keyspaces[0].Policy.Soak.AfterRewrite = 60
	o, err := w.deliver(w.after)
	if err != nil || !reflect.DeepEqual(steps(o), upgrade) {
		t.Fatalf("%v, %v", steps(o), err)
	}
	want := []string{
		"at rollout checkout 2.0.0, after rollout checkout to 1.5.0",
		"at backup session 2.0.0, after rollout checkout to 2.0.0",
		"at rewrite session 2.0.0, after rewrite session to 2.0.0",
	}
	if got := soaks(w.events); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	last := apply.Event{}
	for _, e := range w.events {
		if e.Kind == apply.Ended || e.Kind == apply.Soaking {
			last = e
		}
	}
	if last.Kind != apply.Soaking {
		t.Errorf("a soak was waited for before %s", last.Step)
	}
	if o, err = w.deliver(w.after); err != nil || len(o.Done) > 0 || len(soaks(w.events)) > 0 {
		t.Errorf("afterwards %v, %q, %v", steps(o), soaks(w.events), err)
	}
}

// TestSoakOfTheOtherSide: a keyspace may ask for a soak after rollouts of what uses it, a component for one after rewrites
// of what it uses.
func TestSoakOfTheOtherSide(t *testing.T) {
	w := embedded(t, 10)
	w.idle(cluster.MemoryOptions{})
	now := time.Now()
	w.edges.Now = func() time.Time { return now }
	w.after.Components[0].Policy.Soak.AfterRewrite = 1
	w.after.Keyspaces[0].Policy.Soak.AfterRollout = 20
	if _, err := w.deliver(w.after); err != nil {
		t.Fatal(err)
	}
	told := strings.Join(soaks(w.events), "; ")
	if !strings.Contains(told, "at backup session 2.0.0, after rollout checkout to 2.0.0") {
		t.Errorf("watched: %s", told)
	}
}

// unwell shows fewer ready pods than there are while it is ill.
type unwell struct {
	*cluster.Memory
	ill atomic.Bool
}

func (u *unwell) Observe(ctx context.Context, system string, cs []state.Component) ([]state.Running, error) {
	out, err := u.Memory.Observe(ctx, system, cs)
	for i := range out {
		if u.ill.Load() {
			out[i].Ready--
		}
	}
	return out, err
}

// TestSoakFails: pods that become unready while a step is watched hold what follows, also when it is tried again; once they
// are well, it goes on.
func TestSoakFails(t *testing.T) {
	w := embedded(t, 10)
	w.idle(cluster.MemoryOptions{})
	u := &unwell{Memory: w.cluster}
	w.edges.Cluster = u
	w.after.Components[0].Policy.Soak.AfterRollout = 40
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	w.edges.Now = func() time.Time { return now }
	report := func(e apply.Event) {
		w.events = append(w.events, e)
		if e.Kind == apply.Soaking {
			u.ill.Store(true)
		}
	}
	for range 2 {
		o, err := apply.Deliver(t.Context(), w.edges, w.after, report)
		held, ok := errors.AsType[*apply.HoldError](err)
		if !ok || held.Code != apply.SoakFailed || !strings.Contains(held.Reason, "after rollout checkout to 1.5.0, 1 of 2 pods of component checkout are ready") {
			t.Fatalf("%v", err)
		}
		if len(o.Done) > 1 {
			t.Errorf("%v was done", steps(o))
		}
	}
	failed := 0
	for _, e := range w.events {
		if e.Kind == apply.Failed && e.Step.Kind == plan.Rollout && e.Step.To == "2.0.0" {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d events say that what follows failed, want 2", failed)
	}
	u.ill.Store(false)
	o, err := w.deliver(w.after)
	if err != nil || !reflect.DeepEqual(steps(o), upgrade[1:]) || len(soaks(w.events)) == 0 {
		t.Errorf("%v, %q, %v", steps(o), soaks(w.events), err)
	}
}

// TestLastSoakFails: a gate that ceases to hold after the last step fails that step.
func TestLastSoakFails(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "errors")
	w.idle(cluster.MemoryOptions{})
	k := &w.after.Keyspaces[0]
	k.Policy.Gates, k.Policy.Soak.AfterRewrite = []state.Gate{d.Gate}, 3_600_000
	var last apply.Event
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		switch e.Kind {
		case apply.Failed:
			last = e
		case apply.Soaking:
			d.shut.Store(true)
		}
	})
	if held, ok := errors.AsType[*apply.HoldError](err); !ok || held.Code != apply.SoakFailed || !strings.Contains(held.Reason, "gate errors") {
		t.Errorf("%v", err)
	}
	if last.Kind != apply.Failed || last.Step.Kind != plan.Rewrite || !reflect.DeepEqual(steps(o), upgrade) {
		t.Errorf("%s of %s, done %v", last.Kind, last.Step, steps(o))
	}
}

// TestLastSoakGoesBack: if its policy wants that, a part goes back to what was applied before when the last step does not
// stand its soak; gates do not keep it from that. It stays there when the same is asked for again.
func TestLastSoakGoesBack(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "errors")
	w.idle(cluster.MemoryOptions{})
	if _, err := w.deliver(w.before); err != nil {
		t.Fatal(err)
	}
	k := &w.after.Keyspaces[0]
	k.Policy.Gates, k.Policy.Soak.AfterRewrite, k.Policy.OnFailure = []state.Gate{d.Gate}, 3_600_000, state.OnFailureRollback
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Soaking {
			d.shut.Store(true)
		}
	})
	back, ok := errors.AsType[*apply.BackError](err)
	if !ok || back.Failure.Code != apply.SoakFailed {
		t.Fatalf("%v", err)
	}
	if got, want := steps(o), append(append([]string{}, upgrade...), revert...); !reflect.DeepEqual(got, want) {
		t.Errorf("done %v, want %v", got, want)
	}
	w.edges.Failures = o.Failures
	if o, err = w.deliver(w.after); err == nil || len(o.Done) > 0 {
		t.Errorf("again: %v, %v", steps(o), err)
	}
}

// TestSoakSurvivesARestart: whoever goes on with the same plan waits until the same time; a plan to somewhere else, above
// all back, does not, and what is over is over.
func TestSoakSurvivesARestart(t *testing.T) {
	w := embedded(t, 10)
	w.idle(cluster.MemoryOptions{})
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	w.edges.Now = func() time.Time { return now }
	w.before.Components[0].Policy.Soak.AfterRollout = 3_600_000
	w.after.Components[0].Policy.Soak.AfterRollout = 3_600_000
	interrupted := func(commit state.Desired) (apply.Outcome, []apply.Event) {
		ctx, stop := contextWithCause(t)
		var events []apply.Event
		o, err := apply.Deliver(ctx, w.edges, commit, func(e apply.Event) {
			if events = append(events, e); e.Kind == apply.Soaking {
				stop(errors.New("restarted"))
			}
		})
		if err == nil || !strings.Contains(err.Error(), "restarted") {
			t.Fatalf("%v", err)
		}
		return o, events
	}
	until := func(events []apply.Event) time.Time { return events[len(events)-2].Until } // then it failed
	o, first := interrupted(w.after)
	if !reflect.DeepEqual(steps(o), upgrade[:1]) || !until(first).Equal(now.Add(time.Hour)) {
		t.Fatalf("did %v, until %s", steps(o), until(first))
	}
	now = now.Add(time.Minute)
	o, again := interrupted(w.after)
	if len(o.Done) > 0 || !until(again).Equal(until(first)) {
		t.Errorf("restarted it did %v, and waits until %s instead of %s", steps(o), until(again), until(first))
	}
	if o, _ = interrupted(w.before); !reflect.DeepEqual(steps(o), []string{"verify session ", "rollout checkout 1.4.0"}) {
		t.Errorf("on the way back it did %v", steps(o))
	}
	if o, _ = interrupted(w.after); !reflect.DeepEqual(steps(o), upgrade[:1]) {
		t.Errorf("there again it did %v", steps(o))
	}
	now = now.Add(2 * time.Hour)
	w.after.Components[0].Policy.Soak.AfterRollout = 1
	if o, err := w.deliver(w.after); err != nil || !reflect.DeepEqual(steps(o), upgrade[1:]) {
		t.Errorf("when the time was over it did %v, %v", steps(o), err)
	}
	if got := soaks(w.events); len(got) > 0 && strings.Contains(got[0], "1.5.0") {
		t.Errorf("what was over was waited for: %q", got)
	}
}
