package apply_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"keyshift.dev/apply"
)

// A process ends after it wrote the store's ledger and before it wrote the mirror (the documented crash), in the
// first delivery of a renamed keyspace. The old name in the mirror then stood in the way of every commit.
func TestRenamedThenCrashBeforeMirror(t *testing.T) {
	w := embedded(t, 0)
	w.quiet()
	old := w.after
	old.Components = nil
	if _, err := w.deliver(old); err != nil {
		t.Fatal(err)
	}
	dir := w.edges.Mirror.(apply.FileMirror).Dir
	saved := map[string][]byte{}
	_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			saved[p], _ = os.ReadFile(p)
		}
		return nil
	})
	renamed := old
	renamed.Keyspaces = slices.Clone(renamed.Keyspaces)
	renamed.Keyspaces[0].Name = "sessions"
	if _, err := w.deliver(renamed); err != nil {
		t.Fatal(err)
	}
	for p, b := range saved {
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.deliver(renamed); err != nil {
		t.Errorf("renamed commit: %v", err)
	}
	if _, err := w.deliver(old); err != nil {
		t.Errorf("reverted: %v", err)
	}
	w.edges.Adopt = true
	if _, err := w.deliver(renamed); err != nil {
		t.Errorf("adopt: %v", err)
	}
}
