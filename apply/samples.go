package apply

import (
	"context"
	"fmt"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Sampled are units that one rewrite of a plan would convert, as they are and as they would be. They hold values of the
// application.
type Sampled struct {
	Step     int // index into the plan's steps
	Examples []keyspace.Example
}

// Samples looks, for each rewrite of a plan that converts units, for at most n of them. It reads a bounded number of keys
// and writes nothing. The error is what a store answered.
func Samples(ctx context.Context, e Edges, s Situation, p plan.Plan, n int) ([]Sampled, error) {
	var out []Sampled
	for i, step := range p.Steps {
		k, declared := s.Want.FindKeyspace(step.Object)
		if step.Kind != plan.Rewrite || !declared || step.Strategy.Empties() {
			continue
		}
		found, err := e.Stores[k.Store].Examples(ctx, k, state.Version(step.To), n)
		if err != nil {
			return nil, fmt.Errorf("samples of %s: %w", k.Name, err)
		}
		out = append(out, Sampled{i, found})
	}
	return out, nil
}
