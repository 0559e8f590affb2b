package apply_test

import (
	"errors"
	"fmt"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

// TestGoesBackToTheSame: what fails on its way to what was applied before has nowhere to go back to, and is held.
func TestGoesBackToTheSame(t *testing.T) {
	w := embedded(t, 20)
	w.idle(cluster.MemoryOptions{})
	w.after.Components[0].Policy.OnFailure = state.OnFailureRollback
	if _, err := w.deliver(w.after); err != nil {
		t.Fatal(err)
	}
	w.deploy("1.5.0")
	w.stuck("2.0.0")
	_, err := w.deliver(w.after)
	_, back := errors.AsType[*apply.BackError](err)
	if back {
		t.Errorf("nothing went back")
	}
}

// TestRollbackLeavesWhatWasRemoved: what left the spec before is not rolled out by a rollback.
func TestRollbackLeavesWhatWasRemoved(t *testing.T) {
	w := embedded(t, 20)
	w.idle(cluster.MemoryOptions{})
	other := w.before.Components[0]
	wl := *other.Workload
	wl.Name = "other"
	other.Name, other.Workload = "other", &wl
	other.Releases = append([]state.Release(nil), other.Releases...)
	other.Releases[0].Uses = []state.Use{{Keyspace: "session", Reads: ">=1.0.0 <3.0.0"}}
	other.Releases[0].Images = []state.Image{{Container: "app", Image: "x/other:1.4.0"}}
	newer := other.Releases[0]
	newer.Name, newer.Images = "1.4.1", []state.Image{{Container: "app", Image: "x/other:1.4.1"}}
	other.Releases = append(other.Releases, newer)
	other.Release = "1.4.0"
	w.cluster.Deploy(wl, 1, other.Releases[0].Images...)
	with := w.before
	with.Components = append(append([]state.Component(nil), with.Components...), other)
	for i, d := range []state.Desired{with, w.before} { // added, then removed
		w.edges.Revision = fmt.Sprintf("main@sha1:%040d", i)
		if _, err := w.deliver(d); err != nil {
			t.Fatal(err)
		}
	}
	w.cluster.Deploy(wl, 1, newer.Images...) // whoever owns it now
	if _, err := w.deliver(w.before); err != nil {
		t.Fatal(err)
	}
	w.after.Components[0].Policy.OnFailure = state.OnFailureRollback
	w.stuck("2.0.0")
	o, err := w.deliver(w.after)
	if _, back := errors.AsType[*apply.BackError](err); !back {
		t.Errorf("it did not go back: %v", err)
	}
	for _, s := range steps(o) {
		if s == "rollout other 1.4.0" {
			t.Errorf("a component that is no longer in the spec was rolled out")
		}
	}
}
