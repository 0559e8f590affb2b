package apply

import (
	"context"
	"fmt"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
)

// prune deletes the units of a keyspace that was taken out of the spec under its lease, which the run keeps for the verify
// that follows. Each goes only while it is what was read of it; units that fit no version stay and are counted. While it
// runs the cluster is watched: a release that uses the keyspace stops it at a key boundary.
func (r *run) prune(ctx context.Context, i int, step plan.Step) (done Done, err error) {
	done.Step = step
	k, ok := r.want.FindKeyspace(step.Object)
	if !ok {
		return done, fmt.Errorf("keyspace %q is not known", step.Object)
	}
	job := keyspace.Job{Keyspace: k, ID: string(step.Digest), Journal: r.journal(), Unlogged: !step.Archived}
	var outcome keyspace.Outcome
	var gates barrier
	done.Units, job.Hold = &outcome, gates.pass
	remove := func(ctx context.Context) (err error) {
		outcome, err = r.edges.Stores[k.Store].Discard(ctx, r.leases[k.Name], job, func(p keyspace.Progress) {
			r.tell(Event{Kind: Progressed, Index: i, Step: step, Rewrite: &p})
		})
		return because(ctx, err)
	}
	err = r.beside(ctx, step, func(ctx context.Context) error { return r.gated(ctx, i, &gates, remove) })
	return done, err
}
