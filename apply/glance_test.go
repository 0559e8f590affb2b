package apply_test

import (
	"fmt"
	"strings"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/keyspace"
)

// TestLook: a system that was left with nothing to do is as it was until a sample, a ledger or the cluster shows
// something else, and what the samples prove is said with how sure it is.
func TestLook(t *testing.T) {
	w := embedded(t, 400)
	w.mustDeliver(w.after, "2.0.0")
	w.recluster(cluster.MemoryOptions{}, nil) // pods that leave the data alone
	w.deploy("2.0.0")
	settle := func() apply.Situation {
		t.Helper()
		var o apply.Outcome
		for range 2 { // the first may write a ledger
			var err error
			if o, err = w.deliver(w.after); err != nil || len(o.Done) > 0 {
				t.Fatalf("%v, %v", o.Done, err)
			}
		}
		return o.Last
	}
	look := func(left apply.Situation, o keyspace.DriftOptions) apply.Glance {
		t.Helper()
		g, err := apply.Look(t.Context(), w.edges, left, &o)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	left := settle()
	keys := w.client.DBSize(t.Context()).Val() - int64(len(w.client.Keys(t.Context(), keyspace.Prefix+"*").Val()))
	if g := look(left, keyspace.DriftOptions{}); g.Differs != "" || g.String() != fmt.Sprintf("of session all %d keys were looked at", keys) {
		t.Errorf("%s: %s", g.Differs, g)
	}
	if g := look(left, keyspace.DriftOptions{Keys: 100, Scanned: 150}); g.Differs != "" || len(g.Samples) != 1 || g.Samples[0].Unseen == 0 || !strings.Contains(g.String(), "in 19 of 20 such looks at most") {
		t.Errorf("%s: %s", g.Differs, g)
	}
	w.client.HSet(t.Context(), "session:odd", "colour", "green")
	if g := look(left, keyspace.DriftOptions{}); !strings.Contains(g.Differs, "session") || g.Samples != nil {
		t.Errorf("with another unit: %q", g.Differs)
	}
	w.client.Del(t.Context(), "session:odd")
	w.deploy("1.5.0")
	if g := look(left, keyspace.DriftOptions{}); g.Differs != "other pods run" {
		t.Errorf("with other pods: %q", g.Differs)
	}
}

// TestLookMissesNoLedger: somebody else applied something meanwhile.
func TestLookMissesNoLedger(t *testing.T) {
	w := embedded(t, 20)
	w.deploy("2.0.0")
	w.quiet()
	for range 2 {
		if _, err := w.deliver(w.before); err != nil {
			t.Fatal(err)
		}
	}
	o, err := w.deliver(w.before)
	if err != nil {
		t.Fatal(err)
	}
	if g, err := apply.Look(t.Context(), w.edges, o.Last, &keyspace.DriftOptions{}); err != nil || g.Differs != "" {
		t.Errorf("%q, %v", g.Differs, err)
	}
	if _, err := w.deliver(w.after); err != nil {
		t.Fatal(err)
	}
	if g, err := apply.Look(t.Context(), w.edges, o.Last, &keyspace.DriftOptions{}); err != nil || g.Differs != "a ledger was written" {
		t.Errorf("%q, %v", g.Differs, err)
	}
}
