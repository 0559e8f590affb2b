package apply

import (
	"slices"
	"strings"
	"testing"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// What a policy demands and the engine cannot do holds exactly the part of the system that it is about.
func TestDemandsThatAreNotBuiltHold(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(k *state.Keyspace, c *state.Component)
		want   string // in the reason; empty: nothing is held
	}{
		{"nothing", func(*state.Keyspace, *state.Component) {}, ""},
		{"named defaults", func(k *state.Keyspace, _ *state.Component) {
			k.Policy = state.Policy{Backup: state.BackupNever, Approval: state.ApprovalNever, Strategy: state.StrategyOnline, OnFailure: state.OnFailureHold, Throttle: state.ThrottleFast}
		}, ""},
		{"backup of a lossy rewrite alone, and it is exact", func(k *state.Keyspace, _ *state.Component) {
			k.Policy = state.Policy{Backup: state.BackupLossy, Approval: state.ApprovalDestructive}
		}, ""},
		{"backup", func(k *state.Keyspace, _ *state.Component) { k.Policy.Backup = state.BackupAlways }, ""},
		{"stop", func(k *state.Keyspace, _ *state.Component) { k.Policy.Strategy = state.StrategyStop }, ""},
		{"drain", func(k *state.Keyspace, _ *state.Component) { k.Policy.Strategy = state.StrategyDrain }, ""},
		{"limits", func(k *state.Keyspace, _ *state.Component) { k.Policy.Limits = &state.Limits{KeysPerSecond: 1} }, ""},
		{"windows", func(k *state.Keyspace, _ *state.Component) {
			k.Policy.Windows = []state.Window{{From: "01:00", To: "02:00"}}
		}, ""},
		{"gates", func(k *state.Keyspace, c *state.Component) {
			k.Policy.Gates = []state.Gate{{Name: "slo"}}
			c.Policy.Gates = k.Policy.Gates
		}, ""},
		{"soak", func(k *state.Keyspace, c *state.Component) {
			k.Policy.Soak = state.Soak{AfterRollout: 1, AfterRewrite: 1}
			c.Policy.Soak = k.Policy.Soak
		}, ""},
		{"canary", func(k *state.Keyspace, _ *state.Component) { k.Policy.Canary = "1%" }, ""},
		{"other keys", func(k *state.Keyspace, _ *state.Component) { k.Shapes[1].Keys = "t:<id>" }, ""},
		{"documents", func(k *state.Keyspace, _ *state.Component) {
			k.Shapes[0].Type, k.Shapes[1].Type = state.Document, state.Document
		}, "JSON module"},
		{"discard", func(k *state.Keyspace, _ *state.Component) { k.Policy.Strategy = state.StrategyDiscard }, ""},
		{"discard of a stream", func(k *state.Keyspace, _ *state.Component) {
			k.Policy.Strategy, k.Shapes[0].Type, k.Shapes[1].Type = state.StrategyDiscard, state.Stream, state.Stream
		}, "discard"},
		{"after", func(_ *state.Keyspace, c *state.Component) { c.Policy.After = []string{"x"} }, ""},
		{"jump", func(_ *state.Keyspace, c *state.Component) { c.Policy.Jump = state.JumpMinor }, ""},
		{"maxParallel", func(_ *state.Keyspace, c *state.Component) { c.Policy.MaxParallel = 1 }, ""},
		{"env", func(_ *state.Keyspace, c *state.Component) {
			c.Releases[0].Env = []state.Env{{Container: "app", Name: "MODE", Value: "new"}}
		}, "sets env"},
	} {
		want, have := smallSystem(), state.Observed{}
		c.change(&want.Keyspaces[0], &want.Components[0])
		have.Components = []state.Running{
			{Component: "app", Releases: []string{"1.0.0"}, Template: "1.0.0", Desired: 1, Ready: 1},
			{Component: "other", Releases: []string{"1.0.0"}, Template: "1.0.0", Desired: 1, Ready: 1},
		}
		have.Keyspaces = []state.Live{{Keyspace: "s", Counts: []state.Count{{Class: "1.0.0", Units: 1}}}}
		p := planned(want, have, true, nil)
		i := slices.IndexFunc(p.Blocked, func(b plan.Blocked) bool { return b.Code == plan.NotBuilt })
		switch {
		case c.want == "" && len(p.Blocked) > 0:
			t.Errorf("%s: held: %+v", c.name, p.Blocked)
		case c.want != "" && (i < 0 || !strings.Contains(p.Blocked[i].Reason, c.want) || p.Blocked[i].WayOut == ""):
			t.Errorf("%s: blocked is %+v", c.name, p.Blocked)
		}
		if !slices.ContainsFunc(p.Steps, func(s plan.Step) bool { return s.Object == "other" }) {
			t.Errorf("%s: the other component has no step", c.name)
		}
		if touched := slices.ContainsFunc(p.Steps, func(s plan.Step) bool { return s.Object != "other" }); touched == (c.want != "") {
			t.Errorf("%s: the steps are %v", c.name, p.Steps)
		}
	}
}

