package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// admission decides which parts of a plan may be begun. It lasts as long as one Deliver: what it held back once stays so,
// and the rest of the system goes on.
type admission struct {
	edges    Edges
	held     []diff.Change
	until    time.Time   // when the first of what waits for a window may go on; zero if nothing does
	failures []Failure   // that are in force
	began    bool        // whether those of earlier times were looked through
	gone     []Failure   // for which a part goes back
	back     state.Goals // of these parts: what was applied before
	fresh    []failed    // in this Deliver
	seen     map[state.Digest]int
	pulled   map[imageKey]cluster.ImageAnswer // once asked for
	recalled []imageKey                       // of these: not asked for now, but a short time ago
	earnest  bool                             // whether a plan is about to begin, so that nothing is recalled any more
	unclear  []ImageCheck                     // of the last plan: nobody knows
	warned   []string                         // images that were told of
}

// failed is a failure and its error.
type failed struct {
	Failure
	err error
}

func newAdmission(e Edges) *admission {
	return &admission{
		edges: e, failures: slices.Clone(e.Failures), seen: map[state.Digest]int{}, pulled: map[imageKey]cluster.ImageAnswer{},
		back: state.Goals{Components: map[string]string{}, Keyspaces: map[string]state.Version{}},
	}
}

// plan makes the plan of all that may be begun now. What a part of the system waits for is among what is Blocked.
func (a *admission) plan(ctx context.Context, s *Situation) (plan.Plan, error) {
	if !a.began && len(a.failures) > 0 {
		p := s.Plan()
		a.failures = slices.DeleteFunc(a.failures, func(f Failure) bool {
			_, inForce := f.in(*s, p)
			return !inForce && !f.isBlocked(p)
		})
	}
	a.began = true
	s.aim(a.back)
	for {
		s.held, s.back = a.held, a.back
		p := s.Plan()
		if a.goBack(s, p) {
			continue
		}
		holds, err := a.holds(ctx, *s, p)
		if err == nil && len(holds) == 0 && a.doubt(*s, p) {
			holds, err = a.lacking(ctx, *s, p)
		}
		if err != nil || len(holds) == 0 {
			return p, err
		}
		a.held = append(a.held, holds...)
	}
}

// holds returns what may not go on of a plan: what failed, else what lacks an image, else what nobody has approved, else
// what waits for a window, else what waits for a gate. It is asked in this order: nobody needs to approve what is not to be
// done, and an approval is given at any hour.
func (a *admission) holds(ctx context.Context, s Situation, p plan.Plan) ([]diff.Change, error) {
	if holds := a.quarantined(s, p); len(holds) > 0 {
		return holds, nil
	}
	holds, err := a.lacking(ctx, s, p)
	if err != nil || len(holds) > 0 {
		return holds, err
	}
	holds, err = a.unapproved(ctx, s, p)
	if err != nil || len(holds) > 0 {
		return holds, err
	}
	if holds := a.closed(s, p); len(holds) > 0 {
		return holds, nil
	}
	return a.shut(ctx, s, p)
}

// goBack aims the parts in which a step failed whose policy wants that at what was applied before, and tells whether it did.
func (a *admission) goBack(s *Situation, p plan.Plan) (aimed bool) {
	for _, f := range a.failures {
		part, inForce := f.in(*s, p)
		if !inForce || !f.Back {
			continue
		}
		goals, known := s.goalsOf(part)
		if !known || s.goesBack(part) {
			continue
		}
		maps.Copy(a.back.Components, goals.Components)
		maps.Copy(a.back.Keyspaces, goals.Keyspaces)
		a.gone = append(a.gone, f)
		s.aim(a.back)
		aimed = true
	}
	return aimed
}

// goesBack tells whether a part is aimed at what was applied before.
func (s Situation) goesBack(part plan.Part) bool {
	return slices.ContainsFunc(part.Components, func(name string) bool { return s.back.Components[name] != "" }) ||
		slices.ContainsFunc(part.Keyspaces, func(name string) bool { return s.back.Keyspaces[name] != "" })
}

// quarantined holds the parts in which a step failed.
func (a *admission) quarantined(s Situation, p plan.Plan) (holds []diff.Change) {
	for _, f := range a.failures {
		hold := quarantine(f)
		if _, inForce := f.in(s, p); inForce && !slices.Contains(a.held, hold) {
			holds = append(holds, hold)
		}
	}
	return holds
}

// unapproved holds the parts that demand an approval and have none.
func (a *admission) unapproved(ctx context.Context, s Situation, p plan.Plan) ([]diff.Change, error) {
	asking := p.Asking(s.Want, a.edges.Approval)
	if len(asking) == 0 {
		return nil, nil
	}
	waiting := p.Only(asking)
	var approved []state.Digest
	if a.edges.Approved != nil {
		var err error
		s.made = &p // who is asked need not plan again
		if approved, err = a.edges.Approved(ctx, s, waiting); err != nil {
			return nil, err
		}
	}
	var holds []diff.Change
	for i, part := range waiting.Parts {
		if slices.Contains(approved, part.Digest) {
			continue
		}
		first := slices.IndexFunc(waiting.Steps, func(x plan.Step) bool { return x.Part == i })
		change := holdOf(waiting.Steps[first], AwaitingApproval, fmt.Sprintf("waits for the approval of plan %s", waiting.Short()))
		change.WayOut = "review the plan, and approve it"
		holds = append(holds, change)
	}
	return holds, nil
}

// closed holds the parts that would have to wait for a window at once, so that not every one of them costs a run and another
// pass over all keys, and those that would wait for one that never opens: what comes before that is not begun either.
func (a *admission) closed(s Situation, p plan.Plan) (holds []diff.Change) {
	for _, w := range Waits(s.Want, p, Sizes(s, p), a.edges.now()) {
		if (w.Until.IsZero() || p.First(w.Step)) && !s.goesBack(p.Parts[p.Steps[w.Step].Part]) {
			holds = append(holds, closed(p.Steps[w.Step], w))
			a.until = earlier(a.until, w.Until)
		}
	}
	return holds
}

// repeated tells whether the first part of a plan was run again and again without getting anywhere. The others may not have
// had their turn: a run ends where a step fails or waits.
func (a *admission) repeated(p plan.Plan) bool {
	if len(p.Parts) == 0 {
		return false
	}
	a.seen[p.Parts[0].Digest]++
	return a.seen[p.Parts[0].Digest] > maxRepeats
}

// holdOf holds the part of a step. The way out is the caller's.
func holdOf(step plan.Step, code diff.Code, reason string) diff.Change {
	change := diff.Change{Kind: diff.Hold, Object: step.Object, To: step.To, Risk: diff.RiskNone, Code: code, Reason: reason}
	if !step.OnComponent() {
		change.Of = diff.OfKeyspace
	}
	return change
}
