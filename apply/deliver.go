package apply

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// maxRepeats is how often Deliver runs a plan of the same steps before it gives up.
const maxRepeats = 3

// Deliver brings the system to a commit: it gathers, plans and runs, again and again, until nothing is left
// to do or something holds. Each plan is trusted for one run only. A part that has to wait, for a window or for an approval,
// or in which a step failed for good, is left out, and the rest goes on; the next call looks at the clock, and asks who has
// approved, anew. A part in which a step failed goes back to what was applied before, if its policy wants that.
//
// The error is Gather's or Run's, a *BackError, or what blocks the rest of the plan (plan.Plan.Err); a *HoldError with
// NoProgress if planning again and again led nowhere. Outcome tells what was done in any case.
func Deliver(ctx context.Context, e Edges, commit state.Desired, report func(Event)) (Outcome, error) {
	a := newAdmission(e)
	var total Outcome
	tell := newReporter(e, report).report
	for {
		total.Failures = a.failures
		s, err := Gather(ctx, e, commit)
		if err != nil {
			return total, err
		}
		p, err := a.plan(ctx, &s)
		if err == nil {
			err = s.forget(ctx, e, p)
		}
		s.made = &p
		total.Have, total.Last, total.Left, total.Superseded = s.Have, s, p, false
		total.Until, total.Failures = a.until, a.failures
		if err != nil {
			return total, err
		}
		tell(Event{Kind: Planned, Plan: p, Have: s.Have, Sizes: Sizes(s, p)})
		a.warn(p, tell)
		done := len(p.Steps) == 0
		if news := done && s.settle(e, p); done && len(p.Blocked) > 0 {
			if news {
				err = newBook(e, s, p).write(ctx, s.Have)
			}
			return total, errors.Join(a.end(p), err)
		}
		if a.repeated(p) {
			if err := a.unstable(s, p, tell); err != nil {
				return total, err
			}
			continue
		}
		outcome, err := Run(ctx, e, s, p, report)
		total.add(outcome)
		switch {
		case err != nil:
			if err := a.stopped(s, p, err, tell); err != nil {
				return total, err
			}
		case done && !outcome.Superseded:
			return total, a.end(p)
		}
	}
}

// add adds what one more run did.
func (o *Outcome) add(more Outcome) {
	o.Done, o.Stopped = append(o.Done, more.Done...), append(o.Stopped, more.Stopped...)
	o.Have, o.Superseded = more.Have, more.Superseded
	o.Unpruned = cmp.Or(more.Unpruned, o.Unpruned)
}

// stopped takes the part out of the next plans because of which a run ended: its window closed, or a step of it failed for
// good. Any other error ends the delivery, and is returned.
func (a *admission) stopped(s Situation, p plan.Plan, err error, tell func(Event)) error {
	if closed, ok := errors.AsType[*closedError](err); ok {
		a.held = append(a.held, closed.change)
		a.until = earlier(a.until, closed.until)
		return nil
	}
	f, lasting := failureOf(s, p, err, a.edges.now())
	if !lasting {
		return err
	}
	a.giveUp(p, f, err, tell)
	return nil
}

// unstable gives the first part of a plan up, which does not stay as it leaves it. That is an error, unless its policy wants
// to go back.
func (a *admission) unstable(s Situation, p plan.Plan, tell func(Event)) error {
	step := p.Steps[0]
	err := hold(NoProgress, "look for what keeps changing it: another controller, or a writer that is not declared",
		"the system does not stay as the plan leaves it; next would be %s %s to %s", step.Kind, step.Object, step.To)
	f := newFailure(s, p, 0, err, a.edges.now())
	if !f.Back || s.goesBack(p.Parts[0]) {
		return err
	}
	a.giveUp(p, f, err, tell)
	return nil
}

// giveUp takes down that a step of a plan failed, and tells it.
func (a *admission) giveUp(p plan.Plan, f Failure, err error, tell func(Event)) {
	a.failures, a.fresh = append(a.failures, f), append(a.fresh, failed{f, err})
	i := slices.IndexFunc(p.Steps, func(x plan.Step) bool { return x.Kind == f.Kind && x.Object == f.Object && x.To == f.To })
	tell(Event{Kind: GivenUp, Plan: p, Index: i, Step: p.Steps[i], Failure: &f, Err: err})
}

// end says what a plan without steps leaves undone: what failed, what went back, what is blocked.
func (a *admission) end(p plan.Plan) error {
	var errs []error
	for _, f := range a.gone {
		errs = append(errs, &BackError{f})
	}
	for _, f := range a.fresh {
		if !slices.Contains(a.gone, f.Failure) {
			errs = append(errs, f.err)
		}
	}
	if len(a.fresh) > 0 { // they say more than that their parts are held
		p.Blocked = slices.DeleteFunc(slices.Clone(p.Blocked), func(b plan.Blocked) bool { return b.Code == Quarantined })
	}
	return errors.Join(errors.Join(errs...), p.Err())
}
