package schema_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"keyshift.dev/schema"
	"keyshift.dev/transform"
)

// What is called exact comes back to the byte from every encoding to every other; of JSON as the same value.
func TestExactOnEveryWire(t *testing.T) {
	types := []string{"int", "number", "string", "bool", "int | string", "string | number", `"5" | 5`, `bool | =~"^[a-z]$"`, `true | "true"`, "_"}
	texts := []string{`5`, `5.0`, `5e0`, `-3`, `0.10`, `true`, `x`, `"5"`, `"x"`, `"true"`, `"a\u0062"`, ``, `null`, `[1]`}
	ways := [][2]string{{"b: #old.a", "a: #new.b"}, {"b: #old.a * 100", "a: #new.b / 100"}, {`b: "p\(#old.a)"`, `a: strings.TrimPrefix(#new.b, "p")`}}
	exact, units := 0, 0
	for _, typ := range types {
		for _, wires := range [][2]string{{"text", "json"}, {"json", "text"}, {"text", "text"}, {"json", "json"}, {"text", "msgpack"}, {"json", "msgpack"}} {
			for _, way := range ways {
				wide := typ
				if way[0] == ways[2][0] {
					wide = "string"
				}
				spec := fmt.Sprintf(wireSpec, wires[0], typ, wires[1], wide, way[0], way[1])
				d, err := schema.Evaluate(fstest.MapFS{"cue.mod/module.cue": {Data: []byte(module)}, "x.cue": {Data: []byte(spec)}}, ".")
				if err != nil || !d.Keyspaces[0].Migrations[0].Up.Exact() {
					continue
				}
				exact++
				programs, err := transform.Compile(d.Keyspaces[0])
				if err != nil {
					t.Fatal(err)
				}
				for _, text := range texts {
					before := transform.Unit{Key: "kk:1", Fields: []transform.Field{{Name: "a", Value: text}}}
					up, err := programs.Convert(before, "1.0.0", "2.0.0")
					if err != nil {
						continue // it stays what it is
					}
					units++
					after, err := programs.Convert(up, "2.0.0", "1.0.0")
					if err != nil || !sameOn(wires[0], after.Fields[0].Value, text) {
						t.Errorf("%s from %s to %s, %s: %q became %q and came back as %q, %v", typ, wires[0], wires[1], way[0], text, up.Fields, after.Fields, err)
					}
				}
			}
		}
	}
	if exact < 30 || units < 100 {
		t.Errorf("only %d migrations are exact, with %d units", exact, units)
	}
}

func sameOn(wire, a, b string) bool {
	x, errX := fromJSON(a)
	y, errY := fromJSON(b)
	return a == b || wire == "json" && errX == nil && errY == nil && same(x, y)
}

const wireSpec = `package x

import (
	"strings"
	"keyshift.dev/schema"
)

_used: strings.MinRunes(0)
system: schema.#System
system: stores: main: address: "redis://127.0.0.1:6379"
system: keyspaces: k: {store: "main", version: "2.0.0"
	versions: {
		"1.0.0": {keys: "kk:<id>", type: "hash", encodings: a: %q, #value: a: %s}
		"2.0.0": {keys: "kk:<id>", type: "hash", encodings: b: %q, #value: {v: 2, b: %s}}
	}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: %s, #down: %s}
}
`
