package apply_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// at sets the clock that windows are held against.
func (w *world) at(clock string) {
	w.Helper()
	t, err := time.Parse(time.RFC3339, clock)
	if err != nil {
		w.Fatal(err)
	}
	w.edges.Now = func() time.Time { return t }
}

// backupWaited makes sure that the last delivery said once that the backup waits, and that nothing failed.
func (w *world) backupWaited() {
	w.Helper()
	waited := 0
	for _, e := range w.events {
		if e.Kind == apply.Waiting && e.Step.Kind == plan.Backup {
			waited++
		}
		if e.Kind == apply.Failed {
			w.Errorf("waiting is no failure: %v", e.Err)
		}
	}
	if waited != 1 {
		w.Errorf("%d events say that the backup waits, want 1", waited)
	}
}

// TestWindowOfTheData: what may start at any time is done; the rewrite, and its backup, wait for the night, and then the
// rest is done.
func TestWindowOfTheData(t *testing.T) {
	w := embedded(t, 100)
	w.after.Keyspaces[0].Policy.Windows = []state.Window{{From: "22:00", To: "04:00", Zone: "Europe/Berlin", Level: "keyspace"}}
	w.at("2026-11-28T12:00:00Z")
	o, err := w.deliver(w.after)
	blocked, ok := errors.AsType[*plan.BlockedError](err)
	if !ok || blocked.Blocked.Code != apply.WindowClosed || !strings.Contains(err.Error(), "its window opens Sat 2026-11-28 22:00 CET") {
		t.Fatalf("%v", err)
	}
	if want := time.Date(2026, 11, 28, 21, 0, 0, 0, time.UTC); !o.Until.Equal(want) {
		t.Errorf("to go on at %s, want %s", o.Until, want)
	}
	if got, want := steps(o), upgrade[:2]; !reflect.DeepEqual(got, want) {
		t.Errorf("done by day: %v, want %v", got, want)
	}
	w.backupWaited()

	w.at("2026-11-28T23:30:00Z")
	if got, want := steps(w.mustDeliver(w.after, "2.0.0")), upgrade[2:]; !reflect.DeepEqual(got, want) {
		t.Errorf("done by night: %v, want %v", got, want)
	}
}

// TestWindowThatNeverOpens says so, and nothing of the part that it is about is written.
func TestWindowThatNeverOpens(t *testing.T) {
	w := embedded(t, 10)
	c := &w.after.Components[0]
	c.Policy.Windows = []state.Window{{From: "01:00", To: "02:00", Level: "system"}, {From: "03:00", To: "04:00", Level: "component"}}
	w.at("2026-11-28T12:00:00Z")
	o, err := w.deliver(w.after)
	if len(o.Done) > 0 || err == nil || !strings.Contains(err.Error(), "ever open together") {
		t.Errorf("done %v, %v", steps(o), err)
	}
}

// TestWindowOfAnother: a part of the system that waits does not hold the others.
func TestWindowOfAnother(t *testing.T) {
	w := embedded(t, 10)
	w.after.Keyspaces[0].Policy.Windows = []state.Window{{From: "01:00", To: "02:00", Level: "keyspace"}}
	k := w.after.Keyspaces[0]
	k.Name, k.Policy.Windows = "zz", nil
	k.Shapes = append([]state.Shape(nil), k.Shapes...)
	for i := range k.Shapes {
		k.Shapes[i].Keys = "zz:<id>"
	}
	w.after.Keyspaces = append(w.after.Keyspaces, k)
	if err := w.client.HSet(t.Context(), "zz:1", "user_id", "1", "name", "Ada", "created_ms", "5000").Err(); err != nil {
		t.Fatal(err)
	}
	w.at("2026-11-28T12:00:00Z")
	o, err := w.deliver(w.after)
	if blocked, ok := errors.AsType[*plan.BlockedError](err); !ok || blocked.Blocked.Code != apply.WindowClosed {
		t.Errorf("%v", err)
	}
	got := strings.Join(steps(o), ", ")
	if !strings.Contains(got, "rewrite zz 2.0.0, verify zz 2.0.0") || strings.Contains(got, "rewrite session") {
		t.Errorf("done: %s", got)
	}
}

// TestWaits foresees what Deliver does.
func TestWaits(t *testing.T) {
	w := embedded(t, 10)
	w.after.Keyspaces[0].Policy.Windows = []state.Window{{From: "22:00", To: "04:00", Level: "keyspace"}}
	s, err := apply.Gather(t.Context(), w.edges, w.after)
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	waits := apply.Waits(s.Want, s.Plan(), nil, noon)
	if len(waits) != 1 || waits[0].Step != 2 || !waits[0].Until.Equal(noon.Add(10*time.Hour)) {
		t.Errorf("%+v, want that the backup, step 3, waits until ten at night", waits)
	}
	if waits := apply.Waits(s.Want, s.Plan(), nil, noon.Add(11*time.Hour)); len(waits) > 0 {
		t.Errorf("in the window %+v", waits)
	}
}

// TestWindowOfTheDataThatNeverOpens: a window that never opens is bad input; nothing of what hangs together is applied.
func TestWindowOfTheDataThatNeverOpens(t *testing.T) {
	w := embedded(t, 10)
	w.after.Keyspaces[0].Policy.Windows = []state.Window{{From: "01:00", To: "02:00", Level: "system"}, {From: "03:00", To: "04:00", Level: "keyspace"}}
	w.at("2026-11-28T12:00:00Z")
	o, err := w.deliver(w.after)
	if len(o.Done) > 0 || err == nil || !strings.Contains(err.Error(), "ever open together") {
		t.Errorf("done %v, %v", steps(o), err)
	}
}

// TestManyThatWait: what waits is looked at once, not once for each part of the system.
func TestManyThatWait(t *testing.T) {
	w := embedded(t, 10)
	night := []state.Window{{From: "01:00", To: "02:00", Level: "system"}}
	w.after.Components[0].Policy.Windows, w.after.Keyspaces[0].Policy.Windows = night, night
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
	w.at("2026-11-28T12:00:00Z")
	o, err := w.deliver(w.after)
	planned := 0
	for _, e := range w.events {
		if e.Kind == apply.Planned {
			planned++
		}
	}
	if len(o.Done) > 0 || err == nil || planned != 1 {
		t.Errorf("looked %d times, did %v, %v", planned, steps(o), err)
	}
}
