package keyspace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// UndoOutcome is what became of the units of an undo log.
type UndoOutcome struct {
	Restored   int64 // nobody had written them since: they are what they were
	Merged     int64 // written since: what was changed stays, the rest is what it was
	Conflicts  int64 // written since, and there is no way back for them, or they changed whenever they were to be written
	Gone       int64 // deleted or expired since, and left gone
	Superseded int64 // had given way to what the application wrote under their new name, which takes the way back instead

	Samples []state.Sample // at most ten of the Conflicts, by key, with the reason
}

// Undo takes back, from an undo log, what rewrites made of the units of a keyspace, and brings them to the job's
// version. Units that are of it already are left alone, so that an interrupted Undo is called again. A Rewrite to the
// same version follows, for the units that were never logged. Of a unit that was logged more than once by one hop the
// newest pre-image counts. Hops that followed each other are taken back one after the other in memory, the newest first, so
// that nothing is ever of a version between: for that the log has the pre-images of all of them (see UndoLogs). What is
// merged and may not come back is appended to the job's Journal before, as by a Rewrite.
//
// A key that expires at the very time that the rewrite gave it expires again as it did before. One that expires at another
// time, or not at all, was given that by the application since, and it stays so. Of a server that tells only how long a key
// lives (before Redis 7.0) that time is known to a millisecond.
//
// The error is an *Error, the log's own, or wraps ctx's.
func (s *Store) Undo(ctx context.Context, l *Lease, job Job, log UndoLog, report func(Progress)) (UndoOutcome, error) {
	r, _, err := s.newRewrite(ctx, l, job, nil)
	if err != nil {
		return UndoOutcome{}, err
	}
	u := &undo{rewrite: r, samples: newTallies(1)[0], report: report}
	err = u.scans(ctx, log, chainRoom)
	u.out.Samples = u.samples.samples
	return u.out, err
}

// undo is a running Undo.
type undo struct {
	*rewrite
	out      UndoOutcome
	samples  *tally
	seen     int64
	reported time.Time
	report   func(Progress) // nil: nobody asks
}

// undoing is one pre-image and the unit that it is about, as it is now.
type undoing struct {
	image Preimage
	older []Preimage // of what the unit was before: each of how it had become what the one before it found
	now   unit
	part  transform.Unit // the unit
	index int            // of an element of a list
}

// rounds reads, decides and writes until nothing is in conflict, so many times.
func (u *undo) rounds(ctx context.Context, todo []undoing) error {
	for round := 0; len(todo) > 0; round++ {
		if round > conflictRounds {
			for i := range todo {
				u.conflict(&todo[i], "it changes whenever it is to be written")
			}
			return nil
		}
		if err := u.read(ctx, todo); err != nil {
			return err
		}
		var next []undoing
		for _, group := range u.decide(todo) {
			again, err := u.put(ctx, group)
			if err != nil {
				return err
			}
			next = append(next, again...)
		}
		todo = next
	}
	return nil
}

func (u *undo) conflict(x *undoing, reason string) {
	u.out.Conflicts++
	u.samples.sample(x.image.After.Key, reason)
}

// restoring is a change and the pre-image that it takes back.
type restoring struct {
	undoing
	change  change
	outcome transform.Restoration

	given, back int64         // the key's time to live is taken back, too: see undoing.lent
	expires     []FieldExpiry // of fields that get theirs back
}

