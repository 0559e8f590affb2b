package cli

import (
	"context"
	"fmt"
	"strings"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// plannedBetween is a plan between two commits, for programs.
type plannedBetween struct {
	Changes bool              `json:"changes"`
	Base    side              `json:"base"`
	Head    side              `json:"head"`
	Plan    plan.Plan         `json:"plan"`
	Needs   [][]int           `json:"needs"`            // by step: the places of those that it waits for, from 0
	Back    *plan.Plan        `json:"back,omitempty"`   // once the plan is done
	Errors  state.Diagnostics `json:"errors,omitempty"` // one for each blocked part of the plan
}

// between plans from one commit to another, or to the folder as it is.
func (o *planOptions) between(ctx context.Context, args []string) error {
	base, head, err := o.sides(ctx, o.revisions, args)
	if err == nil && base.Empty {
		err = trouble(noSpec, fmt.Sprintf("%s has no spec in %s, so there is nothing to plan from", base.Revision, o.given),
			"plan from what is live, without --base, or name a commit that has a spec", nil)
	}
	if err != nil {
		return o.fail(err)
	}
	p, err := passageOf(base.desired, head.desired)
	if err != nil {
		return o.fail(head.place(o.location, err))
	}
	switch {
	case o.json():
		result := plannedBetween{Changes: len(p.there.Steps) > 0, Base: base, Head: head, Plan: p.there, Needs: p.there.Needs(p.want), Back: p.back}
		for _, b := range p.there.Blocked {
			result.Errors = append(result.Errors, blocked(b))
		}
		if err := o.value(result); err != nil {
			return err
		}
	case o.markdown:
		o.printf("%s", planMarkdown(base, head, p))
	case o.other != "":
		o.draw(graphOf(p.there, p.want))
	default:
		o.printf("%s", planText(base, head, p))
	}
	return o.exit(p.there)
}

// supposed says what a plan between commits is made from.
func supposed(base, head side) string {
	s := fmt.Sprintf("From %s to %s, as if all of the first were applied: no cluster and no Redis was looked at.", base, head)
	if fresh := newcomers(base.desired, head.desired); len(fresh) > 0 {
		s += fmt.Sprintf(" %s, new in the second, is taken to run already: Keyshift creates no workloads.", strings.Join(fresh, ", "))
	}
	return s
}

func planText(base, head side, p passage) string {
	text := supposed(base, head) + "\n\n" + p.there.String()
	if p.back != nil && len(p.there.Steps) > 0 {
		text += "\nThe way back, once this is applied:\n\n" + p.back.String()
	}
	return text
}
