package bench

import (
	"context"
	"fmt"
	"os"

	"keyshift.dev/archive"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// baseline makes a lane of a visit.
func baseline(v visit) func(context.Context, *rig, *meter) error {
	return func(ctx context.Context, r *rig, _ *meter) error {
		return walk(ctx, r.client, r.options.Workers, v)
	}
}

// observe counts the units of both keyspaces by class.
func observe(ctx context.Context, r *rig, _ *meter) error {
	live, err := r.store.Observe(ctx, []state.Keyspace{exactSessions(), carts()})
	if err != nil {
		return err
	}
	seen := int64(0)
	for _, l := range live {
		for _, c := range l.Counts {
			if c.Class == state.Unfit {
				return fmt.Errorf("%d units of %s fit no version", c.Units, l.Keyspace)
			}
			seen += c.Units
		}
	}
	if seen != int64(r.options.Keys) {
		return fmt.Errorf("%d units were observed, and there are %d", seen, r.options.Keys)
	}
	return nil
}

// manner is how a rewrite is made.
type manner int

const (
	comparing manner = iota // every unit is read, converted here, and compared when it is written
	beside                  // by the server, where that is possible
	logging                 // as comparing, with an undo log in a folder
)

// rewrite brings a keyspace to its second version. What is reported when every unit is written ends the pass that
// writes; Rewrite then reads all of them again.
func rewrite(of func() state.Keyspace, how manner) func(context.Context, *rig, *meter) error {
	return func(ctx context.Context, r *rig, m *meter) error {
		k := of()
		l, err := r.store.Acquire(ctx, system, k.Name)
		if err != nil {
			return err
		}
		defer l.Release(context.WithoutCancel(ctx)) //nolint:errcheck // a lease that stays expires, and is cleared away
		n := int64(r.options.Keys)
		job := keyspace.Job{Keyspace: k, To: v2, ID: system, Compare: how != beside, Sound: true, Unlogged: true}
		if how == logging {
			journal, end, err := openJournal(ctx, k.Name)
			if err != nil {
				return err
			}
			defer end()
			job.Journal, job.Unlogged = journal, false
		}
		var marked error
		outcome, err := r.store.Rewrite(ctx, l, job, func(p keyspace.Progress) {
			if p.Rewritten == n && marked == nil {
				marked = m.pass(ctx)
			}
		})
		switch {
		case err != nil:
			return err
		case marked != nil:
			return marked
		case outcome.Rewritten != n || m.passed == nil:
			return fmt.Errorf("%d units were rewritten, and there are %d", outcome.Rewritten, n)
		case how == logging && outcome.Logged < n:
			return fmt.Errorf("%d units were logged, and there are %d", outcome.Logged, n)
		case how == beside && outcome.Beside != n:
			return fmt.Errorf("%d units were converted beside the data, and there are %d", outcome.Beside, n)
		}
		return nil
	}
}

// openJournal opens an undo log in a folder of its own, which goes with it.
func openJournal(ctx context.Context, name string) (*archive.Journal, func(), error) {
	dir, err := os.MkdirTemp("", "keyshift-bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("making a folder for the undo log: %w", err)
	}
	remove := func() { _ = os.RemoveAll(dir) } // a folder of ours in the system's place for such
	storage, err := archive.Open(ctx, dir)
	if err != nil {
		remove()
		return nil, nil, err
	}
	journal, err := archive.OpenJournal(ctx, storage, archive.Place{System: system, Store: "bench", Keyspace: name}, system)
	if err != nil {
		remove()
		return nil, nil, err
	}
	return journal, func() {
		_ = journal.Close(ctx) // it is removed at once
		remove()
	}, nil
}

// backup keeps every key of the keyspace in an archive, without the reading back.
func backup(ctx context.Context, r *rig, _ *meter) error {
	keys := 0
	err := r.store.Dump(ctx, exactSessions(), nil, func(page []keyspace.Entry) error {
		keys += len(page)
		return nil
	})
	if err == nil && keys != r.options.Keys {
		err = fmt.Errorf("%d keys were read, and there are %d", keys, r.options.Keys)
	}
	return err
}
