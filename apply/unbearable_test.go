package apply_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// TestUnbearable: what a server cannot bear holds the run before its first step, with the reason and the way out, and
// what is only to be known is told.
func TestUnbearable(t *testing.T) {
	w := onRedis(t, 60)
	w.edges.Room = func(context.Context) (int64, error) { return 1, nil }
	for i := range w.after.Keyspaces {
		w.after.Keyspaces[i].Policy.Backup = state.BackupNever // the undo log alone
	}
	_, err := w.deliver(w.after)
	held, ok := errors.AsType[*apply.HoldError](err)
	if !ok || held.Code != apply.Unbearable || !strings.Contains(held.Reason, "room for 1 B") || held.WayOut == "" {
		t.Fatalf("%v", err)
	}
	if slices.ContainsFunc(w.events, func(e apply.Event) bool { return e.Kind == apply.Started }) {
		t.Error("a step began before it was held")
	}
	w.edges.Room = nil
	w.mustDeliver(w.after, "2.0.0")
	warned := 0
	for _, e := range w.events {
		if e.Kind == apply.Preflighted {
			warned++
			if e.Step.Kind != "rewrite" || len(e.Preflight.Of(keyspace.FindingWarn)) == 0 {
				t.Errorf("%+v", e)
			}
		}
	}
	if warned == 0 {
		t.Error("a server without persistence is not told of")
	}
}
