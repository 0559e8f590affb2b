package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Outcome is what was done.
type Outcome struct {
	Done       []Done         // steps that ended, in their order
	Stopped    []Done         // steps that did not end, with what they did until then
	Have       state.Observed // the last that is known
	Superseded bool           // the system moved away from the plan before its end: gather and plan again
	Last       Situation      // of Deliver: that the last plan was made from
	Until      time.Time      // of Deliver: when the first of what waits for a window may go on; zero if nothing does
	Left       plan.Plan      // of Deliver: the last plan; it has no steps unless something failed
	Failures   []Failure      // of Deliver: for the next one, those given that are still in force and new ones

	// Unpruned is why old archives could not be deleted after a run that ended well. The next run tries again.
	Unpruned error
}

// Done is one step and what it did.
type Done struct {
	Step   plan.Step
	Units  *keyspace.Outcome // of a rewrite or verify
	Backup *BackedUp         // of a backup

	// Undo is what was taken back from undo logs, before what was left was rewritten; nil if there was none.
	Undo *keyspace.UndoOutcome
}

// Rewritten returns how many units the rewrites converted.
func (o Outcome) Rewritten() (n int64) {
	return o.sum(func(u keyspace.Outcome) int64 { return u.Rewritten })
}

// Undone returns what was taken back from undo logs.
func (o Outcome) Undone() (total keyspace.UndoOutcome) {
	for _, d := range slices.Concat(o.Done, o.Stopped) {
		if d.Undo != nil {
			total = *alsoUndone(&total, *d.Undo)
		}
	}
	return total
}

// Conflicts returns how many writes met a write of the application and were tried again.
func (o Outcome) Conflicts() (n int64) {
	return o.sum(func(u keyspace.Outcome) int64 { return u.Conflicts })
}

func (o Outcome) sum(f func(keyspace.Outcome) int64) (n int64) {
	for _, d := range slices.Concat(o.Done, o.Stopped) {
		if d.Units != nil && d.Step.Kind == plan.Rewrite {
			n += f(*d.Units)
		}
	}
	return n
}

// run is one plan under way.
type run struct {
	edges    Edges
	want     state.Desired
	have     state.Observed
	plan     plan.Plan
	book     *book
	leases   map[string]*keyspace.Lease // by keyspace, from its rewrite to the end of its verify
	log      UndoLog                    // of the rewrite under way; nil if it needs none
	held     []diff.Change              // see Situation
	isBack   func(plan.Part) bool       // see Situation.goesBack
	soaks    []soaking                  // of steps that ended
	needs    [][]int                    // by step, once somebody asks; see plan.Plan.Needs
	reporter *reporter
	outcome  Outcome
}

// Run takes the steps of a plan that was made from the situation. Before the first one every ledger records
// the commit's whole catalogue. It ends early, with Outcome.Superseded and no error, when the system is
// observed in a state that the plan does not pass through.
//
// The error is a *HoldError, a *keyspace.Error, a *keyspace.HeldError, a *cluster.StuckError, or the context's
// own; in every case what is there is safe and Gather, Plan and Run go on from it.
func Run(ctx context.Context, e Edges, s Situation, p plan.Plan, report func(Event)) (Outcome, error) {
	r := &run{
		edges: e, want: s.Want, have: s.Have, plan: p, held: s.held, isBack: s.goesBack, book: newBook(e, s, p),
		leases: map[string]*keyspace.Lease{}, reporter: newReporter(e, published(ctx, e, s, report)),
	}
	r.recall()
	err := r.steps(ctx)
	if err == nil {
		r.outcome.Unpruned = r.tidy(ctx)
	}
	r.release(ctx)
	r.outcome.Have = r.have
	if errors.Is(err, errSuperseded) {
		r.outcome.Superseded = true
		return r.outcome, nil
	}
	return r.outcome, err
}

func (r *run) steps(ctx context.Context) error {
	if slices.ContainsFunc(r.plan.Steps, keeps) {
		if err := r.edges.State.Check(ctx); err != nil {
			return err
		}
	}
	if err := r.book.write(ctx, r.have); err != nil {
		return err
	}
	for i, step := range r.plan.Steps {
		if err := r.step(ctx, i, step); err != nil {
			kind := Failed
			if _, closed := errors.AsType[*closedError](err); closed {
				kind = Waiting
			}
			if errors.Is(err, errSuperseded) {
				kind = Superseded
			}
			r.tell(Event{Kind: kind, Index: i, Step: step, Err: err})
			return &StepError{step, err}
		}
	}
	return r.lastSoaks(ctx)
}

