package apply

import (
	"context"
	"errors"
	"fmt"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// verify makes a full pass over a keyspace under its lease, the one of the rewrite before it if there is one,
// and gives the lease back. What it counted is the outcome; planning decides whether that is enough.
// It does not count if a release was seen meanwhile that writes what no running one wrote when it began.
func (r *run) verify(ctx context.Context, i int, step plan.Step) (*keyspace.Outcome, error) {
	k, ok := r.want.FindKeyspace(step.Object)
	if !ok {
		return nil, fmt.Errorf("keyspace %q is not declared", step.Object)
	}
	job := keyspace.Job{Keyspace: k, To: state.Version(step.To), ID: string(step.Digest)}
	var outcome keyspace.Outcome
	err := r.beside(ctx, step, func(ctx context.Context) (err error) {
		outcome, err = r.edges.Stores[k.Store].Verify(ctx, r.leases[k.Name], job, func(p keyspace.Progress) {
			r.tell(Event{Kind: Progressed, Index: i, Step: step, Rewrite: &p})
		})
		return err
	})
	return &outcome, errors.Join(err, r.let(ctx, k.Name))
}
