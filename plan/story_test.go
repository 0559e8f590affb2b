package plan

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"keyshift.dev/state"
)

// stories draws systems of two kinds: any at all, and ladders of releases that climb from one version to another over
// bridges, and back.
func stories() *rapid.Generator[story] {
	return rapid.Custom(func(t *rapid.T) story {
		s := story{Pods: map[string][]string{}, Units: map[string][]unit{}}
		first := state.Desired{System: "random"}
		ladder := !chance(t, 3, "any at all")
		for i := range rapid.IntRange(1, 2).Draw(t, "keyspaces") {
			first.Keyspaces = append(first.Keyspaces, drawKeyspace(t, fmt.Sprintf("k%d", i), 3))
		}
		for i := range rapid.IntRange(1, 3).Draw(t, "components") {
			name := fmt.Sprintf("c%d", i)
			if ladder {
				first.Components = append(first.Components, drawLadder(t, name, first.Keyspaces))
			} else {
				first.Components = append(first.Components, drawComponent(t, name, 3, first.Keyspaces))
			}
		}
		s.start(t, first, ladder)
		s.Commits = []state.Desired{first}
		for range rapid.IntRange(0, 2).Draw(t, "commits") {
			s.Commits = append(s.Commits, next(t, s.Commits[len(s.Commits)-1], ladder))
		}
		for range s.Commits {
			s.Fuses = append(s.Fuses, rapid.IntRange(-1, 120).Draw(t, "fuse"))
		}
		s.Seed = rapid.Uint64().Draw(t, "seed")
		return s
	})
}

// low is the version that a ladder climbs from, the desired one is where it leads.
func low(k state.Keyspace) state.Version {
	for _, s := range k.Shapes {
		if s.Version != k.Version {
			return s.Version
		}
	}
	return k.Version
}

// drawLadder draws releases that read and write the old version, bridges, and the new one.
func drawLadder(t *rapid.T, name string, keys []state.Keyspace) state.Component {
	c := state.Component{Name: name, Release: "2.0.0"}
	roles := map[string]int{}
	for _, k := range keys {
		roles[k.Name] = rapid.IntRange(0, 6).Draw(t, "role")
	}
	for i, release := range []string{"1.0.0", "1.5.0", "1.6.0", "2.0.0"} {
		if i%3 != 0 && chance(t, 8, "no such bridge") {
			continue
		}
		r := state.Release{Name: release, Images: []state.Image{{Container: "app", Image: name + ":" + release}}}
		for _, k := range keys {
			old := low(k)
			from, to := min(old, k.Version), max(old, k.Version)
			u := state.Use{Keyspace: k.Name, Reads: state.Range(fmt.Sprintf(">=%s <=%s", from, to)), Writes: old}
			if i >= 2 {
				u.Writes = k.Version
			}
			if i%3 == 0 && !chance(t, 3, "reads both") {
				u.Reads = state.Range(u.Writes)
			}
			if chance(t, 6, "by fields") {
				u.Updates = state.UpdatesFields
			}
			switch roles[k.Name] {
			case 4:
				continue
			case 5:
				u.Reads = ""
			case 6:
				u.Writes = ""
			}
			r.Uses = append(r.Uses, u)
		}
		c.Releases = append(c.Releases, r)
	}
	return c
}

// start draws what runs and what is stored.
func (s *story) start(t *rapid.T, first state.Desired, ladder bool) {
	var writes []state.Use
	for _, c := range first.Components {
		runs := []string{c.Releases[0].Name}
		if c.External {
			runs[0] = c.Release
		} else if !ladder || chance(t, 6, "elsewhere") {
			runs[0] = rapid.SampledFrom(c.Releases).Draw(t, "runs").Name
		}
		runs = append(runs, runs[0])
		if !c.External && chance(t, 8, "mid-rollout") {
			runs[1] = rapid.SampledFrom(c.Releases).Draw(t, "runs too").Name
		}
		s.Pods[c.Name] = runs
		for _, name := range runs {
			r, _ := c.FindRelease(name)
			writes = append(writes, r.Uses...)
		}
	}
	for _, k := range first.Keyspaces {
		s.Units[k.Name] = drawUnits(t, newStock(k), writes)
		if chance(t, 5, "recorded") {
			s.Records = append(s.Records, state.Record{Keyspace: k.Name, Present: []state.Class{state.ClassOf(drawVersion(t, k, "once there"))}})
		}
	}
}

// drawUnits draws the units of a keyspace: mostly of what running releases write.
func drawUnits(t *rapid.T, k *stock, writes []state.Use) (out []unit) {
	var written []int
	for _, u := range writes {
		if u.Keyspace == k.def.Name && u.Writes != "" {
			written = append(written, k.index[u.Writes])
		}
	}
	every := len(written) == 0 || chance(t, 6, "of any version")
	for range rapid.IntRange(2, 6).Draw(t, "units") {
		v := rapid.IntRange(0, len(k.wider)-1).Draw(t, "version")
		if !every && !slices.Contains(written, v) {
			v = written[0]
		}
		u := unit{fits: k.wider[v]}
		switch rapid.IntRange(0, 30).Draw(t, "trouble") {
		case 29:
			u = unit{}
		case 30:
			if other := rapid.IntRange(0, len(k.wider)-1).Draw(t, "mixed with"); k.wider[v]&(1<<other) == 0 {
				u = unit{mixes: 1<<v | 1<<other}
			}
		}
		out = append(out, u)
	}
	return out
}

// next draws the commit after another one of the same catalogue. A ladder is climbed down or up again.
func next(t *rapid.T, was state.Desired, ladder bool) state.Desired {
	want := was
	want.Keyspaces, want.Components = slices.Clone(was.Keyspaces), slices.Clone(was.Components)
	for i := range want.Keyspaces {
		k := &want.Keyspaces[i]
		if k.Version = drawVersion(t, *k, "desired next"); ladder {
			k.Version = low(was.Keyspaces[i])
		}
	}
	for i := range want.Components {
		c := &want.Components[i]
		switch {
		case c.External || c.Removed:
		case ladder && c.Release == "2.0.0":
			c.Release = "1.0.0"
		case ladder:
			c.Release = "2.0.0"
		default:
			c.Release = rapid.SampledFrom(c.Releases).Draw(t, "release next").Name
		}
	}
	return want
}

// upAndBack is the shop, known to hold sessions of 1.0.0 alone, going up and being killed on the way, then back.
func upAndBack(seed int) story {
	up := shop()
	down := shop()
	down.Keyspaces, down.Components = slices.Clone(up.Keyspaces), slices.Clone(up.Components)
	down.Keyspaces[0].Version, down.Components[0].Release = "1.0.0", "1.4.0"
	old := unit{fits: 1}
	return story{
		Commits: []state.Desired{up, down}, Fuses: []int{seed % 90, -1}, Seed: uint64(seed),
		Pods:    map[string][]string{"checkout": {"1.4.0", "1.4.0"}},
		Units:   map[string][]unit{"session": {old, old, old}},
		Records: []state.Record{{Keyspace: "session", Present: []state.Class{"1.0.0"}, Verified: true}},
	}
}
