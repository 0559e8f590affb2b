package keyspace

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

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
		if err := d.readUnmeasured(ctx, b, out); err != nil {
			return err
		}
		if err := d.pace.rest(ctx, time.Since(started)); err != nil {
			return err
		}
	}
	return nil
}

// readUnmeasured reads a block. If it was not measured, and turns out to be too large for that, it is, and the pages
// that follow, too.
func (d *dump) readUnmeasured(ctx context.Context, b block, out chan<- dumped) error {
	if !b.bold {
		return d.read(ctx, b, math.MaxInt64, out)
	}
	got, large, err := d.readBlock(ctx, b.keys, boldBytes)
	if err == nil {
		return d.sendAll(ctx, b, got, large, out)
	}
	if !unknown(err) || ctx.Err() != nil {
		return err
	}
	d.shy.Store(shyChunks)
	keys := make([]string, len(b.keys))
	for i, m := range b.keys {
		keys[i] = m.key
	}
	_, found, err := d.trip(ctx, 0, true, keys, false)
	if err != nil {
		return err
	}
	for part := range blocksOf(found) {
		if err := d.read(ctx, block{keys: part, looked: b.looked, found: b.found}, math.MaxInt64, out); err != nil {
			return err
		}
	}
	return nil
}

// boldBytes is how many bytes a block may have that was not measured: as many as a key that is not read in slices.
const boldBytes = dumpLarge

// read reads a block whose answers may have so many bytes.
func (d *dump) read(ctx context.Context, b block, limit int64, out chan<- dumped) error {
	got, large, err := d.readBlock(ctx, b.keys, limit)
	if err != nil {
		return err
	}
	return d.sendAll(ctx, b, got, large, out)
}

// sendAll sends what was read of a block, and reads what is to be read in slices.
func (d *dump) sendAll(ctx context.Context, b block, got dumped, large []measured, out chan<- dumped) error {
	got.looked, got.found = b.looked, b.found
	if err := d.sendSmall(ctx, out, got); err != nil {
		return err
	}
	for _, m := range large {
		if err := d.sendLarge(ctx, out, m, b); err != nil {
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

// readBlock reads keys in one transaction, whose answers may have so many bytes in all, and returns those that are to be
// read in slices.
func (d *dump) readBlock(ctx context.Context, keys []measured, limit int64) (got dumped, large []measured, err error) {
	small := keys
	if slices.ContainsFunc(keys, measured.sliced) {
		small = slices.DeleteFunc(slices.Clone(keys), measured.sliced)
		large = slices.DeleteFunc(slices.Clone(keys), func(m measured) bool { return !m.sliced() })
	}
	got, odd, err := d.transaction(ctx, small, limit)
	for try := 0; err == nil && len(odd) > 0; try++ {
		if try == dumpTries {
			return got, nil, &Error{
				Reason: StoreUnsupported, Store: d.store.name, Hint: "take the key out of the keyspace's pattern, or wait until it is written less",
				Err: fmt.Errorf("the key %.100q is of type %q, which cannot be read, or changes its type all the time", odd[0].key, odd[0].kind),
			}
		}
		if odd, err = d.askKinds(ctx, odd); err != nil {
			break
		}
		large = append(large, slices.DeleteFunc(slices.Clone(odd), func(m measured) bool { return !m.sliced() })...)
		odd = slices.DeleteFunc(odd, measured.sliced)
		var more dumped
		more, odd, err = d.transaction(ctx, odd, math.MaxInt64)
		got.entries = append(got.entries, more.entries...)
	}
	return got, large, err
}

// dumpTries is how often the type of a key is asked for again when it turned out to be another.
const dumpTries = 5

// askKinds asks for the types of keys, and how much they take. Those that are gone are left out.
func (d *dump) askKinds(ctx context.Context, keys []measured) ([]measured, error) {
	var out []measured
	err := d.store.retry(ctx, func() error {
		out = nil
		pipe := d.store.client.Pipeline()
		kinds, sizes := make([]*redis.StatusCmd, len(keys)), make([]*redis.IntCmd, len(keys))
		for i, m := range keys {
			kinds[i], sizes[i] = pipe.Type(ctx, m.key), pipe.MemoryUsage(ctx, m.key, d.store.samples...)
		}
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		for i, m := range keys {
			name, err := kinds[i].Result()
			if err != nil {
				return err
			}
			if err := sizes[i].Err(); err != nil && !errors.Is(err, redis.Nil) && !d.unmeasured(err) {
				return err
			}
			if name != "none" {
				m.kind, m.bytes = typeNamed(name), sizes[i].Val()
				out = append(out, m)
			}
		}
		return nil
	})
	return out, err
}
