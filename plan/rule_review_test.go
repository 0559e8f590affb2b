package plan

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
)

// TestRulingForgetsEnough: what is remembered of an object is what would be found anew.
func TestRulingForgetsEnough(t *testing.T) {
	remembered := 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(size{4, 3, 4, 3}).Draw(t, "system")
		want, have := sortedDesired(s.Want), sortedObserved(s.Have)
		m := newModel(diff.NewIndex(want, have), want)
		r := ruling{model: m, at: m.start(), goes: make([]answer, len(m.comps)), bridges: make([]answer, len(m.comps)), turns: make([]answer, len(m.keys))}
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
