package keyspace

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// errUnsettled marks a batch whose answer was lost.
var errUnsettled = errors.New("the answer to a write was lost")

// callBytes is about how much one script call may carry.
const callBytes = 1 << 20

// write brings the changes of a page to the store. A conflict is read again and decided again; so is a batch
// whose answer was lost, because it may have been done: it is never just sent again.
func (r *rewrite) write(ctx context.Context, changes []change) error {
	for round := 0; len(changes) > 0; round++ {
		again, lost, err := r.send(ctx, changes)
		if err != nil {
			return err
		}
		if len(again) == 0 || round == conflictRounds {
			return nil // what is left is hot: the next pass sees it
		}
		next, err := r.redecide(ctx, again, lost)
		if err != nil {
			return err
		}
		changes = next
	}
	return nil
}

// batches cuts changes into script calls of one op, of at most so many units as size says then, and of about callBytes.
func batches(changes []change, size func() int) func(yield func([]change) bool) {
	return func(yield func([]change) bool) {
		start, bytes, n := 0, 0, size()
		for i := range changes {
			bytes += changes[i].bytes()
			last := i == len(changes)-1
			if i+1-start >= n || bytes >= callBytes || last || changes[i+1].op != changes[i].op {
				if !yield(changes[start : i+1]) {
					return
				}
				start, bytes, n = i+1, 0, size()
			}
		}
	}
}

func (c *change) bytes() int {
	n := len(c.key)
	if c.op != opHash {
		return n + textBytes(c.before) + textBytes(c.after)
	}
	for _, x := range c.edit.Compare {
		n += len(x.Name) + len(x.Value)
	}
	for _, f := range c.edit.Set {
		n += len(f.Name) + len(f.Value)
	}
	return n
}

// send writes changes in script calls and returns those that are to be read again: those in conflict, and those whose
// answer was lost. What may not come back is in the undo log before the first call.
func (r *rewrite) send(ctx context.Context, changes []change) (again []change, lost bool, err error) {
	if err := r.job.hold(ctx, r.store.name); err != nil {
		return nil, false, err
	}
	if err := r.log(ctx, changes); err != nil {
		return nil, false, err
	}
	calls := slices.Collect(batches(changes, r.pace.batch))
	for i, s := range r.callAll(ctx, calls, r.header()) {
		if errors.Is(s.err, errUnsettled) {
			lost, again = true, append(again, calls[i]...)
			continue
		}
		if s.err == nil {
			r.took(calls[i], s.result)
			again = append(again, r.settle(calls[i], s.result)...)
			s.err = r.refused(s.result)
		}
		err = cmp.Or(err, s.err)
	}
	return again, lost, err
}

// sent is what became of one script call. The error is errUnsettled if its answer was lost.
type sent struct {
	result
	err error
}

// call does one script call, of changes of one op.
func (r *rewrite) call(ctx context.Context, batch []change, header []any) (result, error) {
	s := r.callAll(ctx, [][]change{batch}, header)[0]
	return s.result, s.err
}

// callAll sends script calls at once, each of changes of one op: the server does one after the other, others' commands
// between them where they are large enough (see runAll), and need not wait for the next. Each ends by itself.
func (r *rewrite) callAll(ctx context.Context, calls [][]change, header []any) []sent {
	out := make([]sent, len(calls))
	if err := r.lease.check(); err != nil {
		for i := range out {
			out[i].err = err
		}
		return out
	}
	s := r.store
	made := make([]scriptCall, len(calls))
	for i, batch := range calls {
		w := &scribes[batch[0].op]
		made[i] = newCall(w.script, r.lease.key, stamped(header, batch[0].given), len(batch))
		w.encode(&made[i], batch, s.fading)
	}
	started := time.Now()
	answers := s.runAll(ctx, made)
	each := time.Since(started) / time.Duration(len(calls))
	for i, cmd := range answers {
		out[i].result, out[i].err = r.answered(ctx, cmd, len(calls[i]))
		if out[i].err == nil && out[i].blocked == 0 {
			out[i].blocked = each - r.pace.latency/time.Duration(len(calls))
		}
	}
	return out
}

