package cli

import (
	"strings"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// What is to be known of a server is told under the first rewrite there, and what holds one under each.
func TestWarningsAreToldOnce(t *testing.T) {
	s := apply.Situation{Want: state.Desired{Keyspaces: []state.Keyspace{{Name: "a", Store: "main"}, {Name: "b", Store: "main"}, {Name: "c", Store: "other"}}}}
	var p plan.Plan
	var checked []apply.Checked
	for i, k := range s.Want.Keyspaces {
		p.Steps = append(p.Steps, plan.Step{Kind: plan.Rewrite, Object: k.Name, To: "2.0.0"})
		checked = append(checked, apply.Checked{Step: i, Preflight: keyspace.Preflight{Keyspace: k.Name, Findings: []keyspace.Finding{
			{Level: keyspace.FindingWarn, Reason: "the server is old", WayOut: "upgrade"},
			{Level: keyspace.FindingHold, Reason: "the server is full", WayOut: "free memory"},
		}}})
	}
	for name, text := range map[string]string{
		"text": annotated(p, nil, nil, nil, once(s, checked)), "markdown": livePlanMarkdown(state.Observed{}, p, nil, nil, nil, once(s, checked)),
	} {
		if warned, held := strings.Count(text, "the server is old"), strings.Count(text, "the server is full"); warned != 2 || held != 3 {
			t.Errorf("%s: warned %d times, held %d times:\n%s", name, warned, held, text)
		}
	}
	if len(checked[1].Findings) != 2 {
		t.Error("what was checked was changed")
	}
}
