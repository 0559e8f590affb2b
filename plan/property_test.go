package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

var count = flag.Int("systems", 2000, "random systems to plan and to prove")

// TestMain lets rapid make as many systems as -systems says.
func TestMain(m *testing.M) {
	flag.Parse()
	checks(*count)
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func checks(n int) {
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

func make1(s system) Plan { return Make(s.Want, s.Have, diff.Compute(s.Want, s.Have)) }

// TestEveryPlanIsSafe proves invariants 1 to 6 of random plans, in every moment.
func TestEveryPlanIsSafe(t *testing.T) {
	planned, steps, blocked := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		p := make1(s)
		if err := Check(s.Want, s.Have, p); err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		if err := CheckStable(s.Want, s.Have, p); err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		for _, b := range p.Blocked {
			if b.Reason == "" || b.WayOut == "" || b.Code == SearchLimit {
				t.Fatalf("blocked without an explanation: %+v", b)
			}
		}
		if len(p.Steps) > 0 {
			planned++
		}
		if len(p.Blocked) > 0 {
			blocked++
		}
		steps += len(p.Steps)
	})
	t.Logf("%d systems: %d with steps (%d steps), %d with a blocked part", *count, planned, steps, blocked)
}

// TestOrderOfInputDoesNotMatter proves invariant 5: shuffled input, identical bytes.
func TestOrderOfInputDoesNotMatter(t *testing.T) {
	defer checks(*count)
	checks(max(1, *count/3))
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		mixed := shuffled(s, rapid.Uint64().Draw(t, "seed"))
		a, _ := json.Marshal(make1(s))
		b, _ := json.Marshal(make1(mixed))
		if !bytes.Equal(a, b) {
			t.Fatalf("another order of input gives another plan:\n%s\n%s", a, b)
		}
	})
}

// TestCountsAndPlacesDoNotMatter: neither how many units there are nor where a definition stands is content.
func TestCountsAndPlacesDoNotMatter(t *testing.T) {
	defer checks(*count)
	checks(max(1, *count/3))
	rapid.Check(t, func(t *rapid.T) {
		s := systems(small).Draw(t, "system")
		p := make1(s)
		for i := range s.Have.Keyspaces {
			for j := range s.Have.Keyspaces[i].Counts {
				s.Have.Keyspaces[i].Counts[j].Units += 7
			}
			for j := range s.Have.Keyspaces[i].Mixed { // all of the unfit are still mixed
				s.Have.Keyspaces[i].Mixed[j].Units += 7
			}
		}
		for i := range s.Want.Components {
			for j := range s.Want.Components[i].Releases {
				s.Want.Components[i].Releases[j].Pos = state.Pos{File: "moved.cue", Line: 9, Column: 1}
			}
		}
		if q := make1(s); q.Digest != p.Digest {
			t.Fatalf("digest %s became %s", p.Digest, q.Digest)
		}
	})
}

func shuffled(s system, seed uint64) system {
	r := rand.New(rand.NewPCG(seed, 1))
	out := system{sortedDesired(s.Want), sortedObserved(s.Have)}
	out.Have.Components, out.Have.Keyspaces = mix(r, out.Have.Components), mix(r, out.Have.Keyspaces)
	for i := range out.Have.Components {
		out.Have.Components[i].Releases = mix(r, out.Have.Components[i].Releases)
	}
	for i := range out.Have.Keyspaces {
		l := &out.Have.Keyspaces[i]
		l.Counts, l.Record.Present = mix(r, l.Counts), mix(r, l.Record.Present)
	}
	out.Want.Components, out.Want.Keyspaces = mix(r, out.Want.Components), mix(r, out.Want.Keyspaces)
	for i := range out.Want.Components {
		c := &out.Want.Components[i]
		c.Releases = mix(r, c.Releases)
		for j := range c.Releases {
			c.Releases[j].Uses = mix(r, c.Releases[j].Uses)
		}
	}
	for i := range out.Want.Keyspaces {
		k := &out.Want.Keyspaces[i]
		k.Shapes, k.Migrations = mix(r, k.Shapes), mix(r, k.Migrations)
	}
	return out
}

func mix[T any](r *rand.Rand, list []T) []T {
	out := slices.Clone(list)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestCheckNotices switches the search's invariants off one by one; Check has to find a plan that breaks them.
func TestCheckNotices(t *testing.T) {
	defer func() { off = invariantNone }()
	for _, rule := range []invariant{invariantReadable, invariantConvergent, invariantRecoverable, invariantUnfit, invariantStopped, invariantAfter, invariantJump, invariantUnused} {
		off = rule
		caught := false
		for seed := 0; seed < *count && !caught; seed++ {
			s := systems(small).Example(seed)
			caught = Check(s.Want, s.Have, make1(s)) != nil
		}
		if !caught {
			t.Errorf("without rule %d no plan of %d systems was found unsafe", rule, *count)
		}
	}
}

// TestCheckNoticesForgery: a plan that was changed after it was made is no plan.
func TestCheckNoticesForgery(t *testing.T) {
	want, have := shop(), shopAt("1.4.0", state.Count{Class: "1.0.0", Units: 20000})
	for _, c := range []struct {
		name      string
		invariant int
		forge     func(p *Plan)
	}{
		{"the bridge left out", 1, func(p *Plan) { p.Steps = p.Steps[1:] }},
		{"the rewrite too early", 2, func(p *Plan) { p.Steps[1], p.Steps[3] = p.Steps[3], p.Steps[1] }},
		{"the backup left out", 3, func(p *Plan) { p.Steps = slices.Delete(p.Steps, 2, 3) }},
		{"the backup too early", 3, func(p *Plan) { p.Steps[1], p.Steps[2] = p.Steps[2], p.Steps[1] }},
		{"the backup for another rewrite", 3, func(p *Plan) { p.Steps[2].To = "1.0.0" }},
		{"the verify left out", 4, func(p *Plan) { p.Steps = p.Steps[:4] }},
		{"stopped for nothing", 7, func(p *Plan) { p.Steps = append(p.Steps, Step{Kind: Scale, Object: "checkout", To: ToZero}) }},
		{"a loss hidden", 5, func(p *Plan) { p.Steps[3].Losses = nil }},
		{"another digest", 5, func(p *Plan) { p.Digest = state.DigestOf("x") }},
	} {
		p := planned(t, want, have)
		c.forge(&p)
		var broken *InvariantError
		if err := Check(want, have, p); !errors.As(err, &broken) || broken.Invariant != c.invariant {
			t.Errorf("%s: want invariant %d, got %v", c.name, c.invariant, err)
		}
	}
}
