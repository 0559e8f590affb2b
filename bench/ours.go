package bench

import (
	"context"
	"fmt"

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

// rewrite brings a keyspace to its second version. What is reported when every unit is written ends the pass that
// writes; Rewrite then reads all of them again.
func rewrite(of func() state.Keyspace) func(context.Context, *rig, *meter) error {
	return func(ctx context.Context, r *rig, m *meter) error {
		k := of()
		l, err := r.store.Acquire(ctx, system, k.Name)
		if err != nil {
			return err
		}
		defer l.Release(context.WithoutCancel(ctx)) //nolint:errcheck // a lease that stays expires, and is cleared away
		n := int64(r.options.Keys)
		var marked error
		outcome, err := r.store.Rewrite(ctx, l, rewriteJob(k), func(p keyspace.Progress) {
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
		}
		return nil
	}
}

// rewriteJob is the job of a rewrite. Its undo log belongs here.
func rewriteJob(k state.Keyspace) keyspace.Job { return keyspace.Job{Keyspace: k, To: v2, ID: system} }
