package plan

import (
	"fmt"
	"testing"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// thousands is one connected system: each component uses three keyspaces, two of which its neighbours use, too, and a hundred
// share one. Every keyspace is to be moved on, which takes each component over a bridge release.
func thousands(n int) (state.Desired, state.Observed) {
	want, have := state.Desired{System: "large"}, state.Observed{}
	for i := range n {
		k := shop().Keyspaces[0]
		k.Name = fmt.Sprintf("k%04d", i)
		k.Shapes = append([]state.Shape(nil), k.Shapes...)
		for j := range k.Shapes {
			k.Shapes[j].Keys = k.Name + ":<id>"
		}
		want.Keyspaces = append(want.Keyspaces, k)
		have.Keyspaces = append(have.Keyspaces, state.Live{Keyspace: k.Name, Counts: []state.Count{{Class: "1.0.0", Units: 1000}}})
	}
	for i := range n {
		uses := []int{i, (i + 1) % n, (i + 2) % n}
		if i%10 == 0 {
			uses[2] = n / 2
		}
		c := state.Component{Name: fmt.Sprintf("c%04d", i), Release: "2.0.0"}
		for _, r := range []struct {
			name   string
			reads  state.Range
			writes state.Version
		}{{"1.4.0", ">=1.0.0 <2.0.0", "1.0.0"}, {"1.5.0", ">=1.0.0 <3.0.0", "1.0.0"}, {"2.0.0", ">=1.0.0 <3.0.0", "2.0.0"}} {
			release := state.Release{Name: r.name}
			seen := map[int]bool{}
			for _, u := range uses {
				if !seen[u] {
					release.Uses = append(release.Uses, state.Use{Keyspace: want.Keyspaces[u].Name, Reads: r.reads, Writes: r.writes, Updates: state.UpdatesValue})
				}
				seen[u] = true
			}
			c.Releases = append(c.Releases, release)
		}
		want.Components = append(want.Components, c)
		have.Components = append(have.Components, state.Running{Component: c.Name, Releases: []string{"1.4.0"}, Template: "1.4.0", Desired: 3, Ready: 3})
	}
	return want, have
}

func TestLargeSystem(t *testing.T) {
	want, have := thousands(25)
	p := planned(t, want, have)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	if n := len(p.Steps); n != 25*(2+3) {
		t.Errorf("%d steps, want 125: two rollouts a component; a backup, a rewrite and a verify a keyspace", n)
	}
}

// BenchmarkLargeSystem plans 1,000 components and 1,000 keyspaces that hang together.
func BenchmarkLargeSystem(b *testing.B) {
	want, have := thousands(1000)
	for b.Loop() {
		if p := Make(want, have, diff.Compute(want, have)); len(p.Steps) != 5000 {
			b.Fatalf("%d steps, %v", len(p.Steps), p.Err())
		}
	}
}

// BenchmarkLargeSystemUnchanged finds that there is nothing to do in it.
func BenchmarkLargeSystemUnchanged(b *testing.B) {
	want, have := thousands(1000)
	for i := range have.Components {
		have.Components[i].Releases, have.Components[i].Template = []string{"2.0.0"}, "2.0.0"
	}
	for i := range have.Keyspaces {
		have.Keyspaces[i].Counts = []state.Count{{Class: "2.0.0", Units: 1000}}
	}
	for b.Loop() {
		if p := Make(want, have, diff.Compute(want, have)); len(p.Steps) != 0 {
			b.Fatalf("%d steps, %v", len(p.Steps), p.Err())
		}
	}
}
