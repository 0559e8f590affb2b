package apply

import (
	"fmt"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Wait is a step of a plan that would not start now, because no window of its policy is open, or not for long enough, or a
// freeze is on.
type Wait struct {
	Step  int       `json:"step"`            // index into the plan's steps
	Until time.Time `json:"until,omitzero"`  // when it may; zero if never
	Why   string    `json:"reason,omitzero"` // for people
}

// Waits foresees which steps of a plan would wait for a window if they were to start at a time. Sizes tell how long they are
// expected to take. It is pure.
func Waits(want state.Desired, p plan.Plan, sizes []Size, at time.Time) []Wait {
	var out []Wait
	for i := range p.Steps {
		if w, waits := waitOf(want, p, i, lengthOf(p, sizes, i), at); waits {
			out = append(out, w)
		}
	}
	return out
}

// waitOf tells whether a step has to wait for a window. A rewrite right behind its backup does not: what was kept would
// grow old meanwhile.
func waitOf(want state.Desired, p plan.Plan, i int, length time.Duration, at time.Time) (Wait, bool) {
	if behindBackup(p, i) {
		return Wait{}, false
	}
	c := p.Calendar(want, i)
	opening, err := plan.OpeningAt(c, at, length, time.LoadLocation)
	switch {
	case err != nil:
		return Wait{Step: i, Why: err.Error()}, true
	case opening.Open:
		return Wait{}, false
	}
	return Wait{i, opening.Next, whyClosed(c, opening, length)}, true
}

// behindBackup tells whether a step is the rewrite or prune right behind its backup.
func behindBackup(p plan.Plan, i int) bool {
	if i == 0 || !p.Steps[i].Changes() {
		return false
	}
	before := p.Steps[i-1]
	return before.Kind == plan.Backup && before.Object == p.Steps[i].Object
}

// lengthOf is how long what a window has to have room for is expected to take at least, 0 if that is not known: a step, with
// a backup the rewrite behind it, with a stop all that is done while the component is stopped.
func lengthOf(p plan.Plan, sizes []Size, i int) (length time.Duration) {
	end := i + 1
	switch step := p.Steps[i]; {
	case end < len(p.Steps) && behindBackup(p, end):
		end++
	case step.Kind == plan.Scale && step.To == plan.ToZero:
		for end < len(p.Steps) && !(p.Steps[end].Kind == plan.Scale && p.Steps[end].Object == step.Object) {
			end++
		}
	}
	for _, s := range sizes {
		if s.Step >= i && s.Step < end {
			length += s.Duration()
		}
	}
	return length
}

// closedError stops a run before a step that has to wait for a window. Deliver plans the rest without what it is about.
type closedError struct {
	*HoldError
	change diff.Change
	until  time.Time
}

// Unwrap is the hold.
func (e *closedError) Unwrap() error { return e.HoldError }

// window tells whether a step may start now, by the windows of its policy.
func (r *run) window(i int) error {
	sizes := Sizes(Situation{Want: r.want, Have: r.have}, r.plan)
	w, waits := waitOf(r.want, r.plan, i, lengthOf(r.plan, sizes, i), r.edges.now())
	if !waits || r.isBack(r.plan.Parts[r.plan.Steps[i].Part]) { // what goes back mends what failed
		return nil
	}
	change := closed(r.plan.Steps[i], w)
	return &closedError{hold(WindowClosed, change.WayOut, "%s may not start now, %s", r.plan.Steps[i], w.Why), change, w.Until}
}

// closed holds what a step that has to wait is about.
func closed(step plan.Step, w Wait) diff.Change {
	change := holdOf(step, WindowClosed, fmt.Sprintf("waits: %s may not start now, %s", step, w.Why))
	change.WayOut = "wait, or change policy.windows and policy.freeze"
	if w.Until.IsZero() {
		change.WayOut = "change policy.windows and policy.freeze"
	}
	return change
}

// earlier returns the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
