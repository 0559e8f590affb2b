package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/gate"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// gateFailures is how often in a row gates must not hold, or pods not be well, before a step that runs is held, or a soak
// fails: one answer that was lost is no reason.
const gateFailures = 2

// gatesOf returns the gates that bind a step: those of the policy of what it changes, or keeps for a change. A verify
// changes nothing, and none binds it. What is done while a component of its part is stopped is bound by none, nor is that it
// starts again, or it might be stopped for ever: the gates of all that bind the stop.
func gatesOf(want state.Desired, p plan.Plan, i int) []state.Gate {
	step := p.Steps[i]
	if unbound(p, i) {
		return nil
	}
	gates := policyGates(want, step)
	if step.Kind != plan.Scale {
		return gates
	}
	for j := i + 1; j < len(p.Steps) && !(p.Steps[j].Kind == plan.Scale && p.Steps[j].Object == step.Object); j++ {
		if p.Steps[j].Part == step.Part && p.Amid(j) {
			gates = slices.Concat(gates, policyGates(want, p.Steps[j]))
		}
	}
	return gates
}

// unbound tells whether a step waits for nothing, because a component is stopped until it is done.
func unbound(p plan.Plan, i int) bool {
	s := p.Steps[i]
	return s.Kind == plan.Scale && s.To == plan.BackUp || p.Amid(i)
}

func policyGates(want state.Desired, step plan.Step) []state.Gate {
	switch {
	case step.Kind == plan.Verify:
		return nil
	case step.OnComponent():
		c, _ := want.FindComponent(step.Object)
		return c.Policy.Gates
	}
	k, _ := want.FindKeyspace(step.Object)
	return k.Policy.Gates
}

// mostAsked is how many gates are asked at once.
const mostAsked = 16

// answers asks gates, each once, and says of each why it does not hold, nothing if it does. The error is the context's.
func (e Edges) answers(ctx context.Context, gates []state.Gate) (map[state.Gate]string, error) {
	gates = slices.Compact(slices.SortedFunc(slices.Values(gates), compareGates))
	why := make([]string, len(gates))
	turns := make(chan struct{}, mostAsked)
	var all sync.WaitGroup
	for i, g := range gates {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if a := gate.Ask(ctx, gate.Options{Prometheus: e.Prometheus}, g); !a.Holds {
				why[i] = "gate " + a.Why
			}
		})
	}
	all.Wait()
	out := make(map[state.Gate]string, len(gates))
	for i, g := range gates {
		out[g] = why[i]
	}
	return out, context.Cause(ctx)
}

func compareGates(a, b state.Gate) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.HTTP, b.HTTP), cmp.Compare(a.PromQL, b.PromQL))
}

// ask says which of some gates do not hold and why, nothing if all do. The error is the context's.
func (e Edges) ask(ctx context.Context, gates []state.Gate) (string, error) {
	answers, err := e.answers(ctx, gates)
	return whyNot(answers, gates), err
}

// whyNot joins the answers of gates that do not hold.
func whyNot(answers map[state.Gate]string, gates []state.Gate) string {
	var not []string
	for _, g := range gates {
		if why := answers[g]; why != "" && !slices.Contains(not, why) {
			not = append(not, why)
		}
	}
	return strings.Join(not, "; ")
}

// gates tells whether a step may start now, by its gates. Those of a rollout that it follows count, too: that one could
// not be paused when they ceased to hold.
func (r *run) gates(ctx context.Context, i int) error {
	if r.goesBack(i) || unbound(r.plan, i) {
		return nil
	}
	step := r.plan.Steps[i]
	gates := gatesOf(r.want, r.plan, i)
	for _, j := range r.follows(i) {
		if before := r.plan.Steps[j]; before.OnComponent() {
			gates = slices.Concat(gates, gatesOf(r.want, r.plan, j))
		}
	}
	why, err := r.edges.ask(ctx, gates)
	if err != nil || why == "" {
		return err
	}
	change := shut(step, why)
	return &closedError{hold(GateClosed, change.WayOut, "%s may not start now, %s", step, why), change, time.Time{}}
}

