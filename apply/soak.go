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
	next int // that of the step which waits; the number of steps if none does, -1 while it is not watched yet
}

// name says what is watched.
func (s soaking) name() string {
	if s.Component != "" {
		return fmt.Sprintf("rollout %s to %s", s.Component, s.To)
	}
	return fmt.Sprintf("rewrite %s to %s", s.Keyspace, s.To)
}

// of is what is watched.
func (s soaking) of() (kind plan.Kind, object string) {
	if s.Component != "" {
		return plan.Rollout, s.Component
	}
	return plan.Rewrite, s.Keyspace
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
// nothing to do with it does not. The ledgers keep its end, so that a run that is interrupted goes on with it. Nothing waits
// while a component is stopped, or it would be stopped for longer: that it starts again is watched like a rollout, and what
// was rewritten meanwhile from then on, as it says nothing that all is well while nobody runs.
func (r *run) soak(i int) {
	step := r.plan.Steps[i]
	if step.Kind == plan.Scale && step.To == plan.BackUp {
		r.soakStarted(i)
		step.Kind, step.To = plan.Rollout, strings.Join(step.From, ", ")
	}
	live, _ := r.have.FindRunning(step.Object)
	if soakOf(r.want, step.Kind, step.Object) == 0 || r.goesBack(i) || step.Kind == plan.Rollout && live.Stopped {
		return
	}
	s := soaking{Soaking: state.Soaking{To: step.To}, step: i}
	if step.Kind == plan.Rollout {
		s.Component = step.Object
	} else {
		s.Keyspace = step.Object
	}
	if start := r.startBehind(i); start >= 0 {
		s.After, s.next = r.plan.Steps[start].Digest, -1
		r.book.soaks = soonest(append(slices.Clone(r.book.soaks), s.Soaking))
		r.soaks = append(r.soaks, s)
		return
	}
	r.soaks = append(r.soaks, r.beginSoak(s, i))
}

// beginSoak counts a soak from now on, for what follows some steps.
func (r *run) beginSoak(s soaking, steps ...int) soaking {
	kind, object := s.of()
	s.After, s.Until = "", r.edges.now().Add(soakOf(r.want, kind, object)).UnixMilli()
	if s.next = r.follower(steps...); s.next < len(r.plan.Steps) {
		s.Next = r.plan.Steps[s.next].Digest
		r.book.soaks = soonest(append(slices.Clone(r.book.soaks), s.Soaking))
	}
	return s
}

// soakStarted begins to watch what was rewritten while components were stopped, of which one step has started the last.
func (r *run) soakStarted(i int) {
	for n, s := range r.soaks {
		if s.After != r.plan.Steps[i].Digest {
			continue
		}
		r.book.soaks = slices.DeleteFunc(slices.Clone(r.book.soaks), func(known state.Soaking) bool { return known == s.Soaking })
		if s.step < 0 {
			s.step = i
		}
		r.soaks[n] = r.beginSoak(s, s.step, i)
	}
}

// startBehind returns the place of the step that starts the last of the stopped components that use what a step has
// rewritten, -1 if none is.
func (r *run) startBehind(i int) int {
	start, told := -1, map[string]bool{}
	for j := i + 1; j < len(r.plan.Steps) && r.plan.Steps[i].Kind == plan.Rewrite; j++ {
		s := r.plan.Steps[j]
		c, _ := r.want.FindComponent(s.Object)
		if s.Kind != plan.Scale || told[s.Object] || !uses(c, r.plan.Steps[i].Object) {
			continue
		}
		if told[s.Object] = true; s.To == plan.BackUp {
			start = j
		}
	}
	return start
}

// follower returns the place of the first step that changes something and waits for some, the number of steps if none does.
// What is done while a component is stopped does not wait: that it is stopped does, or what follows.
func (r *run) follower(of ...int) int {
	last := slices.Max(of)
	for j := last + 1; j < len(r.plan.Steps); j++ {
		if !slices.ContainsFunc(r.follows(j), func(k int) bool { return slices.Contains(of, k) }) {
			continue
		}
		stop := j
		for stop > last && unbound(r.plan, stop) {
			stop--
		}
		if stop > last {
			return stop
		}
		of = append(of, j)
	}
	return len(r.plan.Steps)
}

// recall takes up what the ledgers say is watched: what the plan has no step for is remembered until its time is over, but
// holds nothing. That of a policy which asks for less by now is cut short.
func (r *run) recall() {
	now, known := r.edges.now(), r.book.soaks
	r.book.soaks = nil
	for _, s := range known {
		kind, object := soaking{Soaking: s}.of()
		d := soakOf(r.want, kind, object)
		s.Until = min(s.Until, now.Add(d).UnixMilli())
		next := slices.IndexFunc(r.plan.Steps, func(step plan.Step) bool { return step.Digest == cmp.Or(s.After, s.Next) })
		if d == 0 || next < 0 && s.Until <= now.UnixMilli() || slices.Contains(r.book.soaks, s) {
			continue
		}
		r.book.soaks = append(r.book.soaks, s)
		if s.After != "" {
			next = -1
		}
		if next >= 0 || s.After != "" {
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
