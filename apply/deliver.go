package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// maxRepeats is how often Deliver runs a plan of the same steps before it gives up.
const maxRepeats = 3

// Deliver brings the system to a commit: it gathers, plans and runs, again and again, until nothing is left
// to do or something holds. Each plan is trusted for one run only. A step that has to wait for a window is left out, with
// what hangs together with it, and the rest goes on; the next call looks at the clock anew.
//
// The error is Gather's or Run's, or what blocks the rest of the plan (plan.Plan.Err); a *HoldError with
// NoProgress if planning again and again led nowhere. Outcome tells what was done in any case.
func Deliver(ctx context.Context, e Edges, commit state.Desired, report func(Event)) (Outcome, error) {
	var total Outcome
	seen := map[state.Digest]int{}
	var waiting []diff.Change
	for {
		s, err := Gather(ctx, e, commit)
		if err != nil {
			return total, err
		}
		s.waiting = waiting
		var p plan.Plan
		p, total.Until = s.planAt(e.now(), total.Until)
		waiting = s.waiting
		total.Have, total.Last, total.Left, total.Superseded = s.Have, s, p, false
		newReporter(e, report).report(Event{Kind: Planned, Plan: p, Have: s.Have})
		if len(p.Steps) == 0 && len(p.Blocked) > 0 {
			return total, p.Err()
		}
		if seen[p.Digest]++; seen[p.Digest] > maxRepeats {
			return total, hold(NoProgress, "look for what keeps changing it: another controller, or a writer that is not declared",
				"the system does not stay as the plan leaves it; next would be %s", first(p))
		}
		outcome, err := Run(ctx, e, s, p, report)
		total.Done = append(total.Done, outcome.Done...)
		total.Stopped = append(total.Stopped, outcome.Stopped...)
		total.Have, total.Superseded = outcome.Have, outcome.Superseded
		total.Unpruned = cmp.Or(outcome.Unpruned, total.Unpruned)
		if closed, ok := errors.AsType[*closedError](err); ok {
			waiting = append(waiting, closed.change) // what has nothing to do with it need not wait
			total.Until = earlier(total.Until, closed.until)
			continue
		}
		if err != nil || len(p.Steps) == 0 && !outcome.Superseded {
			return total, err
		}
	}
}

func first(p plan.Plan) string {
	if len(p.Steps) == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s %s to %s", p.Steps[0].Kind, p.Steps[0].Object, p.Steps[0].To)
}
