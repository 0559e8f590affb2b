package plan

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// system is a random small system and what is live of it.
type system struct {
	Want state.Desired
	Have state.Observed
}

// GoString prints a system in the short form that a failed property shows.
func (s system) GoString() string {
	var b strings.Builder
	for _, k := range s.Want.Keyspaces {
		fmt.Fprintf(&b, "\n%s wants %q %s, backup %q:", k.Name, k.Version, k.Policy.Strategy, k.Policy.Backup)
		for _, x := range k.Shapes {
			fmt.Fprintf(&b, " %s", diff.ClassesOf(k).Written(x.Version))
		}
		for _, m := range k.Migrations {
			fmt.Fprintf(&b, ", %s-%s up %d down %d", m.From, m.To, len(m.Up.Losses), len(m.Down.Losses))
		}
	}
	for _, c := range s.Want.Components {
		fmt.Fprintf(&b, "\n%s wants %q, external %t, removed %t, after %v, jump %q:", c.Name, c.Release, c.External, c.Removed, c.Policy.After, c.Policy.Jump)
		for _, r := range c.Releases {
			fmt.Fprintf(&b, " %s{", r.Name)
			for _, u := range r.Uses {
				fmt.Fprintf(&b, " %s reads %s writes %s;", u.Keyspace, u.Reads, u.Writes)
			}
			b.WriteString("}")
		}
	}
	for _, r := range s.Have.Components {
		fmt.Fprintf(&b, "\n%s runs %v, template %s, unknown %v, missing %t, stopped %t", r.Component, r.Releases, r.Template, r.Unknown, r.Missing, r.Stopped)
	}
	for _, l := range s.Have.Keyspaces {
		fmt.Fprintf(&b, "\n%s counts %v, mixed %v, record %+v, backup %+v", l.Keyspace, l.Counts, l.Mixed, l.Record, l.Record.Backup)
	}
	return b.String()
}

// size bounds a random system.
type size struct{ components, releases, keyspaces, versions int }

var small = size{3, 3, 3, 3}

func systems(most size) *rapid.Generator[system] {
	return rapid.Custom(func(t *rapid.T) system {
		var s system
		s.Want.System = "random"
		for i := range rapid.IntRange(1, most.keyspaces).Draw(t, "keyspaces") {
			s.Want.Keyspaces = append(s.Want.Keyspaces, drawKeyspace(t, fmt.Sprintf("k%d", i), most.versions))
		}
		for i := range rapid.IntRange(0, most.components).Draw(t, "components") {
			s.Want.Components = append(s.Want.Components, drawComponent(t, fmt.Sprintf("c%d", i), most.releases, s.Want.Keyspaces))
		}
		for i := range s.Want.Components {
			c := &s.Want.Components[i]
			if chance(t, 6, "waits") {
				c.Policy.After = []string{rapid.SampledFrom(s.Want.Components).Draw(t, "for").Name}
			}
			if chance(t, 6, "jumps") {
				c.Policy.Jump = rapid.SampledFrom([]state.Jump{state.JumpMajor, state.JumpMinor, state.JumpPatch}).Draw(t, "jump")
			}
		}
		for i := range s.Want.Keyspaces {
			if chance(t, 8, "taken out") {
				drawTakenOut(t, &s.Want, i)
			}
		}
		for _, c := range s.Want.Components {
			s.Have.Components = append(s.Have.Components, drawRunning(t, c)...)
		}
		for _, k := range s.Want.Keyspaces {
			s.Have.Keyspaces = append(s.Have.Keyspaces, drawLive(t, k)...)
		}
		return s
	})
}

func version(i int) state.Version { return state.Version(fmt.Sprintf("%d.0.0", i+1)) }

// chance is true in about one of n draws.
func chance(t *rapid.T, n int, label string) bool {
	return rapid.IntRange(0, n-1).Draw(t, label) == n-1
}

