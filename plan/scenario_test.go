package plan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"keyshift.dev/state"
)

var update = flag.Bool("update", false, "rewrite the plans in testdata")

// TestScenarios plans each testdata/*.txtar. Its file want is the spec, have the live world, plan the result:
//
//	keyspace NAME DESIRED VERSION...            the first is the oldest; each migrates to the next
//	strategy KEYSPACE online|stop|drain|discard
//	backup KEYSPACE always|lossy|never
//	retire KEYSPACE|system keep|archive|delete
//	lossy KEYSPACE FROM TO FIELD REASON...      of one direction of a migration
//	component NAME DESIRED [external|removed]
//	release COMPONENT NAME [KEYSPACE RANGE WRITES]...   "-" for reads or writes nothing; a range joins with ","; WRITES
//	                                            with a "+" in front is by single fields
//	after COMPONENT COMPONENT..., jump COMPONENT major|minor|patch
//
//	run COMPONENT RELEASE...                    the last is the template
//	stopped COMPONENT TEMPLATE RELEASE...       with the releases that have a pod still
//	unknown COMPONENT IMAGE, missing COMPONENT
//	count KEYSPACE CLASS=UNITS...
//	mixed KEYSPACE CLASS=UNITS...               of those counted as "?"
//	record KEYSPACE [verified] [pruned] [rewritten=VERSION] [backup=VERSION:CLASS,CLASS...] CLASS...
//	sample KEYSPACE KEY
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runScenario(t, file) })
	}
}

func runScenario(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := scenario{}
	for _, f := range a.Files[:2] {
		for _, line := range strings.Split(string(f.Data), "\n") {
			if words := strings.Fields(line); len(words) > 0 {
				s.read(words)
			}
		}
	}
	got := planned(t, s.Want, s.Have).String()
	if *update {
		a.Files[2].Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(a.Files[2].Data) != got {
		t.Errorf("planned\n%s\nwant\n%s", got, a.Files[2].Data)
	}
}

type scenario struct{ system }

func (s *scenario) read(w []string) {
	s.Want.System = "shop"
	switch w[0] {
	case "keyspace":
		s.keyspace(w[1], w[2], w[3:])
	case "strategy":
		s.policy(w[1]).Strategy = state.Strategy(w[2])
	case "retire":
		if w[1] == "system" {
			s.Want.Policy.Retire = state.Retire(w[2])
		} else {
			s.policy(w[1]).Retire = state.Retire(w[2])
		}
	case "backup":
		s.policy(w[1]).Backup = state.Backup(w[2])
	case "lossy":
		s.lossy(w[1], state.Version(w[2]), state.Version(w[3]), state.Loss{Field: w[4], Reason: strings.Join(w[5:], " ")})
	case "component":
		c := state.Component{Name: w[1], Release: strings.Trim(w[2], "-")}
		c.External, c.Removed = slices.Contains(w[3:], "external"), slices.Contains(w[3:], "removed")
		s.Want.Components = append(s.Want.Components, c)
	case "release":
		s.release(w[1], w[2], w[3:])
	case "run":
		r := state.Running{Component: w[1], Template: w[len(w)-1], Desired: 3, Releases: slices.Sorted(slices.Values(w[2:]))}
		s.Have.Components = append(s.Have.Components, r)
	case "stopped":
		s.Have.Components = append(s.Have.Components, state.Running{Component: w[1], Template: w[2], Stopped: true, Releases: w[3:]})
	case "after":
		s.component(w[1]).Policy.After = w[2:]
	case "jump":
		s.component(w[1]).Policy.Jump = state.Jump(w[2])
	case "unknown":
		s.Have.Components = append(s.Have.Components, state.Running{Component: w[1], Unknown: []state.Image{{Container: "app", Image: w[2]}}})
	case "missing":
		s.Have.Components = append(s.Have.Components, state.Running{Component: w[1], Missing: true})
	case "count", "mixed", "record", "sample":
		s.live(w[0], w[1], w[2:])
	default:
		panic(fmt.Sprintf("no such line: %v", w))
	}
}

func (s *scenario) policy(keyspace string) *state.Policy {
	i := slices.IndexFunc(s.Want.Keyspaces, func(k state.Keyspace) bool { return k.Name == keyspace })
	return &s.Want.Keyspaces[i].Policy
}

func (s *scenario) keyspace(name, desired string, versions []string) {
	k := state.Keyspace{Name: name, Version: state.Version(strings.Trim(desired, "-"))}
	for i, v := range versions {
		k.Shapes = append(k.Shapes, state.Shape{Version: state.Version(v), Keys: name + ":<id>", Type: state.Hash, Value: object(field(fmt.Sprintf("f%d", i), state.Int))})
		if i > 0 {
			k.Migrations = append(k.Migrations, state.Migration{From: state.Version(versions[i-1]), To: state.Version(v)})
		}
	}
	s.Want.Keyspaces = append(s.Want.Keyspaces, k)
}

func (s *scenario) lossy(keyspace string, from, to state.Version, l state.Loss) {
	for i := range s.Want.Keyspaces {
		k := &s.Want.Keyspaces[i]
		for j := range k.Migrations {
			m := &k.Migrations[j]
			switch {
			case k.Name == keyspace && m.From == from && m.To == to:
				m.Up.Losses = append(m.Up.Losses, l)
			case k.Name == keyspace && m.From == to && m.To == from:
				m.Down.Losses = append(m.Down.Losses, l)
			}
		}
	}
}

func (s *scenario) release(component, name string, uses []string) {
	r := state.Release{Name: name}
	for ; len(uses) > 0; uses = uses[3:] {
		u := state.Use{Keyspace: uses[0], Writes: state.Version(strings.Trim(uses[2], "-+"))}
		if strings.HasPrefix(uses[2], "+") {
			u.Updates = state.UpdatesFields
		}
		u.Reads = state.Range(strings.ReplaceAll(strings.Trim(uses[1], "-"), ",", " "))
		r.Uses = append(r.Uses, u)
	}
	c := s.component(component)
	c.Releases = append(c.Releases, r)
}

func (s *scenario) component(name string) *state.Component {
	i := slices.IndexFunc(s.Want.Components, func(c state.Component) bool { return c.Name == name })
	return &s.Want.Components[i]
}

func (s *scenario) live(kind, keyspace string, words []string) {
	live, ok := s.Have.FindLive(keyspace)
	if !ok {
		live.Keyspace = keyspace
		live.Record.Keyspace = keyspace
	}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch {
		case kind == "sample":
			live.Samples = append(live.Samples, state.Sample{Key: w, Reason: "fits no version"})
		case kind == "count" || kind == "mixed":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				panic(err)
			}
			counts := &live.Counts
			if kind == "mixed" {
				counts = &live.Mixed
			}
			*counts = append(*counts, state.Count{Class: state.Class(name), Units: n})
		case name == "verified":
			live.Record.Verified = true
		case name == "backup":
			to, covers, _ := strings.Cut(value, ":")
			live.Record.Backup = &state.BackupRecord{To: state.Version(to)}
			for _, c := range strings.Split(covers, ",") {
				live.Record.Backup.Covers = append(live.Record.Backup.Covers, state.Class(c))
			}
		case name == "pruned":
			live.Record.Pruned = true
		case name == "rewritten":
			live.Record.Rewritten = state.Version(value)
		default:
			live.Record.Present = append(live.Record.Present, state.Class(w))
		}
	}
	s.Have = withLive(s.Have, live)
}
