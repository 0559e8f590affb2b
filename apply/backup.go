package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
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

// tidy deletes what the keyspaces that the run brought to their end no longer need of their archives.
func (r *run) tidy(ctx context.Context) error {
	if r.edges.State == nil {
		return nil
	}
	var errs []error
	for _, d := range r.outcome.Done {
		k, ok := r.want.FindKeyspace(d.Step.Object)
		if d.Step.Kind != plan.Verify || !ok {
			continue
		}
		errs = append(errs, r.edges.State.Prune(ctx, r.owner(k), r.named(k)))
	}
	return errors.Join(errs...)
}

// named returns the archives of a keyspace that a ledger names, its mirror's included.
func (r *run) named(k state.Keyspace) []string {
	var out []string
	for _, s := range r.book.shelves {
		for _, record := range slices.Concat(s.stored.Records, s.mirror.Records) {
			if record.Keyspace != k.Name {
				continue
			}
			if record.Backup != nil {
				out = append(out, record.Backup.Archive)
			}
			for _, u := range record.Undo {
				out = append(out, u.Log)
			}
		}
	}
	return out
}
