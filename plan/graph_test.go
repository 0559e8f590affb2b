package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		name string
		want state.Desired
		have state.Observed
		need [][]int
	}{
		{"one keyspace is a chain", shop(), shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 9}), [][]int{nil, {0}, {1}, {2}, {3}}},
		{"nothing to do", shop(), shopAt("2.0.0", state.Count{Class: "2.0.0", Units: 9}), [][]int{}},
	} {
		p := Make(c.want, c.have, diff.Compute(c.want, c.have))
		if got := p.Needs(c.want); !slices.EqualFunc(got, c.need, func(a, b []int) bool { return slices.Equal(a, b) }) {
			t.Errorf("%s: %s needs %v, want %v", c.name, brief(p.Steps), got, c.need)
		}
	}
}

// TestApartIsApart: two components without a keyspace in common do not wait for each other.
func TestApartIsApart(t *testing.T) {
	want, have := shop(), shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 9})
	other := shop()
	k, c := other.Keyspaces[0], other.Components[0]
	k.Name, c.Name = "basket", "front"
	k.Shapes = slices.Clone(k.Shapes)
	for i := range k.Shapes {
		k.Shapes[i].Keys = "basket:<id>"
	}
	c.Releases = slices.Clone(c.Releases)
	for i := range c.Releases {
		c.Releases[i].Uses = slices.Clone(c.Releases[i].Uses)
		c.Releases[i].Uses[0].Keyspace = "basket"
	}
	want.Keyspaces, want.Components = append(want.Keyspaces, k), append(want.Components, c)
	have.Components = append(have.Components, state.Running{Component: "front", Releases: []string{"1.4.0"}, Template: "1.4.0", Desired: 1, Ready: 1})
	have.Keyspaces = append(have.Keyspaces, state.Live{Keyspace: "basket", Counts: []state.Count{{Class: "1.0.0", Units: 9}}})
	p := planned(t, want, have)
	begins := 0
	for i, need := range p.Needs(want) {
		begins += b2i(len(need) == 0)
		for _, at := range need {
			if p.Steps[i].Object != p.Steps[at].Object && !slices.Contains([]string{"checkout session", "session checkout", "front basket", "basket front"}, p.Steps[i].Object+" "+p.Steps[at].Object) {
				t.Errorf("%s waits for %s", p.Steps[i], p.Steps[at])
			}
		}
	}
	if begins != 2 {
		t.Errorf("%d steps may begin at once, want 2: %v", begins, p.Needs(want))
	}
}

// TestAnyOrderThatNeedsAllow: whatever order is taken that keeps what steps need, every step is safe where it stands, and
// the end is the same.
func TestAnyOrderThatNeedsAllow(t *testing.T) {
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(size{4, 3, 4, 3}).Draw(t, "system")
		p := Make(s.Want, s.Have, diff.Compute(s.Want, s.Have))
		needs := p.Needs(s.Want)
		want := sortedDesired(s.Want)
		x := diff.NewIndex(want, sortedObserved(s.Have))
		done := make([]bool, len(p.Steps))
		for n := range p.Steps {
			var open []int
			for i := range p.Steps {
				if !done[i] && !slices.ContainsFunc(needs[i], func(at int) bool { return !done[at] }) {
					open = append(open, i)
				}
			}
			i := rapid.SampledFrom(open).Draw(t, "next")
			moved += b2i(i != n)
			done[i] = true
			part, live := around(x, p.Steps[i])
			if err := checkStep(part, live, p.Steps[i]); err != nil {
				t.Fatalf("%s of %s: %v", p.Steps[i], brief(p.Steps), err)
			}
			x.Put(End(part, live, p.Steps[i]))
		}
		end := sortedObserved(s.Have)
		if m := Simulate(want, end, p); len(m) > 0 {
			end = m[len(m)-1].State
		}
		if got, planned := text(t, sortedObserved(x.Have())), text(t, sortedObserved(end)); got != planned {
			t.Fatalf("the end is %s, as planned it is %s", got, planned)
		}
	})
	if moved == 0 {
		t.Error("no order was another than the plan's")
	}
	t.Logf("%d steps were taken elsewhere than planned", moved)
}

func text(t *rapid.T, have state.Observed) string {
	b, err := json.Marshal(have)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestStepsThatNeedNothingOfEachOtherTrade: two neighbours of which the second does not need the first are safe in either
// order, and together.
func TestStepsThatNeedNothingOfEachOtherTrade(t *testing.T) {
	traded := 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(size{4, 3, 4, 3}).Draw(t, "system")
		want, have := sortedDesired(s.Want), sortedObserved(s.Have)
		p := Make(want, have, diff.Compute(want, have))
		needs := p.Needs(want)
		for i := 1; i < len(p.Steps); i++ {
			free := true
			for _, at := range needs[i] {
				free = free && at != i-1
			}
			if free {
				traded++
				now := have
				for j := range i - 1 {
					now = End(want, now, p.Steps[j])
				}
				if err := CheckStep(want, Begin(want, now, p.Steps[i-1]), p.Steps[i]); err != nil {
					t.Fatalf("step %d during %d: %v\n%s%s", i+1, i, err, p, s.GoString())
				}
				for _, j := range []int{i, i - 1} {
					if err := CheckStep(want, now, p.Steps[j]); err != nil {
						t.Fatalf("step %d before %d: %v\n%s%s", i+1, i, err, p, s.GoString())
					}
					now = End(want, now, p.Steps[j])
				}
			}
		}
	})
	t.Logf("%d pairs were traded", traded)
	if traded == 0 {
		t.Error("no pair was")
	}
}

// TestNeedsAreLists: a step that waits for none has an empty list, which is what a script that walks it gets.
func TestNeedsAreLists(t *testing.T) {
	p := Plan{Steps: []Step{{Kind: Verify, Object: "session"}, {Kind: Rollout, Object: "gone", To: "1.0.0"}}}
	data, err := json.Marshal(p.Needs(state.Desired{}))
	if err != nil || strings.Contains(string(data), "null") {
		t.Errorf("%s, %v", data, err)
	}
}
