package apply

import (
	"testing"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Pods that are to go may go late, and their component is down until then: a stop is tried again. A start that is stuck is
// as lasting as a rollout.
func TestAStopIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		to, release string
		lasting     bool
	}{{plan.ToZero, "", false}, {plan.BackUp, "2.0.0", true}} {
		step := plan.Step{Kind: plan.Scale, Object: "checkout", To: c.to, Digest: state.DigestOf(c.to)}
		p := plan.Plan{Steps: []plan.Step{step}, Parts: []plan.Part{{Components: []string{"checkout"}}}}
		err := &StepError{Step: step, Err: &cluster.StuckError{Component: "checkout", Release: c.release}}
		if _, lasting := failureOf(Situation{}, p, err, time.Now()); lasting != c.lasting {
			t.Errorf("%s: lasting %t", step, lasting)
		}
	}
}
