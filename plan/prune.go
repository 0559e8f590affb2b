package plan

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// prunes adds the steps that delete what is left of keyspaces that were taken out of the spec, after everything else: by
// then no release that Keyshift rolls uses one of them. One that something else still uses is Blocked, alone.
func (b *builder) prunes() (blocked []Blocked) {
	for _, k := range b.want.Keyspaces {
		want, have := b.Around(k.Name)
		if !retires(want, have, k) {
			continue
		}
		if know := learn(want, have, k); know.pruned && know.pending() {
			b.verify(k, "")
			continue
		}
		if users := stillUsing(want, have, k.Name); len(users) > 0 && !ablated(invariantUnused) {
			blocked = append(blocked, stillUsed(k, users))
			continue
		}
		if len(b.strangers) > 0 {
			blocked = append(blocked, besideStranger(k, b.strangers[0]))
			continue
		}
		if want.RetireOf(k) == state.RetireArchive && !learn(want, have, k).backed("") && !ablated(invariantRecoverable) {
			b.add(want, have, backupStep(want, have, k, ""))
			want, have = b.Around(k.Name)
		}
		b.add(want, have, pruneStep(want, have, k))
		b.verify(k, "")
	}
	return blocked
}

// retires tells whether units of a keyspace are to be deleted because it was taken out of the spec.
func retires(want state.Desired, have state.Observed, k state.Keyspace) bool {
	_, read := have.FindLive(k.Name)
	return read && want.RetireOf(k).Deletes() && len(learn(want, have, k).lacking("")) > 0
}

// stillUsing returns the running releases that read or write a keyspace, as "checkout 1.4.0".
func stillUsing(want state.Desired, have state.Observed, keyspace string) (users []string) {
	for _, c := range want.Components {
		for _, name := range append(diff.Runs(c, have), diff.StoppedAt(c, have)...) {
			r, _ := c.FindRelease(name)
			if _, uses := r.FindUse(keyspace); uses {
				users = append(users, c.Name+" "+name)
			}
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}

func stillUsed(k state.Keyspace, users []string) Blocked {
	return Blocked{
		Keyspaces: []string{k.Name}, Code: StillUsed,
		Reason: fmt.Sprintf("%s was taken out of the spec and is to be deleted, and %s still uses it", k.Name, strings.Join(users, ", ")),
		WayOut: "remove that workload, or declare the keyspace again",
	}
}

// strangers returns the components that run what no release names.
func strangers(x *diff.Index, want state.Desired, have state.Observed) (names []string) {
	for _, live := range have.Components {
		if len(live.Unknown) > 0 {
			names = append(names, live.Component)
		}
	}
	for i := range want.Components {
		c, live := want.Components[i].Name, state.Observed{}
		if _, live = x.Alone(c); diff.Undeclared(want.Components[i], live) != "" && !want.Components[i].External {
			names = append(names, c)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// besideStranger keeps a keyspace although nothing is known to use it: what is deleted does not come back. One that a
// component is known to use is held together with it.
func besideStranger(k state.Keyspace, component string) Blocked {
	return Blocked{
		Keyspaces: []string{k.Name}, Code: Code(diff.UnknownImage),
		Reason: fmt.Sprintf("%s was taken out of the spec and is to be deleted, and nobody knows whether %s uses it, because no release names what that runs", k.Name, component),
		WayOut: fmt.Sprintf("declare a release of %s with this image and its uses, or roll the workload to a declared one", component),
	}
}

// pruneStep describes the deletion of a keyspace that was taken out of the spec. It says the same while it runs.
func pruneStep(want state.Desired, have state.Observed, k state.Keyspace) Step {
	s := Step{Kind: Prune, Object: k.Name, Risk: diff.RiskLossy, Undo: "none: what is deleted stays lost"}
	for _, class := range learn(want, have, k).lacking("") {
		s.From = append(s.From, string(class))
	}
	s.Reason = fmt.Sprintf("it was taken out of the spec, which wants retire %q, and no running release uses it", want.RetireOf(k))
	if s.Archived = want.RetireOf(k) == state.RetireArchive; s.Archived {
		s.Undo = fmt.Sprintf("declare %s again, and restore it from its backup", k.Name)
	}
	return s
}

// endPrune returns the world once a keyspace was emptied. What fits no version stays.
func endPrune(during state.Observed, s Step) state.Observed {
	live, _ := during.FindLive(s.Object)
	live.Counts = slices.DeleteFunc(slices.Clone(live.Counts), func(c state.Count) bool { return c.Class != state.Unfit })
	live.Record.Rewritten, live.Record.Pruned, live.Record.Verified = "", true, false
	return withLive(during, live)
}

// checkPrune proves that a keyspace is deleted only if it was taken out of the spec, which wants that, that nothing which
// runs uses it, and that a backup holds what goes if one is to.
func checkPrune(want state.Desired, have state.Observed, s Step) error {
	k, ok := want.FindKeyspace(s.Object)
	retire := want.RetireOf(k)
	if !ok || !retire.Deletes() || s.Archived != (retire == state.RetireArchive) {
		return fmt.Errorf("prune %s: the spec does not want that; plan again", s.Object)
	}
	if users := stillUsing(want, have, k.Name); len(users) > 0 {
		return &InvariantError{2, -1, fmt.Sprintf("prune %s: %s still uses it", k.Name, strings.Join(users, ", "))}
	}
	if retire == state.RetireArchive && !learn(want, have, k).backed("") {
		return &InvariantError{3, -1, fmt.Sprintf("prune %s: there is no backup of what it deletes", k.Name)}
	}
	return nil
}
