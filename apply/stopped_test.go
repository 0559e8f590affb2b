package apply_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestSoakAfterAStart: what was rewritten while its component was stopped is watched from when that runs again, also if the
// process that rewrote it has died; what depends on it waits.
func TestSoakAfterAStart(t *testing.T) {
	for _, dies := range []plan.Kind{"", plan.Rewrite, plan.Verify, plan.Rollout} {
		w := embedded(t, 10)
		standstill(w)
		w.mustDeliver(w.before, "1.0.0")
		w.after.Keyspaces[0].Policy.Soak.AfterRewrite = 3_600_000
		now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
		w.edges.Now = func() time.Time { return now }
		if dies != "" {
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
				if e.Kind == apply.Ended && e.Step.Kind == dies {
					cancel()
				}
			}); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			now = now.Add(2 * time.Hour)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var watched []string
		_, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
			if e.Kind == apply.Soaking {
				cancel()
				if watched = append(watched, e.After); !e.Until.Equal(now.Add(time.Hour)) || w.live().Stopped {
					t.Errorf("behind %q it is watched until %s, stopped %t", dies, e.Until, w.live().Stopped)
				}
			}
		})
		if !errors.Is(err, context.Canceled) || !slices.Equal(watched, []string{"rewrite session to 2.0.0"}) {
			t.Errorf("behind %q: watched %q, %v", dies, watched, err)
		}
	}
}

// mails adds a mailer that has to be rolled out while the shop is stopped, before that may start again: it reads carts as
// the shop writes them from then on, and sessions as only the rewrite leaves them.
func mails(w *world) (mail state.Workload) {
	cart := w.after.Keyspaces[0]
	cart.Name, cart.Policy, cart.Shapes = "cart", state.Policy{}, slices.Clone(cart.Shapes)
	for i := range cart.Shapes {
		cart.Shapes[i].Keys = "cart:<id>"
	}
	mail = state.Workload{Kind: "Deployment", Namespace: "shop", Name: "mail"}
	image := func(v string) []state.Image { return []state.Image{{Container: "app", Image: "mail:" + v}} }
	for _, d := range []*state.Desired{&w.before, &w.after} {
		d.Keyspaces = append(slices.Clone(d.Keyspaces), cart)
		d.Keyspaces[1].Version = d.Keyspaces[0].Version
		c := &d.Components[0]
		for i := range c.Releases {
			c.Releases[i].Uses = append(slices.Clone(c.Releases[i].Uses), state.Use{Keyspace: "cart", Reads: ">=1.0.0 <3.0.0", Writes: c.Releases[i].Uses[0].Writes})
		}
		d.Components = append(slices.Clone(d.Components), state.Component{Name: "mail", Workload: &mail, Release: c.Releases[0].Name, Releases: []state.Release{
			{Name: "1.0.0", Images: image("1"), Uses: []state.Use{{Keyspace: "cart", Reads: "1.0.0"}}},
			{Name: "2.0.0", Images: image("2"), Uses: []state.Use{{Keyspace: "cart", Reads: ">=1.0.0 <3.0.0"}, {Keyspace: "session", Reads: "2.0.0"}}},
		}})
		d.Components[1].Release = "1.0.0"
	}
	w.after.Components[1].Release = "2.0.0"
	w.cluster.Deploy(mail, 1, image("1")...)
	return mail
}

// A rollout of another component that has to happen before a stopped one may start waits for no gate of its own, and what
// comes before the start does not wait for its soak; but its gates bind the stop.
func TestOthersWhileStopped(t *testing.T) {
	w, d := embedded(t, 10), newDoor(t, "mail")
	standstill(w)
	w.idle(cluster.MemoryOptions{})
	mails(w)
	if _, err := w.deliver(w.before); err != nil {
		t.Fatal(err)
	}
	w.edges.GateEvery = 5 * time.Millisecond
	w.after.Components[1].Policy.Gates, w.after.Components[1].Policy.Soak.AfterRollout = []state.Gate{d.Gate}, 30
	now := time.Now() // stands still, so that no soak is over before it is waited for
	w.edges.Now = func() time.Time { return now }
	d.shut.Store(true)
	if o, err := w.deliver(w.after); len(o.Done) > 0 || !blockedBy(err, apply.GateClosed) {
		t.Fatalf("the stop did not wait: done %v, %v", steps(o), err)
	}
	d.shut.Store(false)
	down := false
	var watched []string
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		switch {
		case e.Step.Kind == plan.Scale && e.Kind == apply.Ended:
			down = e.Step.To == plan.ToZero
			d.shut.Store(down)
		case e.Kind == apply.Soaking && down:
			t.Errorf("it stays stopped to watch %s", e.After)
		case e.Kind == apply.Soaking:
			watched = append(watched, string(e.Step.Kind)+" "+e.Step.Object+" after "+e.After)
		}
	})
	if err != nil || !slices.Equal(steps(o)[4:7], []string{"rollout checkout 2.0.0", "rollout mail 2.0.0", "scale checkout up"}) {
		t.Fatalf("done %v, %v", steps(o), err)
	}
	if !slices.Contains(watched, "backup cart after rollout mail to 2.0.0") {
		t.Errorf("watched %s", strings.Join(watched, "; "))
	}
}
