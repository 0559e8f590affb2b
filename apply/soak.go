package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// soaking is a step that has ended and is watched before what depends on it begins.
type soaking struct {
	state.Soaking
	step int // its place in the plan; -1 if a run before this one ended it
	next int // that of the step which waits; the number of steps if none does
}

// name says what is watched.
func (s soaking) name() string {
	if s.Component != "" {
		return fmt.Sprintf("rollout %s to %s", s.Component, s.To)
	}
	return fmt.Sprintf("rewrite %s to %s", s.Keyspace, s.To)
}

func (s soaking) until() time.Time { return time.UnixMilli(s.Until) }

// soakOf is how long to watch after a step: the longest of what the policies say of the component that was rolled out and
// of the keyspaces that it uses, or of the keyspace that was rewritten and of the components that use it.
func soakOf(want state.Desired, kind plan.Kind, object string) time.Duration {
	var most int64
	switch kind {
	case plan.Rollout:
		c, _ := want.FindComponent(object)
		most = c.Policy.Soak.AfterRollout
		for _, k := range want.Keyspaces {
			if uses(c, k.Name) {
				most = max(most, k.Policy.Soak.AfterRollout)
			}
		}
	case plan.Rewrite:
		k, _ := want.FindKeyspace(object)
		most = k.Policy.Soak.AfterRewrite
		for _, c := range want.Components {
			if uses(c, object) {
				most = max(most, c.Policy.Soak.AfterRewrite)
			}
		}
	}
	return time.Duration(most) * time.Millisecond
}

// soak begins to watch a step that has ended. The first step that depends on it and changes something waits; what has
// nothing to do with it does not. The ledgers keep its end, so that a run that is interrupted goes on with it. What is done
// while a component is stopped is not watched, or it would be stopped for longer: that it starts again is, like a rollout.
func (r *run) soak(i int) {
	step := r.plan.Steps[i]
	if step.Kind == plan.Scale && step.To == plan.BackUp {
		step.Kind, step.To = plan.Rollout, strings.Join(step.From, ", ")
	}
	d := soakOf(r.want, step.Kind, step.Object)
	if d == 0 || r.goesBack(i) || r.plan.Amid(r.want, i) {
		return
	}
	s := soaking{Soaking: state.Soaking{To: step.To, Until: r.edges.now().Add(d).UnixMilli()}, step: i, next: r.follower(i)}
	if step.Kind == plan.Rollout {
		s.Component = step.Object
	} else {
		s.Keyspace = step.Object
	}
	if s.next < len(r.plan.Steps) {
		s.Next = r.plan.Steps[s.next].Digest
		r.book.soaks = soonest(append(slices.Clone(r.book.soaks), s.Soaking))
	}
	r.soaks = append(r.soaks, s)
}

// follower returns the place of the first step that changes something and waits for one, the number of steps if none does.
func (r *run) follower(i int) int {
	for j := i + 1; j < len(r.plan.Steps); j++ {
		if slices.Contains(r.follows(j), i) {
			return j
		}
	}
	return len(r.plan.Steps)
}

// recall takes up what the ledgers say is watched: what the plan has no step for is remembered until its time is over, but
// holds nothing. That of a policy which asks for less by now is cut short.
func (r *run) recall() {
	now, known := r.edges.now(), r.book.soaks
	r.book.soaks = nil
	for _, s := range known {
		kind, object := plan.Rollout, s.Component
		if s.Component == "" {
			kind, object = plan.Rewrite, s.Keyspace
		}
		d := soakOf(r.want, kind, object)
		s.Until = min(s.Until, now.Add(d).UnixMilli())
		next := slices.IndexFunc(r.plan.Steps, func(step plan.Step) bool { return step.Digest == s.Next })
		if d == 0 || next < 0 && s.Until <= now.UnixMilli() || slices.Contains(r.book.soaks, s) {
			continue
		}
		r.book.soaks = append(r.book.soaks, s)
		if next >= 0 {
			r.soaks = append(r.soaks, soaking{s, -1, next})
		}
	}
	r.book.soaks = soonest(r.book.soaks)
}

// soaksOf returns what is watched, as ledgers know it, each once.
func soaksOf(shelves []shelf) (out []state.Soaking) {
	for _, s := range shelves {
		for _, known := range s.ledger.Soaks {
			if !slices.Contains(out, known) {
				out = append(out, known)
			}
		}
	}
	return soonest(out)
}

