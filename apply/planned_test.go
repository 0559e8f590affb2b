package apply

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// apart is n copies of the small system's keyspace and its component, that have nothing to do with each other, or with
// coupled each component uses the next keyspace, too.
func apart(n int, coupled bool) (want state.Desired, have state.Observed) {
	want.System = "large"
	for i := range n {
		k := smallSystem().Keyspaces[0]
		k.Name = fmt.Sprintf("k%04d", i)
		for j := range k.Shapes {
			k.Shapes[j].Keys = k.Name + ":<id>"
		}
		want.Keyspaces = append(want.Keyspaces, k)
		have.Keyspaces = append(have.Keyspaces, state.Live{Keyspace: k.Name, Counts: []state.Count{{Class: "1.0.0", Units: 1}}})
		c := smallSystem().Components[0]
		c.Name = fmt.Sprintf("c%04d", i)
		for j := range c.Releases {
			uses := c.Releases[j].Uses
			uses[0].Keyspace = k.Name
			if next := uses[0]; coupled && i+1 < n {
				next.Keyspace = fmt.Sprintf("k%04d", i+1)
				c.Releases[j].Uses = append(uses, next)
			}
		}
		want.Components = append(want.Components, c)
		have.Components = append(have.Components, state.Running{Component: c.Name, Releases: []string{"1.0.0"}, Template: "1.0.0", Desired: 1, Ready: 1})
	}
	return want, have
}

// TestPlannedAtOnce: what cannot be done is held as if each were found by a plan of its own.
func TestPlannedAtOnce(t *testing.T) {
	want, have := apart(6, false)
	want.Keyspaces[1].Policy = state.Policy{Backup: state.BackupAlways, Strategy: state.StrategyDiscard}
	want.Keyspaces[2].Shapes[0].Type, want.Keyspaces[2].Shapes[1].Type = state.Document, state.Document
	want.Keyspaces[3].Policy.Backup = state.BackupNever
	want.Components[4].Releases[0].Env = []state.Env{{Container: "app", Name: "MODE", Value: "new"}}
	want.Keyspaces[5].Version = "1.0.0"
	for _, durable := range []bool{true, false} {
		known := changes(want, have, nil)
		p := plan.Make(want, have, known)
		for more := onTheWay(want, p, durable); len(more) > 0; more = onTheWay(want, p, durable) {
			known = append(known, more[0])
			p = plan.Make(want, have, known)
		}
		got := planned(want, have, durable, nil)
		if !reflect.DeepEqual(got, p) {
			t.Errorf("durable %t:\n%+v\nwant\n%+v", durable, got, p)
		}
		if missing := slices.ContainsFunc(got.Blocked, func(b plan.Blocked) bool { return b.Code == StateMissing }); missing == durable {
			t.Errorf("durable %t: blocked %+v", durable, got.Blocked)
		}
	}
}

// BenchmarkPlannedLarge plans 1,000 components and 1,000 keyspaces that hang together, as a delivery does it.
func BenchmarkPlannedLarge(b *testing.B) {
	want, have := apart(1000, true)
	for b.Loop() {
		if p := planned(want, have, true, nil); len(p.Steps) < 3000 {
			b.Fatalf("%d steps, %v", len(p.Steps), p.Err())
		}
	}
}

// BenchmarkPlannedHomeless plans for 300 parts of a system of which each is held for want of a place for its backups.
func BenchmarkPlannedHomeless(b *testing.B) {
	want, have := apart(300, false)
	for b.Loop() {
		if p := planned(want, have, false, nil); len(p.Blocked) != 300 {
			b.Fatalf("%d steps, %d blocked", len(p.Steps), len(p.Blocked))
		}
	}
}
