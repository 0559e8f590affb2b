package state

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// codes returns the codes of the diagnostics, each once.
func codes(err error) []string {
	ds, _ := errors.AsType[Diagnostics](err)
	var out []string
	for _, d := range ds {
		out = append(out, d.Code)
	}
	return slices.Compact(out)
}

// nothing is an observation in which no unit of session and no pod of checkout is there.
func nothing() Observed {
	return Observed{Components: []Running{{Component: "checkout"}}, Keyspaces: []Live{{Keyspace: "session"}}}
}

// TestUnionByWhatIsAlive: what may exist or run keeps its definition and its place, what is not may be mended.
func TestUnionByWhatIsAlive(t *testing.T) {
	one, two := unionShape("1.0.0", 5, unionField("a", false)), unionShape("2.0.0", 9, unionField("b", false))
	again, other := unionShape("2.1.0", 9, unionField("b", false)), unionShape("2.0.0", 9, unionField("c", false))
	recorded := unionSystem("2.0.0", "2.0.0", one, two)
	counted, present, rewritten, runs, template, unknown := nothing(), nothing(), nothing(), nothing(), nothing(), nothing()
	counted.Keyspaces[0].Counts = []Count{{"2.0.0", 1}}
	present.Keyspaces[0].Record.Present = []Class{"2.0.0"}
	rewritten.Keyspaces[0].Record.Rewritten = "2.0.0"
	runs.Components[0].Releases = []string{"2.0.0"}
	template.Components[0].Template = "2.0.0"
	unknown.Components[0].Unknown = []Image{{"app", "rogue"}}
	for _, r := range []*Desired{&recorded} {
		for i := range r.Components[0].Releases {
			r.Components[0].Releases[i].Uses = []Use{{Keyspace: "session", Writes: Version(r.Components[0].Releases[i].Name)}}
		}
	}
	for name, c := range map[string]struct {
		have  Observed
		alive bool
	}{
		"nothing": {nothing(), false}, "not observed": {Observed{}, true}, "counted": {counted, true}, "present": {present, true},
		"rewritten": {rewritten, true}, "a writer": {runs, true}, "a template": {template, true}, "an unknown image": {unknown, true},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(what, code string, commit Desired) Desired {
				t.Helper()
				got, err := Union(commit, recorded, c.have)
				want := []string(nil)
				if c.alive {
					want = []string{code}
				}
				if !slices.Equal(codes(err), want) {
					t.Errorf("%s: got %v, want %v", what, err, want)
				}
				return got
			}
			commit := unionSystem("2.1.0", "1.0.0", one, again)
			commit.Keyspaces[0].Migrations[0].To = "2.1.0"
			commit.Components = nil
			got := check("another version like it", "not-told-apart", commit)
			if _, found := got.Keyspaces[0].FindShape("2.0.0"); found != c.alive {
				t.Errorf("2.0.0 in the catalogue: %v", found)
			}
			if _, found := got.Components[0].FindRelease("2.0.0"); found != c.alive {
				t.Errorf("the release that writes 2.0.0 in the catalogue: %v", found)
			}

			commit = unionSystem("2.0.0", "1.0.0", one, other)
			commit.Components = nil
			check("the version changed", "version-changed", commit)

			commit = unionSystem("1.0.0", "1.0.0", one)
			commit.Components, commit.Keyspaces[0].Name = nil, "sessions"
			check("the keyspace renamed", "renamed-keyspace", commit)

			commit = unionSystem("1.0.0", "1.0.0", one)
			commit.Components, commit.Keyspaces[0].Store = nil, "other"
			check("the keyspace moved", "keyspace-moved", commit)
		})
	}
}

