package apply

import (
	"fmt"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Wait is a step of a plan that would not start now, because no window of its policy is open.
type Wait struct {
	Step  int       `json:"step"`            // index into the plan's steps
	Until time.Time `json:"until,omitzero"`  // when it may; zero if never
	Why   string    `json:"reason,omitzero"` // for people
}

// Waits foresees which steps of a plan would wait for a window if they were to start at a time. It is pure.
func Waits(want state.Desired, p plan.Plan, at time.Time) []Wait {
	var out []Wait
	for i := range p.Steps {
		if w, waits := waitOf(want, p, i, at); waits {
			out = append(out, w)
		}
	}
	return out
}

// waitOf tells whether a step has to wait for a window. A rewrite right behind its backup does not: what was kept would
// grow old meanwhile.
func waitOf(want state.Desired, p plan.Plan, i int, at time.Time) (Wait, bool) {
	if i > 0 && p.Steps[i].Kind == plan.Rewrite && p.Steps[i-1].Kind == plan.Backup && p.Steps[i-1].Object == p.Steps[i].Object {
		return Wait{}, false
	}
	windows := p.Windows(want, i)
	opening, err := plan.OpeningAt(windows, at, time.LoadLocation)
	switch {
	case err != nil:
		return Wait{Step: i, Why: err.Error()}, true
	case opening.Open:
		return Wait{}, false
	case opening.Next.IsZero():
		return Wait{Step: i, Why: "no two of the windows that bind it are ever open together"}, true
	}
	next := opening.Next.In(zoneOf(windows))
	return Wait{i, opening.Next, "its window opens " + next.Format("Mon 2006-01-02 15:04 MST")}, true
}

// zoneOf is the time zone in which a person may have thought of some windows: that of the first.
func zoneOf(windows []state.Window) *time.Location {
	zone, err := time.LoadLocation(windows[0].Zone)
	if err != nil {
		return time.UTC
	}
	return zone
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
	w, waits := waitOf(r.want, r.plan, i, r.edges.now())
	if !waits || r.isBack(r.plan.Parts[r.plan.Steps[i].Part]) { // what goes back mends what failed
		return nil
	}
	change := closed(r.plan.Steps[i], w)
	return &closedError{hold(WindowClosed, change.WayOut, "%s may not start now, %s", r.plan.Steps[i], w.Why), change, w.Until}
}

// closed holds what a step that has to wait is about.
func closed(step plan.Step, w Wait) diff.Change {
	change := holdOf(step, WindowClosed, fmt.Sprintf("waits: %s may not start now, %s", step, w.Why))
	change.WayOut = "wait, or change policy.windows"
	if w.Until.IsZero() {
		change.WayOut = "change policy.windows"
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
