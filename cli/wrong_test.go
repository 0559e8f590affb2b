package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"keyshift.dev/sandbox"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

var update = flag.Bool("update", false, "rewrite what the corpus of wrong specs expects")

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	os.Exit(m.Run())
}

// wrongSpecs is the corpus of wrong specs. Each archive holds cases: a folder NAME with
//
//	NAME/edit   lines `before => after`, applied in turn to the archive's base.cue; \n and \t stand for themselves
//	NAME/FILE   files of its tree; base.cue becomes x.cue
//	NAME/want   whether stock `cue vet ./...` refuses it, too, and every line of `keyshift vet`
const wrongSpecs = "../schema/testdata/wrong/*.txtar"

// fewestWrongSpecs is how many the corpus has at least, so that none is lost unseen.
const fewestWrongSpecs = 80

const wrongModule = "module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n"

func TestWrongSpecs(t *testing.T) {
	archives, err := filepath.Glob(wrongSpecs)
	if err != nil || len(archives) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	stock := stockCUE(t)
	n := 0
	for _, name := range archives {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		cases := wrongCases(t, ar)
		n += len(cases)
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { runWrong(t, ar, cases, stock) })
		if *update {
			if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n < fewestWrongSpecs {
		t.Errorf("%d wrong specs, want %d at least", n, fewestWrongSpecs)
	}
}

// wrongCases lists the files of each case: what is given, and want.
func wrongCases(t *testing.T, ar *txtar.Archive) map[string]map[string][]byte {
	t.Helper()
	cases := map[string]map[string][]byte{}
	var base []byte
	for _, f := range ar.Files {
		dir, file, found := strings.Cut(f.Name, "/")
		if !found {
			base = f.Data
			continue
		}
		if cases[dir] == nil {
			cases[dir] = map[string][]byte{"cue.mod/module.cue": []byte(wrongModule)}
			if base != nil {
				cases[dir]["x.cue"] = base
			}
		}
		cases[dir][file] = f.Data
	}
	for name, files := range cases {
		if edit, ok := files["edit"]; ok {
			files["x.cue"] = edited(t, name, string(files["x.cue"]), string(edit))
			delete(files, "edit")
		}
	}
	return cases
}

func edited(t *testing.T, name, spec, edit string) []byte {
	t.Helper()
	escapes := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\xff`, "\xff")
	for line := range strings.Lines(edit) {
		before, after, ok := strings.Cut(strings.TrimRight(line, "\n"), " => ")
		before, after = escapes.Replace(before), escapes.Replace(after)
		if !ok || !strings.Contains(spec, before) {
			t.Fatalf("%s: the edit %q does not apply", name, line)
		}
		spec = strings.Replace(spec, before, after, 1)
	}
	return []byte(spec)
}

func runWrong(t *testing.T, ar *txtar.Archive, cases map[string]map[string][]byte, stock string) {
	got := make([]string, len(cases))
	names := slices.Sorted(maps.Keys(cases))
	t.Run("all", func(t *testing.T) {
		for i, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				got[i] = wrongResult(t, cases[name], stock)
				if !*update && got[i] != string(cases[name]["want"]) {
					t.Errorf("%s/want differs (go test -update rewrites it); got:\n%s", name, got[i])
				}
			})
		}
	})
	if *update {
		for i, name := range names {
			setWant(ar, name, got[i])
		}
	}
}

// wrongResult is what stock CUE and `keyshift vet` say of a tree.
func wrongResult(t *testing.T, files map[string][]byte, stock string) string {
	dir := t.TempDir()
	given := maps.Clone(files)
	delete(given, "want")
	writeTree(t, dir, given)
	var out bytes.Buffer
	start := time.Now()
	code := Run(t.Context(), Commands{}, []string{"vet", dir, "-o", "json"}, &out, &out)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	var said failed
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	if code != exitError || len(said.Errors) == 0 {
		t.Errorf("vet accepts it (exit code %d)", code)
	}
	var b strings.Builder
	b.WriteString("# stock: " + stockVerdict(t, stock, dir, given) + "\n")
	for _, d := range said.Errors {
		d.Pos.File, d.Other.File = strings.TrimPrefix(d.Pos.File, dir+"/"), strings.TrimPrefix(d.Other.File, dir+"/")
		complete(t, d, given)
		b.WriteString(strings.ReplaceAll(d.String(), dir, "DIR") + "\n")
	}
	return b.String()
}

// complete demands what every diagnostic has.
func complete(t *testing.T, d state.Diagnostic, files map[string][]byte) {
	t.Helper()
	if d.Code == "" || d.Message == "" || d.Hint == "" || strings.Contains(d.String(), "\n") {
		t.Errorf("incomplete diagnostic: %+v", d)
	}
	if _, inTree := files[d.Pos.File]; !inTree && d.Code != noPackage && d.Code != noModule && d.Code != "TreeRefused" {
		t.Errorf("%s is not in the user's tree", d.Pos)
	}
	if strings.Contains(d.String(), "//keyshift.dev/") {
		t.Errorf("a place of ours: %s", d)
	}
}

func writeTree(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// stockCUE builds the stock cue command, and returns where it is.
func stockCUE(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "tool", "-n", "cue")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("build the cue command: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// stockVerdict tells whether stock `cue vet ./...`, with our definitions vendored, refuses a tree.
func stockVerdict(t *testing.T, stock, dir string, files map[string][]byte) string {
	t.Helper()
	vendored := path.Join("cue.mod/pkg", schema.ModulePath)
	if _, own := files[vendored+"/system.cue"]; !own {
		definitions := map[string][]byte{}
		names, err := fs.Glob(schema.Definitions(), "*.cue")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(schema.Definitions(), name)
			if err != nil {
				t.Fatal(err)
			}
			definitions[path.Join(vendored, name)] = data
		}
		writeTree(t, dir, definitions)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, stock, "vet", "./...")
	cmd.Dir = dir
	cmd.Env = []string{"CUE_REGISTRY=none", "CUE_CACHE_DIR=" + t.TempDir(), "HOME=" + t.TempDir(), "PATH=/none"}
	if err := cmd.Run(); err != nil {
		return "refuses"
	}
	return "accepts"
}

func setWant(ar *txtar.Archive, name, got string) {
	last := 0
	for i := range ar.Files {
		if ar.Files[i].Name == name+"/want" {
			ar.Files[i].Data = []byte(got)
			return
		}
		if strings.HasPrefix(ar.Files[i].Name, name+"/") {
			last = i
		}
	}
	ar.Files = slices.Insert(ar.Files, last+1, txtar.File{Name: name + "/want", Data: []byte(got)})
}
