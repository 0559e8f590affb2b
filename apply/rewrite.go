package apply

import (
	"context"
	"fmt"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// rewrite brings the units of a keyspace to a version under its lease, which the run keeps for the verify that follows:
// it converts them, or deletes them where the strategy is discard. While it runs the cluster is watched: what disturbs
// it there stops it at a key boundary, and so do more unfit units than the policy allows.
func (r *run) rewrite(ctx context.Context, i int, step plan.Step) (done Done, err error) {
	done.Step = step
	k, ok := r.want.FindKeyspace(step.Object)
	if !ok {
		return done, fmt.Errorf("keyspace %q is not declared", step.Object)
	}
	live, _ := r.have.FindLive(k.Name)
	units, unfit := misfits(live, k)
	allowed, err := allowance(k.Policy, units)
	if err != nil {
		return done, err
	}
	if unfit > allowed {
		return done, unfitError(k, unfit, allowed, live.Samples)
	}
	share, err := canary(k.Policy, step)
	if err != nil {
		return done, err
	}
	job := r.mixes(keyspace.Job{Keyspace: k, To: state.Version(step.To), ID: string(step.Digest), Journal: r.journal()})
	if job.Earlier, err = r.earlier(ctx, k, step); err != nil {
		return done, err
	}
	for _, class := range step.From {
		job.From = append(job.From, state.Class(class))
	}
	var outcome keyspace.Outcome
	var gates barrier
	done.Units, job.Hold = &outcome, gates.pass
	convert := func(ctx context.Context) (err error) {
		if done.Undo, err = r.undo(ctx, i, step, job); err != nil {
			return err
		}
		if share > 0 {
			first := job
			first.Share = share
			if outcome, err = r.convert(ctx, i, step, first, allowed); err != nil {
				return err
			}
		}
		rest, err := r.convert(ctx, i, step, job, allowed)
		outcome = both(outcome, rest)
		return err
	}
	err = r.beside(ctx, step, func(ctx context.Context) error { return r.gated(ctx, i, &gates, convert) })
	if err == nil && !outcome.Clean(job.To) {
		err = unconvertible(k, job.To, outcome)
	}
	return done, err
}

// convert does one job of a rewrite, and holds as soon as more units are unfit than are allowed.
func (r *run) convert(ctx context.Context, i int, step plan.Step, job keyspace.Job, allowed int64) (keyspace.Outcome, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	store := r.edges.Stores[job.Keyspace.Store]
	do := store.Rewrite
	if step.Strategy == state.StrategyDiscard {
		do = store.Discard
	}
	outcome, err := do(ctx, r.leases[job.Keyspace.Name], job, func(p keyspace.Progress) {
		if p.Unfit > allowed {
			stop(unfitError(job.Keyspace, p.Unfit, allowed, nil))
		}
		r.tell(Event{Kind: Progressed, Index: i, Step: step, Rewrite: &p})
	})
	if err != nil {
		return outcome, because(ctx, err)
	}
	if outcome.Unfit > allowed {
		return outcome, unfitError(job.Keyspace, outcome.Unfit, allowed, outcome.Samples)
	}
	return outcome, nil
}

// both adds up what two jobs on the same keyspace did, one after the other. What there is in the end the later one saw.
func both(a, b keyspace.Outcome) keyspace.Outcome {
	b.Rewritten += a.Rewritten
	b.Gone += a.Gone
	b.Conflicts += a.Conflicts
	b.Logged += a.Logged
	b.Superseded += a.Superseded
	b.Mixed += a.Mixed
	b.Already = max(b.Already-a.Rewritten, 0)
	if b.Counts == nil {
		b.Counts, b.Samples, b.Scanned, b.Unfit = a.Counts, a.Samples, a.Scanned, a.Unfit
	}
	return b
}
