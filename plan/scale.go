package plan

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// What a scale step goes to.
const (
	ToZero = "0"  // no pod is left
	BackUp = "up" // as many as there were before
)

// stopStep describes that a component is stopped. It is the same step while its pods go.
func stopStep(want state.Desired, have state.Observed, c state.Component) Step {
	s := Step{Kind: Scale, Object: c.Name, From: diff.Runs(c, have), To: ToZero, Risk: diff.RiskDowntime}
	live, _ := have.FindRunning(c.Name)
	s.Begun = live.Stopped
	var keyspaces, others []string
	for _, k := range want.Keyspaces {
		switch {
		case !uses(c, s.From, k.Name):
		case stops(want, have, k):
			keyspaces = append(keyspaces, k.Name)
		case mayStopFor(k):
			others = append(others, k.Name)
		}
	}
	switch {
	case len(keyspaces) == 1:
		s.Reason = fmt.Sprintf("%s must not be used while it is rewritten", keyspaces[0])
	case len(keyspaces) > 0:
		s.Reason = fmt.Sprintf("%s must not be used while they are rewritten", strings.Join(keyspaces, " and "))
	case len(others) > 0 && !live.Stopped:
		s.Reason = fmt.Sprintf("no order in which it runs keeps %s readable, and the policy lets it be stopped", strings.Join(others, " and "))
	default:
		s.Reason = "it is being stopped already, and that ends before anything else"
	}
	s.Undo = fmt.Sprintf("scale %s back up", c.Name)
	return s
}

// mayStopFor tells whether the components that use a keyspace may be stopped.
func mayStopFor(k state.Keyspace) bool {
	return k.Policy.Strategy == state.StrategyStop && k.Version != ""
}

// stops tells whether a keyspace has a rewrite before it that starts only when nobody uses it.
func stops(want state.Desired, have state.Observed, k state.Keyspace) bool {
	return mayStopFor(k) && len(learn(want, have, k).lacking(k.Version)) > 0
}

// StoppedFor names the keyspaces for whose rewrite a component is, or would be, stopped: those that a release of it uses, of
// which a rewrite is left that starts only when nobody does.
func StoppedFor(want state.Desired, have state.Observed, component string) (keyspaces []string) {
	c, _ := want.FindComponent(component)
	var releases []string
	for _, r := range c.Releases {
		releases = append(releases, r.Name)
	}
	for _, k := range want.Keyspaces {
		if uses(c, releases, k.Name) && stops(want, have, k) {
			keyspaces = append(keyspaces, k.Name)
		}
	}
	return keyspaces
}

// startStep describes that a stopped component runs again.
func startStep(want state.Desired, have state.Observed, c state.Component) Step {
	live, _ := have.FindRunning(c.Name)
	r, _ := c.FindRelease(live.Template)
	s := Step{Kind: Scale, Object: c.Name, From: []string{r.Name}, To: BackUp, Risk: diff.RiskNone}
	s.Reason = fmt.Sprintf("%s reads all that is there, and what it writes every running reader reads", r.Name)
	if s.Notes = atStake(want, have, c, r); len(s.Notes) > 0 {
		s.Risk = diff.RiskMixedWriters
	}
	s.Undo = fmt.Sprintf("scale %s to 0", c.Name)
	return s
}

// beginScale returns the world while a component is scaled: to zero, it starts no pod any more and those that there are
// run on; back up, the release of its template runs. What was written stays on record.
func beginScale(want state.Desired, have state.Observed, s Step) state.Observed {
	c, _ := want.FindComponent(s.Object)
	live, _ := have.FindRunning(s.Object)
	if s.To == BackUp {
		live.Stopped, live.Since = false, 0
		return runs(want, have, c, live)
	}
	stopped := live
	stopped.Component, stopped.Releases, stopped.Stopped, stopped.Desired = s.Object, diff.Runs(c, have), true, 0
	stopped.Left = false
	out := withRunning(have, stopped)
	for _, k := range want.Keyspaces {
		if uses(c, stopped.Releases, k.Name) {
			out = withRecord(out, learn(want, have, k).record())
		}
	}
	return out
}

