package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
)

// releaseTimeout bounds how long a run that ends waits to give its leases back.
const releaseTimeout = 5 * time.Second

// lease makes sure that the run holds the lease of a data step's keyspace; it does nothing for a step on a component.
// If somebody else holds it, the run waits for as long as Edges.LeaseWait says: a process that was killed
// leaves a lease behind that expires soon. The error then holds a *keyspace.HeldError.
func (r *run) lease(ctx context.Context, i int, step plan.Step) error {
	if step.OnComponent() || r.leases[step.Object] != nil {
		return nil
	}
	k, ok := r.want.FindKeyspace(step.Object)
	if !ok {
		return fmt.Errorf("keyspace %q is not declared", step.Object)
	}
	store := r.edges.Stores[k.Store]
	l, err := store.Acquire(ctx, r.book.system, k.Name)
	if held, taken := errors.AsType[*keyspace.HeldError](err); taken && r.edges.leaseWait() > 0 {
		r.tell(Event{Kind: Waiting, Index: i, Step: step, Err: held})
		waiting, cancel := context.WithTimeout(ctx, r.edges.leaseWait())
		defer cancel()
		l, err = store.AcquireWait(waiting, r.book.system, k.Name)
	}
	if err == nil {
		r.leases[k.Name] = l
	}
	return err
}

// let gives the lease of a keyspace back. A lease that cannot be given back expires by itself.
func (r *run) let(ctx context.Context, keyspace string) error {
	l := r.leases[keyspace]
	if l == nil {
		return nil
	}
	delete(r.leases, keyspace)
	return l.Release(ctx)
}

// release gives back what a run that ended early still holds, also after its context ended.
func (r *run) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	_ = r.closeLog(ctx) // it has all that was appended, closed or not
	for name := range r.leases {
		_ = r.let(ctx, name) // the run's own error is the one to tell; the lease expires
	}
}

// pause sleeps, or returns why the context ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
