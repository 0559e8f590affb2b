package apply

import (
	"context"
	"errors"
	"fmt"

	"keyshift.dev/cluster"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// scale stops a component and returns once no pod of it is left, or starts it again and returns once as many are ready as
// there were before. Doing it again after a crash asks for the same thing again.
func (r *run) scale(ctx context.Context, i int, step plan.Step) error {
	component, ok := r.want.FindComponent(step.Object)
	if !ok {
		return fmt.Errorf("component %q is not declared", step.Object)
	}
	report := func(p cluster.Progress) { r.tell(Event{Kind: Progressed, Index: i, Step: step, Rollout: &p}) }
	do := r.stop
	if step.To == plan.BackUp {
		do = r.start
	}
	err := do(ctx, component, report)
	_, overtaken := errors.AsType[*cluster.OvertakenError](err)
	if _, scaled := errors.AsType[*cluster.ScaledError](err); scaled || overtaken {
		return fmt.Errorf("%w: %w", errSuperseded, err)
	}
	return err
}

func (r *run) stop(ctx context.Context, c state.Component, report func(cluster.Progress)) error {
	if err := r.edges.Cluster.Stop(ctx, c); err != nil {
		return err
	}
	return r.edges.Cluster.AwaitStopped(ctx, c, r.edges.rolloutTimeout(), report)
}

func (r *run) start(ctx context.Context, c state.Component, report func(cluster.Progress)) error {
	live, _ := r.have.FindRunning(c.Name)
	release, ok := c.FindRelease(live.Template)
	if !ok {
		return fmt.Errorf("release %q is not declared", live.Template)
	}
	if err := r.edges.Cluster.Start(ctx, c); err != nil {
		return err
	}
	return r.edges.Cluster.Await(ctx, c, release, r.edges.rolloutTimeout(), report)
}
