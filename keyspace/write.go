package keyspace

import (
	"context"
	"errors"
	"slices"
	"time"
)

// errUnsettled marks a batch whose answer was lost.
var errUnsettled = errors.New("the answer to a write was lost")

// callBytes is about how much one script call may carry.
const callBytes = 1 << 20

// write brings the changes of a page to the store. A conflict is read again and decided again; so is a batch
// whose answer was lost, because it may have been done: it is never just sent again.
func (r *rewrite) write(ctx context.Context, changes []change) error {
	for round := 0; len(changes) > 0; round++ {
		var again []change
		lost := false
		for batch := range batches(changes, r.pace.batch()) {
			left, err := r.send(ctx, batch)
			if err != nil && !errors.Is(err, errUnsettled) {
				return err
			}
			lost = lost || err != nil
			again = append(again, left...)
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

// batches cuts changes into script calls of at most n units and about callBytes.
func batches(changes []change, n int) func(yield func([]change) bool) {
	return func(yield func([]change) bool) {
		start, bytes := 0, 0
		for i := range changes {
			bytes += changes[i].bytes()
			if i+1-start >= n || bytes >= callBytes || i == len(changes)-1 {
				if !yield(changes[start : i+1]) {
					return
				}
				start, bytes = i+1, 0
			}
		}
	}
}

func (c *change) bytes() int {
	n := len(c.target.key) + len(c.edit.OldText) + len(c.edit.Text)
	for _, x := range c.edit.Compare {
		n += len(x.Name) + len(x.Value)
	}
	for _, f := range c.edit.Set {
		n += len(f.Name) + len(f.Value)
	}
	return n
}

// send does one script call and returns the changes that are to be read again: those in conflict, or all with
// errUnsettled if the answer was lost.
func (r *rewrite) send(ctx context.Context, batch []change) ([]change, error) {
	if err := r.lease.check(); err != nil {
		return nil, err
	}
	s := r.store
	keys, args := encode(batch)
	started := time.Now()
	answer, err := s.run(ctx, s.client, casScript, append([]string{r.lease.key}, keys...), append([]any{r.lease.token}, args...)...).Slice()
	if unknown(err) && ctx.Err() == nil {
		return batch, errUnsettled
	}
	if err != nil {
		return nil, classify(ctx, s.name, "writing", err)
	}
	res, err := decode(answer, len(batch))
	if errors.Is(err, errFence) {
		return nil, r.lease.lose()
	}
	if err != nil {
		return nil, &Error{Reason: StoreUnsupported, Store: s.name, Err: err, Hint: "report this with the server's version"}
	}
	if res.blocked == 0 {
		res.blocked = time.Since(started) - r.pace.latency
	}
	r.pace.wrote(len(batch), res.blocked)
	again := r.settle(batch, res)
	if len(res.words) > 0 {
		return nil, classifyAnswer(s.name, "writing a unit", res.words[0])
	}
	return again, nil
}

// settle counts what became of a batch and returns what is to be read again. A unit of another type now is
// left to the next pass, which counts it as it finds it.
func (r *rewrite) settle(batch []change, res result) (again []change) {
	for i, c := range res.codes {
		switch c {
		case codeDone:
			r.outcome.Rewritten++
		case codeConflict:
			r.outcome.Conflicts++
			again = append(again, batch[i])
		case codeGone:
			r.outcome.Gone++
		case codeType, codeError:
		}
	}
	return again
}

// redecide reads units again and returns what there is to write now. Lost tells that some of them may have been
// written by a call whose answer was lost; those that are as we wanted them count as written.
func (r *rewrite) redecide(ctx context.Context, again []change, lost bool) ([]change, error) {
	targets := make([]target, len(again))
	for i := range again {
		targets[i] = again[i].target
	}
	units, err := r.store.reread(ctx, r.routes, targets)
	if err != nil {
		return nil, err
	}
	var next []change
	for i, u := range units {
		if u.gone {
			r.outcome.Gone++
			continue
		}
		if v := r.routes[0].decide(u, r.job.To); v.change != nil {
			next = append(next, *v.change)
		} else if lost && u.Text == again[i].after.Text && slices.Equal(u.Fields, again[i].after.Fields) {
			r.outcome.Rewritten++
		}
	}
	return next, nil
}
