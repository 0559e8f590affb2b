package rehearsal_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"keyshift.dev/rehearsal"
	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

const head = `package x

import "keyshift.dev/schema"

system: schema.#System
system: stores: main: address: "redis://127.0.0.1:6379/0"
system: keyspaces: k: {store: "main", version: "2.0.0"}
system: keyspaces: k: `

// Every kind of data goes there and back on the server.
func TestEveryKind(t *testing.T) {
	stage, err := rehearsal.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	for name, spec := range map[string]string{
		"hash, by the engine": `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {name: string, n: int}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {full: string, n: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: full: #old.name, #down: name: #new.full}
			tests: "2.0.0": [{old: {name: "Ada", n: 7}, new: {full: "Ada", n: 7}}]}`,
		"JSON, by the engine": `{
			versions: "1.0.0": {keys: "k:<id>", type: "string", encoding: "json", #value: {a: [...int]}}
			versions: "2.0.0": {keys: "k:<id>", type: "string", encoding: "json", #value: {v: 2, a: [...int]}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: v: 2, #down: {}}
			tests: "2.0.0": [{old: a: [1, 2], new: {v: 2, a: [1, 2]}}]}`,
		"counter with other keys": `{
			versions: "1.0.0": {keys: "k:<ip>", type: "string", encoding: "text", #value: int}
			versions: "2.0.0": {keys: "rl:<ip>", type: "string", encoding: "text", #value: int}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: #old, #down: #new}
			tests: "2.0.0": [{old: 5, new: 5}]}`,
		"msgpack": `{
			versions: "1.0.0": {keys: "k:<id>", type: "string", encoding: "msgpack", #value: {name: string, raw: bytes}}
			versions: "2.0.0": {keys: "k:<id>", type: "string", encoding: "msgpack", #value: {full: string, raw: bytes}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: full: #old.name, #down: name: #new.full}
			tests: "2.0.0": [{old: {name: "Ada", raw: '\x00\xff'}, new: {full: "Ada", raw: '\x00\xff'}}]}`,
		"sorted set": `{
			versions: "1.0.0": {keys: "k:<id>", type: "zset", #value: {member: =~"^[0-9]+$", score: number}}
			versions: "2.0.0": {keys: "k:<id>", type: "zset", #value: {member: =~"^u:", score: number}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: member: "u:\(#old.member)", #down: member: strings.TrimPrefix(#new.member, "u:")}
			tests: "2.0.0": [{old: {member: "7", score: 3.25}, new: {member: "u:7", score: 3.25}}]}`,
		"a default gives way to what an open hash holds": `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {name: string, v?: _|_, [string]: string}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {v: "2", name: string, plan: *"free" | "pro", [string]: string}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {...}, #down: {...}}
			tests: "2.0.0": [{old: {name: "x", plan: "pro"}, new: {v: "2", name: "x", plan: "pro"}}, {old: name: "x", new: {v: "2", name: "x", plan: "free"}}]}`,
		"a default gives way to what open JSON holds": `{
			versions: "1.0.0": {keys: "k:<id>", type: "string", encoding: "json", #value: {name: string, v?: _|_, ...}}
			versions: "2.0.0": {keys: "k:<id>", type: "string", encoding: "json", #value: {v: "2", name: string, plan: *"free" | "pro", ...}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {...}, #down: {...}}
			tests: "2.0.0": [{old: {name: "x", plan: "pro"}, new: {v: "2", name: "x", plan: "pro"}}, {old: name: "x", new: {v: "2", name: "x", plan: "free"}}]}`,
		"JSON with a TTL rule": `{
			versions: "1.0.0": {keys: "k:<id>", type: "string", encoding: "json", #value: {n: int}}
			versions: "2.0.0": {keys: "k:<id>", type: "string", encoding: "json", ttl: {set: "24h", max: "48h"}, #value: {v: 2, n: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: v: 2, #down: {}}
			tests: "2.0.0": [{old: n: 1, new: {v: 2, n: 1}}]}`,
		"list": `{
			versions: "1.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: {kind: string}}
			versions: "2.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: {v: 2, kind: string}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: v: 2, #down: {}}
			tests: "2.0.0": [{old: kind: "mail", new: {v: 2, kind: "mail"}}]}`,
		"set": `{
			versions: "1.0.0": {keys: "k:<id>", type: "set", #value: =~"^[0-9]+$"}
			versions: "2.0.0": {keys: "k:<id>", type: "set", #value: =~"^u:"}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: "u:\(#old)", #down: strings.TrimPrefix(#new, "u:")}
			tests: "2.0.0": [{old: "7", new: "u:7"}]}`,
		"map": `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: string, value: "on" | "off"}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: string, value: "1" | "0"}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: value: {"on": "1", "off": "0"}[#old.value], #down: value: {"1": "on", "0": "off"}[#new.value]}
			tests: "2.0.0": [{old: {field: "x", value: "on"}, new: {field: "x", value: "1"}}]}`,
		"JSON to hash": `{
			versions: "1.0.0": {keys: "{k:<t>}:<id>", type: "string", encoding: "json", #value: {name: string, prefs: {theme: "dark" | "light"}}}
			versions: "2.0.0": {keys: "{k:<t>}:h:<id>", type: "hash", #value: {tenant: string, name: string, theme: "dark" | "light"}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #key: _, #up: {tenant: #key.t, theme: #old.prefs.theme}, #down: {prefs: theme: #new.theme}}
			tests: "2.0.0": [{key: {t: "acme", id: "5"}, old: {name: "A", prefs: theme: "dark"}, new: {tenant: "acme", name: "A", theme: "dark"}}]}`,
		"hash with a JSON field": `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", encodings: items: "json", #value: {owner: int, items: {list: [...{sku: string}]}, ...}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", encodings: items: "json", #value: {owner_id: int, n: int, items: {list: [...{sku: string}]}, owner?: _|_, ...}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {owner_id: #old.owner, n: len(#old.items.list)}, #down: owner: #new.owner_id}
			tests: "2.0.0": [{old: {owner: 3, items: list: [{sku: "a"}]}, new: {owner_id: 3, n: 1, items: list: [{sku: "a"}]}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			k := keyspace(t, spec)
			if len(k.Tests) == 0 {
				t.Fatal("no tests")
			}
			for _, x := range k.Tests {
				if err := transform.RunTest(k, x); err != nil {
					t.Error(err)
				}
				if err := stage.Run(t.Context(), k, x); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A unit that the programs cannot convert is a difference, not a broken server.
func TestDifference(t *testing.T) {
	stage, err := rehearsal.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	k := keyspace(t, `{
		versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {n: int}}
		versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {v: 2, n: int}}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {v: 2, n: div(1, #old.n)}, #down: {}}
		tests: "2.0.0": [{old: n: 1, new: {v: 2, n: 1}}]}`)
	x := k.Tests[0]
	x.Old.Fields[0].Value.Text = "0"
	var d *transform.Difference
	if err := stage.Run(t.Context(), k, x); !errors.As(err, &d) {
		t.Errorf("division by zero: %v", err)
	}
	x.To = "9.0.0"
	if err := stage.Run(t.Context(), k, x); !errors.As(err, &d) {
		t.Errorf("no such migration: %v", err)
	}
}

// importing returns the head of a spec with what it imports.
func importing(spec string) string {
	if strings.Contains(spec, "strings.") {
		return strings.Replace(head, "import ", "import \"strings\"\nimport ", 1)
	}
	return head
}

func keyspace(t *testing.T, spec string) state.Keyspace {
	t.Helper()
	d, err := schema.Evaluate(fstest.MapFS{
		"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")},
		"x.cue":              {Data: []byte(importing(spec) + spec)},
	}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return d.Keyspaces[0]
}
