package cli

import (
	"strings"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// An image that is missing is told under the step that needs it, and so is one of which nobody knows.
func TestPlanTellsOfImages(t *testing.T) {
	p := plan.Plan{Steps: []plan.Step{{Kind: plan.Rollout, Object: "cart", To: "2.0.0"}, {Kind: plan.Rewrite, Object: "session", To: "2.0.0"}}}
	checked := withImages(nil, []apply.ImageCheck{
		{Component: "cart", Release: "1.0.0", Image: "cart:1", Back: true, Pull: cluster.PullUnknown, Why: "no answer in time"},
		{Component: "cart", Release: "2.0.0", Image: "cart:2", Pull: cluster.PullMissing, Why: "no such image"},
	})
	text := annotated(p, nil, nil, nil, checked)
	if strings.Index(text, "cart:2 of") > strings.Index(text, "session") {
		t.Errorf("the image is not under the step that needs it:\n%s", text)
	}
	for name, x := range map[string]struct{ text, warned, held string }{
		"text":     {text, "\n     warn   whether image cart:1 of cart 1.0.0 can be pulled is not known", "\n     held   image cart:2 of cart 2.0.0 cannot be pulled"},
		"markdown": {livePlanMarkdown(state.Observed{}, p, nil, nil, nil, checked), "- step 1, preflight (warn): whether image", "- step 1, preflight (hold): image"},
	} {
		if !strings.Contains(x.text, x.warned) || !strings.Contains(x.text, x.held) {
			t.Errorf("%s:\n%s", name, x.text)
		}
	}
}
