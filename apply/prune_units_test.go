package apply_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// retiring lets the policy of sessions say what becomes of them, and returns the commit without them: its checkout 3.0.0 uses
// nothing.
func (w *world) retiring(own state.Retire) (without state.Desired) {
	for _, d := range []*state.Desired{&w.before, &w.after} {
		d.Keyspaces = slices.Clone(d.Keyspaces)
		d.Keyspaces[0].Policy.Retire = own
	}
	idle := state.Release{Name: "3.0.0", Images: []state.Image{{Container: "app", Image: "ghcr.io/acme/checkout:3.0.0"}}}
	w.after.Components = slices.Clone(w.after.Components)
	c := &w.after.Components[0]
	c.Releases = append(slices.Clone(c.Releases), idle)
	without = w.after
	without.Keyspaces = nil
	without.Components = []state.Component{*c}
	without.Components[0].Release, without.Components[0].Releases = "3.0.0", []state.Release{idle}
	return without
}

// units counts the keys of sessions.
func (w *world) units() int { return len(dump(w.T, w.client)) }

// TestRetire: the units of a keyspace that was taken out of the spec stay, unless its policy or the system's says otherwise.
func TestRetire(t *testing.T) {
	rollout := "rollout checkout 3.0.0"
	kept := []string{rollout}
	deleted := []string{rollout, "prune session ", "verify session "}
	archived := []string{rollout, "backup session ", "prune session ", "verify session "}
	for _, c := range []struct {
		own, system state.Retire
		steps       []string
		logged      int
	}{
		{"", "", kept, 0},
		{state.RetireDelete, state.RetireKeep, kept, 0},
		{state.RetireKeep, state.RetireDelete, kept, 0},
		{state.RetireDelete, "", deleted, 0},
		{"", state.RetireDelete, deleted, 0},
		{state.RetireDelete, state.RetireArchive, archived, 150},
		{state.RetireArchive, "", archived, 150},
	} {
		t.Run(string(c.own+" "+c.system), func(t *testing.T) {
			w := onRedis(t, 200)
			without := w.retiring(c.own)
			w.mustDeliver(w.before, "1.0.0")
			w.client.HSet(t.Context(), "session:odd", "neither", "nor")
			w.client.Set(t.Context(), "other:1", "of nobody", 0)
			without.Policy.Retire = c.system
			o, err := w.deliver(without)
			if err != nil || !slices.Equal(steps(o), c.steps) {
				t.Fatalf("%v, %v", steps(o), err)
			}
			deletes := len(c.steps) > 1
			if n := w.units(); deletes && n != 1 || !deletes && n < 150 || w.client.Exists(t.Context(), "session:odd", "other:1").Val() != 2 {
				t.Errorf("%d of 201 sessions are left, %v", n, w.client.Exists(t.Context(), "session:odd", "other:1").Val())
			}
			archive := w.edges.State.(*memory)
			if n := archive.images(); n < c.logged || c.logged == 0 && n > 0 || len(archive.backups) != min(c.logged, 1) {
				t.Errorf("%d units logged, %d backups", n, len(archive.backups))
			}
			if o, err = w.deliver(without); err != nil || len(o.Done) > 0 {
				t.Errorf("again: %v, %v", steps(o), err)
			}
		})
	}
}

// images counts what is in the undo logs.
func (m *memory) images() (n int) {
	for _, l := range m.logs {
		for _, i := range l.images {
			n += len(i.Keyspace) / len("session")
		}
	}
	return n
}

// TestRetireByAnEarlierPolicy: that a policy was changed, and nothing else, is on record when the keyspace is gone.
func TestRetireByAnEarlierPolicy(t *testing.T) {
	w := onRedis(t, 20)
	w.mustDeliver(w.before, "1.0.0")
	without := w.retiring(state.RetireDelete)
	if o, err := w.deliver(w.before); err != nil || len(o.Done) > 0 {
		t.Fatalf("a policy changes nothing by itself: %v, %v", steps(o), err)
	}
	if o, err := w.deliver(without); err != nil || len(o.Done) != 3 || w.units() != 0 {
		t.Fatalf("%v, %v; %d left", steps(o), err, w.units())
	}
}

// TestNothingInUseIsRetired: what still runs and uses a keyspace keeps it, and nothing else waits for that.
func TestNothingInUseIsRetired(t *testing.T) {
	w := onRedis(t, 50)
	w.retiring(state.RetireDelete)
	w.mustDeliver(w.before, "1.0.0")
	nothing := w.after
	nothing.Keyspaces, nothing.Components = nil, nil
	o, err := w.deliver(nothing)
	var blocked *plan.BlockedError
	if !errors.As(err, &blocked) || blocked.Blocked.Code != plan.StillUsed || !strings.Contains(blocked.Blocked.Reason, "checkout 1.4.0") {
		t.Fatalf("%v, %v", steps(o), err)
	}
	w.check("1.0.0")
	w.cluster.Delete(*w.after.Components[0].Workload)
	for len(w.cluster.Pods(*w.after.Components[0].Workload)) > 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if o, err = w.deliver(nothing); err != nil || len(o.Done) != 2 || w.units() != 0 {
		t.Fatalf("%v, %v; %d left", steps(o), err, w.units())
	}
}

