package plan

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// rolloutStep describes a rollout from the world before it. It says the same while the rollout runs.
func rolloutStep(want state.Desired, have state.Observed, c state.Component, r state.Release) Step {
	others := slices.DeleteFunc(replacedBy(c, have), func(name string) bool { return name == r.Name })
	s := Step{Kind: Rollout, Object: c.Name, From: others, To: r.Name, Risk: diff.RiskRollout}
	live, _ := have.FindRunning(c.Name)
	s.Reason = rolloutReason(want, c, r, others, live.Stopped)
	if len(others) > 0 {
		s.Undo = fmt.Sprintf("roll %s back to %s", c.Name, others[len(others)-1])
	}
	if live.Stopped {
		return s
	}
	if slices.ContainsFunc(meetings(want, have), func(v Violation) bool { return v.Component == c.Name && v.Release == r.Name }) {
		s.Reason = "it runs already, and going on from it mends what is broken now"
	}
	s.Notes = atStake(want, have, c, r)
	if len(s.Notes) > 0 {
		s.Risk = diff.RiskMixedWriters
	}
	return s
}

// rolloutReason says what a release reads, writes or no longer reads that makes this its place in the order.
func rolloutReason(want state.Desired, c state.Component, r state.Release, others []string, stopped bool) string {
	var gains, loses, writes []string
	for _, k := range want.Keyspaces {
		u, ok := r.FindUse(k.Name)
		if !ok {
			continue
		}
		gain, lose, write := compareUse(k, c, u, others)
		gains, loses = append(gains, named(k.Name, gain)...), append(loses, named(k.Name, lose)...)
		if write {
			writes = append(writes, named(k.Name, []string{string(u.Writes)})...)
		}
	}
	var parts []string
	if len(gains) > 0 {
		parts = append(parts, fmt.Sprintf("it also reads %s", strings.Join(gains, ", ")))
	}
	if len(writes) > 0 && stopped {
		parts = append(parts, fmt.Sprintf("it writes %s once it runs", strings.Join(writes, ", ")))
	} else if len(writes) > 0 {
		parts = append(parts, fmt.Sprintf("every running reader reads %s, which it writes", strings.Join(writes, ", ")))
	}
	if len(loses) > 0 {
		parts = append(parts, fmt.Sprintf("nothing is left of %s, which it does not read", strings.Join(loses, ", ")))
	}
	head := "desired"
	if r.Name != c.Release {
		head = "a bridge on the way to " + c.Release
	}
	if stopped {
		head += ", while it is stopped"
	}
	if len(parts) == 0 {
		return head
	}
	return head + ": " + strings.Join(parts, "; ")
}

// compareUse returns the declared versions that a use reads and some other running release does not, those that
// another reads and it does not, and whether it writes what some other does not.
func compareUse(k state.Keyspace, c state.Component, u state.Use, others []string) (gain, lose []string, writes bool) {
	for _, s := range k.Shapes {
		reads, all, some := u.Reads.Contains(s.Version), true, false
		for _, name := range others {
			o, _ := c.FindRelease(name)
			v, _ := o.FindUse(k.Name)
			all = all && v.Reads.Contains(s.Version)
			some = some || v.Reads.Contains(s.Version)
		}
		if reads && !all {
			gain = append(gain, string(s.Version))
		}
		if !reads && some && u.Reads != "" {
			lose = append(lose, string(s.Version))
		}
	}
	for _, name := range others {
		o, _ := c.FindRelease(name)
		v, _ := o.FindUse(k.Name)
		writes = writes || u.Writes != "" && v.Writes != u.Writes
	}
	return gain, lose, writes
}

// named puts a keyspace's name before its versions, none for none.
func named(keyspace string, versions []string) []string {
	if len(versions) == 0 {
		return nil
	}
	return []string{keyspace + " " + strings.Join(versions, " and ")}
}

// atStake names the fields that other running releases may lose: they read what the release writes, and write it
// back as another version.
func atStake(want state.Desired, have state.Observed, c state.Component, r state.Release) []string {
	var notes []string
	for _, k := range want.Keyspaces {
		u, ok := r.FindUse(k.Name)
		if !ok || u.Writes == "" {
			continue
		}
		written := diff.ClassesOf(k).Written(u.Writes)
		for _, other := range want.Components {
			for _, name := range diff.Runs(other, have) {
				o, _ := other.FindRelease(name)
				v, _ := o.FindUse(k.Name)
				if other.Name == c.Name && name == r.Name || v.Writes == "" || written.Has(v.Writes) ||
					!slices.ContainsFunc(written.Versions(), v.Reads.Contains) {
					continue
				}
				if stake := stakeOf(k, u.Writes, v.Writes); stake != "" {
					notes = append(notes, fmt.Sprintf("%s %s writes %s %s; %s %s %s", c.Name, r.Name, k.Name, u.Writes, other.Name, name, stake))
				}
			}
		}
	}
	return notes
}

