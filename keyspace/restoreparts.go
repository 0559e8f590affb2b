package keyspace

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

//go:embed append.lua
var appendText string

//go:embed alike.lua
var alikeText string

//go:embed finish.lua
var finishText string

// These scripts are described where their texts are.
var (
	appendScript = newScript(appendText)
	alikeScript  = newScript(alikeText)
	finishScript = newScript(finishText)
)

const (
	restoreSlice = 1000        // fields, elements, members or messages that one call of a large key carries
	restoreWide  = 2000        // texts of one message that a script can pass on
	restoreLives = time.Minute // that a key in the making is there for after each call
)

// building is a key that is made under a name of ours, slice by slice, before it gets its own.
type building struct {
	entry  Entry // its key, type, expiry, last id and groups
	begun  bool
	items  int64 // of a list or a stream, so far
	fading bool  // it has fields that expire by themselves: all of them may be gone before it is whole
}

// large tells whether an entry is more than one call is to carry. A text is one thing, however long.
func (e *Entry) large() bool {
	bytes, items := e.size()
	return items > restoreItems || items > 0 && bytes > restoreBytes || slices.ContainsFunc(e.Messages, Message.wide)
}

// wide tells that a message has more texts than a script can pass on.
func (m Message) wide() bool { return len(m.Values) > restoreWide }

// head is an entry without what it holds.
func (e *Entry) head() Entry {
	return Entry{Key: e.Key, Type: e.Type, ExpireAt: e.ExpireAt, LastID: e.LastID, Groups: e.Groups}
}

// parts cuts an entry into what one call carries. One of nothing is one part.
func (e *Entry) parts() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		next := Entry{Key: e.Key, Type: e.Type, Text: e.Text}
		bytes, items, given := 0, 0, false
		for i := range e.items() {
			one := e.item(i)
			size, _ := one.size()
			alone := len(one.Messages) > 0 && one.Messages[0].wide()
			if items > 0 && (items == restoreSlice || bytes+size > restoreBytes || alone || len(next.Messages) > 0 && next.Messages[0].wide()) {
				if !yield(next) {
					return
				}
				next, bytes, items, given = Entry{Key: e.Key, Type: e.Type}, 0, 0, true
			}
			next.join(one)
			bytes, items = bytes+size, items+1
		}
		if items > 0 || !given {
			yield(next)
		}
	}
}

func (e *Entry) items() int {
	return len(e.Fields) + len(e.Elements) + len(e.Members) + len(e.Messages)
}

// item is the entry with one of its items.
func (e *Entry) item(i int) Entry {
	one := Entry{Key: e.Key, Type: e.Type}
	switch e.Type {
	case state.Hash:
		one.Fields = e.Fields[i : i+1 : i+1]
	case state.SortedSet:
		one.Members = e.Members[i : i+1 : i+1]
	case state.Stream:
		one.Messages = e.Messages[i : i+1 : i+1]
	default:
		one.Elements = e.Elements[i : i+1 : i+1]
	}
	return one
}

// build makes a whole key under a name of ours and gives it its own.
func (r *restore) build(ctx context.Context, e Entry) error {
	b := &building{entry: e.head()}
	if err := r.extend(ctx, b, &e); err != nil {
		return err
	}
	return r.finish(ctx, b)
}

// extend adds what an entry holds to a key in the making.
func (r *restore) extend(ctx context.Context, b *building, e *Entry) error {
	b.fading = b.fading || slices.ContainsFunc(e.Fields, func(f EntryField) bool { return f.ExpireAt > 0 })
	if b.fading && !r.able.fieldExpiry {
		return r.noFieldExpiry(e.Key)
	}
	for part := range e.parts() {
		started := time.Now()
		if err := r.lease.check(); err != nil {
			return err
		}
		err := r.store.retry(ctx, func() error { // a slice that is there already is not added again
			if len(part.Messages) == 1 && part.Messages[0].wide() {
				return r.appendWide(ctx, b, part.Messages[0])
			}
			return r.appendPart(ctx, b, &part)
		})
		if err != nil {
			return err
		}
		b.begun = true
		b.items += int64(len(part.Elements) + len(part.Messages))
		if err := r.pace.rest(ctx, time.Since(started)); err != nil {
			return err
		}
	}
	return nil
}

func (r *restore) appendPart(ctx context.Context, b *building, part *Entry) error {
	first := "0"
	if !b.begun {
		first = "1"
	}
	args := part.encode([]any{r.lease.token, restoreLives.Milliseconds(), first, b.items})
	args = slices.Delete(args, 5, 6) // when it expires comes in the end
	answer, err := r.store.run(ctx, r.store.client, appendScript, []string{r.lease.key, r.temporary}, args...).Text()
	return r.heed(answer, err)
}

// appendWide adds a message that no script can. It is not fenced, and touches the key in the making alone, which has a
// name that nobody else knows.
func (r *restore) appendWide(ctx context.Context, b *building, m Message) error {
	n, err := r.store.client.XLen(ctx, r.temporary).Result()
	switch {
	case err != nil:
		return err
	case n == b.items+1:
		return nil
	case n != b.items:
		return r.heed("gone", nil)
	}
	_, err = r.store.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAdd(ctx, &redis.XAddArgs{Stream: r.temporary, ID: m.ID, Values: m.Values})
		p.PExpire(ctx, r.temporary, restoreLives)
		return nil
	})
	return err
}

