package reconciler

import (
	"context"
	"errors"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/plan"
)

// report takes down what a run tells.
func (p *plans) report(ctx context.Context, e apply.Event) error {
	ctx, cancel := toEnd(ctx)
	defer cancel()
	switch e.Kind {
	case apply.Planned:
		if len(e.Plan.Steps) == 0 {
			return nil
		}
		return p.planned(ctx, e)
	case apply.Started:
		return p.mark(ctx, e, v1alpha1.StepRunning, "")
	case apply.Ended:
		return p.mark(ctx, e, v1alpha1.StepDone, sayOutcome(e))
	case apply.Failed:
		if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, errInterrupted) {
			return p.mark(ctx, e, v1alpha1.StepPending, "interrupted")
		}
		return p.mark(ctx, e, v1alpha1.StepFailed, sayError(e.Err))
	case apply.Superseded, apply.Waiting:
		return p.mark(ctx, e, v1alpha1.StepPending, sayError(e.Err))
	}
	return nil
}

// toEnd lets a run that was interrupted still say how far it came.
func toEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// mark writes how far a step is, to the Plan that has it.
func (p *plans) mark(ctx context.Context, e apply.Event, s v1alpha1.StepState, message string) error {
	x, i := p.with(e.Step)
	if x == nil || i >= len(x.Status.Steps) {
		return nil
	}
	if s == v1alpha1.StepFailed {
		p.failed = append(p.failed, x.Name)
	}
	return p.change(ctx, x, func(status *v1alpha1.PlanRunStatus) {
		now := metav1.Now()
		status.Phase = v1alpha1.PlanRunning
		if status.StartedAt == nil {
			status.StartedAt = &now
		}
		step := &status.Steps[i]
		step.State, step.Message, step.EndedAt = s, clip(strings.TrimPrefix(message, ": "), 512), nil
		switch s {
		case v1alpha1.StepRunning:
			step.StartedAt = &now
			past(x, status, i)
		case v1alpha1.StepDone, v1alpha1.StepFailed:
			step.EndedAt = &now
		}
		status.Done = int32(count(status.Steps, func(x v1alpha1.PlanStepStatus) bool { return x.State == v1alpha1.StepDone }))
	})
}

// past says that the steps before one are done: nothing of a part is begun before, and the process may have ended between a
// step and the word of it.
func past(x *v1alpha1.Plan, status *v1alpha1.PlanRunStatus, i int) {
	for before := range i {
		if x.Spec.Steps[before].Part == x.Spec.Steps[i].Part && before < len(status.Steps) {
			status.Steps[before].State = v1alpha1.StepDone
		}
	}
}

// with finds the Plan that a step is run by, and the step's place in it; nil if there is none.
func (p *plans) with(step plan.Step) (*v1alpha1.Plan, int) {
	for _, x := range p.all {
		if !runs(x) {
			continue
		}
		for i := range x.Spec.Steps {
			if x.Spec.Steps[i].Digest == string(step.Digest) {
				return x, i
			}
		}
	}
	return nil, 0
}

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
	for _, x := range p.all {
		if asks(x) && o.Left.Digest != "" && !blocked(x, o.Left) {
			errs = append(errs, p.end(ctx, x, v1alpha1.PlanSuperseded, "nothing of it waits for an approval any more"))
		}
		if phase, message := ending(x, o, err); runs(x) && phase.Ended() {
			errs = append(errs, p.end(ctx, x, phase, message))
		} else if runs(x) && phase != x.Status.Phase {
			errs = append(errs, p.change(ctx, x, func(s *v1alpha1.PlanRunStatus) { s.Phase, s.Message = phase, clip(message, maxMessage) }))
		}
	}
	p.prune(ctx)
	return errors.Join(errs...)
}

// ending says in which phase a Plan is after a delivery, and why.
func ending(x *v1alpha1.Plan, o apply.Outcome, err error) (v1alpha1.PlanPhase, string) {
	if isDone(x) {
		return v1alpha1.PlanSucceeded, ""
	}
	for _, f := range o.Failures {
		for i, s := range x.Spec.Steps {
			if string(f.Kind) != s.Kind || f.Object != s.Object || f.To != s.To || i >= len(x.Status.Steps) || x.Status.Steps[i].State != v1alpha1.StepFailed {
				continue
			}
			if back, ok := errors.AsType[*apply.BackError](err); ok && back.Failure == f {
				return v1alpha1.PlanRolledBack, tidy(f.Reason)
			}
			return v1alpha1.PlanFailed, tidy(f.Reason)
		}
	}
	for _, b := range o.Left.Blocked {
		if blocked(x, plan.Plan{Blocked: []plan.Blocked{b}}) {
			return v1alpha1.PlanPaused, tidy(b.Reason)
		}
	}
	if err == nil && len(o.Left.Steps) == 0 {
		if x.Spec.More > 0 {
			return v1alpha1.PlanSucceeded, "" // those that are not listed have no state of their own
		}
		return v1alpha1.PlanSuperseded, "nothing of it is left to do"
	}
	if err != nil && x.Status.Phase == v1alpha1.PlanRunning {
		return v1alpha1.PlanPaused, judge(err).message
	}
	return x.Status.Phase, x.Status.Message
}