func drawKeyspace(t *rapid.T, name string, versions int) state.Keyspace {
	k := state.Keyspace{Name: name, Store: "main"}
	family := "0"
	for i := range rapid.IntRange(1, versions).Draw(t, "versions") {
		fields := []state.Field{}
		if wider := i > 0 && chance(t, 5, "wider"); wider {
			fields = append(fields, k.Shapes[i-1].Value.Alts[0].Fields...)
			fields = append(fields, state.Field{Name: fmt.Sprintf("more%d", i), Optional: true, Type: state.Type{Alts: []state.Alt{{Kind: state.Int}}}})
		} else {
			family = fmt.Sprint(i)
			fields = append(fields, state.Field{Name: "v", Type: state.Type{Alts: []state.Alt{{Kind: state.Int, Const: &state.Value{Kind: state.Int, Text: family}}}}})
		}
		k.Shapes = append(k.Shapes, state.Shape{Version: version(i), Keys: name + ":<id>", Type: state.Hash, Value: object(fields...)})
		if i > 0 && !chance(t, 30, "no way") {
			m := state.Migration{From: version(rapid.IntRange(max(0, i-2), i-1).Draw(t, "from")), To: version(i)}
			m.Up.Losses, m.Down.Losses = drawLosses(t), drawLosses(t)
			k.Migrations = append(k.Migrations, m)
		}
	}
	k.Version = drawVersion(t, k, "desired")
	if chance(t, 6, "empties") {
		k.Policy.Strategy = rapid.SampledFrom([]state.Strategy{state.StrategyDrain, state.StrategyDiscard}).Draw(t, "strategy")
	}
	if chance(t, 4, "stops") {
		k.Policy.Strategy = state.StrategyStop
	}
	k.Policy.Backup = rapid.SampledFrom([]state.Backup{"", state.BackupAlways, state.BackupLossy, state.BackupNever}).Draw(t, "backup")
	return k
}

// drawTakenOut takes a keyspace out of the spec: no desired release uses it any more, others may.
func drawTakenOut(t *rapid.T, want *state.Desired, at int) {
	k := &want.Keyspaces[at]
	k.Version = ""
	k.Policy.Retire = rapid.SampledFrom([]state.Retire{"", state.RetireKeep, state.RetireArchive, state.RetireDelete, state.RetireDelete}).Draw(t, "retire")
	want.Policy.Retire = rapid.SampledFrom([]state.Retire{"", "", state.RetireDelete, state.RetireArchive}).Draw(t, "retire of all")
	for i := range k.Shapes {
		k.Shapes[i].Retired = true
	}
	for i := range want.Components {
		c := &want.Components[i]
		for j := range c.Releases {
			r := &c.Releases[j]
			if r.Name == c.Release && !c.Removed {
				r.Uses = slices.DeleteFunc(r.Uses, func(u state.Use) bool { return u.Keyspace == k.Name })
			}
		}
	}
}

func drawLosses(t *rapid.T) []state.Loss {
	if chance(t, 3, "lossy") {
		return []state.Loss{{Field: "v", Reason: "dropped"}}
	}
	return nil
}

func drawVersion(t *rapid.T, k state.Keyspace, label string) state.Version {
	return rapid.SampledFrom(k.Shapes).Draw(t, label).Version
}

func drawComponent(t *rapid.T, name string, releases int, keys []state.Keyspace) state.Component {
	c := state.Component{Name: name, External: chance(t, 12, "external"), Removed: chance(t, 15, "removed")}
	n := rapid.IntRange(1, releases).Draw(t, "releases")
	desired := rapid.IntRange(0, n-1).Draw(t, "desired")
	number := [3]int{1, 0, 0}
	for i := range n {
		r := state.Release{Name: fmt.Sprintf("%d.%d.%d", number[0], number[1], number[2]), Images: []state.Image{{Container: "app", Image: fmt.Sprintf("%s:%d", name, i+1)}}}
		for _, k := range keys {
			if !chance(t, 3, "leaves it alone") {
				r.Uses = append(r.Uses, drawUse(t, k, i == desired))
			}
		}
		c.Releases = append(c.Releases, r)
		rank := rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "next")
		number[rank]++
		clear(number[rank+1:])
	}
	if c.Release = c.Releases[desired].Name; c.Removed {
		c.Release = ""
	}
	return c
}

