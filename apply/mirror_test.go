package apply

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"keyshift.dev/state"
)

func TestFileMirror(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "a", "b")
	m := FileMirror{Dir: dir, Scope: "redis://one"}
	if l, err := m.Load(ctx, "shop"); err != nil || l != nil {
		t.Fatalf("of nothing: %v, %v", l, err)
	}
	want := []state.Ledger{{Format: 1, Identity: "i", System: "shop", Store: "main", Records: []state.Record{{Keyspace: "session", Verified: true}}}}
	for range 2 {
		if err := m.Save(ctx, "shop", want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := m.Load(ctx, "shop")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("loaded %v, %v", got, err)
	}
	if l, err := (FileMirror{Dir: dir, Scope: "redis://two"}).Load(ctx, "shop"); err != nil || l != nil {
		t.Errorf("another scope sees it: %v, %v", l, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
}

func TestFileMirrorDamaged(t *testing.T) {
	m := FileMirror{Dir: t.TempDir()}
	for text, want := range map[string]string{`[{"form`: "damaged", `[{"format": 99}]`: "newer keyshift"} {
		if err := os.WriteFile(m.path("shop"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Load(t.Context(), "shop"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
