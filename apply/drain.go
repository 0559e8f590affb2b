package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// drain waits until no unit of a keyspace is left that the new version does not take: the application consumes them, or
// they expire. It looks again and again and changes nothing. It holds when that takes longer than Edges.DrainTimeout;
// what went until then stays gone, and the next run goes on waiting.
func (r *run) drain(ctx context.Context, i int, step plan.Step) (*keyspace.Outcome, error) {
	k, ok := r.want.FindKeyspace(step.Object)
	if !ok {
		return nil, fmt.Errorf("keyspace %q is not declared", step.Object)
	}
	var o keyspace.Outcome
	until := time.Now().Add(r.edges.drainTimeout())
	err := r.beside(ctx, step, func(ctx context.Context) error { return r.await(ctx, i, step, k, until, &o) })
	return &o, err
}

// await looks until nothing is left to drain, or the time for it is over; once in any case.
func (r *run) await(ctx context.Context, i int, step plan.Step, k state.Keyspace, until time.Time, o *keyspace.Outcome) error {
	for most := int64(0); ; {
		lives, err := r.edges.Stores[k.Store].Observe(ctx, []state.Keyspace{k})
		if err != nil {
			return because(ctx, err)
		}
		*o = looked(lives[0])
		left := undone(*o, state.Version(step.To))
		if left == 0 {
			return nil
		}
		most = max(most, left)
		r.tell(Event{Kind: Progressed, Index: i, Step: step, Rewrite: &keyspace.Progress{Scanned: most - left, Unfit: o.Unfit, Estimate: most}})
		if time.Until(until) < r.edges.drainEvery() {
			return r.undrained(k, state.Version(step.To), *o)
		}
		if err := pause(ctx, r.edges.drainEvery()); err != nil {
			return err
		}
	}
}

// looked turns what was observed into an outcome.
func looked(live state.Live) keyspace.Outcome {
	o := keyspace.Outcome{Counts: live.Counts, Samples: live.Samples}
	o.Scanned, o.Unfit = tally(live.Counts)
	return o
}

// undone counts the units that a version does not take; those that fit no version stay whatever happens.
func undone(o keyspace.Outcome, to state.Version) (n int64) {
	for _, c := range o.Counts {
		if c.Class != state.Unfit && !c.Class.Has(to) {
			n += c.Units
		}
	}
	return n
}

// undrained says how many old units are left, and who could take them away.
func (r *run) undrained(k state.Keyspace, to state.Version, o keyspace.Outcome) *HoldError {
	var left, readers []string
	for _, c := range o.Counts {
		if c.Class == state.Unfit || c.Class.Has(to) {
			continue
		}
		left = append(left, fmt.Sprintf("%d of %s", c.Units, c.Class))
		readers = append(readers, consumers(r.want, r.have, k.Name, c.Class)...)
	}
	slices.Sort(readers)
	by := "no running release reads them"
	if readers = slices.Compact(readers); len(readers) > 0 {
		by = "read by " + strings.Join(readers, ", ")
	}
	return hold(NotDrained, "wait until they are consumed or expire, delete them, or choose another strategy",
		"%s is not empty of old units after %s: %s, %s", k.Name, r.edges.drainTimeout().Round(time.Millisecond), strings.Join(left, ", "), by)
}

// consumers names the running releases that read units of a class.
func consumers(want state.Desired, have state.Observed, keyspace string, class state.Class) (out []string) {
	for _, c := range want.Components {
		for _, name := range diff.Runs(c, have) {
			release, _ := c.FindRelease(name)
			u, _ := release.FindUse(keyspace)
			if u.Reads != "" && slices.ContainsFunc(class.Versions(), u.Reads.Contains) {
				out = append(out, c.Name+" "+name)
			}
		}
	}
	return out
}
