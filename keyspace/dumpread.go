package keyspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// kindNames are the types of keys as TYPE names them.
var kindNames = map[string]state.Redis{
	"string": state.String, "hash": state.Hash, "list": state.List, "set": state.Set, "zset": state.SortedSet,
	"stream": state.Stream, "ReJSON-RL": state.Document,
}

// typeNamed returns the type that TYPE named; what it does not know, it calls as the server does.
func typeNamed(name string) state.Redis {
	if k, ok := kindNames[name]; ok {
		return k
	}
	return state.Redis(name)
}

// kindsOf returns the types of keys that a keyspace's versions have.
func kindsOf(k state.Keyspace) map[state.Redis]bool {
	out := map[state.Redis]bool{}
	for _, s := range k.Shapes {
		kind := s.Type
		if kind == state.Map {
			kind = state.Hash
		}
		out[kind] = true
	}
	return out
}

// blocksOf cuts keys into what is read at one moment.
func blocksOf(keys []measured) func(yield func([]measured) bool) {
	return func(yield func([]measured) bool) {
		start, bytes := 0, int64(0)
		for i, m := range keys {
			bytes += m.bytes
			if i+1 < len(keys) && i+1-start < dumpBlock && bytes+keys[i+1].bytes <= dumpBytes {
				continue
			}
			if !yield(keys[start : i+1]) {
				return
			}
			start, bytes = i+1, 0
		}
	}
}

