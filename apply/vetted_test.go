package apply_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"keyshift.dev/examples"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

// vetted evaluates a spec as vet does, so that only what a user may commit is delivered.
func vetted(t *testing.T, text string) state.Desired {
	t.Helper()
	module, err := fs.ReadFile(examples.Shop()[0].Files, "cue.mod/module.cue")
	if err != nil {
		t.Fatal(err)
	}
	d, err := schema.Evaluate(fstest.MapFS{
		"cue.mod/module.cue": {Data: module},
		"shop.cue":           {Data: []byte("package shop\nimport \"keyshift.dev/schema\"\nsystem: schema.#System\nsystem: stores: main: address: \"redis://redis:6379/0\"\n" + text)},
	}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestVetTakesAHashThatShrinks: a keyspace that could be emptied by a rewrite, beside a writer of an optional field,
// is one that users may commit. The rewrite has to take care.
func TestVetTakesAHashThatShrinks(t *testing.T) {
	vetted(t, `system: keyspaces: shrink: {store: "main", version: "2.0.0", versions: {
		"1.0.0": {keys: "shrink:<id>", type: "hash", #value: {a: int, note?: string}}
		"2.0.0": {keys: "shrink:<id>", type: "hash", #value: {note?: string}}}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {}, #down: a: 0, drop: ["a"]}}`)
}
