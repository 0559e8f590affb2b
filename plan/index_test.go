package plan

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// TestPartsAnswerAsTheWhole: a step has in the part that it bears on the same end, and the same violations, as in the whole.
func TestPartsAnswerAsTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := systems(size{4, 3, 4, 3}).Draw(t, "system")
		want, now := sortedDesired(s.Want), sortedObserved(s.Have)
		x := diff.NewIndex(want, now)
		for _, k := range want.Keyspaces {
			part, live := x.Around(k.Name)
			if a, b := learn(want, now, k), learn(part, live, k); !slices.Equal(a.present, b.present) || a.verified != b.verified || a.rewritten != b.rewritten {
				t.Fatalf("%s: %+v, in its part %+v", k.Name, a, b)
			}
		}
		for _, step := range Make(want, now, diff.Compute(want, now)).Steps {
			part, live := around(x, step)
			whole := End(want, now, step)
			x.Put(End(part, live, step))
			if a, b := state.DigestOf(sortedObserved(whole)), state.DigestOf(sortedObserved(x.Have())); a != b {
				t.Fatalf("after %s:\n%+v\nby parts\n%+v", step, whole, x.Have())
			}
			if a, b := violationsOf(meetings(want, whole)), violationsOf(broken(x, want)); !slices.Equal(a, b) {
				t.Fatalf("after %s: %v, by parts %v", step, a, b)
			}
			now = whole
		}
	})
}

func violationsOf(list []Violation) (out []string) {
	for _, v := range list {
		out = append(out, v.String())
	}
	slices.Sort(out)
	return out
}

// TestNarrow: a part is planned by itself as it is with the others.
func TestNarrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		p := make1(s)
		for i, step := range p.Steps {
			part, ok := Narrow(s.Want, s.Have, step)
			alone := Make(part, s.Have, diff.Compute(part, s.Have))
			if !ok || p.First(i) && (len(alone.Parts) != 1 || alone.Digest != p.Parts[step.Part].Digest) {
				t.Fatalf("step %d: with the others %s, alone %s", i+1, brief(p.Steps), brief(alone.Steps))
			}
		}
	})
}
