package apply_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// recordOf returns what the ledger says of the sessions.
func (w *world) recordOf() state.Record {
	w.Helper()
	l, _, err := w.edges.Stores["main"].ReadLedger(w.Context(), "shop")
	if err != nil {
		w.Fatal(err)
	}
	for _, r := range l.Records {
		if r.Keyspace == "session" {
			return r
		}
	}
	return state.Record{}
}

// TestBackupIsTakenOnce: a rewrite that was interrupted goes on with the backup that was taken for it, which holds what
// was there before the first write.
func TestBackupIsTakenOnce(t *testing.T) {
	w := onRedis(t, 2000)
	kept := w.edges.State.(*memory)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := apply.Deliver(ctx, w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Started && e.Step.Kind == plan.Rewrite {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || len(kept.backups) != 1 {
		t.Fatalf("%v with %d backups", err, len(kept.backups))
	}
	if r := w.recordOf(); r.Backup == nil || r.Backup.Archive != "backup-1" || r.Backup.To != "2.0.0" || len(r.Undo) != 1 {
		t.Errorf("the ledger says %+v", r)
	}
	o := w.mustDeliver(w.after, "2.0.0")
	if want := []string{"rewrite session 2.0.0", "verify session 2.0.0"}; !reflect.DeepEqual(steps(o), want) {
		t.Errorf("went on with %v", steps(o))
	}
	if units, _ := w.edges.Stores["main"].Identity(t.Context()); len(kept.backups) != 1 || kept.backups[0] != (apply.Owner{System: "shop", Name: "main", Store: units, Keyspace: "session"}) {
		t.Errorf("backups of %v", kept.backups)
	}
	if r := w.recordOf(); r.Backup != nil || len(r.Undo) != 1 {
		t.Errorf("verified, the ledger says %+v", r)
	}
}

// TestNoRewriteWithoutItsArchives: where a backup or an undo log has no place, or cannot be written, no unit is.
func TestNoRewriteWithoutItsArchives(t *testing.T) {
	full := errors.New("no space left on device")
	for _, c := range []struct {
		name   string
		policy state.Backup
		state  apply.Archives
		want   string
	}{
		{"no place for a backup", "", nil, apply.StateMissing},
		{"no place for an undo log", state.BackupNever, nil, apply.StateMissing},
		{"no room for a backup", state.BackupLossy, &memory{broken: full}, "no space left"},
		{"no room for an undo log", state.BackupNever, &memory{broken: full}, "no space left"},
	} {
		w := embedded(t, 20)
		w.deploy("2.0.0")
		w.quiet()
		before := dump(t, w.client)
		w.after.Keyspaces[0].Policy.Backup, w.edges.State = c.policy, c.state
		o, err := w.deliver(w.after)
		if err == nil || !strings.Contains(err.Error(), c.want) || o.Rewritten() != 0 {
			t.Errorf("%s: %v, %d rewritten", c.name, err, o.Rewritten())
		}
		if blocked, ok := errors.AsType[*plan.BlockedError](err); ok && !strings.Contains(blocked.Blocked.WayOut, "--state") {
			t.Errorf("%s: the way out is %q", c.name, blocked.Blocked.WayOut)
		}
		if !reflect.DeepEqual(dump(t, w.client), before) {
			t.Errorf("%s: units changed", c.name)
		}
		if r := w.recordOf(); len(r.Undo) > 0 {
			t.Errorf("%s: the ledger names the undo log %v", c.name, r.Undo)
		}
	}
}

// TestDrain waits for the old units to go, and says which are left when it takes too long.
func TestDrain(t *testing.T) {
	w := embedded(t, 20)
	w.quiet()
	w.after.Keyspaces[0].Policy.Strategy = state.StrategyDrain
	w.edges.DrainTimeout, w.edges.DrainEvery = 1, 1
	before := dump(t, w.client)
	_, err := w.deliver(w.after)
	if held, ok := errors.AsType[*apply.HoldError](err); !ok || held.Code != apply.NotDrained || !strings.Contains(held.Reason, "of 1.0.0") {
		t.Fatalf("not drained: %v", err)
	}
	if !reflect.DeepEqual(dump(t, w.client), before) {
		t.Error("a drain changed units")
	}
	w.edges.DrainTimeout = 0
	var shown []int64
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind != apply.Progressed || e.Step.Kind != plan.Rewrite {
			return
		}
		shown = append(shown, e.Rewrite.Estimate-e.Rewrite.Scanned)
		for key := range before {
			delete(before, key)
			w.client.Del(t.Context(), key)
			break
		}
	})
	if want := []string{"rewrite session 2.0.0", "verify session 2.0.0"}; err != nil || !slices.Equal(steps(o), want) {
		t.Errorf("drained by %v: %v", steps(o), err)
	}
	if len(shown) == 0 || shown[0] == 0 || !slices.IsSortedFunc(shown, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("left to drain: %v", shown)
	}
	if kept := w.edges.State.(*memory); len(kept.backups)+len(kept.logs) > 0 {
		t.Errorf("a drain kept %v", kept.backups)
	}
}

// TestCanary: a migration that some units refuse has touched only its canary when the run stops.
func TestCanary(t *testing.T) {
	w := embedded(t, 400)
	w.deploy("2.0.0")
	w.quiet()
	w.after.Keyspaces[0].Policy.Canary, w.after.Keyspaces[0].Policy.Invalid = "10%", state.InvalidFail
	before := dump(t, w.client)
	odd := "session:late"
	o, err := apply.Deliver(t.Context(), w.edges, w.after, func(e apply.Event) {
		if e.Kind == apply.Started && e.Step.Kind == plan.Rewrite {
			w.client.HSet(t.Context(), odd, "user_id", "none")
		}
	})
	if held, ok := errors.AsType[*apply.HoldError](err); !ok || held.Code != apply.UnfitUnits {
		t.Fatalf("not held: %v", err)
	}
	changed := 0
	for key, fields := range dump(t, w.client) {
		if key != odd && !reflect.DeepEqual(fields, before[key]) {
			changed++
		}
	}
	if changed == 0 || changed > 100 || int64(changed) != o.Rewritten() {
		t.Errorf("%d of 400 units changed, %d rewritten", changed, o.Rewritten())
	}
	w.client.Del(t.Context(), odd)
	o = w.mustDeliver(w.after, "2.0.0")
	if o.Rewritten() != int64(400-changed) {
		t.Errorf("then %d of %d were rewritten", o.Rewritten(), 400-changed)
	}
}

// TestDiscardIsLogged deletes what is old, after its undo log has it.
func TestDiscardIsLogged(t *testing.T) {
	w := embedded(t, 50)
	w.deploy("2.0.0")
	w.quiet()
	w.after.Keyspaces[0].Policy.Strategy = state.StrategyDiscard
	o, err := w.deliver(w.after)
	if want := []string{"backup session 2.0.0", "rewrite session 2.0.0", "verify session 2.0.0"}; err != nil || !slices.Equal(steps(o), want) {
		t.Fatalf("%v, %v", steps(o), err)
	}
	if left := dump(t, w.client); len(left) > 0 {
		t.Errorf("%d units are left", len(left))
	}
	kept := w.edges.State.(*memory)
	for name, l := range kept.logs {
		if len(l.images) != 1+50 || l.closed != 1 { // the mark of its beginning, and the units
			t.Errorf("log %s has %d records and was closed %d times", name, len(l.images), l.closed)
		}
	}
	if len(kept.logs) != 1 || kept.taken[0].Counts[0].Units != 50 {
		t.Errorf("%d logs, a backup of %v", len(kept.logs), kept.taken)
	}
}