// TestUnionKeepsAnOptionalField: a unit without the optional field of a version that was taken back is one of the
// version before as well, so that another optional field may come instead.
func TestUnionKeepsAnOptionalField(t *testing.T) {
	one := unionShape("1.0.0", 1, unionField("a", false))
	first, second := unionShape("1.1.0", 1, unionField("a", false), unionField("b", true)), unionShape("1.2.0", 1, unionField("a", false), unionField("c", true))
	have := nothing()
	have.Keyspaces[0].Counts = []Count{{"1.0.0|1.1.0", 9}}
	recorded, commit := unionSystem("1.0.0", "1.0.0", one, first), unionSystem("1.2.0", "1.0.0", one, second)
	recorded.Keyspaces[0].Migrations[0].To, commit.Keyspaces[0].Migrations[0].To = "1.1.0", "1.2.0"
	if got, err := Union(commit, recorded, have); err != nil || len(got.Keyspaces[0].Shapes) != 2 {
		t.Errorf("%v, %+v", err, got.Keyspaces[0].Shapes)
	}
	have.Keyspaces[0].Counts = append(have.Keyspaces[0].Counts, Count{"1.1.0", 1})
	if _, err := Union(commit, recorded, have); !slices.Equal(codes(err), []string{"not-told-apart"}) {
		t.Errorf("a unit with the field is there: %v", err)
	}
}

func TestUnionByWorkload(t *testing.T) {
	one := unionShape("1.0.0", 5, unionField("a", false))
	at := func(name, workload string) Desired {
		d := unionSystem("1.0.0", "1.0.0", one)
		d.Components[0].Name, d.Components[0].Workload = name, &Workload{"Deployment", "shop", workload}
		return d
	}
	names := func(d Desired) (out []string) {
		for _, c := range d.Components {
			out = append(out, fmt.Sprintf("%s %v", c.Name, c.Removed))
		}
		return out
	}
	old := at("checkout", "checkout")
	old.Components[0].Releases = append(old.Components[0].Releases, Release{Name: "2.0.0"})
	renamed, err := Union(at("web", "checkout"), old, Observed{})
	if err != nil || !slices.Equal(names(renamed), []string{"web false"}) || len(renamed.Components[0].Releases) != 2 {
		t.Errorf("renamed: %v, %+v", err, renamed.Components)
	}
	moved, err := Union(at("checkout", "next"), old, Observed{})
	if want := []string{"checkout false", "checkout (Deployment shop/checkout) true"}; err != nil || !slices.Equal(names(moved), want) || len(moved.Components[0].Releases) != 2 {
		t.Errorf("moved: %v, %+v", err, moved.Components)
	}
	back, err := Union(old, moved, Observed{})
	if want := []string{"checkout false", "checkout (Deployment shop/next) true"}; err != nil || !slices.Equal(names(back), want) {
		t.Errorf("back: %v, %v", err, names(back))
	}
}

