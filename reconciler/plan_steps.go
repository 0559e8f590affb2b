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
	"keyshift.dev/state"
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
	q, i, beyond := p.with(e.Step)
	if q.of == nil {
		return nil
	}
	if s == v1alpha1.StepFailed {
		p.failed = append(p.failed, failedStep{q.of.Name, q.index, e.Step})
	}
	return p.change(ctx, q.of, func(status *v1alpha1.PlanRunStatus) {
		now := metav1.Now()
		status.Phase, status.Message = v1alpha1.PlanRunning, ""
		if status.StartedAt == nil {
			status.StartedAt = &now
		}
		if i >= 0 {
			markListed(&status.Steps[i], s, message, now)
		}
		if s == v1alpha1.StepRunning || s == v1alpha1.StepDone {
			q.past(status, i, beyond, s == v1alpha1.StepDone)
		}
		tally(status)
	})
}

// tally counts the steps that ended.
func tally(s *v1alpha1.PlanRunStatus) {
	s.Done = int32(count(s.Steps, func(x v1alpha1.PlanStepStatus) bool { return x.State == v1alpha1.StepDone }))
	for _, x := range s.Parts {
		s.Done += x.Done
	}
}

func markListed(step *v1alpha1.PlanStepStatus, s v1alpha1.StepState, message string, now metav1.Time) {
	step.State, step.Message, step.EndedAt = s, clip(strings.TrimPrefix(message, ": "), 512), nil
	switch s {
	case v1alpha1.StepRunning:
		step.StartedAt = &now
	case v1alpha1.StepDone, v1alpha1.StepFailed:
		step.EndedAt = &now
	}
}

// past says that the steps of a part before one that is begun are done: nothing of a part is begun before, and the process may
// have ended between a step and the word of it. The step is the listed one at i, or if that is negative one of the others.
func (q part) past(status *v1alpha1.PlanRunStatus, i, beyond int, done bool) {
	for _, before := range q.steps {
		if (before < i || i < 0) && before < len(status.Steps) {
			status.Steps[before].State = v1alpha1.StepDone
		}
	}
	if q.rest == nil {
		return
	}
	ended := max(beyond, 0)
	if done && i < 0 {
		ended++
	}
	setPart(status, q.index, func(s *v1alpha1.PlanPartStatus) { s.Done = int32(ended) })
}

// with finds the part that a step is run by, and the step's place in it, as find does; none if there is none.
func (p *plans) with(step plan.Step) (q part, listed, beyond int) {
	for _, x := range p.all {
		if !runs(x) {
			continue
		}
		for _, q := range partsOf(x) {
			if listed, beyond := q.find(step.Digest); !q.ended() && (listed >= 0 && listed < len(x.Status.Steps) || beyond >= 0) {
				return q, listed, beyond
			}
		}
	}
	return part{}, -1, -1
}

// leave ends the parts of a Plan that runs of which nothing is planned now, and those that are done and planned once more, which
// takes an approval of its own; and with the last of them the Plan. What is blocked is left as it is: it may be gone on with.
func (p *plans) leave(ctx context.Context, x *v1alpha1.Plan, now seen, have state.Observed) error {
	if !runs(x) {
		return nil
	}
	ends := map[int32]v1alpha1.PlanPhase{}
	for _, q := range partsOf(x) {
		_, blocked := now.blocks(q)
		goesOn := now.goesOn(q)
		if over := !goesOn && !blocked || goesOn && q.isDone(); over && !q.ended() && !p.hasFailed(q) {
			ends[q.index] = p.left(q, have)
		}
	}
	if len(ends) == 0 {
		return nil
	}
	return p.change(ctx, x, func(s *v1alpha1.PlanRunStatus) {
		if phase, all := endParts(x, s, ends); all {
			ended(s, phase, whyEnded(x, phase, "what was observed, or the spec, has changed"))
		}
	})
}

// left is how a part ended of which nothing is planned any more.
func (p *plans) left(q part, have state.Observed) v1alpha1.PlanPhase {
	failed, isFailed := p.failure(q, failuresOf(p.of.Status.Failures))
	switch {
	case q.isDone() || q.atEnd(have):
		return v1alpha1.PlanSucceeded
	case isFailed && failed.Back:
		return v1alpha1.PlanRolledBack
	case isFailed:
		return v1alpha1.PlanFailed
	}
	return v1alpha1.PlanSuperseded
}

// endParts says how parts of a Plan ended, and in which phase the Plan is if that is all of them.
func endParts(x *v1alpha1.Plan, s *v1alpha1.PlanRunStatus, ends map[int32]v1alpha1.PlanPhase) (phase v1alpha1.PlanPhase, all bool) {
	var phases []v1alpha1.PlanPhase
	all = true
	for _, q := range partsOf(x) {
		now := q.status().Phase
		if end, found := ends[q.index]; found && now == "" {
			now = end
			setPart(s, q.index, func(s *v1alpha1.PlanPartStatus) { s.Phase = end })
			q.settle(s, end)
		}
		phases = append(phases, now)
		all = all && now.Ended()
	}
	return together(phases), all
}

// settle says of the steps of a part that came to its end that none of them runs, and that all are done if it succeeded.
func (q part) settle(s *v1alpha1.PlanRunStatus, phase v1alpha1.PlanPhase) {
	for _, i := range q.steps {
		if i >= len(s.Steps) {
			continue
		}
		switch step := &s.Steps[i]; {
		case phase == v1alpha1.PlanSucceeded && step.State != v1alpha1.StepDone:
			step.State = v1alpha1.StepDone
		case step.State == v1alpha1.StepRunning: // it was interrupted, and the word of that did not get through
			step.State = v1alpha1.StepPending
		}
	}
	tally(s)
}

// whyEnded says why a Plan ended in a phase.
func whyEnded(x *v1alpha1.Plan, phase v1alpha1.PlanPhase, superseded string) string {
	var reasons []string
	for _, s := range x.Status.Steps {
		if s.State == v1alpha1.StepFailed {
			reasons = append(reasons, s.Message)
		}
	}
	switch phase {
	case v1alpha1.PlanSucceeded:
		return ""
	case v1alpha1.PlanSuperseded:
		return superseded
	}
	return said(reasons)
}
