package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// rewrite converts the units of a keyspace under its lease, which the run keeps for the verify that follows.
// While it runs the cluster is watched: a pod that writes another version stops it at a key boundary, and so
// do more unfit units than the policy allows.
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
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer r.watch(ctx, stop, k, state.Version(step.To))()
	job := keyspace.Job{Keyspace: k, To: state.Version(step.To), ID: string(step.Digest)}
	outcome, err := r.edges.Stores[k.Store].Rewrite(ctx, r.leases[k.Name], job, func(p keyspace.Progress) {
		if p.Unfit > allowed {
			stop(unfitError(k, p.Unfit, allowed, nil))
		}
		r.tell(Event{Kind: Progressed, Index: i, Step: step, Rewrite: &p})
	})
	if err != nil {
		return &outcome, because(ctx, err)
	}
	if outcome.Unfit > allowed {
		return &outcome, unfitError(k, outcome.Unfit, allowed, outcome.Samples)
	}
	if !outcome.Clean(job.To) {
		return &outcome, unconvertible(k, job.To, outcome)
	}
	return &outcome, nil
}

// because returns why a context was stopped where that is the cause of err.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
		return cause
	}
	return err
}

// watch observes the cluster again and again while a rewrite runs, and stops it when a release that writes
// another version than to appears. A failed observation stops it too: not knowing is no permission. The
// returned function ends the watch.
func (r *run) watch(ctx context.Context, stop context.CancelCauseFunc, k state.Keyspace, to state.Version) func() {
	if r.edges.Cluster == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		failures := 0
		for pause(ctx, r.edges.watch()) == nil {
			err := r.unwatched(ctx, k, to)
			if err == nil || ctx.Err() != nil {
				failures = 0
				continue
			}
			if failures++; errors.Is(err, errSuperseded) || failures >= watchFailures {
				stop(err)
				return
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// watchFailures is how many observations may fail in a row before a rewrite stops.
const watchFailures = 5

// unwatched tells what is wrong with the cluster for a rewrite of k to a version.
func (r *run) unwatched(ctx context.Context, k state.Keyspace, to state.Version) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	running, err := r.edges.running(ctx, r.want)
	if err != nil {
		return err
	}
	classes := diff.ClassesOf(k)
	for _, c := range diff.Writes(r.want, state.Observed{Components: running}, k.Name, classes) {
		if !c.Has(to) {
			return fmt.Errorf("%w: a running release writes %s at %s again", errSuperseded, k.Name, c)
		}
	}
	return nil
}
