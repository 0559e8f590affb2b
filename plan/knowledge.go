package plan

import (
	"slices"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// knowledge is what is known of a keyspace at one moment, from its record, its counts and who writes it.
type knowledge struct {
	keyspace  string
	classes   diff.Classes
	present   []state.Class // least, see diff.Classes.Least
	verified  bool          // a full pass saw nothing else
	rewritten state.Version // nothing wrote another class since a rewrite to it
	pruned    bool          // nothing was written since every unit was deleted
	backup    *state.BackupRecord
	undo      []state.UndoRecord
}

// know is learn for one keyspace of an indexed system.
func know(x *diff.Index, k state.Keyspace) knowledge {
	want, have := x.Around(k.Name)
	return learn(want, have, k)
}

// learn believes a record only as far as counts and running writers agree with it.
func learn(want state.Desired, have state.Observed, k state.Keyspace) knowledge {
	cs := diff.ClassesOf(k)
	know := knowledge{keyspace: k.Name, classes: cs, present: diff.Present(want, have, k, cs)}
	live, ok := have.FindLive(k.Name)
	if !ok {
		return know
	}
	writes := diff.Writes(want, have, k.Name, cs)
	seen := append(diff.Counted(live, k), writes...)
	recorded := cs.Least(live.Record.Present)
	know.verified = live.Record.Verified && diff.CoversAll(recorded, cs.Least(seen)) &&
		slices.Contains(recorded, state.Unfit) == slices.Contains(seen, state.Unfit)
	if w := live.Record.Rewritten; w != "" && diff.CoversAll(recorded, []state.Class{cs.Written(w)}) && allHave(cs.Least(seen), w) {
		know.rewritten = w
	}
	know.pruned = live.Record.Pruned && len(know.least(seen)) == 0
	know.undo = live.Record.Undo
	know.backup = know.believe(live.Record.Backup, writes)
	return know
}

// allHave tells whether every class but Unfit has v.
func allHave(classes []state.Class, v state.Version) bool {
	return !slices.ContainsFunc(classes, func(c state.Class) bool { return c != state.Unfit && !c.Has(v) })
}

func (know knowledge) unfit() bool { return slices.Contains(know.present, state.Unfit) }

// lacking returns the classes, but for Unfit, whose units do not fit v.
func (know knowledge) lacking(v state.Version) []state.Class {
	return slices.DeleteFunc(slices.Clone(know.present), func(c state.Class) bool { return c == state.Unfit || c.Has(v) })
}

// least returns the classes but for Unfit.
func (know knowledge) least(classes []state.Class) []state.Class {
	return slices.DeleteFunc(know.classes.Least(classes), func(c state.Class) bool { return c == state.Unfit })
}

// pending tells whether a rewrite or a prune ended and only its verify is missing.
func (know knowledge) pending() bool {
	return (know.rewritten != "" || know.pruned) && !know.verified && len(know.lacking(know.rewritten)) > 0
}

// writing returns what is known once a release writes units of a class.
func (know knowledge) writing(c state.Class) knowledge {
	if !diff.CoversAll(know.present, []state.Class{c}) {
		know.verified = false
	}
	if know.rewritten != "" && !c.Has(know.rewritten) {
		know.rewritten = ""
	}
	if know.backup != nil && !c.Has(know.backup.To) {
		know.backup = nil
	}
	know.pruned = false
	know.present = know.classes.Least(append(slices.Clone(know.present), c))
	return know
}

func (know knowledge) record() state.Record {
	return state.Record{
		Keyspace: know.keyspace, Present: know.present, Verified: know.verified, Rewritten: know.rewritten, Pruned: know.pruned,
		Backup: know.backup, Undo: know.undo,
	}
}
