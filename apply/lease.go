package apply

import (
	"context"
	"time"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// releaseTimeout bounds how long a run that ends waits to give its leases back.
const releaseTimeout = 5 * time.Second

// acquire takes the lease of a keyspace. If somebody holds it, it waits for as long as Edges.LeaseWait says:
// a process that was killed leaves a lease behind that expires soon. The error then holds a *keyspace.HeldError.
func (e Edges) acquire(ctx context.Context, system string, k state.Keyspace) (*keyspace.Lease, error) {
	wait := e.leaseWait()
	if wait < 0 {
		return e.Stores[k.Store].Acquire(ctx, system, k.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return e.Stores[k.Store].AcquireWait(ctx, system, k.Name)
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