// heed is the error of what a script of a key in the making answered.
func (r *restore) heed(answer string, err error) error {
	switch {
	case err != nil:
		return err
	case answer == "lease":
		return r.lease.lose()
	case answer == "gone":
		return &Error{
			Reason: StoreRestarted, Wait: true, Store: r.store.name, Hint: "run it again",
			Err: errors.New("the key in the making is gone: the server restarted, was emptied, or did not answer for a minute"),
		}
	}
	return nil
}

// finish gives a key in the making its name, if nothing has that name, or, with options.Overwrite, if what has it did
// not change since it was compared.
func (r *restore) finish(ctx context.Context, b *building) error {
	defer r.tellNow()
	for range conflictRounds {
		started := time.Now()
		done, err := r.conclude(ctx, b)
		if err != nil {
			return err
		}
		if done {
			return r.pace.rest(ctx, time.Since(started))
		}
	}
	r.differs(b.entry.Key) // it is written all the time
	return r.dispose(ctx)
}

// dispose deletes the key in the making.
func (r *restore) dispose(ctx context.Context) error {
	return r.store.retry(ctx, func() error { return r.store.client.Unlink(ctx, r.temporary).Err() })
}

// conclude compares and renames once. It is false if the key changed meanwhile. The connection that watches the key is
// the one that renames.
func (r *restore) conclude(ctx context.Context, b *building) (done bool, err error) {
	key, lost := b.entry.Key, false
	err = r.store.client.Watch(ctx, func(tx *redis.Tx) error {
		there, err := tx.Exists(ctx, key, r.temporary).Result()
		if err != nil {
			return err
		}
		if there == 0 || there == 1 && tx.Exists(ctx, key).Val() == 1 {
			done = true
			return r.vanished(b)
		}
		what := "create"
		if there == 2 {
			same, err := r.alike(ctx, tx, key)
			if err != nil {
				return err
			}
			if done = same || !r.options.Overwrite; done {
				r.count(same, key)
				return r.dispose(ctx)
			}
			what = "replace"
		}
		done, lost, err = r.rename(ctx, tx, b, what)
		return err
	}, key)
	if errors.Is(err, redis.TxFailedErr) {
		return false, nil
	}
	if lost {
		return r.settle(ctx, b)
	}
	return done, err
}

// vanished says what it means that there is no key in the making.
func (r *restore) vanished(b *building) error {
	if b.fading {
		r.outcome.Expired++ // with its last field
		return nil
	}
	return r.heed("gone", nil)
}

func (r *restore) count(same bool, key string) {
	if same {
		r.outcome.Same++
	} else {
		r.differs(key)
	}
}

// alike compares a key with the one in the making, slice by slice. What changes meanwhile fails the transaction.
func (r *restore) alike(ctx context.Context, tx *redis.Tx, key string) (bool, error) {
	at := ""
	for {
		next, err := r.store.run(ctx, tx, alikeScript, []string{r.temporary, key}, at, restoreSlice).Text()
		if err != nil || next == "x" || next == "" {
			return next == "", err
		}
		at = next
	}
}

// rename does it in a transaction that fails if the watched key changed. Lost tells that its answer was.
func (r *restore) rename(ctx context.Context, tx *redis.Tx, b *building, what string) (done, lost bool, err error) {
	text := finishScript.shebang
	if r.store.plainScripts {
		text = finishScript.text
	}
	args := []any{r.lease.token, what, b.entry.ExpireAt}
	if b.entry.Type == state.Stream {
		args = b.entry.position(args)
	}
	if err := r.lease.check(); err != nil {
		return false, false, err
	}
	var answer *redis.Cmd
	_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
		answer = p.Eval(ctx, text, []string{r.lease.key, r.temporary, b.entry.Key}, args...)
		return nil
	})
	if unknown(err) && ctx.Err() == nil {
		return false, true, nil
	}
	if err != nil {
		return false, false, err
	}
	switch letter, err := answer.Text(); letter {
	case "d":
		r.outcome.Restored++
	case "p":
		r.outcome.Expired++
	case "x":
		return false, false, nil
	case "gone":
		return true, false, r.vanished(b)
	default:
		return false, false, r.heed(letter, err)
	}
	return true, false, nil
}

// settle finds out whether a rename was done whose answer was lost: then there is no key in the making any more.
func (r *restore) settle(ctx context.Context, b *building) (done bool, err error) {
	err = r.store.retry(ctx, func() error {
		left, err := r.store.client.Exists(ctx, r.temporary).Result()
		done = left == 0
		return err
	})
	if err != nil || !done {
		return false, err
	}
	there, err := r.store.client.Exists(ctx, b.entry.Key).Result()
	if err == nil && there == 0 {
		return false, r.vanished(b)
	}
	if err == nil {
		r.outcome.Restored++
	}
	return true, err
}

// noFieldExpiry is the error of a key that the server cannot hold.
func (r *restore) noFieldExpiry(key string) error {
	return &Error{
		Reason: StoreUnsupported, Store: r.store.name, Hint: "restore it to Redis 7.4 or newer",
		Err: fmt.Errorf("the key %.100q has fields that expire by themselves, which the server does not know", key),
	}
}
