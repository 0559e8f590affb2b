package v1alpha1

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"
)

// crds are the files of the generated definitions.
var crds = []string{"keyshift.dev_deliveries.yaml", "keyshift.dev_plans.yaml"}

// TestGeneratedIsFresh generates what `make generate` does, beside the tree, and compares.
func TestGeneratedIsFresh(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("go", "tool", "-modfile=../../tools/go.mod", "controller-gen",
		"object", "crd", "paths=./...", "output:object:dir="+dir, "output:crd:dir="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	files := map[string]string{"zz_generated.deepcopy.go": "zz_generated.deepcopy.go"}
	for _, crd := range crds {
		files[crd] = "../../config/crd/" + crd
	}
	for generated, committed := range files {
		want, err := os.ReadFile(filepath.Join(dir, generated))
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(committed)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, have) {
			t.Errorf("%s is stale: run `make generate`", committed)
		}
	}
}

// TestEveryFieldIsBounded keeps an object, and the cost of its CEL rules, within what an API server takes.
func TestEveryFieldIsBounded(t *testing.T) {
	for _, crd := range crds {
		bounded(t, crd)
	}
}

func bounded(t *testing.T, file string) {
	b, err := os.ReadFile("../../config/crd/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema node `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(b, &crd); err != nil {
		t.Fatal(err)
	}
	root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	if n := root.unbounded(t, "spec", root.Properties["spec"]); n < 10 {
		t.Fatalf("looked at %d fields of the spec: the walk does not work", n)
	}
	root.unbounded(t, "status", root.Properties["status"])
}

type node struct {
	Type       string          `json:"type"`
	Format     string          `json:"format"`
	Enum       []any           `json:"enum"`
	MaxLength  *int            `json:"maxLength"`
	MaxItems   *int            `json:"maxItems"`
	Properties map[string]node `json:"properties"`
	Items      *node           `json:"items"`
}

// theirs are fields of types of other modules, whose markers are not ours, bounded by the program.
var theirs = map[string]bool{
	"status.lastHandledReconcileAt":           true,
	"status.lastHandledForceAt":               true,
	"status.conditions[].message":             true,
	"status.history":                          true,
	"status.history[].digest":                 true,
	"status.history[].lastReconciledStatus":   true,
	"status.history[].lastReconciledDuration": true,
}

func (node) unbounded(t *testing.T, path string, s node) (fields int) {
	t.Helper()
	fields = 1
	switch {
	case theirs[path] && s.Type != "array":
	case s.Type == "string" && s.Format == "" && s.Enum == nil && s.MaxLength == nil:
		t.Errorf("%s: a string without maxLength", path)
	case s.Type == "array" && s.MaxItems == nil && !theirs[path]:
		t.Errorf("%s: a list without maxItems", path)
	}
	for name, p := range s.Properties {
		fields += s.unbounded(t, path+"."+name, p)
	}
	if s.Items != nil {
		fields += s.unbounded(t, path+"[]", *s.Items)
	}
	return fields
}
