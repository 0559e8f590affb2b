package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	if err := r.edges.Cluster.Stop(ctx, r.want.System, c); err != nil {
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
	if err := r.edges.Cluster.Start(ctx, r.want.System, c); err != nil {
		return err
	}
	return r.edges.Cluster.Await(ctx, c, release, r.edges.rolloutTimeout(), report)
}

// forget removes the notes of stops that are over, because somebody else has scaled the component since. Those of one that a
// plan is to stop again stand, as they say how many replicas it had at first, and so do those of what is blocked.
func (s *Situation) forget(ctx context.Context, e Edges, p plan.Plan) error {
	running := slices.Clone(s.Have.Components)
	for i, live := range running {
		again := slices.ContainsFunc(p.Steps, func(x plan.Step) bool {
			return x.Kind == plan.Scale && x.Object == live.Component && x.To == plan.ToZero
		})
		blocked := slices.ContainsFunc(p.Blocked, func(b plan.Blocked) bool { return slices.Contains(b.Components, live.Component) })
		if c, ok := s.Want.FindComponent(live.Component); ok && live.Left && !again && !blocked {
			if err := e.Cluster.Forget(ctx, s.Want.System, c); err != nil {
				return fmt.Errorf("remove the note of a stop that is over: %w", err)
			}
			running[i].Left = false
		}
	}
	s.Have.Components = running
	return nil
}
