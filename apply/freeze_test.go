package apply_test

import (
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestFreezeOfTheData: while the data is frozen, what has another risk is done; the rewrite, and its backup, wait for the end
// of the freeze.
func TestFreezeOfTheData(t *testing.T) {
	w := embedded(t, 100)
	w.after.Keyspaces[0].Policy.Freezes = []state.Freeze{{From: "2026-12-20", To: "2027-01-02", Zone: "Europe/Berlin", Risk: "data", Reason: "the year's end"}}
	w.at("2026-12-24T12:00:00Z")
	o, err := w.deliver(w.after)
	blocked, ok := errors.AsType[*plan.BlockedError](err)
	if !ok || blocked.Blocked.Code != apply.WindowClosed || !strings.Contains(err.Error(), "a freeze is on until the end of 2027-01-02 (the year's end); it may from Sun 2027-01-03 00:00 CET on") {
		t.Fatalf("%v", err)
	}
	if want := time.Date(2027, 1, 2, 23, 0, 0, 0, time.UTC); !o.Until.Equal(want) {
		t.Errorf("to go on at %s, want %s", o.Until, want)
	}
	if got, want := steps(o), upgrade[:2]; !reflect.DeepEqual(got, want) {
		t.Errorf("done in the freeze: %v, want %v", got, want)
	}
	w.at("2027-01-02T23:00:00Z")
	if got, want := steps(w.mustDeliver(w.after, "2.0.0")), upgrade[2:]; !reflect.DeepEqual(got, want) {
		t.Errorf("done after it: %v, want %v", got, want)
	}
}

// TestFreezeOfAll: nothing is begun, and the last of several freezes says until when.
func TestFreezeOfAll(t *testing.T) {
	w := embedded(t, 10)
	year, week := state.Freeze{From: "2026-12-20", To: "2027-01-02"}, state.Freeze{From: "2026-12-24", To: "2027-01-06", Reason: "holidays"}
	w.after.Components[0].Policy.Freezes, w.after.Keyspaces[0].Policy.Freezes = []state.Freeze{year, week}, []state.Freeze{year}
	w.at("2026-12-24T12:00:00Z")
	o, err := w.deliver(w.after)
	if len(o.Done) > 0 || err == nil || !strings.Contains(err.Error(), "until the end of 2027-01-02, a freeze is on until the end of 2027-01-06 (holidays); it may from Thu 2027-01-07") {
		t.Errorf("done %v, %v", steps(o), err)
	}
}

// TestNoFreezeOfTheWayBack: what goes back after a failure does not wait.
func TestNoFreezeOfTheWayBack(t *testing.T) {
	w := embedded(t, 10)
	w.mustDeliver(w.before, "1.0.0")
	w.narrow()
	w.stuck("3.0.0")
	freeze := []state.Freeze{{From: "2026-12-20", To: "2027-01-02"}}
	w.after.Components[0].Policy.OnFailure, w.after.Components[0].Policy.Freezes = state.OnFailureRollback, freeze
	w.after.Keyspaces[0].Policy.Freezes = freeze
	var failed atomic.Bool
	w.edges.Now = func() time.Time {
		if failed.Load() {
			return time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)
		}
		return time.Date(2026, 12, 19, 12, 0, 0, 0, time.UTC)
	}
	_, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Failed {
			failed.Store(true)
		}
	})
	if _, ok := errors.AsType[*apply.BackError](err); !ok || !failed.Load() {
		t.Fatalf("%v", err)
	}
	w.check("1.0.0")
}

// TestRewriteThatDoesNotFit: a rewrite is not begun where its window is about to close, and begins in the next.
func TestRewriteThatDoesNotFit(t *testing.T) {
	w := embedded(t, 100)
	w.after.Keyspaces[0].Policy.Windows = []state.Window{{From: "22:00", To: "04:00", Zone: "Europe/Berlin", Level: "keyspace"}}
	w.at("2026-11-28T02:59:59.9999Z")
	o, err := w.deliver(w.after)
	if err == nil || !strings.Contains(err.Error(), "less is left of its window; one that is long enough opens Sat 2026-11-28 22:00 CET") {
		t.Fatalf("%v", err)
	}
	if want := time.Date(2026, 11, 28, 21, 0, 0, 0, time.UTC); !o.Until.Equal(want) {
		t.Errorf("to go on at %s, want %s", o.Until, want)
	}
	if got, want := steps(o), upgrade[:2]; !reflect.DeepEqual(got, want) {
		t.Errorf("done: %v, want %v", got, want)
	}
	w.at("2026-11-28T21:00:00Z")
	if got, want := steps(w.mustDeliver(w.after, "2.0.0")), upgrade[2:]; !reflect.DeepEqual(got, want) {
		t.Errorf("done by night: %v, want %v", got, want)
	}
}
