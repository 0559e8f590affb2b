package diff

import (
	"fmt"
	"slices"
	"testing"

	"keyshift.dev/state"
)

func shape(v state.Version, fields ...state.Field) state.Shape {
	alt := state.Alt{Kind: state.Struct, Fields: fields}
	return state.Shape{Version: v, Keys: "session:<id>", Type: state.Hash, Value: state.Type{Alts: []state.Alt{alt}}}
}

func integer(name string, optional bool) state.Field {
	return state.Field{Name: name, Optional: optional, Type: state.Type{Alts: []state.Alt{{Kind: state.Int}}}}
}

func shop() state.Desired {
	return state.Desired{
		System: "shop",
		Keyspaces: []state.Keyspace{{
			Name: "session", Version: "2.0.0",
			Shapes: []state.Shape{shape("1.0.0", integer("a", false)), shape("2.0.0", integer("b", false)), shape("2.1.0", integer("b", false), integer("c", true))},
			Migrations: []state.Migration{
				{From: "1.0.0", To: "2.0.0", Up: state.Program{Losses: []state.Loss{{Field: "a", Reason: "dropped"}}}},
				{From: "2.0.0", To: "2.1.0"},
			},
		}},
		Components: []state.Component{{
			Name: "checkout", Release: "2", Workload: &state.Workload{Kind: "Deployment", Namespace: "shop", Name: "checkout"},
			Releases: []state.Release{
				{Name: "1", Uses: []state.Use{{Keyspace: "session", Reads: ">=1.0.0", Writes: "1.0.0"}}},
				{Name: "2", Uses: []state.Use{{Keyspace: "session", Reads: ">=1.0.0", Writes: "2.0.0"}}},
			},
		}},
	}
}

func running(template string, releases ...string) state.Observed {
	return state.Observed{
		Components: []state.Running{{Component: "checkout", Template: template, Releases: releases}},
		Keyspaces:  []state.Live{{Keyspace: "session"}},
	}
}

func TestCompute(t *testing.T) {
	for _, c := range []struct {
		name string
		have func() state.Observed
		want []string
	}{
		{"as desired, empty", func() state.Observed { return running("2", "2") }, nil},
		{"an old release writes the old version", func() state.Observed { return running("1", "1") }, []string{
			"release checkout 1 → 2 rollout: its template is 1, desired is 2",
			"version session 1.0.0 → 2.0.0 lossy: units of 1.0.0 may exist, desired is 2.0.0"}},
		{"pods remain", func() state.Observed { return running("2", "1", "2") }, []string{
			"release checkout 1 → 2 rollout: pods of 1 remain beside 2",
			"version session 1.0.0 → 2.0.0 lossy: units of 1.0.0 may exist, desired is 2.0.0"}},
		{"a template without a pod", func() state.Observed { return running("1", "2") }, []string{
			"release checkout 1 → 2 rollout: its template is 1, desired is 2",
			"version session 1.0.0 → 2.0.0 lossy: units of 1.0.0 may exist, desired is 2.0.0"}},
		{"old units", func() state.Observed {
			o := running("2", "2")
			o.Keyspaces[0].Counts = []state.Count{{Class: "1.0.0", Units: 3}, {Class: state.Unfit, Units: 1}}
			return o
		}, []string{"version session 1.0.0 → 2.0.0 lossy: units of 1.0.0 may exist, desired is 2.0.0"}},
		{"old units in the record", func() state.Observed {
			o := running("2", "2")
			o.Keyspaces[0].Record.Present = []state.Class{"2.1.0"}
			return o
		}, []string{"version session 2.1.0 → 2.0.0 data: units of 2.1.0 may exist, desired is 2.0.0"}},
		{"not observed", func() state.Observed { o := running("2", "2"); o.Keyspaces = nil; return o }, []string{
			"version session 1.0.0, 2.1.0 → 2.0.0 lossy: nothing is known of its units yet, desired is 2.0.0"}},
		{"unknown image", func() state.Observed {
			o := running("", "2")
			o.Components[0].Unknown = []state.Image{{Container: "app", Image: "shop:x"}}
			return o
		}, []string{"hold checkout 2 → 2 none: runs shop:x in container app, which no release names, so nobody knows what it reads and writes"}},
		{"no workload", func() state.Observed {
			return state.Observed{Components: []state.Running{{Component: "checkout", Missing: true}}, Keyspaces: []state.Live{{Keyspace: "session"}}}
		}, []string{"hold checkout  → 2 none: has no workload: Deployment shop/checkout does not exist, and Keyshift does not create workloads yet"}},
		{"undeclared release", func() state.Observed { return running("9", "9") }, []string{
			"hold checkout 9 → 2 none: runs release 9, which is not declared, so nobody knows what it reads and writes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, x := range Compute(shop(), c.have()) {
				got = append(got, fmt.Sprintf("%s %s %s → %s %s: %s", x.Kind, x.Object, x.From, x.To, x.Risk, x.Reason))
				if (x.Kind == Hold) != (x.WayOut != "" && x.Code != "") {
					t.Errorf("%+v: a hold, and only a hold, has a code and a way out", x)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestComputeLeavesAlone(t *testing.T) {
	want := shop()
	want.Components[0].External, want.Components[0].Workload = true, nil
	want.Keyspaces[0].Version = ""
	if got := Compute(want, state.Observed{}); len(got) != 0 {
		t.Errorf("an external component and a keyspace known only from a ledger: %+v", got)
	}
	want = shop()
	want.Components[0].Release = "7"
	if got := Compute(want, running("2", "2")); len(got) != 1 || got[0].Code != UnknownRelease {
		t.Errorf("a desired release that is not declared: %+v", got)
	}
	want = shop()
	want.Components[0].Removed, want.Components[0].Release = true, ""
	if got := Compute(want, running("1", "1")); len(got) != 1 || got[0].Kind != Version {
		t.Errorf("a removed component is not rolled, but what it writes counts: %+v", got)
	}
}

func TestClasses(t *testing.T) {
	cs := ClassesOf(shop().Keyspaces[0])
	if got := cs.Written("2.0.0"); got != "2.0.0|2.1.0" {
		t.Errorf("a writer of 2.0.0 makes %s", got)
	}
	got := cs.Least([]state.Class{"?", "2.0.0", "2.1.0", "1.0.0", "1.0.0"})
	if want := []state.Class{"1.0.0", "2.1.0", "?"}; !slices.Equal(got, want) {
		t.Errorf("least %v, want %v", got, want)
	}
}

func TestRoute(t *testing.T) {
	k := shop().Keyspaces[0]
	path, ok := Route(k, "2.0.0|2.1.0", "1.0.0")
	if !ok || len(path) != 1 || path[0].From != "2.0.0" {
		t.Errorf("the shortest way: %v %t", path, ok)
	}
	path, ok = Route(k, "1.0.0", "2.1.0")
	if !ok || len(path) != 2 || len(Losses(path)) != 1 {
		t.Errorf("two hops: %v %t", path, ok)
	}
	k.Migrations = k.Migrations[1:]
	if _, ok := Route(k, "1.0.0", "2.1.0"); ok {
		t.Error("a way without a migration")
	}
}
