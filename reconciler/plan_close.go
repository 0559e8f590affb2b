package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
)

// close says how the Plans are that ran, once a delivery is over, and deletes what is too old.
func (p *plans) close(ctx context.Context, o apply.Outcome, err error) error {
	ctx, cancel := toEnd(ctx)
	defer cancel()
	if !p.loaded {
		if o.Left.Digest == "" {
			return nil // nothing was decided, so that nothing is known
		}
		if err := p.load(ctx); err != nil {
			return err
		}
	}
	var errs []error
	left := lookAt(o.Left)
	for _, x := range p.all {
		if asks(x) && o.Left.Digest != "" && !left.blocksAny(x) {
			errs = append(errs, p.end(ctx, x, v1alpha1.PlanSuperseded, "nothing of it waits for an approval any more"))
		}
		if runs(x) {
			errs = append(errs, p.conclude(ctx, x, p.endings(x, o, left, err)))
		}
	}
	p.prune(ctx)
	return errors.Join(errs...)
}

// endings is how the parts of a Plan are after a delivery.
type endings struct {
	ends   map[int32]v1alpha1.PlanPhase
	failed []string // why parts failed
	waits  string   // why one waits that did not end; empty if none does
	going  bool     // whether one did not end
}

func (p *plans) endings(x *v1alpha1.Plan, o apply.Outcome, left seen, err error) endings {
	out := endings{ends: map[int32]v1alpha1.PlanPhase{}}
	back := backs(err)
	for _, q := range partsOf(x) {
		if q.ended() {
			continue
		}
		switch phase, why := p.ending(q, o, left, back); {
		case phase == v1alpha1.PlanPaused:
			out.waits, out.going = why, true
		case !phase.Ended():
			out.going = true
		default:
			out.ends[q.index] = phase
			if why != "" {
				out.failed = append(out.failed, why)
			}
		}
	}
	if out.going && out.waits == "" && err != nil && x.Status.Phase == v1alpha1.PlanRunning {
		out.waits = judge(err).message
	}
	return out
}

// ending says in which phase a part of a Plan is after a delivery, and why; in none if nothing has become of it.
func (p *plans) ending(q part, o apply.Outcome, left seen, back []apply.Failure) (v1alpha1.PlanPhase, string) {
	if q.isDone() {
		return v1alpha1.PlanSucceeded, ""
	}
	if f, failed := p.failure(q, o.Failures); failed {
		if slices.Contains(back, f) {
			return v1alpha1.PlanRolledBack, tidy(f.Reason)
		}
		return v1alpha1.PlanFailed, tidy(f.Reason)
	}
	if b, blocked := left.blocks(q); blocked && b.Code == apply.Quarantined {
		return v1alpha1.PlanFailed, tidy(b.Reason)
	} else if blocked {
		return v1alpha1.PlanPaused, tidy(b.Reason)
	}
	if o.Left.Digest == "" || len(o.Left.Steps) > 0 {
		return "", ""
	}
	if q.isNearlyDone() {
		return v1alpha1.PlanSucceeded, ""
	}
	return p.left(q, o.Last.Have), ""
}

// conclude writes how a Plan is after a delivery: it came to its end if all of its parts did, and failed if one of them did.
func (p *plans) conclude(ctx context.Context, x *v1alpha1.Plan, e endings) error {
	if len(e.ends) == 0 && e.waits == "" {
		return nil
	}
	failed := said(e.failed)
	if message := clip(e.waits, maxMessage-maxReason) + lost(&x.Status); len(e.ends) == 0 && x.Status.Phase == v1alpha1.PlanPaused && x.Status.Message == message {
		return nil
	}
	return p.change(ctx, x, func(s *v1alpha1.PlanRunStatus) {
		phase, all := endParts(x, s, e.ends)
		switch {
		case all && failed != "":
			ended(s, phase, failed)
		case all:
			ended(s, phase, whyEnded(x, phase, "nothing of it is left to do"))
		case e.waits != "":
			s.Phase, s.Message = v1alpha1.PlanPaused, clip(e.waits, maxMessage-maxReason)+lost(s)
		}
	})
}

// lost remarks on parts of a Plan that failed while another goes on.
func lost(s *v1alpha1.PlanRunStatus) string {
	n := count(s.Parts, func(p v1alpha1.PlanPartStatus) bool {
		return p.Phase == v1alpha1.PlanFailed || p.Phase == v1alpha1.PlanRolledBack
	})
	switch n {
	case 0:
		return ""
	case 1:
		return "; a part of it has failed"
	}
	return fmt.Sprintf("; %d parts of it have failed", n)
}
