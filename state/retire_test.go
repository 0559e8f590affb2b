package state

import (
	"slices"
	"testing"
)

// TestRetireOf: the stricter of the two policies counts, and what is declared stays whatever they say.
func TestRetireOf(t *testing.T) {
	for _, c := range []struct{ own, system, want Retire }{
		{"", "", RetireKeep},
		{RetireDelete, "", RetireDelete},
		{"", RetireDelete, RetireDelete},
		{RetireDelete, RetireArchive, RetireArchive},
		{RetireArchive, RetireDelete, RetireArchive},
		{RetireKeep, RetireDelete, RetireKeep},
		{RetireArchive, RetireKeep, RetireKeep},
	} {
		d, k := Desired{Policy: Policy{Retire: c.system}}, Keyspace{Policy: Policy{Retire: c.own}}
		if got := d.RetireOf(k); got != c.want || got.Deletes() != (c.want != RetireKeep) {
			t.Errorf("own %q, system %q: %q", c.own, c.system, got)
		}
		if k.Version = "1.0.0"; d.RetireOf(k) != RetireKeep {
			t.Errorf("own %q, system %q: a declared keyspace is not kept", c.own, c.system)
		}
	}
}

// TestPolicyOfWhatIsTakenOut: a keyspace that was taken out of the spec is bound by the system's policy of now, and by its
// own windows.
func TestPolicyOfWhatIsTakenOut(t *testing.T) {
	night, day, old := Window{From: "22:00", To: "04:00", Level: LevelKeyspace}, Window{From: "08:00", To: "18:00", Level: LevelSystem}, Window{From: "10:00", To: "11:00", Level: LevelSystem}
	recorded := Desired{System: "shop", Policy: Policy{Approval: ApprovalNever}, Keyspaces: []Keyspace{{Name: "session", Version: "1.0.0", Policy: Policy{
		Retire: RetireDelete, Approval: ApprovalNever, Windows: []Window{old, night}, Gates: []Gate{{Name: "gone"}}, Freezes: []Freeze{{From: "2020-01-01"}},
	}}}}
	commit := Desired{System: "shop", Policy: Policy{Approval: ApprovalDestructive, Windows: []Window{day}, Gates: []Gate{{Name: "errors"}}}}
	both, err := Union(commit, recorded, Observed{})
	if err != nil {
		t.Fatal(err)
	}
	k, _ := both.FindKeyspace("session")
	p := k.Policy
	if k.Version != "" || p.Approval != ApprovalDestructive || p.Retire != RetireDelete || len(p.Freezes) > 0 ||
		len(p.Gates) != 1 || p.Gates[0].Name != "errors" || len(p.Windows) != 2 || p.Windows[0].From != day.From || p.Windows[1].From != night.From {
		t.Errorf("%+v", k)
	}
	again, _ := Union(commit, both, Observed{})
	if twice, _ := again.FindKeyspace("session"); DigestOf(twice) != DigestOf(k) {
		t.Errorf("what is on record twice is other: %+v", twice.Policy)
	}
	if r := recorded.Keyspaces[0].Policy.Windows; !slices.EqualFunc(r, []Window{old, night}, func(a, b Window) bool { return a.From == b.From }) {
		t.Errorf("the argument was changed: %+v", r)
	}
}