func send[T any](ctx context.Context, out chan<- T, v T) error {
	select {
	case out <- v:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readAll reads block after block.
func (d *dump) readAll(ctx context.Context, in <-chan block, out chan<- dumped) error {
	for b := range in {
		started := time.Now()
		entries, large, err := d.readBlock(ctx, b.keys)
		if err != nil {
			return err
		}
		if err := d.sendSmall(ctx, out, dumped{entries: entries, looked: b.looked, found: b.found}); err != nil {
			return err
		}
		for _, m := range large {
			if err := d.sendLarge(ctx, out, m, b); err != nil {
				return err
			}
		}
		if err := d.pace.rest(ctx, time.Since(started)); err != nil {
			return err
		}
	}
	return nil
}

func (d *dump) sendSmall(ctx context.Context, out chan<- dumped, p dumped) error {
	d.order.RLock()
	defer d.order.RUnlock()
	return send(ctx, out, p)
}

// sendLarge reads a key in slices, which stay together.
func (d *dump) sendLarge(ctx context.Context, out chan<- dumped, m measured, b block) error {
	d.order.Lock()
	defer d.order.Unlock()
	return d.readLarge(ctx, m, func(e Entry) error {
		return send(ctx, out, dumped{entries: []Entry{e}, looked: b.looked, found: b.found})
	})
}

// sliced tells whether a key is too large to be read at one moment. Half a string makes no sense.
func (m measured) sliced() bool {
	return m.bytes > dumpLarge && m.kind != state.String && m.kind != state.Document
}

// readBlock reads keys in one transaction and returns those that are to be read in slices.
func (d *dump) readBlock(ctx context.Context, keys []measured) (entries []Entry, large []measured, err error) {
	small := keys
	if slices.ContainsFunc(keys, measured.sliced) {
		small = slices.DeleteFunc(slices.Clone(keys), measured.sliced)
		large = slices.DeleteFunc(slices.Clone(keys), func(m measured) bool { return !m.sliced() })
	}
	entries, odd, err := d.transaction(ctx, small)
	for try := 0; err == nil && len(odd) > 0; try++ {
		if try == dumpTries {
			return nil, nil, &Error{
				Reason: StoreUnsupported, Store: d.store.name, Hint: "take the key out of the keyspace's pattern, or wait until it is written less",
				Err: fmt.Errorf("the key %.100q is of type %q, which cannot be read, or changes its type all the time", odd[0].key, odd[0].kind),
			}
		}
		if odd, err = d.askKinds(ctx, odd); err != nil {
			break
		}
		large = append(large, slices.DeleteFunc(slices.Clone(odd), func(m measured) bool { return !m.sliced() })...)
		odd = slices.DeleteFunc(odd, measured.sliced)
		var more []Entry
		more, odd, err = d.transaction(ctx, odd)
		entries = append(entries, more...)
	}
	return entries, large, err
}

// dumpTries is how often the type of a key is asked for again when it turned out to be another.
const dumpTries = 5

// askKinds asks for the types of keys. Those that are gone are left out.
func (d *dump) askKinds(ctx context.Context, keys []measured) ([]measured, error) {
	var out []measured
	err := d.store.retry(ctx, func() error {
		out = nil
		pipe := d.store.client.Pipeline()
		kinds := make([]*redis.StatusCmd, len(keys))
		for i, m := range keys {
			kinds[i] = pipe.Type(ctx, m.key)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		for i, m := range keys {
			if name := kinds[i].Val(); name != "none" {
				m.kind = typeNamed(name)
				out = append(out, m)
			}
		}
		return nil
	})
	return out, err
}

// keyRead is the read of one key in flight.
type keyRead struct {
	measured
	value    redis.Cmder
	expiry   *redis.IntCmd
	left     *redis.IntCmd    // where the server has no PEXPIRETIME
	encoding *redis.StringCmd // of a hash, where the server has fields that expire
	stream   *redis.SliceCmd  // of a stream
	groups   *redis.SliceCmd  // of a stream
}

// transaction reads keys at one moment. Odd are those that are of another type.
func (d *dump) transaction(ctx context.Context, keys []measured) (entries []Entry, odd []measured, err error) {
	if len(keys) == 0 {
		return nil, nil, nil
	}
	var expiring []measured
	err = d.store.retry(ctx, func() error {
		entries, odd, expiring = make([]Entry, 0, len(keys)), nil, nil
		pipe := d.store.client.TxPipeline()
		questions := make([]keyRead, len(keys))
		for i, m := range keys {
			questions[i] = d.ask(ctx, pipe, m)
		}
		var now *redis.TimeCmd
		if !d.able.expireTime {
			now = pipe.Time(ctx)
		}
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		for i := range questions {
			q := &questions[i]
			e, there, err := q.entry(now)
			if err != nil && q.stream != nil && d.unmeasured(q.stream.Err()) {
				err = nil // the embedded server tells no position
			}
			switch {
			case redis.HasErrorPrefix(err, "WRONGTYPE"), errors.Is(err, errKind):
				odd = append(odd, q.measured)
			case err != nil:
				return err
			case there && q.mayExpire():
				expiring = append(expiring, q.measured)
			case there:
				entries = append(entries, e)
			}
		}
		return nil
	})
	for _, m := range expiring {
		if err != nil {
			break
		}
		var e Entry
		var there bool
		if e, there, err = d.readExpiring(ctx, m.key); there {
			entries = append(entries, e)
		}
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			odd, err = append(odd, m), nil
		}
	}
	return entries, odd, err
}

// ask adds the read of a key to a transaction.
func (d *dump) ask(ctx context.Context, pipe redis.Pipeliner, m measured) keyRead {
	q := keyRead{measured: m, value: readCommand(ctx, m)}
	_ = pipe.Process(ctx, q.value) // queues; the error comes with Exec
	d.askExpiry(ctx, pipe, &q)
	if d.able.fieldExpiry && m.kind == state.Hash {
		q.encoding = redis.NewStringCmd(ctx, "object", "encoding", m.key)
		_ = pipe.Process(ctx, q.encoding)
	}
	if m.kind == state.Stream {
		q.askPosition(ctx, pipe)
	}
	return q
}

// askExpiry asks when a key expires.
func (d *dump) askExpiry(ctx context.Context, pipe redis.Pipeliner, q *keyRead) {
	if d.able.expireTime {
		q.expiry = redis.NewIntCmd(ctx, "pexpiretime", q.key)
		_ = pipe.Process(ctx, q.expiry) // queues; the error comes with Exec
	} else {
		q.left = redis.NewIntCmd(ctx, "pttl", q.key)
		_ = pipe.Process(ctx, q.left)
	}
}

// readCommand reads the whole of a key.
func readCommand(ctx context.Context, m measured) redis.Cmder {
	switch m.kind {
	case state.String:
		return redis.NewStringCmd(ctx, "get", m.key)
	case state.Hash:
		return redis.NewStringSliceCmd(ctx, "hgetall", m.key)
	case state.List:
		return redis.NewStringSliceCmd(ctx, "lrange", m.key, 0, -1)
	case state.Set:
		return redis.NewStringSliceCmd(ctx, "smembers", m.key)
	case state.SortedSet:
		return redis.NewStringSliceCmd(ctx, "zrange", m.key, 0, -1, "withscores")
	case state.Stream:
		return redis.NewSliceCmd(ctx, "xrange", m.key, "-", "+")
	case state.Document:
		return redis.NewStringCmd(ctx, "json.get", m.key)
	}
	return redis.NewStatusCmd(ctx, "type", m.key) // of a module that we do not know
}

// errKind tells that a key is of a type that cannot be read.
var errKind = errors.New("the key is of a type that is not known")

// entry makes an entry of what was read.
func (q *keyRead) entry(now *redis.TimeCmd) (Entry, bool, error) {
	e := Entry{Key: q.key, Type: q.kind}
	if err := q.value.Err(); errors.Is(err, redis.Nil) {
		return e, false, nil
	} else if err != nil {
		return e, false, err
	}
	if there, err := q.expires(&e, now); !there || err != nil {
		return e, false, err
	}
	switch v := q.value.(type) {
	case *redis.StringCmd:
		e.Text = v.Val()
	case *redis.StringSliceCmd:
		e.fill(v.Val())
	case *redis.SliceCmd:
		var err error
		if e.Messages, err = messages(v.Val()); err == nil {
			err = q.position(&e)
		}
		if err != nil {
			return e, false, err
		}
	default:
		return e, false, errKind
	}
	return e, true, nil
}

// expires sets when the key expires, and tells whether it is there.
func (q *keyRead) expires(e *Entry, now *redis.TimeCmd) (bool, error) {
	if q.expiry != nil {
		e.ExpireAt = max(q.expiry.Val(), 0)
		return q.expiry.Val() != -2, q.expiry.Err()
	}
	left, err := q.left.Result()
	if err == nil && left >= 0 {
		e.ExpireAt = now.Val().UnixMilli() + left
		err = now.Err()
	}
	return left != -2, err
}

// mayExpire tells whether fields of the key may expire by themselves. A small hash says by its encoding whether any
// does; a large one does not say.
func (q *keyRead) mayExpire() bool {
	return q.encoding != nil && q.encoding.Val() != "listpack" && q.encoding.Val() != "ziplist"
}

// fill takes the flat answer of a read.
func (e *Entry) fill(flat []string) {
	switch e.Type {
	case state.Hash:
		e.Fields = make([]EntryField, len(flat)/2)
		for i := range e.Fields {
			e.Fields[i] = EntryField{Name: flat[2*i], Value: flat[2*i+1]}
		}
	case state.SortedSet:
		e.Members = make([]Member, len(flat)/2)
		for i := range e.Members {
			e.Members[i] = Member{Member: flat[2*i], Score: flat[2*i+1]}
		}
	default:
		e.Elements = flat
	}
}

// sort puts what has no order into one.
func (e *Entry) sort() {
	switch e.Type {
	case state.Hash:
		slices.SortFunc(e.Fields, func(a, b EntryField) int { return strings.Compare(a.Name, b.Name) })
	case state.SortedSet:
		slices.SortFunc(e.Members, func(a, b Member) int { return strings.Compare(a.Member, b.Member) })
	case state.Set:
		slices.Sort(e.Elements)
	}
}