func TestUnionOfARunningRelease(t *testing.T) {
	one, two := unionShape("1.0.0", 5, unionField("a", false)), unionShape("2.0.0", 9, unionField("b", false))
	with := func(uses ...Use) Desired {
		d := unionSystem("1.0.0", "1.0.0", one, two)
		d.Keyspaces = append(d.Keyspaces, Keyspace{Name: "cart", Version: "1.0.0", Shapes: []Shape{{Version: "1.0.0", Keys: "cart:<id>"}}})
		d.Components[0].Releases[0].Uses = uses
		return d
	}
	recorded := with(Use{Keyspace: "session", Reads: "1.0.0", Writes: "1.0.0"})
	recorded.Keyspaces = recorded.Keyspaces[:1]
	for name, c := range map[string]struct {
		commit Desired
		ok     bool
	}{
		"reads more":        {with(Use{Keyspace: "session", Reads: ">=1.0.0", Writes: "1.0.0"}), true},
		"reads less":        {with(Use{Keyspace: "session", Reads: "2.0.0", Writes: "1.0.0"}), false},
		"reads nothing":     {with(Use{Keyspace: "session", Writes: "1.0.0"}), false},
		"writes another":    {with(Use{Keyspace: "session", Reads: "1.0.0", Writes: "2.0.0"}), false},
		"uses nothing":      {with(), false},
		"uses a new one":    {with(Use{Keyspace: "cart", Writes: "1.0.0"}, Use{Keyspace: "session", Reads: "1.0.0", Writes: "1.0.0"}), true},
		"updates otherwise": {with(Use{Keyspace: "session", Reads: "1.0.0", Writes: "1.0.0", Updates: UpdatesFields}), false},
	} {
		if _, err := Union(c.commit, recorded, Observed{}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Union(c.commit, recorded, nothing()); err != nil {
			t.Errorf("%s of one that does not run: %v", name, err)
		}
	}
}

// TestUnionIsIdempotent: uniting with the same ledger again changes nothing, and what is desired is the commit's.
func TestUnionIsIdempotent(t *testing.T) {
	united := 0
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		commit, recorded, have := randomSystem(rng), randomSystem(rng), Observed{}
		for _, k := range recorded.Keyspaces {
			have.Keyspaces = append(have.Keyspaces, Live{Keyspace: k.Name, Counts: []Count{{ClassOf(k.Version), rng.Int64N(2)}}})
		}
		for _, c := range recorded.Components {
			have.Components = append(have.Components, Running{Component: c.Name, Template: c.Release})
		}
		once, err := Union(commit, recorded, have)
		for _, k := range commit.Keyspaces {
			if got, _ := once.FindKeyspace(k.Name); got.Version != k.Version {
				t.Fatalf("seed %d: the commit desires %s %s, the union %s", seed, k.Name, k.Version, got.Version)
			}
		}
		for _, c := range commit.Components {
			if got, _ := once.FindComponent(c.Name); got.Release != c.Release || got.Removed {
				t.Fatalf("seed %d: the commit desires %s %s, the union %+v", seed, c.Name, c.Release, got)
			}
		}
		if err != nil {
			continue
		}
		united++
		if twice, err := Union(once, recorded, have); err != nil || DigestOf(twice) != DigestOf(once) {
			t.Fatalf("seed %d: %v\nonce  %+v\ntwice %+v", seed, err, once, twice)
		}
	}
	if united < 500 {
		t.Errorf("only %d of the systems could be united", united)
	}
}

func randomSystem(rng *rand.Rand) Desired {
	d := Desired{System: "shop", Stores: []Store{{Name: "main", Address: "redis://a/0"}}}
	for _, name := range []string{"cart", "session"} {
		if rng.IntN(4) == 0 {
			continue
		}
		k := Keyspace{Name: name, Store: "main", Version: "1.0.0"}
		for i, v := range []Version{"1.0.0", "2.0.0", "3.0.0"} {
			if i > 0 && rng.IntN(2) == 0 {
				continue
			}
			s := unionShape(v, 1, unionField([]string{"a", "b", "c"}[(i+rng.IntN(4)/3)%3], false))
			s.Keys = name + ":<id>"
			k.Shapes = append(k.Shapes, s)
			if i > 0 {
				k.Migrations = append(k.Migrations, Migration{From: k.Version, To: v})
			}
			k.Version = v
		}
		d.Keyspaces = append(d.Keyspaces, k)
	}
	for _, name := range []string{"api", "checkout"} {
		c := Component{Name: name, Workload: &Workload{"Deployment", "shop", name + []string{"", "", "2"}[rng.IntN(3)]}}
		for _, k := range d.Keyspaces {
			c.Release = fmt.Sprintf("1.%d.0", rng.IntN(5))
			if _, taken := c.FindRelease(c.Release); !taken {
				c.Releases = append(c.Releases, Release{Name: c.Release, Images: []Image{{"app", name + c.Release}}, Uses: []Use{{Keyspace: k.Name, Writes: k.Version}}})
			}
		}
		slices.SortFunc(c.Releases, func(a, b Release) int { return Version(a.Name).Compare(Version(b.Name)) })
		d.Components = append(d.Components, c)
	}
	return d
}
