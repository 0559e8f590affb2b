package apply_test

import (
	"fmt"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/alicebob/miniredis/v2"

	"keyshift.dev/apply"
	"keyshift.dev/demo"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

// hops is a keyspace of three versions, each of which drops what the one before it has, at one of them.
func hops(t *testing.T, at state.Version) state.Desired {
	t.Helper()
	d, err := schema.Evaluate(fstest.MapFS{
		"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")},
		"x.cue": {Data: []byte(`package x

import "keyshift.dev/schema"

system: schema.#System
system: stores: main: address: "redis://127.0.0.1:6379/0"
system: keyspaces: k: {
	store: "main", version: "` + string(at) + `", policy: throttle: "fast"
	versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, a: string, b: string}}
	versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, b: string}}
	versions: "3.0.0": {keys: "k:<id>", type: "hash", #value: n: int}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["a"], #up: {}, #down: a: ""}
	migrations: "3.0.0": {from: "2.0.0", #old: _, #new: _, drop: ["b"], #up: {}, #down: b: ""}
}
`)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTwoHopsAreTakenBackInOne: two upgrades were rewritten one after the other, and one plan goes back before both. What
// either dropped comes back, and then no log is named any more.
func TestTwoHopsAreTakenBackInOne(t *testing.T) {
	w := &world{T: t, address: miniredis.RunT(t).Addr()}
	w.client = demo.Dial(w.address)
	t.Cleanup(func() { _ = w.client.Close() })
	w.edges = apply.Edges{Stores: map[string]*keyspace.Store{"main": w.open(w.address)}, State: &memory{}}
	for i := range 50 {
		w.client.HSet(t.Context(), fmt.Sprint("k:", i), "n", i, "a", fmt.Sprint("a", i), "b", fmt.Sprint("b", i))
	}
	all := func() map[string]map[string]string {
		out := map[string]map[string]string{}
		for i := range 50 {
			key := fmt.Sprint("k:", i)
			out[key] = w.client.HGetAll(t.Context(), key).Val()
		}
		return out
	}
	before := all()
	for range 2 {
		for _, at := range []state.Version{"2.0.0", "3.0.0", "1.0.0"} {
			o, err := w.deliver(hops(t, at))
			if err != nil || o.Rewritten()+o.Undone().Restored != 50 {
				t.Fatalf("%s: %v, %d rewritten, %+v", at, err, o.Rewritten(), o.Undone())
			}
		}
		for key, was := range before {
			if now := all()[key]; !maps.Equal(now, was) {
				t.Fatalf("%s is %v, and was %v", key, now, was)
			}
		}
		l, _, err := w.edges.Stores["main"].ReadLedger(t.Context(), hops(t, "1.0.0").System)
		if err != nil || len(l.Records) != 1 || len(l.Records[0].Undo) > 0 {
			t.Errorf("the ledger has %+v, %v", l.Records, err)
		}
	}
}

// TestTakesBack: a rewrite takes back those that led from where it goes to where the units are, or past that.
func TestTakesBack(t *testing.T) {
	k := hops(t, "1.0.0").Keyspaces[0]
	for _, c := range []struct {
		from     state.Class
		over, to state.Version
		whole    bool
		part     bool
	}{
		{"1.0.0", "2.0.0", "1.0.0", true, true},
		{"1.0.0", "2.0.0", "2.0.0", false, false},
		{"1.0.0", "2.0.0", "3.0.0", false, false},
		{"2.0.0", "3.0.0", "1.0.0", true, true},
		{"2.0.0", "3.0.0", "2.0.0", true, true},
		{"3.0.0", "2.0.0", "1.0.0", false, false},
		{"3.0.0", "2.0.0", "3.0.0", true, true},
		{"1.0.0", "3.0.0", "1.0.0", true, true},
		{"1.0.0", "3.0.0", "2.0.0", false, true},
		{"9.0.0", "2.0.0", "9.0.0", true, true},
		{"9.0.0", "2.0.0", "1.0.0", false, false},
	} {
		if whole, part := plan.TakesBack(k, state.UndoRecord{From: []state.Class{c.from}, To: c.over}, c.to); whole != c.whole || part != c.part {
			t.Errorf("the log of %s to %s, on the way to %s: %v, %v", c.from, c.over, c.to, whole, part)
		}
	}
}
