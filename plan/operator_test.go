package plan

import (
	"errors"
	"fmt"
	"slices"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// slip is a mistake that whoever runs plans in the world makes on purpose.
type slip int

const (
	slipNone         slip = iota
	forgetsOldPods        // a rollout has ended when the template is the new one
	forgetsToRecord       // the world during a step is not recorded before the step begins
	forgetsToVerify       // a verify passes without a pass
	forgetsReplicas       // a verify does not wait for the replicas
	forgetsToCompare      // a rewrite writes whatever it read before
	forgetsTheBackup      // a backup is recorded and not taken
)

// errHeld ends a run that people have to look after: nothing is wrong, and nothing goes on.
var errHeld = errors.New("held")

// gather observes the world as a run does before it plans: the pods before, during and after a pass over every unit.
// What was seen and is gone in the end may have written behind the pass.
func (w *world) gather(want state.Desired) (have state.Observed, err error) {
	seen := w.look()
	for _, k := range w.keys {
		live := state.Live{Keyspace: k.def.Name, Record: k.record}
		if live.Counts, live.Mixed, err = w.count(k); err != nil {
			return have, err
		}
		if !mends(want, k.def.Name) {
			live.Mixed = nil
		}
		have.Keyspaces = append(have.Keyspaces, live)
	}
	have.Components = w.look()
	changed := false
	for i := range seen {
		now := have.Components[i].Releases
		changed = changed || !slices.Equal(seen[i].Releases, now)
		seen[i].Releases = slices.Compact(slices.Sorted(slices.Values(slices.Concat(seen[i].Releases, now))))
	}
	if changed && w.off != forgetsOldPods {
		then := state.Observed{Components: seen, Keyspaces: have.Keyspaces}
		for _, k := range w.keys {
			then = Begin(want, then, Step{Kind: Verify, Object: k.def.Name})
		}
		have.Keyspaces = then.Keyspaces
	}
	return have, nil
}

// mends tells whether a rewrite of a keyspace resolves units that mix versions: not one while nobody writes.
func mends(want state.Desired, keyspace string) bool {
	k, _ := want.FindKeyspace(keyspace)
	return !k.Policy.Strategy.Empties() && k.Policy.Strategy != state.StrategyStop && slices.ContainsFunc(want.Components, func(c state.Component) bool {
		return slices.ContainsFunc(c.Releases, func(r state.Release) bool {
			u, ok := r.FindUse(keyspace)
			return ok && u.Writes != "" && u.Updates == state.UpdatesFields && (!c.External || r.Name == c.Release)
		})
	})
}

// count passes over the units of a keyspace while everything goes on.
func (w *world) count(k *stock) (counts, mixed []state.Count, err error) {
	units, mixes := map[state.Class]int64{}, map[state.Class]int64{}
	for i := range k.units {
		u := k.units[i]
		if !u.gone {
			units[k.class(u)]++
		}
		if u.mixes != 0 {
			mixes[k.class(unit{fits: u.mixes})]++
		}
		if err := w.tick(); err != nil {
			return nil, nil, err
		}
	}
	return counted(units), counted(mixes), nil
}

func counted(units map[state.Class]int64) []state.Count {
	out := []state.Count{}
	for class, n := range units {
		out = append(out, state.Count{Class: class, Units: n})
	}
	slices.SortFunc(out, func(a, b state.Count) int { return a.Class.Compare(b.Class) })
	return out
}

// run takes the steps of a plan, each between its two records. It ends early when planning again gives other steps.
func (w *world) run(want state.Desired, have state.Observed, p Plan) error {
	w.write(have)
	for _, s := range p.Steps {
		have.Components = w.look()
		again := Make(want, have, diff.Compute(want, have))
		if len(again.Steps) == 0 || again.Steps[0].Digest != s.Digest {
			return nil
		}
		if err := w.mayStart(s); err != nil {
			return err
		}
		during := Begin(want, have, s)
		if w.off != forgetsToRecord {
			have = during
			w.write(have)
		}
		counts, mixed, err := w.execute(want, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		have = w.after(want, have, s, counts, mixed)
		w.write(have)
	}
	return nil
}

// after returns the world once a step ended.
func (w *world) after(want state.Desired, have state.Observed, s Step, counts, mixed []state.Count) state.Observed {
	switch {
	case counts != nil:
		return EndCounted(want, have, s, counts, mixed...)
	case s.Kind == Backup:
		return EndArchived(want, have, s, "kept")
	case s.Kind == Rollout && w.off == forgetsToRecord:
		have.Components = w.look()
		return have
	}
	return End(want, have, s)
}

// write keeps the records.
func (w *world) write(have state.Observed) {
	for _, l := range have.Keyspaces {
		w.find(l.Keyspace).record = l.Record
	}
}

// execute does what a step says. It returns what was counted in a full pass, nil if there was none.
func (w *world) execute(want state.Desired, s Step) (counts, mixed []state.Count, err error) {
	switch s.Kind {
	case Rollout:
		return nil, nil, w.rollOut(s)
	case Scale:
		return nil, nil, w.scale(s)
	}
	k := w.find(s.Object)
	to := k.index[state.Version(s.To)]
	switch {
	case s.Kind == Backup:
		err = w.backUp(k)
	case s.Kind == Verify:
		if counts, mixed, err = w.verify(k); !mends(want, k.def.Name) {
			mixed = nil
		}
	case s.Strategy == state.StrategyDrain:
		counts, err = w.drain(k, to)
	default:
		counts, err = w.rewrite(want, k, s, to)
	}
	return counts, mixed, err
}

// rollOut changes the template and waits until no other pod exists.
func (w *world) rollOut(s Step) error {
	c := w.workload(s.Object)
	c.template = s.To
	for range 2000 {
		old := slices.ContainsFunc(c.pods, func(p pod) bool { return p.release != s.To })
		if !old && (len(c.pods) > 0 || c.stopped) || w.off == forgetsOldPods {
			return nil
		}
		if err := w.tick(); err != nil {
			return err
		}
	}
	return flawed("rollout %s %s does not end", s.Object, s.To)
}

// scale stops a component and waits until no pod exists, or lets it start pods again.
func (w *world) scale(s Step) error {
	c := w.workload(s.Object)
	if c.stopped = s.To == ToZero; !c.stopped {
		return nil
	}
	for range 2000 {
		if len(c.pods) == 0 || w.off == forgetsOldPods {
			return nil
		}
		if err := w.tick(); err != nil {
			return err
		}
	}
	return flawed("%s does not end", s)
}

func (w *world) workload(name string) *workload {
	return w.comps[slices.IndexFunc(w.comps, func(c *workload) bool { return c.def.Name == name })]
}

// backUp copies every unit.
func (w *world) backUp(k *stock) error {
	held := map[int]bool{}
	for i := range k.units {
		if w.off != forgetsTheBackup {
			held[k.units[i].id] = true
		}
		if err := w.tick(); err != nil {
			return err
		}
	}
	k.archives = append(k.archives, held)
	return nil
}

// verify counts every unit and waits until the replicas have what was written before its end.
func (w *world) verify(k *stock) (counts, mixed []state.Count, err error) {
	if w.off == forgetsToVerify {
		return nil, nil, nil
	}
	if counts, mixed, err = w.count(k); err != nil {
		return nil, nil, err
	}
	end := len(k.log)
	for i := range k.replicas {
		for k.replicas[i].applied < end && w.off != forgetsReplicas {
			k.apply(i)
			if err := w.tick(); err != nil {
				return nil, nil, err
			}
		}
	}
	return counts, mixed, nil
}

// drain waits until no unit of another version is left, which expire.
func (w *world) drain(k *stock, to int) ([]state.Count, error) {
	for range 1000 {
		left := 0
		for key, u := range k.units {
			if u.gone || u.fits == 0 || u.fits&(1<<to) != 0 {
				continue
			}
			if left++; w.chance(3) {
				w.set(k, key, unit{gone: true}, 0)
			}
			if err := w.tick(); err != nil {
				return nil, err
			}
		}
		if left == 0 {
			counts, _, err := w.count(k)
			return counts, err
		}
	}
	return nil, flawed("the drain of %s does not end", k.def.Name)
}