// TestRetireIsInterrupted: a run that ends in mid-prune is gone on with; a user that comes back meanwhile keeps what is left.
func TestRetireIsInterrupted(t *testing.T) {
	w := onRedis(t, 3000)
	without := w.retiring(state.RetireArchive)
	w.after.Keyspaces[0].Policy.Throttle, w.before.Keyspaces[0].Policy.Throttle = state.ThrottleGentle, state.ThrottleGentle
	w.mustDeliver(w.before, "1.0.0")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o, err := apply.Deliver(ctx, w.edges, without, func(e apply.Event) {
		if e.Kind == apply.Progressed && e.Step.Kind == plan.Prune && e.Rewrite.Rewritten > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || w.units() == 0 || w.units() == 3000 {
		t.Fatalf("%v, %v; %d left", steps(o), err, w.units())
	}
	o, err = w.deliver(w.before)
	if err != nil || !slices.Equal(steps(o), []string{"verify session ", "rollout checkout 1.4.0"}) || w.units() == 0 {
		t.Fatalf("back: %v, %v; %d left", steps(o), err, w.units())
	}
	o, err = w.deliver(without)
	if err != nil || len(o.Done) != 4 || w.units() != 0 {
		t.Fatalf("again: %v, %v; %d left", steps(o), err, w.units())
	}
	o, err = w.deliver(w.before)
	if err != nil || !slices.Contains(steps(o), "rollout checkout 1.4.0") {
		t.Fatalf("back for good: %v, %v", steps(o), err)
	}
}

// TestRetireGoesOn: a run that ends between the backup and the end of the prune is gone on with, and its backup counts.
func TestRetireGoesOn(t *testing.T) {
	for _, at := range []apply.EventKind{apply.Started, apply.Progressed} {
		w := onRedis(t, 3000)
		without := w.retiring(state.RetireArchive)
		w.after.Keyspaces[0].Policy.Throttle, w.before.Keyspaces[0].Policy.Throttle = state.ThrottleGentle, state.ThrottleGentle
		w.mustDeliver(w.before, "1.0.0")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o, err := apply.Deliver(ctx, w.edges, without, func(e apply.Event) {
			if e.Kind == at && e.Step.Kind == plan.Prune && (at == apply.Started || e.Rewrite.Rewritten > 0) {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || w.units() == 0 {
			t.Fatalf("%v, %v; %d left", steps(o), err, w.units())
		}
		o, err = w.deliver(without)
		if err != nil || !slices.Equal(steps(o), []string{"prune session ", "verify session "}) || w.units() != 0 {
			t.Errorf("%v: %v, %v; %d left", at, steps(o), err, w.units())
		}
		if n := len(w.edges.State.(*memory).backups); n != 1 {
			t.Errorf("%v: %d backups", at, n)
		}
	}
}

// TestRetireUnderTwoNames: a keyspace that got another name, and its store one that says the same address otherwise, is not
// taken for one that was taken out of the spec.
func TestRetireUnderTwoNames(t *testing.T) {
	w := onRedis(t, 50)
	w.retiring(state.RetireDelete)
	w.mustDeliver(w.before, "1.0.0")
	w.quiet()
	w.edges.Stores["cache"] = w.open(w.address)
	commit := w.before
	commit.Components = nil
	commit.Stores = append(slices.Clone(commit.Stores), state.Store{Name: "cache", Address: "redis://elsewhere:6379"})
	commit.Keyspaces = slices.Clone(commit.Keyspaces)
	commit.Keyspaces[0].Name, commit.Keyspaces[0].Store = "visit", "cache"
	before := w.units()
	o, err := w.deliver(commit)
	var held *apply.HoldError
	if !errors.As(err, &held) || held.Code != apply.StoreChanged || !strings.Contains(held.Reason, "stores cache and main are one and the same") || w.units() != before {
		t.Fatalf("%v, %v; %d of %d left", steps(o), err, w.units(), before)
	}
}

// TestRetireBesideAStranger: nothing is deleted while an image runs that no release names, also if that of its component never
// used the keyspace; one that comes in the middle stops it.
func TestRetireBesideAStranger(t *testing.T) {
	w := onRedis(t, 3000)
	without := w.retiring(state.RetireDelete)
	w.after.Keyspaces[0].Policy.Throttle, w.before.Keyspaces[0].Policy.Throttle = state.ThrottleGentle, state.ThrottleGentle
	other := state.Workload{Kind: "Deployment", Namespace: "shop", Name: "reports"}
	release := state.Release{Name: "1.0.0", Images: []state.Image{{Container: "app", Image: "ghcr.io/acme/checkout:3.0.0"}}}
	without.Components = append(slices.Clone(without.Components), state.Component{Name: "reports", Workload: &other, Release: "1.0.0", Releases: []state.Release{release}})
	w.cluster.Deploy(other, 1, release.Images...)
	w.mustDeliver(w.before, "1.0.0")
	strange := false
	o, err := apply.Deliver(t.Context(), w.edges, without, func(e apply.Event) {
		if !strange && e.Kind == apply.Progressed && e.Step.Kind == plan.Prune && e.Rewrite.Rewritten > 0 {
			strange = true
			w.cluster.Deploy(other, 1, w.before.Components[0].Releases[0].Images[0], state.Image{Container: "side", Image: "of/nobody:1"})
		}
	})
	var blocked *plan.BlockedError
	if !strange || !errors.As(err, &blocked) || !strings.Contains(err.Error(), "reports") || w.units() == 0 {
		t.Fatalf("%v: %v, %v; %d left", strange, steps(o), err, w.units())
	}
}

// TestRetireAndALostLedger: that nothing is left of what was retired is not taken for a store that lost its data.
func TestRetireAndALostLedger(t *testing.T) {
	w := onRedis(t, 20)
	without := w.retiring(state.RetireDelete)
	w.edges.Mirror = apply.FileMirror{Dir: t.TempDir()}
	w.mustDeliver(w.before, "1.0.0")
	if o, err := w.deliver(without); err != nil || w.units() != 0 {
		t.Fatalf("%v, %v", steps(o), err)
	}
	w.client.Del(t.Context(), "keyshift:ledger:shop")
	if o, err := w.deliver(without); err != nil {
		t.Errorf("%v, %v", steps(o), err)
	}
}