// goesBack tells whether a step goes back to what was applied before: that mends what failed, and waits for no gate.
func (r *run) goesBack(i int) bool { return r.isBack(r.plan.Parts[r.plan.Steps[i].Part]) }

// follows returns the steps that one waits for and that change something, by their places; a verify has none.
func (r *run) follows(i int) (out []int) {
	if r.plan.Steps[i].Kind == plan.Verify {
		return nil
	}
	if r.needs == nil {
		r.needs = r.plan.Needs(r.want)
	}
	for todo := slices.Clone(r.needs[i]); len(todo) > 0; todo = todo[1:] {
		if j := todo[0]; r.plan.Steps[j].Kind == plan.Verify {
			todo = append(todo, r.needs[j]...)
		} else if !slices.Contains(out, j) {
			out = append(out, j)
		}
	}
	return out
}

// shut holds what a step is about whose gates do not hold.
func shut(step plan.Step, why string) diff.Change {
	change := holdOf(step, GateClosed, fmt.Sprintf("waits: %s may not start now, %s", step, why))
	change.WayOut = "wait until they hold, or change policy.gates"
	return change
}

// shut holds the parts that begin with a step whose gates do not hold, so that not every one of them costs a run and another
// pass over all keys.
func (a *admission) shut(ctx context.Context, s Situation, p plan.Plan) (holds []diff.Change, err error) {
	var gates []state.Gate
	begins := func(i int) bool { return p.First(i) && !s.goesBack(p.Parts[p.Steps[i].Part]) }
	for i := range p.Steps {
		if begins(i) {
			gates = slices.Concat(gates, gatesOf(s.Want, p, i))
		}
	}
	answers, err := a.edges.answers(ctx, gates)
	if err != nil {
		return nil, err
	}
	for i, step := range p.Steps {
		if why := whyNot(answers, gatesOf(s.Want, p, i)); why != "" && begins(i) {
			holds = append(holds, shut(step, why))
		}
	}
	return holds, nil
}

// barrier keeps the writes of a step back while its gates do not hold.
type barrier struct {
	mu   sync.Mutex
	lift chan struct{} // nil: nothing is kept back; else closed once it may go on
}

// pass returns once a write may be sent. The error is the context's.
func (b *barrier) pass(ctx context.Context) error {
	b.mu.Lock()
	lift := b.lift
	b.mu.Unlock()
	if lift == nil {
		return nil
	}
	select {
	case <-lift:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *barrier) set(open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case open && b.lift != nil:
		close(b.lift)
		b.lift = nil
	case !open && b.lift == nil:
		b.lift = make(chan struct{})
	}
}

// gated makes a part of a step and asks the step's gates again and again while it goes on. When they do not hold some
// times in a row they shut the barrier, until they hold again.
func (r *run) gated(ctx context.Context, i int, b *barrier, work func(context.Context) error) error {
	gates := gatesOf(r.want, r.plan, i)
	if len(gates) == 0 || r.goesBack(i) {
		return work(ctx)
	}
	asking, quit := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer quit()
	all.Go(func() { r.keepAsking(asking, i, gates, b) })
	return work(ctx)
}

// keepAsking asks until its context ends.
func (r *run) keepAsking(ctx context.Context, i int, gates []state.Gate, b *barrier) {
	step := r.plan.Steps[i]
	for failed := 0; pause(ctx, r.edges.gateEvery()) == nil; {
		why, err := r.edges.ask(ctx, gates)
		if err != nil {
			return
		}
		if why == "" {
			if failed >= gateFailures {
				b.set(true)
				r.tell(Event{Kind: Resumed, Index: i, Step: step})
			}
			failed = 0
			continue
		}
		if failed++; failed == gateFailures {
			b.set(false)
			r.tell(Event{Kind: Paused, Index: i, Step: step, Err: paused(step, why)})
		}
	}
}

// paused says what becomes of a step that runs and whose gates do not hold.
func paused(step plan.Step, why string) *HoldError {
	what := "it pauses until they hold"
	if step.OnComponent() {
		what = "a rollout cannot be paused, and what follows it waits until they hold"
	}
	return hold(GateClosed, what, "%s", why)
}
