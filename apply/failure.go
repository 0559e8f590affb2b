package apply

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Failure is a step that failed for good: it is not tried again, and no plan of its part that has it is begun, until the
// spec of that part changes, or what was observed of the keyspace that it is about.
type Failure struct {
	Kind   plan.Kind    `json:"kind"`
	Object string       `json:"object"`
	To     string       `json:"to"`
	Goal   state.Digest `json:"goal"`           // of the part: plan.Part.Goal
	Unfit  int64        `json:"unfit"`          // units of the keyspace that fit no version, when it failed
	Code   string       `json:"code"`           // of the error
	Reason string       `json:"reason"`         // its text
	At     time.Time    `json:"at"`             //
	Back   bool         `json:"back,omitempty"` // whether the part is to go back to what was applied before
}

// String names the failed step: "rollout checkout to 2.0.0".
func (f Failure) String() string { return fmt.Sprintf("%s %s to %s", f.Kind, f.Object, f.To) }

// StepError is a step of a plan that did not end.
type StepError struct {
	Step plan.Step
	Err  error
}

// Error names the step and why.
func (e *StepError) Error() string {
	return fmt.Sprintf("%s %s: %v", e.Step.Kind, e.Step.Object, e.Err)
}

// Unwrap is why.
func (e *StepError) Unwrap() error { return e.Err }

// lasting are the holds that trying again does not mend.
var lasting = []string{UnfitUnits, SoakFailed}

// failureOf turns the error of a run into a failure, and tells whether it is one: a rollout that cannot go on, or units
// that cannot be brought to the version. Whatever may pass by itself, such as a store that does not answer, is none: it is
// tried again.
func failureOf(s Situation, p plan.Plan, err error, now time.Time) (Failure, bool) {
	step, ok := errors.AsType[*StepError](err)
	if !ok {
		return Failure{}, false
	}
	stuck, isStuck := errors.AsType[*cluster.StuckError](err)
	held, isHeld := errors.AsType[*HoldError](err)
	isStuck = isStuck && stuck.Release != "" // pods that are to go may go late, and until then their component is down
	if !isStuck && !(isHeld && slices.Contains(lasting, held.Code)) {
		return Failure{}, false
	}
	i := slices.IndexFunc(p.Steps, func(x plan.Step) bool { return x.Digest == step.Step.Digest })
	if i < 0 {
		return Failure{}, false
	}
	return newFailure(s, p, i, err, now), true
}

func newFailure(s Situation, p plan.Plan, i int, err error, now time.Time) Failure {
	step := p.Steps[i]
	f := Failure{Kind: step.Kind, Object: step.Object, To: step.To, Goal: p.Parts[step.Part].Goal(s.Want), Code: codeOf(err),
		Reason: err.Error(), At: now.UTC().Truncate(time.Second)}
	f.Unfit = unfitNow(s, step.Object, step.OnComponent())
	f.Back = p.OnFailure(s.Want, i) == state.OnFailureRollback
	return f
}

func unfitNow(s Situation, object string, component bool) int64 {
	if component {
		return 0
	}
	live, _ := s.Have.FindLive(object)
	_, unfit := tally(live.Counts)
	return unfit
}

// outlasts tells whether the step leaves nothing to do behind although it failed: a soak follows what is done, a component
// that was started does not get more started, and neither is more rolled out once no pod of another release is left.
func (f Failure) outlasts() bool {
	return f.Code == SoakFailed || f.Kind == plan.Scale && f.To == plan.BackUp || f.Kind == plan.Rollout
}

// in returns the part of the system that the failed step is of, and whether the failure is in force: the plan has the step
// still, or would not, and neither what is wanted nor what is there has changed.
func (f Failure) in(s Situation, p plan.Plan) (part plan.Part, inForce bool) {
	i := slices.IndexFunc(p.Steps, func(x plan.Step) bool { return x.Kind == f.Kind && x.Object == f.Object && x.To == f.To })
	switch {
	case i >= 0:
		part, inForce = p.Parts[p.Steps[i].Part], true
	case f.outlasts():
		part, inForce = plan.PartOf(s.Want, s.Have, f.step())
	}
	if !inForce || part.Goal(s.Want) != f.Goal {
		return part, false
	}
	if !f.Back && unfitNow(s, f.Object, f.step().OnComponent()) != f.Unfit { // going back may have changed that itself
		return part, false
	}
	becomesReady := f.Kind == plan.Scale || f.Kind == plan.Rollout && i < 0
	return part, !becomesReady || f.Code == SoakFailed || !isReady(s, f.Object)
}

// isReady tells whether as many pods of a component are ready as there should be.
func isReady(s Situation, component string) bool {
	live, _ := s.Have.FindRunning(component)
	return !live.Stopped && live.Desired > 0 && live.Ready >= live.Desired
}

// isBlocked tells whether the object of a failure is in a part without a plan, so that nothing can be said of it.
func (f Failure) isBlocked(p plan.Plan) bool {
	return slices.ContainsFunc(p.Blocked, func(b plan.Blocked) bool {
		return f.step().OnComponent() && slices.Contains(b.Components, f.Object) || !f.step().OnComponent() && slices.Contains(b.Keyspaces, f.Object)
	})
}

// step is the failed step, as far as it is remembered.
func (f Failure) step() plan.Step { return plan.Step{Kind: f.Kind, Object: f.Object, To: f.To} }

// quarantine holds what a failed step is about.
func quarantine(f Failure) diff.Change {
	change := holdOf(f.step(), Quarantined, fmt.Sprintf("is not tried again: %s failed at %s: %s", f, f.At.Format(time.RFC3339), f.Reason))
	change.WayOut = "mend what failed and try once more by force, or change the spec"
	return change
}

// BackError says that a part of the system went back to what was applied before, because a step failed.
type BackError struct{ Failure Failure }

// Error names the step, why it failed, and what to do.
func (e *BackError) Error() string {
	return fmt.Sprintf("rolled back to what was applied before, because %s failed at %s: %s; change the spec, or try once more by force",
		e.Failure, e.Failure.At.Format(time.RFC3339), e.Failure.Reason)
}
