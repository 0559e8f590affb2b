package reconciler

import (
	"errors"
	"slices"
	"strings"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// part is one part of a Plan: it goes on, waits, fails and ends by itself.
type part struct {
	of    *v1alpha1.Plan
	index int32
	steps []int              // its listed steps
	rest  *v1alpha1.PlanRest // those that are not listed; nil if there are none
}

// partsOf returns the parts of a Plan in their order, as far as it names them.
func partsOf(x *v1alpha1.Plan) (out []part) {
	at := map[int32]int{}
	add := func(index int32) *part {
		i, found := at[index]
		if !found {
			i, at[index] = len(out), len(out)
			out = append(out, part{of: x, index: index})
		}
		return &out[i]
	}
	for i := range x.Spec.Steps {
		q := add(x.Spec.Steps[i].Part)
		q.steps = append(q.steps, i)
	}
	for i := range x.Spec.Rest {
		add(x.Spec.Rest[i].Part).rest = &x.Spec.Rest[i]
	}
	return out
}

// status is how far the part is, beside its listed steps.
func (q part) status() v1alpha1.PlanPartStatus {
	for _, s := range q.of.Status.Parts {
		if s.Part == q.index {
			return s
		}
	}
	return v1alpha1.PlanPartStatus{Part: q.index}
}

// setPart changes how far a part is.
func setPart(s *v1alpha1.PlanRunStatus, index int32, change func(*v1alpha1.PlanPartStatus)) {
	i, found := slices.BinarySearchFunc(s.Parts, index, func(p v1alpha1.PlanPartStatus, index int32) int { return int(p.Part - index) })
	if !found {
		s.Parts = slices.Insert(s.Parts, i, v1alpha1.PlanPartStatus{Part: index})
	}
	change(&s.Parts[i])
}

// ended tells whether the part came to its end: its approval is consumed.
func (q part) ended() bool { return q.status().Phase.Ended() }

// state is how far the listed step at i is.
func (q part) state(i int) v1alpha1.PlanStepStatus {
	if i < len(q.of.Status.Steps) {
		return q.of.Status.Steps[i]
	}
	return v1alpha1.PlanStepStatus{State: v1alpha1.StepPending}
}

// isDone tells whether every step ended.
func (q part) isDone() bool {
	if q.rest == nil {
		return q.isListedDone() && !q.cut()
	}
	return q.isListedDone() && q.status().Done >= q.rest.Steps
}

// isListedDone tells whether every step ended that is listed.
func (q part) isListedDone() bool {
	return !slices.ContainsFunc(q.steps, func(i int) bool { return q.state(i).State != v1alpha1.StepDone })
}

// isNearlyDone tells whether, as far as there is word, every step ended but for one of those that are not listed: that has no
// state of its own, and the process may have ended between the step and the word of it.
func (q part) isNearlyDone() bool {
	if q.rest == nil {
		return q.cut() && q.isListedDone()
	}
	done := q.status().Done
	return q.isListedDone() && done >= q.rest.Steps-1 && (done > 0 || len(q.steps) > 0)
}

// cut tells whether it is not known how many steps the part has: of a Plan that names none but the listed ones.
func (q part) cut() bool {
	return q.of.Spec.More > 0 && len(q.of.Spec.Rest) == 0 && len(q.steps) > 0 && q.steps[len(q.steps)-1] == len(q.of.Spec.Steps)-1
}

// find returns the place of a step in the part: among the listed ones, or else among the others; -1 where it is not.
func (q part) find(digest state.Digest) (listed, beyond int) {
	listed = slices.IndexFunc(q.steps, func(i int) bool { return q.of.Spec.Steps[i].Digest == string(digest) })
	if listed >= 0 {
		return q.steps[listed], -1
	}
	if d, ok := short(string(digest)); ok && q.rest != nil {
		return -1, slices.Index(shorts(q.rest), d)
	}
	return -1, -1
}

// covered returns the digests of those parts of a plan that are parts of a Plan, or what is left of them, and did not come to
// their end: what an approval of the Plan is an approval of.
func covered(x *v1alpha1.Plan, of plan.Plan) (out []state.Digest) {
	seen := map[string]bool{}
	for _, q := range partsOf(x) {
		if q.ended() {
			continue
		}
		for _, i := range q.steps {
			seen[x.Spec.Steps[i].Digest] = true
		}
		if q.rest != nil {
			for _, d := range shorts(q.rest) {
				seen[d] = true
			}
		}
	}
	for _, p := range of.Parts {
		if d, ok := short(string(p.Digest)); seen[string(p.Digest)] || ok && seen[d] {
			out = append(out, p.Digest)
		}
	}
	return out
}

// seen is a plan as what a Plan is compared with.
type seen struct {
	digests    map[string]bool // of the parts, whole and short
	components map[string]plan.Blocked
	keyspaces  map[string]plan.Blocked
}

func lookAt(p plan.Plan) seen {
	s := seen{digests: map[string]bool{}, components: map[string]plan.Blocked{}, keyspaces: map[string]plan.Blocked{}}
	for _, part := range p.Parts {
		s.digests[string(part.Digest)] = true
		if d, ok := short(string(part.Digest)); ok {
			s.digests[d] = true
		}
	}
	for _, b := range p.Blocked {
		for _, name := range b.Components {
			s.components[name] = b
		}
		for _, name := range b.Keyspaces {
			s.keyspaces[name] = b
		}
	}
	return s
}

// goesOn tells whether something that is planned is what is left of a part.
func (s seen) goesOn(q part) bool {
	return slices.ContainsFunc(q.steps, func(i int) bool { return s.digests[q.of.Spec.Steps[i].Digest] }) ||
		q.rest != nil && slices.ContainsFunc(shorts(q.rest), func(d string) bool { return s.digests[d] })
}

// blocks returns what blocks a part, so that it may be gone on with later.
func (s seen) blocks(q part) (plan.Blocked, bool) {
	for _, i := range q.steps {
		if b, found := s.blocked(q.of.Spec.Steps[i].Kind, q.of.Spec.Steps[i].Object); found {
			return b, true
		}
	}
	if q.rest == nil {
		return plan.Blocked{}, false
	}
	return s.blocked(q.rest.Kind, q.rest.Object)
}

func (s seen) blocked(kind, object string) (b plan.Blocked, found bool) {
	if onComponent(kind) {
		b, found = s.components[object]
	} else {
		b, found = s.keyspaces[object]
	}
	return b, found
}

// blocksAny tells whether a part of a Plan is blocked.
func (s seen) blocksAny(x *v1alpha1.Plan) bool {
	return slices.ContainsFunc(partsOf(x), func(q part) bool { _, found := s.blocks(q); return found })
}

// awaits tells whether every part of a Plan is held until a person approves it.
func (s seen) awaits(x *v1alpha1.Plan) bool {
	return !slices.ContainsFunc(partsOf(x), func(q part) bool { b, _ := s.blocks(q); return b.Code != apply.AwaitingApproval })
}

// failedStep is a step of a Plan that failed in this attempt.
type failedStep struct {
	plan string
	part int32
	step plan.Step
}

// hasFailed tells whether a step of a part failed in this attempt: how such a part ends is known when the delivery is over.
// One whose step failed before is like any other: it goes on, or a commit has left it behind.
func (p *plans) hasFailed(q part) bool {
	return slices.ContainsFunc(p.failed, func(f failedStep) bool { return f.plan == q.of.Name && f.part == q.index })
}

// failure returns which of some failures that are in force is that of a part, and whether it went back.
func (p *plans) failure(q part, failures []apply.Failure) (apply.Failure, bool) {
	for _, f := range failures {
		listed := slices.ContainsFunc(q.steps, func(i int) bool {
			s := q.of.Spec.Steps[i]
			return string(f.Kind) == s.Kind && f.Object == s.Object && clip(f.To, maxName) == s.To && q.state(i).State == v1alpha1.StepFailed
		})
		now := slices.ContainsFunc(p.failed, func(x failedStep) bool {
			return x.plan == q.of.Name && x.part == q.index && x.step.Kind == f.Kind && x.step.Object == f.Object && x.step.To == f.To
		})
		if listed || now {
			return f, true
		}
	}
	return apply.Failure{}, false
}

// backs returns the failures because of which parts went back, of what ended a delivery.
func backs(err error) (out []apply.Failure) {
	if back, ok := err.(*apply.BackError); ok {
		return []apply.Failure{back.Failure}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			out = append(out, backs(e)...)
		}
		return out
	}
	if next := errors.Unwrap(err); next != nil {
		return backs(next)
	}
	return nil
}

