package apply

import (
	"fmt"
	"reflect"
	"testing"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestNeeded: which images are asked for. What goes back already, what only rolls out and what somebody else rolls out is not.
func TestNeeded(t *testing.T) {
	release := func(name string) state.Release {
		return state.Release{Name: name, Images: []state.Image{{Container: "app", Image: "app:" + name}, {Container: "mesh", Image: "mesh:7"}}}
	}
	s := Situation{
		Want: state.Desired{Components: []state.Component{
			{Name: "cart", Releases: []state.Release{release("1"), release("2")}},
			{Name: "depot", Releases: []state.Release{release("1"), release("2")}},
			{Name: "edge", External: true, Releases: []state.Release{release("1"), release("2")}},
		}},
		Have: state.Observed{Components: []state.Running{
			{Component: "cart", Releases: []string{"1", "2"}, Template: "2"}, {Component: "depot", Template: "1", Stopped: true}, {Component: "edge", Releases: []string{"1"}},
		}},
	}
	p := plan.Plan{
		Parts: []plan.Part{{Components: []string{"cart", "edge"}, Keyspaces: []string{"session"}}, {Components: []string{"depot"}}},
		Steps: []plan.Step{
			{Kind: plan.Rollout, Object: "edge", To: "2"}, {Kind: plan.Rollout, Object: "cart", To: "2"}, {Kind: plan.Rewrite, Object: "session", To: "2"},
			{Kind: plan.Rollout, Object: "depot", To: "2", Part: 1},
		},
	}
	asked := func() (out []string) {
		for _, c := range needed(s, p) {
			out = append(out, fmt.Sprintf("%d %s %s %t", c.Step, c.Release, c.Image, c.Back))
		}
		return out
	}
	want := []string{"1 1 app:1 true", "1 2 mesh:7 false", "1 2 app:2 false"}
	if got := asked(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	p.Steps[3] = plan.Step{Kind: plan.Scale, Object: "depot", From: []string{"1"}, To: plan.BackUp, Part: 1}
	p.Steps = append([]plan.Step{{Kind: plan.Rewrite, Object: "stock", To: "2", Part: 1}}, p.Steps...)
	want = []string{"2 1 app:1 true", "2 2 mesh:7 false", "2 2 app:2 false", "4 1 app:1 false", "4 1 mesh:7 false"}
	if got := asked(); !reflect.DeepEqual(got, want) {
		t.Errorf("of one that is started again %q, want %q", got, want)
	}
	s.back = state.Goals{Components: map[string]string{"cart": "1"}}
	if got := asked(); !reflect.DeepEqual(got, want[3:]) {
		t.Errorf("of one that goes back %q, want %q", got, want[3:])
	}
}