func drawUse(t *rapid.T, k state.Keyspace, desired bool) state.Use {
	u := state.Use{Keyspace: k.Name, Writes: drawVersion(t, k, "writes")}
	if desired {
		u.Writes = k.Version
	}
	low, high := u.Writes, u.Writes
	if a := drawVersion(t, k, "low"); a.Compare(low) < 0 {
		low = a
	}
	if a := drawVersion(t, k, "high"); a.Compare(high) > 0 {
		high = a
	}
	u.Reads = state.Range(fmt.Sprintf(">=%s <=%s", low, high))
	if chance(t, 5, "by fields") {
		u.Updates = state.UpdatesFields
	}
	switch rapid.IntRange(0, 8).Draw(t, "role") {
	case 7:
		u.Reads = ""
	case 8:
		u.Writes = ""
	}
	return u
}

func drawRunning(t *rapid.T, c state.Component) []state.Running {
	if c.External {
		return nil
	}
	live := state.Running{Component: c.Name, Desired: 2}
	live.Releases = []string{rapid.SampledFrom(c.Releases).Draw(t, "runs").Name}
	if chance(t, 4, "mid-rollout") {
		live.Releases = append(live.Releases, rapid.SampledFrom(c.Releases).Draw(t, "runs too").Name)
		slices.Sort(live.Releases)
		live.Releases = slices.Compact(live.Releases)
	}
	live.Template = rapid.SampledFrom(live.Releases).Draw(t, "template")
	if !c.Removed && chance(t, 8, "stopped") {
		live.Stopped, live.Desired = true, 0
		if chance(t, 2, "and gone") {
			live.Releases = nil
		}
	}
	switch rapid.IntRange(0, 40).Draw(t, "trouble") {
	case 39:
		live.Unknown = []state.Image{{Container: "app", Image: "stray:1"}}
	case 40:
		return []state.Running{{Component: c.Name, Missing: true}}
	}
	return []state.Running{live}
}

func drawLive(t *rapid.T, k state.Keyspace) []state.Live {
	live := state.Live{Keyspace: k.Name}
	cs := diff.ClassesOf(k)
	for _, s := range k.Shapes {
		class := cs.Written(s.Version)
		if chance(t, 3, "counted") {
			live.Counts = append(live.Counts, state.Count{Class: class, Units: 5})
		}
		if chance(t, 3, "recorded") {
			live.Record.Present = append(live.Record.Present, class)
		}
	}
	live.Counts = slices.CompactFunc(live.Counts, func(a, b state.Count) bool { return a.Class == b.Class })
	live.Record.Present = slices.Compact(live.Record.Present)
	if chance(t, 6, "unfit") {
		live.Counts = append(live.Counts, state.Count{Class: state.Unfit, Units: 1})
		live.Samples = []state.Sample{{Key: k.Name + ":1", Reason: "fits no version"}}
		if other := drawVersion(t, k, "mixed with"); other != k.Version && !k.Policy.Strategy.Empties() && chance(t, 2, "mixed") {
			live.Mixed = []state.Count{{Class: state.ClassOf(other, k.Version), Units: 1}}
		}
	}
	if len(live.Record.Present) > 0 {
		live.Record.Keyspace = k.Name
		live.Record.Verified = rapid.Bool().Draw(t, "verified")
		if chance(t, 4, "rewritten") {
			live.Record.Rewritten = drawVersion(t, k, "rewritten to")
		}
		if chance(t, 4, "backed up") {
			live.Record.Backup = &state.BackupRecord{To: drawVersion(t, k, "backed up before"), Covers: live.Record.Present[:1]}
			if k.Version == "" && rapid.Bool().Draw(t, "before a prune") {
				live.Record.Backup.To = ""
			}
		}
		if live.Record.Rewritten == "" && chance(t, 5, "pruned") {
			live.Record.Pruned = true
		}
	}
	if chance(t, 15, "not observed") {
		return nil
	}
	return []state.Live{live}
}