// atEnd tells whether the end of a part is observed, of which a step was begun and no word came that it ended: the process may
// have ended between the step and the word of it. The last step of every object must be at its end, if it is not known to be.
func (q part) atEnd(have state.Observed) bool {
	begun := false
	for n, i := range q.steps {
		s, step := q.state(i).State, q.of.Spec.Steps[i]
		if s == v1alpha1.StepDone {
			continue
		}
		begun = begun || s == v1alpha1.StepRunning
		again := slices.ContainsFunc(q.steps[n+1:], func(j int) bool {
			later := q.of.Spec.Steps[j]
			return later.Object == step.Object && onComponent(later.Kind) == onComponent(step.Kind)
		})
		if !begun || !again && !isAt(have, step) {
			return false
		}
	}
	return begun && q.rest == nil && !q.cut()
}

func onComponent(kind string) bool { return plan.Step{Kind: plan.Kind(kind)}.OnComponent() }

// isAt tells whether what a step leads to is observed.
func isAt(have state.Observed, s v1alpha1.PlanStep) bool {
	if kind := plan.Kind(s.Kind); kind == plan.Rollout || kind == plan.Scale {
		r, _ := have.FindRunning(s.Object)
		switch {
		case len(r.Unknown) > 0 || r.Missing:
			return false
		case kind == plan.Rollout:
			return r.Template == s.To && slices.Equal(r.Releases, []string{s.To})
		case s.To == plan.BackUp:
			return !r.Stopped && slices.Equal(r.Releases, []string{s.From}) && r.Ready >= r.Desired
		}
		return r.Stopped && len(r.Releases) == 0
	}
	k, found := have.FindLive(s.Object)
	switch plan.Kind(s.Kind) {
	case plan.Backup:
		return true // what it was for is what counts
	case plan.Rewrite, plan.Prune, plan.Verify:
	default:
		return false
	}
	anything := s.To == "" && plan.Kind(s.Kind) != plan.Prune
	return found && k.Record.Verified && (anything || allAt(k.Record.Present, state.Version(s.To)))
}

// allAt tells whether every class but that of what fits no version is one of a version.
func allAt(classes []state.Class, v state.Version) bool {
	return !slices.ContainsFunc(classes, func(c state.Class) bool { return c != state.Unfit && !c.Has(v) })
}

// together is the phase of a Plan of which every part came to its end.
func together(parts []v1alpha1.PlanPhase) v1alpha1.PlanPhase {
	for _, phase := range []v1alpha1.PlanPhase{v1alpha1.PlanFailed, v1alpha1.PlanRolledBack, v1alpha1.PlanSuperseded} {
		if slices.Contains(parts, phase) {
			return phase
		}
	}
	return v1alpha1.PlanSucceeded
}

// said joins why parts failed, each reason once.
func said(reasons []string) string {
	slices.Sort(reasons)
	return strings.Join(slices.Compact(reasons), "; ")
}
