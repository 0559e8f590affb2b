package apply

import (
	"context"
	"errors"
	"fmt"

	"keyshift.dev/cluster"
	"keyshift.dev/plan"
)

// rollout moves a component to a release and returns once no pod of another release is left. Starting it
// again after a crash asks for the same thing again.
func (r *run) rollout(ctx context.Context, i int, step plan.Step) error {
	component, ok := r.want.FindComponent(step.Object)
	if !ok {
		return fmt.Errorf("component %q is not declared", step.Object)
	}
	release, ok := component.FindRelease(step.To)
	if !ok {
		return fmt.Errorf("release %q is not declared", step.To)
	}
	if err := r.edges.Cluster.Rollout(ctx, component, release); err != nil {
		return err
	}
	err := r.edges.Cluster.Await(ctx, component, release, r.edges.rolloutTimeout(), func(p cluster.Progress) {
		r.tell(Event{Kind: Progressed, Index: i, Step: step, Rollout: &p})
	})
	if _, overtaken := errors.AsType[*cluster.OvertakenError](err); overtaken {
		return fmt.Errorf("%w: %w", errSuperseded, err)
	}
	return err
}
