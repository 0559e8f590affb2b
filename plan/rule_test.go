package plan

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// TestRuleIsSafe orders random systems by the rule alone: what it finds is as safe and as stable as a searched plan.
func TestRuleIsSafe(t *testing.T) {
	defer func() { off = invariantNone }()
	defer checks(*count)
	checks(max(1, *count/5))
	exact, ruled := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		off = invariantNone
		if p := make1(s); len(p.Blocked) == 0 && len(p.Steps) > 0 {
			exact++
		}
		off = exactSearch
		p := make1(s)
		if err := Check(s.Want, s.Have, p); err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		if err := CheckStable(s.Want, s.Have, p); err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		if len(p.Blocked) == 0 && len(p.Steps) > 0 {
			ruled++
		}
	})
	t.Logf("the search plans %d whole systems, the rule %d", exact, ruled)
	if ruled > exact {
		t.Errorf("the rule plans %d systems, the search only %d", ruled, exact)
	}
}

// TestLarge plans forty coupled components, each with a bridge, on twenty keyspaces.
func TestLarge(t *testing.T) {
	want, have := large(40, 20)
	start := time.Now()
	p := Make(want, have, diff.Compute(want, have))
	t.Logf("%d steps in %s", len(p.Steps), time.Since(start))
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	if err := Check(want, have, p); err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) != 2*40+3*20 {
		t.Errorf("%d steps: %s", len(p.Steps), brief(p.Steps))
	}
}

// large makes components that each use two neighbouring keyspaces, in a ring.
func large(components, keyspaces int) (want state.Desired, have state.Observed) {
	s := scenario{}
	for i := range keyspaces {
		s.keyspace(fmt.Sprintf("k%02d", i), "2.0.0", []string{"1.0.0", "2.0.0"})
		s.live("count", fmt.Sprintf("k%02d", i), []string{"1.0.0=9"})
	}
	for i := range components {
		name := fmt.Sprintf("c%02d", i)
		a, b := fmt.Sprintf("k%02d", i%keyspaces), fmt.Sprintf("k%02d", (i+1)%keyspaces)
		s.read([]string{"component", name, "2.0.0"})
		s.read([]string{"release", name, "1.0.0", a, "1.0.0", "1.0.0", b, "1.0.0", "1.0.0"})
		s.read([]string{"release", name, "1.5.0", a, ">=1.0.0", "1.0.0", b, ">=1.0.0", "1.0.0"})
		s.read([]string{"release", name, "2.0.0", a, ">=1.0.0", "2.0.0", b, ">=1.0.0", "2.0.0"})
		s.read([]string{"run", name, "1.0.0"})
	}
	return s.Want, s.Have
}

// TestRulingForgetsEnough: what is remembered of an object is what would be found anew.
func TestRulingForgetsEnough(t *testing.T) {
	remembered := 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(size{4, 3, 4, 3}).Draw(t, "system")
		want, have := sortedDesired(s.Want), sortedObserved(s.Have)
		m := newModel(diff.NewIndex(want, have), want)
		r := newRuling(m)
		for range 40 {
			by, ok := r.next()
			for i, a := range r.goes {
				if to, may := r.desired(i); a.known && (a.may != may || may && a.to != to) {
					t.Fatalf("goes of %d", i)
				}
			}
			for i, a := range r.turns {
				if to, may := r.turn(i); a.known && (a.may != may || may && a.to != to) {
					t.Fatalf("turns of %d", i)
				}
			}
			for i, a := range r.bridges {
				if to, may := r.bridge(i); a.known && (a.may != may || may && a.to != to) {
					t.Fatalf("bridges of %d", i)
				}
				if a.known {
					remembered++
				}
			}
			if !ok {
				break
			}
			r.take(by)
		}
		before := s.GoString()
		p := Make(s.Want, s.Have, diff.Compute(s.Want, s.Have))
		_ = Check(s.Want, s.Have, p)
		_ = p.Needs(s.Want)
		if s.GoString() != before {
			t.Fatal("the arguments were changed")
		}
		if again := Make(s.Want, s.Have, diff.Compute(s.Want, s.Have)); !reflect.DeepEqual(again, p) {
			t.Fatal("other plan")
		}
	})
	if remembered == 0 {
		t.Error("nothing was remembered")
	}
}