// decide tells what is to be written, in groups that one script call can take: of one op, and units whose time to live
// is taken back alone.
func (u *undo) decide(todo []undoing) (groups [][]restoring) {
	byOp := map[op][]restoring{}
	for i := range todo {
		x := &todo[i]
		if x.now.gone {
			u.out.Gone++
			continue
		}
		if x.now.unfit != "" {
			u.conflict(x, x.now.unfit)
			continue
		}
		want, outcome, reason := u.restored(x)
		given, back := x.lent(u.store.tellsExpiry)
		if outcome == transform.Already && given != 0 {
			want, outcome = x.part, transform.Restored
		}
		if outcome == transform.Conflict {
			u.conflict(x, reason)
		}
		if outcome != transform.Restored && outcome != transform.Merged {
			continue
		}
		c := change{target: x.now.target, before: x.part, after: want, index: x.index, op: opOf(x.part, want)}
		if c.op == opNone {
			u.conflict(x, "it cannot be rewritten in place")
			continue
		}
		if c.op == opHash || c.op == opMove {
			c.edit = transform.Diff(x.part, want, everyField, new(transform.Room))
			c.renamed = u.goal.programs.Renames(x.image.To, u.job.To)
		}
		if c.from, c.logged = u.lossy(x.part, want, outcome); c.logged && u.job.logless() {
			u.conflict(x, "what was written since may not come back, and there is no undo log")
			continue
		}
		item := restoring{*x, c, outcome, given, back, nil}
		if outcome == transform.Restored && u.store.fading {
			item.expires = x.expires(&c)
		}
		if item.byItself() {
			groups = append(groups, []restoring{item})
		} else {
			byOp[c.op] = append(byOp[c.op], item)
		}
	}
	for o := opText; o <= opMove; o++ {
		if len(byOp[o]) > 0 {
			groups = append(groups, byOp[o])
		}
	}
	return groups
}

// restored tells what becomes of a unit: its newest pre-image is taken back, then the one before that, and so on, as far as
// they lead; from there it takes the way back.
func (u *undo) restored(x *undoing) (want transform.Unit, outcome transform.Restoration, reason string) {
	if class, _ := u.goal.classify(x.part); class.Has(u.job.To) {
		return want, transform.Already, ""
	}
	images := append([]Preimage{x.image}, x.older...)
	want, outcome = x.part, transform.Restored
	for i := range images {
		image, to := &images[i], images[i].From
		if i == len(images)-1 {
			to = u.job.To
		}
		w := transform.Written{From: image.From, To: image.To, Before: image.Before, After: image.After}
		switch next, how, reason := u.goal.programs.Restore(w, want, to); how {
		case transform.Conflict:
			return next, how, reason
		case transform.Already: // it was written as that since
		case transform.Merged:
			want, outcome = next, how
		case transform.Restored:
			want = next
		}
	}
	return want, outcome, ""
}

// lossy tells the version of a unit that is taken back, and whether it may not come back from what it becomes. One that
// is restored does: it was made of that.
func (u *undo) lossy(now, want transform.Unit, outcome transform.Restoration) (from state.Version, logged bool) {
	class, _ := u.goal.classify(now)
	from, ok := u.goal.programs.Source(class, u.job.To)
	return from, ok && outcome == transform.Merged && !u.goal.programs.Returns(now, want, from, u.job.To, new(transform.Room))
}

// put writes one group and returns what is to be read again.
func (u *undo) put(ctx context.Context, group []restoring) (again []undoing, err error) {
	changes := make([]change, len(group))
	for i := range group {
		changes[i] = group[i].change
	}
	if err := u.job.hold(ctx, u.store.name); err != nil {
		return nil, err
	}
	if err := u.log(ctx, changes); err != nil {
		return nil, err
	}
	header := u.headerOf(u.flags(), 0, 0)
	if x := &group[0]; x.byItself() {
		header = u.alone(x)
	}
	res, err := u.call(ctx, changes, header)
	if errors.Is(err, errUnsettled) {
		for _, x := range group {
			again = append(again, x.undoing)
		}
		return again, nil
	}
	if err != nil {
		return nil, err
	}
	u.took(changes, res)
	for i, code := range res.codes {
		x := &group[i]
		switch {
		case code == codeDone && x.outcome == transform.Restored:
			u.out.Restored++
		case code == codeDone:
			u.out.Merged++
		case code == codeGone:
			u.out.Gone++
		case code == codeTaken:
			u.conflict(&x.undoing, fmt.Sprintf("the application wrote %q, where it stood", x.change.after.Key))
		case code == codeConflict || code == codeType:
			again = append(again, x.undoing)
		}
	}
	if err := u.pace.rest(ctx, 0); err != nil {
		return nil, classify(ctx, u.store.name, "between two calls", err)
	}
	return again, u.refused(res)
}
