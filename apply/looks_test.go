package apply

import (
	"slices"
	"testing"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// catalogue is one component with an old and a new release, and one keyspace.
func catalogue() state.Desired {
	text := func(field string) state.Type {
		return state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: []state.Field{{Name: field, Type: state.Type{Alts: []state.Alt{{Kind: state.Str}}}}}}}}
	}
	return state.Desired{
		System: "shop",
		Keyspaces: []state.Keyspace{{Name: "session", Store: "main", Version: "2.0.0", Shapes: []state.Shape{
			{Version: "1.0.0", Keys: "session:<id>", Type: "hash", Value: text("name")},
			{Version: "2.0.0", Keys: "session:<id>", Type: "hash", Value: text("full_name")},
		}}},
		Components: []state.Component{{Name: "checkout", Release: "2.0.0", Releases: []state.Release{
			{Name: "0.9.0", Uses: []state.Use{{Keyspace: "session", Reads: "<2.0.0"}}},
			{Name: "1.0.0", Uses: []state.Use{{Keyspace: "session", Reads: ">=1.0.0", Writes: "1.0.0"}}},
			{Name: "2.0.0", Uses: []state.Use{{Keyspace: "session", Reads: ">=1.0.0", Writes: "2.0.0"}}},
		}}, {Name: "mail", Releases: []state.Release{{Name: "1"}}}},
	}
}

func runs(releases ...string) []state.Running {
	return []state.Running{{Component: "checkout", Releases: releases}}
}

func strange(component string) []state.Running {
	return []state.Running{{Component: component, Unknown: []state.Image{{Container: "app", Image: "rogue:1"}}}}
}

// TestRemembered: what was seen during a pass and is gone may have written behind it.
func TestRemembered(t *testing.T) {
	record := state.Record{Keyspace: "session", Present: []state.Class{"2.0.0"}, Verified: true, Rewritten: "2.0.0"}
	for name, c := range map[string]struct {
		looks    [][]state.Running
		present  []state.Class
		verified bool
		unknown  int
	}{
		"the same throughout":    {[][]state.Running{runs("2.0.0"), runs("2.0.0")}, []state.Class{"2.0.0"}, true, 0},
		"an old one was there":   {[][]state.Running{runs("1.0.0", "2.0.0"), runs("2.0.0")}, []state.Class{"1.0.0", "2.0.0"}, false, 0},
		"its template alone was": {[][]state.Running{{{Component: "checkout", Template: "1.0.0"}}, runs("2.0.0")}, []state.Class{"1.0.0", "2.0.0"}, false, 0},
		"in the middle":          {[][]state.Running{runs("2.0.0"), runs("1.0.0"), runs("2.0.0")}, []state.Class{"1.0.0", "2.0.0"}, false, 0},
		"a reader was there":     {[][]state.Running{runs("0.9.0", "2.0.0"), runs("2.0.0")}, []state.Class{"2.0.0"}, true, 0},
		"it is there still":      {[][]state.Running{runs("2.0.0"), runs("1.0.0", "2.0.0")}, []state.Class{"2.0.0"}, true, 0}, // planning sees it
		"an unknown image was":   {[][]state.Running{strange("checkout"), runs("2.0.0")}, []state.Class{"2.0.0"}, true, 1},
	} {
		var now, seen []state.Running
		for _, look := range c.looks {
			now, seen = look, together(seen, look)
		}
		have := state.Observed{
			Components: suspected(now, seen),
			Keyspaces:  []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "2.0.0", Units: 1}}, Record: record}},
		}
		got := remembered(catalogue(), have, seen)
		r := got.Keyspaces[0].Record
		if !slices.Equal(r.Present, c.present) || r.Verified != c.verified || len(got.Components[0].Unknown) != c.unknown {
			t.Errorf("%s: %+v, %+v", name, r, got.Components)
		}
		if !slices.Equal(got.Components[0].Releases, now[0].Releases) {
			t.Errorf("%s: %v run", name, got.Components[0].Releases)
		}
	}
}

// TestDisturbed: what may not appear beside a pass, and what may.
func TestDisturbed(t *testing.T) {
	rewrite, verify := plan.Step{Kind: plan.Rewrite, Object: "session", To: "2.0.0"}, plan.Step{Kind: plan.Verify, Object: "session"}
	for name, c := range map[string]struct {
		step        plan.Step
		before, now []state.Running
		disturbed   bool
	}{
		"nothing changed":              {rewrite, runs("2.0.0"), runs("2.0.0"), false},
		"a rewrite, nothing ran":       {rewrite, runs(), runs("2.0.0"), false},
		"a rewrite, an old writer":     {rewrite, runs("2.0.0"), runs("1.0.0", "2.0.0"), true},
		"a rewrite, a blind reader":    {rewrite, runs("2.0.0"), runs("0.9.0", "2.0.0"), true},
		"a rewrite, it was there":      {rewrite, runs("0.9.0", "2.0.0"), runs("0.9.0", "2.0.0"), false},
		"a rewrite, unknown":           {rewrite, runs("2.0.0"), strange("checkout"), true},
		"a rewrite, unknown elsewhere": {rewrite, runs("2.0.0"), append(runs("2.0.0"), strange("mail")...), false},
		"a verify, an old writer":      {verify, runs("2.0.0"), runs("1.0.0", "2.0.0"), true},
		"a verify, the first writer":   {verify, runs(), runs("2.0.0"), true},
		"a verify, one that was there": {verify, runs("1.0.0", "2.0.0"), runs("2.0.0"), false},
		"a verify, a reader":           {verify, runs("2.0.0"), runs("0.9.0", "2.0.0"), false},
		"a verify, unknown":            {verify, runs("2.0.0"), strange("checkout"), true},
	} {
		if err := disturbed(catalogue(), c.step, c.before, c.now); (err != nil) != c.disturbed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
