package plan

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// needsBackup tells whether the policy of a keyspace wants a backup before a rewrite of some classes to a version. A
// drain changes no unit; a discard loses every one.
func needsBackup(k state.Keyspace, from []state.Class, to state.Version) bool {
	if len(from) == 0 || k.Policy.Strategy == state.StrategyDrain {
		return false
	}
	switch k.Policy.Backup {
	case state.BackupNever:
		return false
	case state.BackupLossy:
		return k.Policy.Strategy == state.StrategyDiscard || len(lossesTo(k, from, to)) > 0
	}
	return true
}

// lossesTo returns what the ways from some classes to a version lose, in their order, equal ones once.
func lossesTo(k state.Keyspace, from []state.Class, to state.Version) (out []state.Loss) {
	for _, class := range from {
		path, _ := diff.Route(k, class, to)
		for _, l := range diff.Losses(path) {
			if !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	return out
}

// moves tells whether units of some classes get other keys or another type on the way to a version.
func moves(k state.Keyspace, from []state.Class, to state.Version) bool {
	target, _ := k.FindShape(to)
	return slices.ContainsFunc(from, func(class state.Class) bool {
		path, ok := diff.Route(k, class, to)
		if !ok || len(path) == 0 {
			return false
		}
		s, _ := k.FindShape(path[0].From)
		return s.Keys != target.Keys || s.Type != target.Type
	})
}

// backed tells whether a backup holds what a rewrite to a version is to change.
func (know knowledge) backed(to state.Version) bool {
	return know.backup != nil && know.backup.To == to
}

// believe returns the backup of a record as far as it still holds what its rewrite is to change: nothing writes those
// classes, and no other was found since.
func (know knowledge) believe(b *state.BackupRecord, writes []state.Class) *state.BackupRecord {
	if b == nil || !allHave(writes, b.To) || !diff.CoversAll(b.Covers, know.lacking(b.To)) {
		return nil
	}
	return b
}

// backupStep describes the backup before a rewrite.
func backupStep(want state.Desired, have state.Observed, k state.Keyspace, to state.Version) Step {
	from := learn(want, have, k).lacking(to)
	s := Step{Kind: Backup, Object: k.Name, To: string(to), Risk: diff.RiskNone}
	for _, class := range from {
		s.From = append(s.From, string(class))
	}
	units := strings.Join(s.From, ", ")
	if k.Version == "" {
		s.Reason = fmt.Sprintf("it was taken out of the spec, and no running release uses it: %s are kept before they are deleted", units)
		return s
	}
	if k.Policy.Strategy == state.StrategyDiscard {
		s.Reason = fmt.Sprintf("no running release writes %s any more: what is left of it is kept before it is deleted", units)
		return s
	}
	s.Reason = fmt.Sprintf("no running release writes %s any more: every unit is kept as it is before the rewrite to %s", units, to)
	return s
}

// endBackup records what a backup holds.
func endBackup(want state.Desired, have state.Observed, s Step) state.Observed {
	k, _ := want.FindKeyspace(s.Object)
	know := learn(want, have, k)
	to := state.Version(s.To)
	know.backup = &state.BackupRecord{To: to, Covers: know.lacking(to)}
	return withRecord(have, know.record())
}

// EndArchived is End for a backup that was taken: its record names the archive.
func EndArchived(want state.Desired, have state.Observed, s Step, archive string) state.Observed {
	end := End(want, have, s)
	live, _ := end.FindLive(s.Object)
	if b := live.Record.Backup; b != nil {
		named := *b
		named.Archive = archive
		live.Record.Backup = &named
	}
	return withLive(end, live)
}

// checkBackup proves that a backup holds all that its rewrite is to change: nobody writes that while it is taken.
func checkBackup(want state.Desired, have state.Observed, s Step) error {
	k, ok := want.FindKeyspace(s.Object)
	to := state.Version(s.To)
	if _, declared := k.FindShape(to); !ok || !declared && !(to == "" && want.RetireOf(k) == state.RetireArchive) {
		return fmt.Errorf("backup %s before %s: no such version is known; plan again", s.Object, s.To)
	}
	know := learn(want, have, k)
	for _, class := range diff.Writes(want, have, k.Name, know.classes) {
		if !class.Has(to) {
			return &InvariantError{3, -1, fmt.Sprintf("backup %s before the rewrite to %s: a running release writes %s, which it would not hold", k.Name, to, class)}
		}
	}
	return nil
}

// checkRecoverable proves that a rewrite has the backup that its policy wants, in this plan or recorded before it.
func checkRecoverable(k state.Keyspace, know knowledge, to state.Version) error {
	if needsBackup(k, know.lacking(to), to) && !know.backed(to) {
		return &InvariantError{3, -1, fmt.Sprintf("rewrite %s to %s: there is no backup of what it changes", k.Name, to)}
	}
	return nil
}

// Changes tells whether a step changes units: a rewrite or a prune.
func (s Step) Changes() bool { return s.Kind == Rewrite || s.Kind == Prune }

// Logs tells whether a step keeps an undo log: a prune if what it deletes is to be kept, a rewrite if it deletes units, or its
// way back is not proved to restore every one, as that of a unit which mixes versions never is, nor that of one which gives
// way to what stands under its new key.
func (s Step) Logs() bool {
	return s.Archived || s.Kind == Rewrite && (len(s.Losses) > 0 || s.Mixes || s.Moves || s.Strategy == state.StrategyDiscard)
}

// logging returns the undo logs once a rewrite has begun. A rewrite that goes on after a crash has its own already.
func (know knowledge) logging(s Step) []state.UndoRecord {
	log := state.UndoRecord{Log: string(s.Digest), From: know.lacking(state.Version(s.To)), To: state.Version(s.To)}
	known := slices.ContainsFunc(know.undo, func(u state.UndoRecord) bool { return u.Log == log.Log })
	if !s.Logs() || known {
		return know.undo
	}
	return append(slices.Clone(know.undo), log)
}