// step takes one step between its two records.
func (r *run) step(ctx context.Context, i int, step plan.Step) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := r.soaked(ctx, i); err != nil {
		return err
	}
	if err := r.window(i); err != nil {
		return err
	}
	if err := r.gates(ctx, i); err != nil {
		return err
	}
	if err := r.preflight(ctx, i); err != nil {
		return err
	}
	if err := r.lease(ctx, i, step); err != nil {
		return err
	}
	if err := r.confirm(ctx, step); err != nil {
		return err
	}
	if err := r.openLog(ctx, step); err != nil {
		return err
	}
	r.have = plan.Begin(r.want, r.have, step)
	if err := r.book.write(ctx, r.have); err != nil {
		return err
	}
	r.tell(Event{Kind: Started, Index: i, Step: step})
	done, err := r.execute(ctx, i, step)
	if err := errors.Join(err, r.closeLog(ctx)); err != nil {
		r.outcome.Stopped = append(r.outcome.Stopped, done)
		return err
	}
	r.have = r.after(done)
	r.soak(i)
	if err := r.book.write(ctx, r.have); err != nil {
		return err
	}
	r.outcome.Done = append(r.outcome.Done, done)
	r.tell(Event{Kind: Ended, Index: i, Step: step, Outcome: done.Units, Backup: done.Backup, Undo: done.Undo})
	return nil
}

// after returns the world once a step ended, with what it counted.
func (r *run) after(d Done) state.Observed {
	switch {
	case d.Units != nil:
		var mixed []state.Count
		if k, _ := r.want.FindKeyspace(d.Step.Object); d.Step.Kind == plan.Verify && diff.Mends(r.want, k) {
			mixed = d.Units.Mixes // as Gather has them
		}
		return plan.EndCounted(r.want, r.have, d.Step, d.Units.Counts, mixed...)
	case d.Backup != nil:
		return plan.EndArchived(r.want, r.have, d.Step, d.Backup.Archive)
	}
	return plan.End(r.want, r.have, d.Step)
}

// confirm observes again and makes sure that the step is still the one to take: nobody else wrote a ledger,
// the step breaks no invariant, planning from what is there now gives what is left of the plan, and neither a rewrite
// nor its backup starts beside pods that are not ready.
func (r *run) confirm(ctx context.Context, step plan.Step) error {
	if err := r.book.current(ctx); err != nil {
		return err
	}
	running, err := r.edges.running(ctx, r.want)
	if err != nil {
		return err
	}
	r.have.Components = running
	if err := plan.CheckStep(r.want, r.have, step); err != nil {
		return fmt.Errorf("%w: %w", errSuperseded, err)
	}
	now := planned(r.about(step), r.have, r.edges.State != nil, r.held)
	if !slices.ContainsFunc(now.Parts, func(p plan.Part) bool { return p.Digest == step.Digest }) {
		return fmt.Errorf("%w: planning again gives other steps", errSuperseded)
	}
	if step.Kind == plan.Rewrite || step.Kind == plan.Backup {
		return notReady(r.want, r.have, step.Object)
	}
	return nil
}

// about returns what is planned again before a step: its part of the system, but all of it where something is to be deleted,
// because whatever runs anywhere counts then.
func (r *run) about(step plan.Step) state.Desired {
	if slices.ContainsFunc(r.plan.Steps, func(s plan.Step) bool { return s.Kind == plan.Prune }) {
		return r.want
	}
	part, _ := plan.Narrow(r.want, r.have, step)
	return part
}

// execute runs the step's executor.
func (r *run) execute(ctx context.Context, i int, step plan.Step) (done Done, err error) {
	done.Step = step
	switch {
	case step.Kind == plan.Rollout:
		err = r.gated(ctx, i, new(barrier), func(ctx context.Context) error { return r.rollout(ctx, i, step) })
	case step.Kind == plan.Scale:
		err = r.gated(ctx, i, new(barrier), func(ctx context.Context) error { return r.scale(ctx, i, step) })
	case step.Kind == plan.Backup:
		done.Backup, err = r.backup(ctx, i, step)
	case step.Kind == plan.Rewrite && step.Strategy == state.StrategyDrain:
		done.Units, err = r.drain(ctx, i, step)
	case step.Kind == plan.Rewrite:
		return r.rewrite(ctx, i, step)
	case step.Kind == plan.Prune:
		return r.prune(ctx, i, step)
	case step.Kind == plan.Verify:
		done.Units, err = r.verify(ctx, i, step)
	default:
		err = fmt.Errorf("no executor for a step of kind %q", step.Kind)
	}
	return done, err
}

func (r *run) tell(e Event) {
	e.Plan = r.plan
	r.reporter.report(e)
}
