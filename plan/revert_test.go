package plan

import (
	"testing"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// Two upgrades were delivered one after the other, each with its bridge; the commit goes back over both at once
// (git revert of both, or git reset). The way back stops at the version between, which the commit no longer declares.
func TestRevertOfTwoUpgrades(t *testing.T) {
	shape := func(v state.Version, field string) state.Shape {
		return state.Shape{Version: v, Keys: "n:<id>", Type: state.Hash, Value: state.Type{Alts: []state.Alt{{Kind: state.Struct,
			Fields: []state.Field{{Name: field, Type: state.Type{Alts: []state.Alt{{Kind: state.Int}}}}}}}}}
	}
	rel := func(name string, reads state.Range, w state.Version) state.Release {
		return state.Release{Name: name, Images: []state.Image{{Container: "app", Image: "app:" + name}},
			Uses: []state.Use{{Keyspace: "n", Reads: reads, Writes: w}}}
	}
	one, two, three := shape("1.0.0", "a"), shape("2.0.0", "b"), shape("3.0.0", "c")
	r := []state.Release{
		rel("1.0.0", ">=1.0.0 <2.0.0", "1.0.0"), rel("1.5.0", ">=1.0.0 <3.0.0", "1.0.0"), rel("2.0.0", ">=1.0.0 <3.0.0", "2.0.0"),
		rel("2.5.0", ">=2.0.0 <4.0.0", "2.0.0"), rel("3.0.0", ">=2.0.0 <4.0.0", "3.0.0")}
	m := []state.Migration{{From: "1.0.0", To: "2.0.0"}, {From: "2.0.0", To: "3.0.0"}}
	sys := func(v state.Version, release string, shapes []state.Shape, ms []state.Migration, rs []state.Release) state.Desired {
		return state.Desired{System: "s", Stores: []state.Store{{Name: "main", Address: "redis://a/0"}},
			Keyspaces:  []state.Keyspace{{Name: "n", Store: "main", Version: v, Shapes: shapes, Migrations: ms}},
			Components: []state.Component{{Name: "app", Release: release, Releases: rs}}}
	}
	a := sys("1.0.0", "1.0.0", []state.Shape{one}, nil, r[:1])
	c := sys("3.0.0", "3.0.0", []state.Shape{one, two, three}, m, r)
	have := state.Observed{
		Components: []state.Running{{Component: "app", Template: "3.0.0", Releases: []string{"3.0.0"}}},
		Keyspaces: []state.Live{{Keyspace: "n", Counts: []state.Count{{Class: "3.0.0", Units: 9}},
			Record: state.Record{Keyspace: "n", Present: []state.Class{"3.0.0"}, Verified: true}}}}
	want, err := state.Union(a, c, state.Observed{})
	if err != nil {
		t.Fatal(err)
	}
	p := Make(want, have, diff.Compute(want, have))
	if err := Check(want, have, p); err != nil {
		t.Error(err)
	}
	expect(t, p, "[rollout app 2.5.0, backup n 2.0.0, rewrite n 2.0.0, verify n 2.0.0, rollout app 2.0.0, rollout app 1.5.0, backup n 1.0.0, rewrite n 1.0.0, verify n 1.0.0, rollout app 1.0.0]")
}
