package plan

import (
	"slices"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// Begin returns the world while a step runs, as cautious as it can be: a rollout runs every release at once, a
// rewrite has its old and new classes side by side. A rollout of a stopped component runs nothing, and may not have changed
// its template yet. Its records must be durable before the step starts.
func Begin(want state.Desired, have state.Observed, s Step) state.Observed {
	switch s.Kind {
	case Rollout:
		return beginRollout(want, have, s)
	case Scale:
		return beginScale(want, have, s)
	case Rewrite:
		return beginRewrite(want, have, s)
	case Backup, Prune, Verify:
		k, _ := want.FindKeyspace(s.Object)
		return withRecord(have, learn(want, have, k).record())
	}
	return have
}

// End returns the world once a step succeeded.
func End(want state.Desired, have state.Observed, s Step) state.Observed {
	switch s.Kind {
	case Rollout:
		return endRollout(Begin(want, have, s), s)
	case Scale:
		return endScale(Begin(want, have, s), s)
	case Backup:
		return endBackup(want, have, s)
	case Rewrite:
		k, _ := want.FindKeyspace(s.Object)
		return endRewrite(Begin(want, have, s), k, state.Version(s.To))
	case Prune:
		return endPrune(Begin(want, have, s), s)
	case Verify:
		k, _ := want.FindKeyspace(s.Object)
		return endVerify(want, have, k)
	}
	return have
}

// EndCounted is End for a rewrite, prune or verify that counted what it saw: the counts replace the observed ones, and
// after a verify they are, with what running releases write, all that may exist. Units that mix versions, of those counted
// as Unfit, go on standing for one of each after a verify that is not of a rewrite: what a rewrite could not resolve stays
// Unfit.
func EndCounted(want state.Desired, have state.Observed, s Step, counts []state.Count, mixed ...state.Count) state.Observed {
	end := End(want, have, s)
	if !s.Changes() && s.Kind != Verify {
		return end
	}
	live, _ := end.FindLive(s.Object)
	live.Counts, live.Mixed = slices.Clone(counts), nil
	if s.Kind == Verify && s.To == "" {
		live.Mixed = slices.Clone(mixed)
	}
	end = withLive(end, live)
	if s.Kind != Verify {
		return end
	}
	k, _ := want.FindKeyspace(s.Object)
	cs := diff.ClassesOf(k)
	rec := live.Record
	rec.Present = cs.Least(append(diff.Counted(live, k), diff.Writes(want, have, k.Name, cs)...))
	rec.Rewritten = learn(want, withRecord(end, rec), k).rewritten
	if before, _ := have.FindLive(s.Object); rec.Rewritten == "" && before.Record.Rewritten != "" {
		rec.Undo = before.Record.Undo // what is left to rewrite may be taken back by them still
	}
	return withRecord(end, rec)
}

// Simulate returns the world before, during and after each step of a plan.
func Simulate(want state.Desired, have state.Observed, p Plan) []Moment {
	var out []Moment
	for i, s := range p.Steps {
		end := End(want, have, s)
		out = append(out, Moment{i, Before, have}, Moment{i, During, Begin(want, have, s)}, Moment{i, After, end})
		have = end
	}
	return out
}

func beginRollout(want state.Desired, have state.Observed, s Step) state.Observed {
	c, _ := want.FindComponent(s.Object)
	live, _ := have.FindRunning(s.Object)
	if live.Stopped {
		return have
	}
	live.Component = s.Object
	live.Template = s.To
	return runs(want, have, c, live)
}

// runs returns the world in which the template of a component runs beside what ran, and what it writes is on record.
func runs(want state.Desired, have state.Observed, c state.Component, live state.Running) state.Observed {
	live.Releases = append(diff.Runs(c, have), live.Template)
	slices.Sort(live.Releases)
	live.Releases = slices.Compact(live.Releases)
	out := withRunning(have, live)
	for _, k := range want.Keyspaces {
		if !uses(c, live.Releases, k.Name) {
			continue
		}
		know := learn(want, have, k)
		r, _ := c.FindRelease(live.Template)
		if u, ok := r.FindUse(k.Name); ok && u.Writes != "" {
			know = know.writing(know.classes.Written(u.Writes))
		}
		out = withRecord(out, know.record())
	}
	return out
}

func uses(c state.Component, releases []string, keyspace string) bool {
	return slices.ContainsFunc(releases, func(name string) bool {
		r, _ := c.FindRelease(name)
		_, ok := r.FindUse(keyspace)
		return ok
	})
}

func endRollout(during state.Observed, s Step) state.Observed {
	live, _ := during.FindRunning(s.Object)
	live.Template = s.To
	if live.Stopped {
		live.Releases, live.Pods = nil, nil
		return withRunning(during, live)
	}
	live.Releases = []string{s.To}
	live.Ready, live.Pods = live.Desired, nil
	if live.Desired > 0 {
		live.Pods = []state.Pods{{Release: s.To, Count: live.Desired}}
	}
	return withRunning(during, live)
}

func beginRewrite(want state.Desired, have state.Observed, s Step) state.Observed {
	k, _ := want.FindKeyspace(s.Object)
	to := state.Version(s.To)
	know := learn(want, have, k)
	know.undo = know.logging(s)
	if !know.backed(to) {
		know.backup = nil
	}
	know.present = know.classes.Least(append(know.present, know.classes.Written(to)))
	know.verified, know.rewritten, know.pruned = false, "", false
	return withRecord(have, know.record())
}

func endRewrite(during state.Observed, k state.Keyspace, to state.Version) state.Observed {
	live, _ := during.FindLive(k.Name)
	written := diff.ClassesOf(k).Written(to)
	units := map[state.Class]int64{}
	if mixed := diff.MixedUnits(live, k); mixed > 0 {
		units[written], units[state.Unfit] = mixed, -mixed
	}
	for _, n := range live.Counts {
		if n.Class != state.Unfit && !n.Class.Has(to) {
			n.Class = written
		}
		units[n.Class] += n.Units
	}
	live.Counts, live.Mixed = nil, nil
	for class, n := range units {
		if n > 0 {
			live.Counts = append(live.Counts, state.Count{Class: class, Units: n})
		}
	}
	slices.SortFunc(live.Counts, func(a, b state.Count) int { return a.Class.Compare(b.Class) })
	live.Record.Rewritten = to
	return withLive(during, live)
}

func endVerify(want state.Desired, have state.Observed, k state.Keyspace) state.Observed {
	know := learn(want, have, k)
	if know.pending() {
		unfit := know.unfit()
		know.present = diff.Writes(want, have, k.Name, know.classes)
		if !know.pruned {
			know.present = append(know.present, know.classes.Written(know.rewritten))
		}
		if unfit {
			know.present = append(know.present, state.Unfit)
		}
		know.present = know.classes.Least(know.present)
		know.backup = nil // its rewrite is over
		know.undo = know.undone(k)
	}
	know.verified, know.pruned = true, false
	return withRecord(have, know.record())
}

func withRunning(have state.Observed, live state.Running) state.Observed {
	have.Components = replace(have.Components, live, func(r state.Running) string { return r.Component })
	return have
}

func withLive(have state.Observed, live state.Live) state.Observed {
	have.Keyspaces = replace(have.Keyspaces, live, func(l state.Live) string { return l.Keyspace })
	return have
}

func withRecord(have state.Observed, rec state.Record) state.Observed {
	live, _ := have.FindLive(rec.Keyspace)
	live.Keyspace, live.Record = rec.Keyspace, rec
	return withLive(have, live)
}

// replace returns a copy of a list with one element replaced or inserted in the order of names.
func replace[T any](list []T, with T, name func(T) string) []T {
	out := slices.Clone(list)
	for i, have := range out {
		if name(have) == name(with) {
			out[i] = with
			return out
		}
	}
	i := slices.IndexFunc(out, func(have T) bool { return name(have) > name(with) })
	if i < 0 {
		i = len(out)
	}
	return slices.Insert(out, i, with)
}