// answered reads the answer about n units.
func (r *rewrite) answered(ctx context.Context, cmd *redis.Cmd, n int) (result, error) {
	answer, err := cmd.Slice()
	if unknown(err) && ctx.Err() == nil {
		return result{}, errUnsettled
	}
	if err != nil {
		return result{}, classify(ctx, r.store.name, "writing", err)
	}
	res, err := decode(answer, n)
	if errors.Is(err, errFence) {
		return result{}, r.lease.lose()
	}
	if err != nil {
		return result{}, &Error{Reason: StoreUnsupported, Store: r.store.name, Err: err, Hint: "report this with the server's version"}
	}
	return res, nil
}

// took lets the pace learn of a call.
func (r *rewrite) took(batch []change, res result) {
	bytes := 0
	for i := range batch {
		bytes += batch[i].bytes()
	}
	r.pace.wrote(len(batch), res.blocked)
	r.pace.carried(int64(bytes))
}

// refused returns the first error that the server answered about a unit.
func (r *rewrite) refused(res result) error {
	if len(res.words) == 0 {
		return nil
	}
	return classifyAnswer(r.store.name, "writing a unit", res.words[0])
}

// header is what every script that writes units is told (see lua/prelude.lua).
func (r *rewrite) header() []any {
	flags, set, most := r.flags(), int64(0), int64(0)
	if rule := r.rule; rule != nil {
		flags, set, most = flags+"T", rule.Set, rule.Max
	}
	return r.headerOf(flags, set, most)
}

func (r *rewrite) flags() (flags string) {
	if r.store.fading {
		flags += "F"
	}
	if r.merges {
		flags += "M"
	}
	if r.store.tellsExpiry {
		flags += "A"
	}
	return flags
}

func (r *rewrite) headerOf(flags string, first, second int64) []any {
	return []any{r.lease.token, flags, strconv.FormatInt(first, 10), strconv.FormatInt(second, 10)}
}

// log appends to the undo log what a batch is about to write and the way back may not bring back.
func (r *rewrite) log(ctx context.Context, batch []change) error {
	if r.job.Journal == nil {
		return r.withhold(batch)
	}
	r.relog(batch)
	logged := 0
	for i := range batch {
		if batch[i].logged {
			logged++
		}
	}
	images := r.store.shelf.images.take(logged)
	defer func() { r.store.shelf.images.give(images) }()
	for i := range batch {
		if c := &batch[i]; c.logged {
			images = append(images, Preimage{
				Keyspace: r.job.Keyspace.Name, Job: r.job.ID, From: c.from, To: r.job.To, Before: c.before, After: c.after,
				ExpireAt: c.expireAt, SetTTL: c.before.TTL != c.after.TTL, Replaced: c.taken,
			})
		}
	}
	if len(images) == 0 {
		return nil
	}
	if err := r.complete(ctx, batch, images); err != nil {
		return err
	}
	if err := r.job.Journal.Append(ctx, images); err != nil {
		return &Error{
			Reason: JournalFailed, Wait: true, Store: r.store.name, Err: err,
			Hint: "make room where the undo log is kept; nothing that was not logged has been written",
		}
	}
	r.note(func(o *Outcome) { o.Logged += int64(len(images)) })
	return nil
}

// settle counts what became of a batch and returns what is to be read again. A unit of another type now is
// left to the next pass, which counts it as it finds it.
func (r *rewrite) settle(batch []change, res result) (again []change) {
	r.counting.Lock()
	defer r.counting.Unlock()
	for i, code := range res.codes {
		c := &batch[i]
		switch code {
		case codeDone:
			r.outcome.Rewritten++
			if c.taken && c.logged {
				r.outcome.Superseded++
			}
			if c.mixed {
				r.outcome.Mixed++
			}
		case codeConflict:
			r.outcome.Conflicts++
			again = append(again, *c)
		case codeGone:
			r.outcome.Gone++
		case codeTaken:
			if c.op == opMove {
				c.taken = true
				again = append(again, *c)
			} else {
				r.held.add(c.before)
			}
		case codeType, codeError:
		}
	}
	return again
}
