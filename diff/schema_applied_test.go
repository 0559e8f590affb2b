package diff

import (
	"fmt"
	"testing"

	"keyshift.dev/state"
)

// What a commit asks for is there, in the names that the united catalogue has for it, and nothing is left to do for
// the commit itself.
func TestApplied(t *testing.T) {
	base := shop()
	if left := Compute(base, Applied(base, base)); len(left) > 0 {
		t.Errorf("a commit that is fully applied: %+v", left)
	}
	head := shop()
	head.Keyspaces[0].Version = "2.1.0"
	head.Keyspaces = append(head.Keyspaces, state.Keyspace{Name: "unknown", Version: "1.0.0", Shapes: []state.Shape{shape("1.0.0")}})
	head.Components[0].Name = "till" // the same workload by another name
	head.Components = append(head.Components,
		state.Component{Name: "fresh", Release: "1", Workload: &state.Workload{Kind: "Deployment", Name: "fresh"}, Releases: []state.Release{{Name: "1"}}},
		state.Component{Name: "outside", Release: "1", External: true, Releases: []state.Release{{Name: "1"}}})
	want, err := state.Union(head, base, Applied(base, base))
	if err != nil {
		t.Fatal(err)
	}
	have := Applied(want, base)
	var runs []string
	for _, r := range have.Components {
		runs = append(runs, fmt.Sprint(r.Component, " ", r.Releases, " ", r.Template))
	}
	if got := fmt.Sprint(runs); got != "[fresh [1] 1 till [2] 2]" {
		t.Errorf("runs %s", got)
	}
	if len(have.Keyspaces) != 1 || have.Keyspaces[0].Keyspace != "session" || fmt.Sprint(have.Keyspaces[0].Record.Present) != "[2.0.0|2.1.0]" || len(have.Keyspaces[0].Counts) > 0 {
		t.Errorf("keyspaces %+v", have.Keyspaces)
	}
}
