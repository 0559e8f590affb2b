package schema

import (
	"fmt"
	"slices"
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

func anyPolicy(t *rapid.T) state.Policy {
	var p state.Policy
	for _, x := range rules {
		if !x.choice {
			values := append([]string{""}, x.values...)
			if x.values == nil {
				values = []string{"", "0.5%", "1%", "10%"}
			}
			*x.at(&p) = rapid.SampledFrom(values).Draw(t, x.field)
		}
	}
	number := func(label string) int64 { return rapid.Int64Range(0, 3).Draw(t, label) }
	if rapid.Bool().Draw(t, "limits") {
		p.Limits = &state.Limits{KeysPerSecond: number("keys"), BytesPerSecond: number("bytes"), MaxBlocked: number("blocked")}
	}
	p.Soak = state.Soak{AfterRollout: number("rollout"), AfterRewrite: number("rewrite")}
	p.Freezes = sortedFreezes([]state.Freeze{{From: rapid.SampledFrom([]string{"2026-12-20", "2026-12-21"}).Draw(t, "freeze"), To: "2026-12-24"}})
	p.Gates = sortedGates([]state.Gate{{Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "gate"), HTTP: "http://x/"}})
	return p
}

// Of two policies the stricter counts, whichever level says it; merging a policy with itself or with none changes nothing.
func TestStricter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyPolicy(t), anyPolicy(t)
		one, other := stricter(a, b), stricter(b, a)
		if state.DigestOf(one) != state.DigestOf(other) {
			t.Fatalf("%+v\nand turned round\n%+v", one, other)
		}
		for _, p := range []state.Policy{stricter(a, a), stricter(a, state.Policy{}), stricter(state.Policy{}, a)} {
			if state.DigestOf(p) != state.DigestOf(a) {
				t.Fatalf("%+v\nis not\n%+v", p, a)
			}
		}
		if again := stricter(one, b); state.DigestOf(again) != state.DigestOf(one) {
			t.Fatalf("%+v\nis not\n%+v", again, one)
		}
	})
	inner := stricter(state.Policy{Strategy: state.StrategyStop, OnFailure: state.OnFailureRollback}, state.Policy{Strategy: state.StrategyOnline, OnFailure: state.OnFailureHold})
	if inner.Strategy != state.StrategyOnline || inner.OnFailure != state.OnFailureHold {
		t.Errorf("a choice is the nearer level's: %+v", inner)
	}
	outer := state.Window{From: "01:00", To: "02:00", Level: state.LevelSystem}
	both := stricter(state.Policy{Windows: []state.Window{outer}}, state.Policy{Windows: []state.Window{{From: "01:30", To: "03:00", Level: state.LevelKeyspace}}})
	if len(both.Windows) != 2 || !slices.ContainsFunc(both.Windows, func(w state.Window) bool { return w.Level == state.LevelSystem }) {
		t.Errorf("the windows of both levels count: %+v", both.Windows)
	}
}

// A system of many tenants, all keys of which begin alike, is checked for overlaps in a moment.
func TestOverlapOfAlikePrefixes(t *testing.T) {
	r := &reader{}
	for i := range 600 {
		name := fmt.Sprint("k", i)
		r.desired.Keyspaces = append(r.desired.Keyspaces, state.Keyspace{Name: name, Store: "main",
			Shapes: []state.Shape{{Version: "1.0.0", Keys: "t:<tenant>:" + name + ":<id>"}}})
	}
	c := checker{r, map[string]bool{}}
	c.checkOverlap()
	if len(r.problems) != 0 {
		t.Fatalf("%v", r.problems[0])
	}
	r.desired.Keyspaces[599].Shapes[0].Keys = "t:<tenant>:<any>:<id>"
	if c.checkOverlap(); len(r.problems) != 599 {
		t.Errorf("%d overlaps, want one with each", len(r.problems))
	}
}