// stakeOf says what a writer of another version does to what a release writes, empty if nothing is at stake. A unit
// that is a part of a key is not written back: a new one is written beside it.
func stakeOf(k state.Keyspace, written, other state.Version) string {
	a, _ := k.FindShape(written)
	b, _ := k.FindShape(other)
	fields := lostFields(k, written, other)
	switch {
	case a.Keys != b.Keys:
		return fmt.Sprintf("may go on writing the same under the keys of %s (%s), beside it", other, b.Keys)
	case !a.Type.Whole() || fields == "":
		return ""
	}
	return fmt.Sprintf("may write it back as %s without %s", other, fields)
}

// lostFields names the fields of a version that do not survive on the way to another, empty if all do.
func lostFields(k state.Keyspace, from, to state.Version) string {
	path, _ := diff.Path(k, from, to)
	var fields []string
	for _, l := range diff.Losses(path) {
		if l.Field != state.LostTTL { // which is of the key, whoever writes to it
			fields = append(fields, l.Field)
		}
	}
	slices.Sort(fields)
	return strings.Join(slices.Compact(fields), ", ")
}

// rewriteStep describes a rewrite from the world before it. It says the same while the rewrite runs.
func rewriteStep(want state.Desired, have state.Observed, k state.Keyspace, to state.Version) Step {
	s := Step{Kind: Rewrite, Object: k.Name, To: string(to), Risk: diff.RiskData}
	classes := learn(want, have, k).lacking(to)
	for _, class := range classes {
		s.From = append(s.From, string(class))
	}
	from := strings.Join(s.From, ", ")
	s.Reason = fmt.Sprintf("no running release writes %s any more", from)
	if k.Policy.Strategy == state.StrategyStop {
		s.Reason = fmt.Sprintf("no release that uses %s runs", k.Name)
	}
	if to != k.Version && k.Version != "" {
		s.Reason = fmt.Sprintf("on the way to %s: %s", k.Version, s.Reason)
	}
	s.Undo = fmt.Sprintf("rewrite %s back to %s", k.Name, from)
	switch k.Policy.Strategy {
	case state.StrategyDrain:
		s.Strategy, s.Risk = k.Policy.Strategy, diff.RiskNone
		s.Reason += ": what is left of it is consumed or expires, and no unit is changed"
		s.Undo = ""
		return s
	case state.StrategyDiscard:
		s.Strategy, s.Risk = k.Policy.Strategy, diff.RiskLossy
		s.Reason += ": what is left of it is deleted"
		s.Undo = "none: what is discarded stays lost"
		if needsBackup(k, classes, to) {
			s.Undo = fmt.Sprintf("restore %s from its backup", k.Name)
		}
		return s
	}
	if s.Losses = lossesTo(k, classes, to); len(s.Losses) > 0 {
		s.Risk = diff.RiskLossy
		s.Undo += "; what is lost comes back from the undo log"
	}
	if s.Mixes = diff.Mends(want, k); s.Mixes {
		s.Notes = []string{fmt.Sprintf("single fields that releases wrote of another version give way to those of %s, and the whole unit goes to the undo log first", to)}
	}
	s.Moves = moves(k, classes, to)
	return s
}

// verifyStep describes the verify that belongs to a rewrite, or without a version to a prune.
func verifyStep(k state.Keyspace, to state.Version) Step {
	s := Step{
		Kind: Verify, Object: k.Name, To: string(to), Risk: diff.RiskNone,
		Reason: fmt.Sprintf("a full pass must find nothing but %s before anything relies on it", to),
	}
	if to == "" {
		s.Reason = "a full pass must find nothing that is left of it"
	}
	return s
}

// confirmStep describes the verify before a rollout to a release that reads less than what runs.
func confirmStep(k state.Keyspace, c state.Component, r state.Release) Step {
	return Step{
		Kind: Verify, Object: k.Name, Risk: diff.RiskNone,
		Reason: fmt.Sprintf("%s %s reads less than what runs now: a full pass must find nothing that it cannot read", c.Name, r.Name),
	}
}
