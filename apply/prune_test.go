package apply_test

import (
	"context"
	"path/filepath"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
)

// TestApplyPrunes goes there and back again and again: three backups stay and no more undo logs than that and those
// that the ledger names; the way back still works.
func TestApplyPrunes(t *testing.T) {
	w := onRedis(t, 300)
	w.quiet()
	dir := t.TempDir()
	kept := &apply.Storage{Address: dir}
	t.Cleanup(func() { _ = kept.Close() })
	w.edges.State = kept
	before := dump(t, w.client)
	for range 4 {
		w.after.Components, w.before.Components = nil, nil
		if o, err := w.deliver(w.after); err != nil || o.Unpruned != nil {
			t.Fatal(err, o.Unpruned)
		}
		if o, err := w.deliver(w.before); err != nil || o.Unpruned != nil {
			t.Fatal(err, o.Unpruned)
		}
	}
	if after := dump(t, w.client); len(after) != len(before) || after["session:7"]["created_ms"] != before["session:7"]["created_ms"] {
		t.Errorf("%v came back, was %v", after["session:7"], before["session:7"])
	}
	backups, err := filepath.Glob(filepath.Join(dir, "shop/main-*/session/backup/*"))
	if err != nil || len(backups) != 3 {
		t.Errorf("%d backups are left: %v", len(backups), err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "shop/main-*/session/undo/*Z-*"))
	if err != nil || len(logs) > 3+len(w.recordOf().Undo) {
		t.Errorf("%d undo logs are left: %v", len(logs), err)
	}
	for _, u := range w.recordOf().Undo {
		identity, err := w.edges.Stores["main"].Identity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, found, err := kept.ReadLog(t.Context(), apply.Owner{System: "shop", Name: "main", Store: identity, Keyspace: "session"}, u.Log); !found || err != nil {
			t.Errorf("the log %s of the ledger is gone: %v", u.Log, err)
		}
	}
}

// TestPruneForgetsTheMark: a log that was pruned is one that is missing, not one that is empty.
func TestPruneForgetsTheMark(t *testing.T) {
	ctx := context.Background()
	s := &apply.Storage{Address: t.TempDir()}
	t.Cleanup(func() { _ = s.Close() })
	of := apply.Owner{System: "shop", Name: "main", Store: "ABCDEFGHIJK", Keyspace: "session"}
	names := []string{"sha256:1", "sha256:2", "sha256:3", "sha256:4", "sha256:5"}
	for _, name := range names {
		l, err := s.OpenLog(ctx, of, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(ctx, make([]keyspace.Preimage, 1)); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Prune(ctx, of, names[:1]); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if _, found, err := s.ReadLog(ctx, of, name); err != nil || found != (i != 1) {
			t.Errorf("log %d is found: %t, %v", i+1, found, err)
		}
	}
}
