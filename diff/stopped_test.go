package diff

import (
	"slices"
	"strings"
	"testing"

	"keyshift.dev/state"
)

// A stopped component is to run again, whatever its template is; its template runs nothing, and pods that are left do.
func TestStopped(t *testing.T) {
	for _, c := range []struct {
		name string
		live state.Running
		want Kind
		runs []string
	}{
		{"at the desired release", state.Running{Template: "2"}, Scale, nil},
		{"at another", state.Running{Template: "1"}, Release, nil},
		{"with pods left", state.Running{Template: "2", Releases: []string{"2"}}, Scale, []string{"2"}},
		{"at an undeclared one", state.Running{Template: "9"}, Hold, nil},
	} {
		have := running("", "")
		c.live.Component, c.live.Stopped = "checkout", true
		have.Components[0] = c.live
		have.Keyspaces[0].Record.Present = []state.Class{"2.0.0|2.1.0"}
		want := shop()
		want.Keyspaces[0].Version = ""
		changes := Compute(want, have)
		if len(changes) != 1 || changes[0].Kind != c.want || changes[0].Reason == "" || changes[0].OnKeyspace() {
			t.Errorf("%s: %+v", c.name, changes)
		}
		if runs := Runs(want.Components[0], have); !slices.Equal(runs, c.runs) {
			t.Errorf("%s: runs %v", c.name, runs)
		}
	}
	if !RiskDowntime.AtLeast(RiskLossy) || RiskLossy.AtLeast(RiskDowntime) {
		t.Error("a downtime is not the highest risk")
	}
}

// Nobody starts a component again that was taken out of the spec while it was stopped: that is said.
func TestRemovedWhileStopped(t *testing.T) {
	have := running("", "")
	have.Components[0] = state.Running{Component: "checkout", Template: "2", Stopped: true}
	have.Keyspaces[0].Record.Present = []state.Class{"2.0.0|2.1.0"}
	want := shop()
	want.Keyspaces[0].Version = ""
	want.Components[0].Removed, want.Components[0].Release = true, ""
	changes := Compute(want, have)
	if len(changes) != 1 || changes[0].Kind != Hold || changes[0].Code != LeftStopped || changes[0].Object != "checkout" {
		t.Errorf("%+v", changes)
	}
}

// What another system has stopped is held, whatever is to run; nobody waits for it who has no use for it any more.
func TestStoppedByAnotherSystem(t *testing.T) {
	have := running("", "")
	have.Components[0] = state.Running{Component: "checkout", Template: "2", Releases: []string{"2"}, StoppedBy: "mail"}
	have.Keyspaces[0].Record.Present = []state.Class{"2.0.0|2.1.0"}
	want := shop()
	want.Keyspaces[0].Version = ""
	changes := Compute(want, have)
	if len(changes) != 1 || changes[0].Kind != Hold || changes[0].Code != StoppedByOther || !strings.Contains(changes[0].Reason, "system mail") || changes[0].WayOut == "" {
		t.Errorf("%+v", changes)
	}
	want.Components[0].Removed, want.Components[0].Release = true, ""
	if changes := Compute(want, have); len(changes) > 0 {
		t.Errorf("it is removed: %+v", changes)
	}
}
