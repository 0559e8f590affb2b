package schema_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyshift.dev/examples"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

// The stock cue command accepts the examples offline, as users run it.
func TestStockVet(t *testing.T) {
	cue, err := exec.Command("go", "tool", "-n", "cue").Output() // builds it, and prints where it is
	if err != nil {
		t.Fatalf("build the cue command: %v", err)
	}
	vet := func(t *testing.T, dir string) (string, error) {
		cmd := exec.Command(strings.TrimSpace(string(cue)), "vet", "-c", "./...")
		cmd.Dir = dir
		cmd.Env = []string{"CUE_REGISTRY=none", "CUE_CACHE_DIR=" + t.TempDir(), "HOME=" + t.TempDir(), "PATH=/none"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, e := range examples.All() {
		for _, c := range e.Commits {
			dir := t.TempDir()
			if err := os.CopyFS(dir, c.Files); err != nil {
				t.Fatal(err)
			}
			if out, err := vet(t, dir); err != nil {
				t.Errorf("%s: %v\n%s", c.Message, err, out)
			}
		}
	}
	t.Run("a wrong test value", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, examples.Shop()[1].Files); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "shop.cue")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.Replace(data, []byte("created: 1700000000,"), []byte("created: 17,"), 1)
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := vet(t, dir); err == nil || !strings.Contains(out, "shop.cue") {
			t.Errorf("got %v and %q, want an error that names shop.cue", err, out)
		}
	})
}

// The examples vendor the definitions as they are.
func TestVendoredIsCurrent(t *testing.T) {
	names, err := fs.Glob(schema.Definitions(), "*.cue")
	if err != nil || len(names) == 0 {
		t.Fatalf("no definitions: %v", err)
	}
	for _, e := range examples.All() {
		dir := filepath.Join("..", "examples", e.Name, "cue.mod", "pkg", "keyshift.dev", "schema")
		for _, name := range names {
			vendored(t, filepath.Join(dir, name), name)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != len(names) {
			t.Errorf("%s holds %d files, want %d (%v)", dir, len(files), len(names), err)
		}
	}
}

// vendored checks one copy of a definition, or makes it.
func vendored(t *testing.T, file, name string) {
	t.Helper()
	want, err := fs.ReadFile(schema.Definitions(), name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err == nil && bytes.Equal(got, want) {
		return
	}
	if flag.Lookup("update").Value.String() != "true" {
		t.Errorf("%s is not the definition of schema/; go test ./schema -run Vendored -update copies it", file)
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A revert of the example's second commit gives its first: the older version, with nothing of the newer.
func TestShopStates(t *testing.T) {
	commits := examples.Shop()
	before, err := schema.Evaluate(commits[0].Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	after, err := schema.Evaluate(commits[1].Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	kb, ka := before.Keyspaces[0], after.Keyspaces[0]
	if kb.Version != "1.0.0" || len(kb.Shapes) != 1 || len(kb.Migrations) != 0 || len(before.Components[0].Releases) != 1 {
		t.Errorf("before: %+v", before)
	}
	if ka.Version != "2.0.0" || len(ka.Shapes) != 2 || len(ka.Migrations) != 1 || len(after.Components[0].Releases) != 3 {
		t.Errorf("after: %+v", after)
	}
	if !state.Subsumes(ka.Shapes[0], kb.Shapes[0]) || !state.Subsumes(kb.Shapes[0], ka.Shapes[0]) {
		t.Error("1.0.0 differs between the two states")
	}
}