// smallSystem has a keyspace and a component on it that both change, and a component apart that changes.
func smallSystem() state.Desired {
	shape := func(v state.Version, field string) state.Shape {
		return state.Shape{Version: v, Keys: "s:<id>", Type: state.Hash, Value: state.Type{Alts: []state.Alt{{
			Kind: state.Struct, Fields: []state.Field{{Name: field, Type: state.Type{Alts: []state.Alt{{Kind: state.Int}}}}},
		}}}}
	}
	uses := func(w state.Version) []state.Use {
		return []state.Use{{Keyspace: "s", Reads: ">=1.0.0 <3.0.0", Writes: w}}
	}
	return state.Desired{
		System: "small",
		Keyspaces: []state.Keyspace{{
			Name: "s", Store: "main", Version: "2.0.0", Shapes: []state.Shape{shape("1.0.0", "x"), shape("2.0.0", "y")},
			Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0"}},
		}},
		Components: []state.Component{
			{Name: "app", Release: "2.0.0", Releases: []state.Release{{Name: "1.0.0", Uses: uses("1.0.0")}, {Name: "2.0.0", Uses: uses("2.0.0")}}},
			{Name: "other", Release: "2.0.0", Releases: []state.Release{{Name: "1.0.0"}, {Name: "2.0.0"}}},
		},
	}
}

// A keyspace that cannot be read is left out of the pass, and nothing that was known of it is forgotten.
func TestWhatCannotBeReadIsNotForgotten(t *testing.T) {
	want := smallSystem()
	want.Keyspaces[0].Shapes[1].Type = state.Document
	if left := observable(want.Keyspaces); len(left) != 0 || keyspace.Unsupported(want.Keyspaces[0]) == "" {
		t.Errorf("observed: %v", left)
	}
	record := state.Record{Keyspace: "s", Present: []state.Class{"1.0.0"}, Verified: true}
	s := shelf{store: "main", ledger: state.Ledger{Records: []state.Record{record}, Counted: []string{"s"}}}
	b := &book{system: "small", catalogue: want}
	next := b.next(s, state.Observed{})
	if len(next.Records) != 1 || next.Records[0].Keyspace != "s" || len(next.Records[0].Present) != 1 || !slices.Equal(next.Counted, []string{"s"}) {
		t.Errorf("the next ledger says %+v, %v", next.Records, next.Counted)
	}
	if next := b.next(s, state.Observed{Keyspaces: []state.Live{{Keyspace: "s"}}}); len(next.Records) != 1 || next.Records[0].Verified || len(next.Counted) != 0 {
		t.Errorf("observed, it says %+v, %v", next.Records, next.Counted)
	}
}

// A keyspace that cannot be read and has no change of its own is not verified for a rollout that begins to read it.
func TestWhatCannotBeReadIsNotVerified(t *testing.T) {
	want := smallSystem()
	shape := want.Keyspaces[0].Shapes[0]
	shape.Type, shape.Keys = state.Document, "t:<id>"
	want.Keyspaces = append(want.Keyspaces, state.Keyspace{Name: "t", Store: "main", Version: "1.0.0", Shapes: []state.Shape{shape}})
	newest := &want.Components[0].Releases[1]
	newest.Uses = append(newest.Uses, state.Use{Keyspace: "t", Reads: "1.0.0"})
	have := state.Observed{
		Components: []state.Running{
			{Component: "app", Releases: []string{"1.0.0"}, Template: "1.0.0", Desired: 1, Ready: 1},
			{Component: "other", Releases: []string{"1.0.0"}, Template: "1.0.0", Desired: 1, Ready: 1},
		},
		Keyspaces: []state.Live{{Keyspace: "s", Counts: []state.Count{{Class: "1.0.0", Units: 1}}}},
	}
	p := planned(want, have, true, nil)
	if len(p.Steps) != 1 || p.Steps[0].Object != "other" || len(p.Blocked) != 1 || p.Blocked[0].Code != plan.NotBuilt || !strings.Contains(p.Blocked[0].Reason, "JSON module") {
		t.Errorf("planned %+v, blocked %+v", p.Steps, p.Blocked)
	}
}
