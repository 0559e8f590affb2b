package cli

import (
	"fmt"
	"slices"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// asked is what of a plan waits for a person's approval.
type asked struct {
	Digest state.Digest `json:"digest"` // of these parts alone: what is to be approved
	Short  string       `json:"short"`  // as people name it
	Steps  []int        `json:"steps"`  // places in the plan, from 0
}

// asking returns what of a plan waits for an approval, nil if nothing does.
func asking(p plan.Plan, want state.Desired) *asked {
	parts := p.Asking(want, "")
	if len(parts) == 0 {
		return nil
	}
	waiting := p.Only(parts)
	out := asked{Digest: waiting.Digest, Short: waiting.Short()}
	for i, s := range p.Steps {
		if slices.Contains(parts, s.Part) {
			out.Steps = append(out.Steps, i)
		}
	}
	return &out
}

// String says it in a sentence, empty if nothing waits.
func (a *asked) String() string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%s for the approval of a person: keyshift apply --approve %s, or in a cluster keyshift approve %s",
		steps(len(a.Steps), "wait"), a.Short, a.Short)
}

func steps(n int, verb string) string {
	if n == 1 {
		return "1 step " + verb + "s"
	}
	return fmt.Sprintf("%d steps %s", n, verb)
}
