package schema_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	"github.com/rogpeppe/go-internal/txtar"

	"keyshift.dev/schema"
)

// CUE alone, with the definitions and none of our checks, refuses a store that cannot be reached and admits every way
// to reach one.
func TestDefinitionsOfStores(t *testing.T) {
	ar, err := txtar.ParseFile(filepath.Join("testdata", "stores.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]bool{"none": true, "no-port": true, "no-nodes": true, "no-master": true, "typo": true, "secret": true}
	for _, f := range ar.Files[1:] {
		name, ok := strings.CutSuffix(f.Name, "/edit")
		if !ok {
			continue
		}
		x := string(ar.Files[0].Data)
		for _, line := range strings.Split(strings.TrimSpace(string(f.Data)), "\n") {
			before, after, _ := strings.Cut(line, " => ")
			x = strings.Replace(x, escapes.Replace(before), escapes.Replace(after), 1)
		}
		if err := vetAlone(t, x); (err != nil) != refused[name] {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// vetAlone checks a file with the definitions beside it, as cue vet -c does.
func vetAlone(t *testing.T, x string) error {
	t.Helper()
	dir := t.TempDir()
	overlay := map[string]load.Source{
		filepath.Join(dir, "cue.mod", "module.cue"): load.FromString(module),
		filepath.Join(dir, "x.cue"):                 load.FromString(x),
	}
	names, err := fs.Glob(schema.Definitions(), "*.cue")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(schema.Definitions(), name)
		if err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(dir, "cue.mod", "pkg", "keyshift.dev", "schema", name)] = load.FromBytes(data)
	}
	inst := load.Instances([]string{"."}, &load.Config{Dir: dir, Overlay: overlay, Env: []string{"CUE_REGISTRY=none"}})[0]
	if inst.Err != nil {
		return inst.Err
	}
	return cuecontext.New().BuildInstance(inst).Validate(cue.Concrete(true))
}
