package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

const twoMistakes = `package x

import "keyshift.dev/schema"

system: schema.#System
system: stores: main: {address: "redis://r:1", adress: "x"}
system: stores: other: address: "redis://o:1"
system: keyspaces: cart: {store: "main", version: "1.0.0", versions: "1.0.0": {keys: "cart:<id>", type: "hsh", #value: a: int}}
`

// asSARIF runs vet in the folder "spec dir" of a repository that holds files there, and returns what it prints.
func asSARIF(t *testing.T, files map[string][]byte) (map[string]any, int) {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "spec dir")
	writeTree(t, dir, files)
	var out bytes.Buffer
	code := Run(t.Context(), Commands{}, []string{"vet", dir, "-o", "sarif"}, &out, &out)
	var log map[string]any
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	return log, code
}

// at follows names and indices through decoded JSON.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[p] == nil {
				t.Fatalf("no %v in %v", path, v)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || len(l) <= p {
				t.Fatalf("no %v in %v", path, v)
			}
			v = l[p]
		}
	}
	return v
}

// What the schema of SARIF 2.1.0 requires, and what code scanning requires beyond it.
func TestSARIF(t *testing.T) {
	module := []byte(wrongModule)
	log, code := asSARIF(t, map[string][]byte{"cue.mod/module.cue": module, "x.cue": []byte(twoMistakes)})
	if code != exitError || at(t, log, "version") != "2.1.0" || !strings.HasSuffix(at(t, log, "$schema").(string), "sarif-2.1.0.json") {
		t.Errorf("exit code %d, head %v %v", code, log["version"], log["$schema"])
	}
	run := at(t, log, "runs", 0)
	if at(t, run, "tool", "driver", "name") != "keyshift" || at(t, run, "invocations", 0, "executionSuccessful") != true {
		t.Errorf("tool: %v", run)
	}
	results := at(t, run, "results").([]any)
	if len(results) != 2 {
		t.Fatalf("%d results, want 2: %v", len(results), results)
	}
	seen := map[string]bool{}
	for _, r := range results {
		index := int(at(t, r, "ruleIndex").(float64))
		rule := at(t, run, "tool", "driver", "rules", index)
		if at(t, rule, "id") != at(t, r, "ruleId") || at(t, rule, "help", "text") == "" || at(t, rule, "shortDescription", "text") == "" {
			t.Errorf("rule %v of %v", rule, r)
		}
		if at(t, r, "level") != "error" || at(t, r, "message", "text") == "" {
			t.Errorf("result %v", r)
		}
		place := at(t, r, "locations", 0, "physicalLocation")
		if at(t, place, "artifactLocation", "uri") != "spec%20dir/x.cue" || at(t, place, "region", "startLine").(float64) < 1 || at(t, place, "region", "startColumn").(float64) < 1 {
			t.Errorf("place %v", place)
		}
		seen[at(t, r, "partialFingerprints", "keyshift/v1").(string)] = true
	}
	if len(seen) != 2 {
		t.Errorf("fingerprints %v", seen)
	}
	later, _ := asSARIF(t, map[string][]byte{"cue.mod/module.cue": module, "x.cue": []byte("// one line more\n" + twoMistakes)})
	for _, r := range at(t, later, "runs", 0, "results").([]any) {
		if !seen[at(t, r, "partialFingerprints", "keyshift/v1").(string)] {
			t.Errorf("the fingerprint changes with a line above: %v", r)
		}
	}
}

func TestSARIFWithoutPlace(t *testing.T) {
	log, code := asSARIF(t, map[string][]byte{"cue.mod/module.cue": []byte(wrongModule)})
	run := at(t, log, "runs", 0)
	invocation := at(t, run, "invocations", 0)
	if code != exitError || at(t, invocation, "executionSuccessful") != false || at(t, invocation, "toolExecutionNotifications", 0, "descriptor", "id") != noPackage {
		t.Errorf("exit code %d, %v", code, run)
	}
	if n := len(at(t, run, "results").([]any)); n != 0 {
		t.Errorf("%d results without a place", n)
	}
}

func TestSARIFWarning(t *testing.T) {
	spec := strings.NewReplacer(`, adress: "x"`, "", `"hsh"`, `"hash"`).Replace(twoMistakes)
	log, code := asSARIF(t, map[string][]byte{"cue.mod/module.cue": []byte(wrongModule), "x.cue": []byte(spec)})
	results := at(t, log, "runs", 0, "results").([]any)
	if code != exitDone || len(results) != 1 || at(t, results[0], "level") != "warning" || at(t, results[0], "ruleId") != "unused-store" {
		t.Errorf("exit code %d, %v", code, results)
	}
}

var codeOfLine = regexp.MustCompile(`(?m) \(([a-z0-9-]+)\)$`)

// Whatever code the corpus knows has a sentence for code scanning.
func TestCodesHaveWords(t *testing.T) {
	var names []string
	for _, pattern := range []string{wrongSpecs, "../schema/testdata/*.txtar"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no corpus: %v", err)
		}
		names = append(names, found...)
	}
	missing := map[string]bool{}
	for _, name := range names {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			for _, m := range codeOfLine.FindAllSubmatch(f.Data, -1) {
				if code := string(m[1]); strings.HasSuffix(f.Name, "/want") && codes[code] == "" {
					missing[code] = true
				}
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("codes without words: %v", slices.Sorted(maps.Keys(missing)))
	}
}
