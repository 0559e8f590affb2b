package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Size is how much a step of a plan works on, and about how long it takes. It is no part of the plan: counts change
// and the plan does not.
type Size struct {
	Step int `json:"step"` // index into the plan's steps
	keyspace.Forecast
}

// Sizes foresees the steps on data, as far as what was observed tells. It is pure.
func Sizes(s Situation, p plan.Plan) []Size {
	var out []Size
	for i, step := range p.Steps {
		k, declared := s.Want.FindKeyspace(step.Object)
		if step.OnComponent() || !declared || step.Strategy.Empties() {
			continue
		}
		live, _ := s.Have.FindLive(k.Name)
		stored := censusOf(s.Have, k.Store).Keys
		if step.Kind == plan.Rewrite {
			out = append(out, Size{i, keyspace.ForecastRewrite(k, live, stored, state.Version(step.To))})
		} else {
			out = append(out, Size{i, keyspace.ForecastPass(k, live, stored)})
		}
	}
	return out
}

func censusOf(have state.Observed, store string) state.Census {
	for _, c := range have.Stores {
		if c.Store == store {
			return c
		}
	}
	return state.Census{}
}

// Checked is the preflight of one rewrite of a plan.
type Checked struct {
	Step int `json:"step"` // index into the plan's steps
	keyspace.Preflight
}

// Preflight looks, for each rewrite of a plan, at whether its server can bear it. It writes nothing. That one would be
// held is no error.
func Preflight(ctx context.Context, e Edges, s Situation, p plan.Plan) ([]Checked, error) {
	var out []Checked
	for i, step := range p.Steps {
		c, err := e.check(ctx, s.Want, s.Have, step)
		if err != nil {
			return nil, err
		}
		if c != nil {
			out = append(out, Checked{i, *c})
		}
	}
	return out, nil
}

// check is the preflight of one step; nil if it is none that converts units.
func (e Edges) check(ctx context.Context, want state.Desired, have state.Observed, step plan.Step) (*keyspace.Preflight, error) {
	k, declared := want.FindKeyspace(step.Object)
	if step.Kind != plan.Rewrite || !declared || step.Strategy.Empties() {
		return nil, nil
	}
	live, _ := have.FindLive(k.Name)
	o := keyspace.PreflightOptions{Live: live, Room: e.Room}
	if len(step.Losses) > 0 { // of step.Mixes alone few units are logged
		o.Archived++ // the undo log
	}
	if k.Policy.Backup == state.BackupAlways || k.Policy.Backup == state.BackupLossy && len(step.Losses) > 0 {
		o.Archived++
	}
	c, err := e.Stores[k.Store].Preflight(ctx, k, state.Version(step.To), o)
	if err != nil {
		return nil, fmt.Errorf("preflight of %s: %w", k.Name, err)
	}
	return &c, nil
}

// preflight holds a run before its first step if the server of any rewrite cannot bear it, and looks again before each
// backup and rewrite: a rollout may have taken hours. What a person should know, and does not stop the run, is told.
func (r *run) preflight(ctx context.Context, i int) error {
	for j, s := range r.plan.Steps {
		if !due(r.plan.Steps, i, j) {
			continue
		}
		c, err := r.edges.check(ctx, r.want, r.have, s)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		if held := c.Of(keyspace.FindingHold); len(held) > 0 {
			return unbearable(*c, held)
		}
		if len(c.Of(keyspace.FindingWarn)) > 0 {
			r.tell(Event{Kind: Preflighted, Index: j, Step: s, Preflight: c})
		}
	}
	return nil
}

// due tells whether step j is looked at before step i: all are before the first; later those of the keyspace that a
// backup or a rewrite begins to work on.
func due(steps []plan.Step, i, j int) bool {
	if i == 0 {
		return true
	}
	works := func(s plan.Step) bool { return !s.OnComponent() && s.Kind != plan.Verify }
	now, last := steps[i], steps[i-1]
	begins := works(now) && !(works(last) && last.Object == now.Object)
	return begins && j >= i && steps[j].Object == now.Object
}

// unbearable holds a rewrite that its server cannot bear.
func unbearable(c keyspace.Preflight, held []keyspace.Finding) *HoldError {
	var reasons, ways []string
	for _, f := range held {
		reasons = append(reasons, f.Reason)
		if !slices.Contains(ways, f.WayOut) {
			ways = append(ways, f.WayOut)
		}
	}
	return hold(Unbearable, strings.Join(ways, "; "), "keyspace %s is not rewritten to %s: %s", c.Keyspace, c.To, strings.Join(reasons, "; "))
}
