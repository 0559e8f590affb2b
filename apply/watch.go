package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

const (
	watchFailures = 5                // how many looks at the cluster may fail in a row
	lookTimeout   = 30 * time.Second // of one look
)

// watched makes a pass over a store and looks at the cluster before it, again and again while it goes on, and once
// more after it. See is told of every look, of one at a time; an error of its stops the pass at a key boundary and is
// the result. So do looks that fail again and again: not knowing is no permission. A pod that comes and goes between
// two looks (Edges.Watch) is not seen.
func (e Edges) watched(ctx context.Context, want state.Desired, see func([]state.Running) error, pass func(context.Context) error) error {
	if e.Cluster == nil {
		return pass(ctx)
	}
	if err := e.look(ctx, want, see); err != nil {
		return err
	}
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	looking, quit := context.WithCancel(inner)
	var all sync.WaitGroup
	all.Go(func() {
		if err := e.keepLooking(looking, want, see); err != nil {
			stop(err)
		}
	})
	err := pass(inner)
	quit()
	all.Wait()
	if err != nil {
		return because(inner, err)
	}
	if cause := context.Cause(inner); cause != nil {
		return cause
	}
	return e.insist(ctx, want, see)
}

// because returns why a context was stopped where that is the cause of err.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
		return cause
	}
	return err
}

// keepLooking looks until its context ends, which is no error.
func (e Edges) keepLooking(ctx context.Context, want state.Desired, see func([]state.Running) error) error {
	for pause(ctx, e.watch()) == nil {
		err := e.insist(ctx, want, see)
		if err != nil && (ctx.Err() == nil || errors.Is(err, errSuperseded)) {
			return err
		}
	}
	return nil
}

// insist looks, and looks again where that fails.
func (e Edges) insist(ctx context.Context, want state.Desired, see func([]state.Running) error) error {
	for failures := 1; ; failures++ {
		err := e.look(ctx, want, see)
		if err == nil || errors.Is(err, errSuperseded) || failures == watchFailures || pause(ctx, e.watch()) != nil {
			return err
		}
	}
}

func (e Edges) look(ctx context.Context, want state.Desired, see func([]state.Running) error) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	running, err := e.running(ctx, want)
	if err != nil {
		return err
	}
	return see(running)
}

// beside makes the pass of a rewrite or verify, and stops it where the cluster disturbs it.
func (r *run) beside(ctx context.Context, step plan.Step, pass func(context.Context) error) error {
	before := r.have.Components
	return r.edges.watched(ctx, r.want, func(now []state.Running) error { return disturbed(r.want, step, before, now) }, pass)
}

// disturbed tells why a rewrite or verify that began beside some releases may not go on beside those that run now:
// one writes what is not converted to the rewrite's version or what the verify does not allow for, one that is new
// cannot read the version, or one uses at all what is rewritten while nobody does, or nobody knows what an image reads and
// writes, be it of a component that is not known to use what is deleted. The error is errSuperseded.
func disturbed(want state.Desired, step plan.Step, before, now []state.Running) error {
	k, _ := want.FindKeyspace(step.Object)
	classes, to := diff.ClassesOf(k), state.Version(step.To)
	then, later := state.Observed{Components: before}, state.Observed{Components: now}
	allowed := diff.Writes(want, then, k.Name, classes)
	for _, c := range diff.Writes(want, later, k.Name, classes) {
		if !slices.Contains(allowed, c) && !(step.Kind != plan.Verify && c.Has(to)) {
			return fmt.Errorf("%w: a running release writes %s at %s", errSuperseded, k.Name, c)
		}
	}
	for _, c := range want.Components {
		if step.Kind == plan.Prune && usedBy(c, state.Running{Releases: diff.Runs(c, later)}, k.Name) {
			return fmt.Errorf("%w: component %s runs and uses %s, which was taken out of the spec", errSuperseded, c.Name, k.Name)
		}
		if step.Kind == plan.Rewrite && k.Policy.Strategy == state.StrategyStop {
			if live, _ := later.FindRunning(c.Name); usedBy(c, state.Running{Releases: diff.Runs(c, later)}, k.Name) {
				return fmt.Errorf("%w: component %s was stopped for the rewrite of %s, and runs again with %d replicas", errSuperseded, c.Name, k.Name, live.Desired)
			}
		}
		if live, _ := later.FindRunning(c.Name); len(live.Unknown) > 0 && (uses(c, k.Name) || step.Kind == plan.Prune) {
			return fmt.Errorf("%w: component %s runs %s, and nobody knows what that writes to %s", errSuperseded, c.Name, live.Unknown[0].Image, k.Name)
		}
		known := diff.Runs(c, then)
		for _, name := range diff.Runs(c, later) {
			if !slices.Contains(known, name) && blind(c, name, k.Name, classes, to) {
				return fmt.Errorf("%w: %s %s runs, which does not read %s %s", errSuperseded, c.Name, name, k.Name, to)
			}
		}
	}
	return nil
}

// uses tells whether any release of a component uses a keyspace.
func uses(c state.Component, keyspace string) bool {
	return slices.ContainsFunc(c.Releases, func(r state.Release) bool {
		_, ok := r.FindUse(keyspace)
		return ok
	})
}

// blind tells whether a release reads a keyspace, but not what a rewrite to a version writes.
func blind(c state.Component, release, keyspace string, classes diff.Classes, to state.Version) bool {
	r, _ := c.FindRelease(release)
	u, _ := r.FindUse(keyspace)
	return to != "" && u.Reads != "" && !slices.ContainsFunc(classes.Written(to).Versions(), u.Reads.Contains)
}
