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
// same version follows, for the units that were never logged. Of a unit that was logged more than once the newest
// pre-image counts. What is merged and may not come back is appended to the job's Journal before, as by a Rewrite.
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
	u := &undo{rewrite: r, samples: newTallies(1)[0]}
	for _, direct := range []bool{true, false} {
		err := log.Images(ctx, func(images []Preimage) error {
			if err := u.take(ctx, images, direct); err != nil {
				return err
			}
			u.seen += int64(len(images))
			if report != nil && time.Since(u.reported) >= reportEvery {
				u.reported = time.Now()
				report(Progress{Scanned: u.seen, Rewritten: u.out.Restored + u.out.Merged, Conflicts: u.out.Conflicts})
			}
			return nil
		})
		u.out.Samples = u.samples.samples
		if err != nil {
			return u.out, err
		}
	}
	return u.out, nil
}

// undo is a running Undo.
type undo struct {
	*rewrite
	out      UndoOutcome
	samples  *tally
	seen     int64
	reported time.Time
}

// undoing is one pre-image and the unit that it is about, as it is now.
type undoing struct {
	image Preimage
	now   unit
	part  transform.Unit // the unit
	index int            // of an element of a list
}

// undoBatch is how many pre-images are read and written at once.
const undoBatch = 200

// take takes back some pre-images, the newest first. Direct are those that lead to the job's version; of the others the
// way back goes on from there.
func (u *undo) take(ctx context.Context, images []Preimage, direct bool) error {
	met := map[string]bool{}
	var todo []undoing
	flush := func() error {
		err := u.rounds(ctx, todo)
		todo = todo[:0]
		return err
	}
	for _, image := range images {
		id := unitID(image.After)
		if image.Keyspace != u.job.Keyspace.Name || (image.From == u.job.To) != direct || met[id] {
			continue
		}
		if _, ok := u.goal.programs.Path(image.From, u.job.To); !ok {
			continue
		}
		met[id] = kindIn(image.After) != state.List // equal elements are so many pre-images
		if image.Replaced {
			u.out.Superseded++ // seen once: the second time it is of the version
			continue
		}
		if todo = append(todo, undoing{image: image}); len(todo) == undoBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
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
	takes   bool // its time to live is taken back, too
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
		w := transform.Written{From: x.image.From, To: x.image.To, Before: x.image.Before, After: x.image.After}
		want, outcome, reason := u.goal.programs.Restore(w, x.part, u.job.To)
		takes := x.image.ours(&x.now, u.store.tellsExpiry)
		if outcome == transform.Already && takes {
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
			c.edit = transform.Diff(x.part, want, fieldNames(x.part))
			c.renamed = u.goal.programs.Renames(x.image.To, u.job.To)
		}
		if c.from, c.logged = u.lossy(x.part, want, outcome); c.logged && u.job.logless() {
			u.conflict(x, "what was written since may not come back, and there is no undo log")
			continue
		}
		item := restoring{*x, c, outcome, takes}
		if takes {
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

// lossy tells the version of a unit that is taken back, and whether it may not come back from what it becomes. One that
// is restored does: it was made of that.
func (u *undo) lossy(now, want transform.Unit, outcome transform.Restoration) (from state.Version, logged bool) {
	class, _ := u.goal.classify(now)
	from, ok := u.goal.programs.Source(class, u.job.To)
	return from, ok && outcome == transform.Merged && !u.goal.returns(now, want, from)
}

// put writes one group and returns what is to be read again.
func (u *undo) put(ctx context.Context, group []restoring) (again []undoing, err error) {
	changes := make([]change, len(group))
	for i := range group {
		changes[i] = group[i].change
	}
	if err := u.log(ctx, changes); err != nil {
		return nil, err
	}
	header := u.headerOf(u.flags(), 0, 0)
	if group[0].takes {
		image := group[0].image
		header = u.headerOf(u.flags()+"R", image.expiredAt(), image.GivenAt)
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