func soonest(s []state.Soaking) []state.Soaking {
	slices.SortFunc(s, func(a, b state.Soaking) int {
		return cmp.Or(cmp.Compare(a.Until, b.Until), cmp.Compare(a.Component+a.Keyspace, b.Component+b.Keyspace), cmp.Compare(a.Next, b.Next))
	})
	return s
}

// soaked waits for the end of what a step waits for, and watches it meanwhile; what a window keeps back does not wait here.
func (r *run) soaked(ctx context.Context, i int) error {
	due := r.soaksBefore(i)
	if len(due) == 0 {
		return nil
	}
	if err := r.window(i); err != nil {
		return err
	}
	if err := r.watchSoaks(ctx, i, due); err != nil {
		return err
	}
	r.soaks = slices.DeleteFunc(r.soaks, func(s soaking) bool { return s.next == i })
	r.book.soaks = slices.DeleteFunc(slices.Clone(r.book.soaks), func(s state.Soaking) bool { return s.Next == r.plan.Steps[i].Digest })
	return nil
}

// soaksBefore are the steps that are watched before one.
func (r *run) soaksBefore(i int) (out []soaking) {
	for _, s := range r.soaks {
		if s.next == i {
			out = append(out, s)
		}
	}
	return out
}

// lastSoaks watches what nothing waits for, at the end of a run.
func (r *run) lastSoaks(ctx context.Context) error {
	due := r.soaksBefore(len(r.plan.Steps))
	if len(due) == 0 {
		return nil
	}
	last := due[len(due)-1].step
	err := r.watchSoaks(ctx, last, due)
	if err == nil {
		return nil
	}
	step := r.plan.Steps[last]
	r.tell(Event{Kind: Failed, Index: last, Step: step, Err: err})
	return &StepError{step, err}
}

// watchSoaks looks at some soaks again and again until all have ended well; at least once. The error is a *HoldError where
// they do not, what the cluster answered, or the context's.
func (r *run) watchSoaks(ctx context.Context, i int, due []soaking) error {
	var names []string
	var until time.Time
	for _, s := range due {
		names = append(names, s.name())
		if s.until().After(until) {
			until = s.until()
		}
	}
	left := until.Sub(r.edges.now())
	end := time.Now().Add(left)
	if left > 0 {
		r.tell(Event{Kind: Soaking, Index: i, Step: r.plan.Steps[i], After: strings.Join(names, ", "), Until: until})
	}
	for failed := 0; ; {
		why, err := r.ailing(ctx, due)
		if err != nil {
			return err
		}
		wait := r.edges.gateEvery()
		if why == "" {
			failed = 0
			wait = min(wait, time.Until(end))
		} else if failed++; failed == gateFailures {
			return hold(SoakFailed, "mend it and try once more by force, or revert", "after %s, %s", strings.Join(names, ", "), why)
		}
		if wait <= 0 {
			return nil
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// ailing says what is not well of what is watched, nothing if all is.
func (r *run) ailing(ctx context.Context, due []soaking) (string, error) {
	var not []string
	if r.edges.Cluster != nil {
		err := r.edges.insist(ctx, r.want, func(now []state.Running) error {
			for _, s := range due {
				not = append(not, unready(r.want, state.Observed{Components: now}, s)...)
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	var gates []state.Gate
	for _, s := range due {
		c, _ := r.want.FindComponent(s.Component)
		k, _ := r.want.FindKeyspace(s.Keyspace)
		gates = slices.Concat(gates, c.Policy.Gates, k.Policy.Gates)
	}
	why, err := r.edges.ask(ctx, gates)
	if why != "" {
		not = append(not, why)
	}
	slices.Sort(not)
	return strings.Join(slices.Compact(not), "; "), err
}

// unready names the components with fewer ready pods than are asked for that a soak is about: the one that was rolled out,
// or those that use the keyspace that was rewritten.
func unready(want state.Desired, have state.Observed, s soaking) (out []string) {
	for _, c := range want.Components {
		r, observed := have.FindRunning(c.Name)
		if c.External || !observed || r.Ready >= r.Desired {
			continue
		}
		if c.Name == s.Component || s.Keyspace != "" && usedBy(c, r, s.Keyspace) {
			out = append(out, fmt.Sprintf("%d of %d pods of component %s are ready", r.Ready, r.Desired, c.Name))
		}
	}
	return out
}
