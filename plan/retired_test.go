package plan

import (
	"testing"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// TestNothingIsRewrittenToARetiredVersion: a version that the commit does not declare was as good a target as any
// where its units count as the desired ones, and its wrong migration ran again.
func TestNothingIsRewrittenToARetiredVersion(t *testing.T) {
	shape := func(v state.Version, field string, retired bool) state.Shape {
		fields := []state.Field{{Name: field, Type: state.Type{Alts: []state.Alt{{Kind: state.Int}}}}}
		return state.Shape{Version: v, Keys: "n:<id>", Type: state.Hash, Retired: retired, Value: state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}}
	}
	k := state.Keyspace{Name: "n", Version: "2.1.0",
		Shapes:     []state.Shape{shape("1.0.0", "a", false), shape("2.0.0", "b", true), shape("2.1.0", "b", false)},
		Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0"}, {From: "1.0.0", To: "2.1.0"}}}
	want := state.Desired{Keyspaces: []state.Keyspace{k}}
	have := state.Observed{Keyspaces: []state.Live{{Keyspace: "n", Counts: []state.Count{{Class: "1.0.0", Units: 1}}}}}
	p := Make(want, have, diff.Compute(want, have))
	if len(p.Steps) < 2 || p.Steps[1].Kind != Rewrite || p.Steps[1].To != "2.1.0" {
		t.Errorf("%v", p)
	}
	wrong := Step{Kind: Rewrite, Object: "n", From: []string{"1.0.0"}, To: "2.0.0"}
	if err := CheckStep(want, have, wrong); err == nil {
		t.Error("a rewrite to a version that only the ledger knows passes the check")
	}
}
