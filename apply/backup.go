package apply

import (
	"context"
	"fmt"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
)

// backup keeps all of a keyspace under its lease, which the run holds on to for the rewrite that follows. While it runs
// the cluster is watched: a release that begins to write what the rewrite is to change makes the backup worth nothing.
func (r *run) backup(ctx context.Context, i int, step plan.Step) (*BackedUp, error) {
	k, ok := r.want.FindKeyspace(step.Object)
	if !ok {
		return nil, fmt.Errorf("keyspace %q is not declared", step.Object)
	}
	var taken BackedUp
	err := r.beside(ctx, step, func(ctx context.Context) (err error) {
		taken, err = r.edges.State.Backup(ctx, r.owner(k), r.edges.Stores[k.Store], k, func(p keyspace.Progress) {
			r.tell(Event{Kind: Progressed, Index: i, Step: step, Rewrite: &p})
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &taken, nil
}