// endScale returns the world once that is done.
func endScale(during state.Observed, s Step) state.Observed {
	live, _ := during.FindRunning(s.Object)
	if s.To == BackUp {
		return endRollout(during, Step{Object: s.Object, To: live.Template})
	}
	live.Releases, live.Ready, live.Pods = nil, 0, nil
	return withRunning(during, live)
}

// checkScale proves that a component is stopped for a keyspace that demands it, or that a stop is ended that has begun,
// and that only what is stopped is started.
func checkScale(want state.Desired, have state.Observed, s Step) error {
	c, ok := want.FindComponent(s.Object)
	if !ok || c.External || c.Removed {
		return fmt.Errorf("%s: it is no component that Keyshift may scale; plan again", s)
	}
	live, _ := have.FindRunning(c.Name)
	switch s.To {
	case BackUp:
		if _, known := c.FindRelease(live.Template); !live.Stopped || !known || !slices.Equal(s.From, []string{live.Template}) {
			return fmt.Errorf("%s: it is not stopped at %s; plan again", s, strings.Join(s.From, ", "))
		}
		return nil
	case ToZero:
		needed := slices.ContainsFunc(want.Keyspaces, func(k state.Keyspace) bool {
			return mayStopFor(k) && uses(c, diff.Runs(c, have), k.Name)
		})
		if !needed && !live.Stopped {
			return &InvariantError{7, -1, fmt.Sprintf("%s: it uses no keyspace whose strategy is \"stop\"", s)}
		}
		return nil
	}
	return fmt.Errorf("%s: nothing is scaled to %q; plan again", s.Object, s.To)
}

// checkUnused proves that nobody uses a keyspace that is rewritten, where its policy demands that.
func checkUnused(want state.Desired, have state.Observed, k state.Keyspace, to state.Version) error {
	if k.Policy.Strategy != state.StrategyStop {
		return nil
	}
	for _, c := range want.Components {
		if runs := diff.Runs(c, have); uses(c, runs, k.Name) {
			return &InvariantError{7, -1, fmt.Sprintf("rewrite %s to %s: %s %s runs and uses it, and its strategy is %q", k.Name, to, c.Name, strings.Join(runs, ", "), k.Policy.Strategy)}
		}
	}
	return nil
}

// Amid tells whether a step is done while a component of its part is stopped, other than the one that it stops or starts
// itself: that comes before the component is started again, and not before it is stopped. So is the end of a stop that has
// begun.
func (p Plan) Amid(step int) bool {
	s := p.Steps[step]
	if s.Begun {
		return true
	}
	told := map[string]bool{}
	for _, later := range p.Steps[step+1:] {
		if later.Part != s.Part {
			break
		}
		if later.Kind != Scale || told[later.Object] || s.Kind == Scale && later.Object == s.Object {
			continue
		}
		if told[later.Object] = true; later.To == BackUp {
			return true
		}
	}
	return false
}

// stoppedFor returns the calendars of what is done while a component is stopped: of the keyspaces that are rewritten, of the
// other components that are stopped for them, and of those that are rolled out meanwhile. Each has levels of its own, so that
// one window of each must be open.
func (p Plan) stoppedFor(want state.Desired, step int) (out Calendar) {
	for i := step + 1; i < len(p.Steps) && !(p.Steps[i].Kind == Scale && p.Steps[i].Object == p.Steps[step].Object); i++ {
		s := p.Steps[i]
		var all Calendar
		switch {
		case s.Kind == Rewrite && p.Amid(i) || s.Kind == Scale && s.To == ToZero:
			all = calendarOf(want, s)
		case s.Kind == Rollout && s.Object != p.Steps[step].Object && p.Amid(i):
			all = calendarOf(want, s).of(s.Risk)
		}
		for _, w := range all.Windows {
			w.Level += " of " + s.Object
			out.Windows = append(out.Windows, w)
		}
		out.Freezes = append(out.Freezes, all.Freezes...)
	}
	return out
}
