package apply

import (
	"context"
	"fmt"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// rewrite converts the units of a keyspace under its lease, which the run keeps for the verify that follows.
// While it runs the cluster is watched: what disturbs it there stops it at a key boundary, and so do more unfit units
// than the policy allows.
func (r *run) rewrite(ctx context.Context, i int, step plan.Step) (*keyspace.Outcome, error) {
	k, ok := r.want.FindKeyspace(step.Object)
	if !ok {
		return nil, fmt.Errorf("keyspace %q is not declared", step.Object)
	}
	live, _ := r.have.FindLive(k.Name)
	units, unfit := tally(live.Counts)
	allowed, err := allowance(k.Policy, units)
	if err != nil {
		return nil, err
	}
	if unfit > allowed {
		return nil, unfitError(k, unfit, allowed, live.Samples)
	}
	job := keyspace.Job{Keyspace: k, To: state.Version(step.To), ID: string(step.Digest)}
	var outcome keyspace.Outcome
	err = r.beside(ctx, step, func(ctx context.Context) (err error) {
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		outcome, err = r.edges.Stores[k.Store].Rewrite(ctx, r.leases[k.Name], job, func(p keyspace.Progress) {
			if p.Unfit > allowed {
				stop(unfitError(k, p.Unfit, allowed, nil))
			}
			r.tell(Event{Kind: Progressed, Index: i, Step: step, Rewrite: &p})
		})
		return because(ctx, err)
	})
	if err != nil {
		return &outcome, err
	}
	if outcome.Unfit > allowed {
		return &outcome, unfitError(k, outcome.Unfit, allowed, outcome.Samples)
	}
	if !outcome.Clean(job.To) {
		return &outcome, unconvertible(k, job.To, outcome)
	}
	return &outcome, nil
}
