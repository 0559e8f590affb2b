package keyspace

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// size is a measurement in flight.
type size struct {
	bytes *redis.IntCmd
	kind  *redis.StatusCmd // where several are possible
}

// samples is how many fields of a hash MEMORY USAGE looks at; it takes the rest to be like them. With the default of
// five it misses the one large field of most sessions.
const samples = 1024

// probeSamples finds out whether MEMORY USAGE takes a number of samples. That we may not run it at all is told where
// it is needed.
func (s *Store) probeSamples(ctx context.Context) error {
	err := s.client.MemoryUsage(ctx, identityKey, samples).Err()
	if unknown(err) {
		return classify(ctx, s.name, "trying MEMORY USAGE", err)
	}
	if err == nil || !strings.HasPrefix(err.Error(), "ERR") {
		s.samples = []int{samples}
	}
	return nil
}

// askSizes asks how big the keys of a chunk are that are no strings, because the answer to HGETALL cannot be cut short.
func (s *Store) askSizes(ctx context.Context, pipe redis.Pipeliner, routes []route, c *chunk) []size {
	if c == nil {
		return nil
	}
	sizes := make([]size, len(c.keys))
	for i, t := range c.keys {
		if t.mode == readText {
			continue
		}
		sizes[i].bytes = pipe.MemoryUsage(ctx, t.key, s.samples...)
		if t.mode == readType {
			sizes[i].kind = pipe.Type(ctx, t.key)
		}
	}
	return sizes
}

// takeSizes decides how each key of the chunk is read.
func (s *Store) takeSizes(routes []route, c *chunk, sizes []size) error {
	for i, z := range sizes {
		t := &c.keys[i]
		if z.kind != nil {
			kind, err := z.kind.Result()
			if err != nil {
				return err
			}
			t.mode = routes[t.route].typed(kind)
		}
		if z.bytes == nil {
			continue
		}
		bytes, err := z.bytes.Result()
		t.bytes = bytes
		switch {
		case errors.Is(err, redis.Nil):
			t.mode = vanished
		case err != nil:
			return err
		case t.mode == readHash && bytes > s.options.MaxValue:
			t.mode, t.bytes = tooBig, 0
		case kindOf[t.mode].count != "" && bytes > s.options.MaxValue:
			t.paged, t.mode, t.bytes = t.mode, readPages, 0
		}
	}
	return nil
}

// askLengths finds out how long strings are of which only a part was read.
func (s *Store) askLengths(ctx context.Context, keys []target) error {
	return s.retry(ctx, func() error {
		pipe := s.client.Pipeline()
		lengths := make([]*redis.IntCmd, len(keys))
		for i, t := range keys {
			lengths[i] = pipe.StrLen(ctx, t.key)
		}
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		for i := range keys {
			n, err := lengths[i].Result()
			if err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") { // that is for the read to find
				return err
			}
			keys[i].mode, keys[i].bytes = readText, max(n, 1)
			if n > s.options.MaxValue {
				keys[i].mode, keys[i].bytes = tooBig, 0
			}
		}
		return nil
	})
}

// What MEMORY USAGE counts beside the bytes of names and values, at most: of the key, and of each field of a hash that
// the server keeps as a table (its entry, two headers, the slot, and what the allocator rounds up).
const (
	keyOverhead   = 512
	fieldOverhead = 112
)

// footprint is about the most that MEMORY USAGE may say of a hash.
func footprint(u transform.Unit) int64 {
	n := int64(len(u.Key))
	for _, f := range u.Fields {
		n += int64(len(f.Name)) + int64(len(f.Value))
	}
	return n + n/4 + keyOverhead + fieldOverhead*int64(len(u.Fields))
}

// outgrown tells why a converted unit must not be written: it could never be read again. Empty if it can. A hash that
// does not grow can be read as it could before.
func (r *route) outgrown(u *unit, before, after transform.Unit) string {
	size := int64(len(after.Text))
	switch {
	case kindIn(after) == state.Hash:
		size = footprint(after)
		size = min(size, u.target.bytes+max(size-footprint(before), 0))
	case after.IsHash():
		size = int64(textBytes(after))
	}
	if size <= r.limit {
		return ""
	}
	return fmt.Sprintf("the result may be larger than %d bytes, the most that is read of one key", r.limit)
}
