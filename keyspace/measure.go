package keyspace

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/transform"
)

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
func (s *Store) askSizes(w *wire, c *chunk) {
	if c == nil {
		return
	}
	for _, t := range c.keys {
		if t.mode == readText {
			continue
		}
		w.askOf("memory", "usage", s.usage(t.key))
		if t.mode == readType {
			w.ask("type", t.key)
		}
	}
}

// usage are the arguments of MEMORY USAGE.
func (s *Store) usage(key string) []string {
	args := []string{key}
	for _, n := range s.samples {
		args = append(args, "samples", strconv.Itoa(n))
	}
	return args
}

// memoryFactor is how much more memory than bytes a hash may take for sure: of small fields in a table the server counts
// some hundred bytes each. What takes more is too big without being read.
const memoryFactor = 32

// takeSizes decides how each key of the chunk is read.
func (s *Store) takeSizes(routes []route, c *chunk, answers *tape) error {
	if c == nil {
		return nil
	}
	for i := range c.keys {
		t := &c.keys[i]
		if t.mode == readText {
			continue
		}
		bytes, err := answers.number()
		if t.mode == readType {
			kind, err := answers.str()
			if err != nil {
				return err
			}
			t.mode = routes[t.route].typed(kind)
		}
		t.bytes = bytes
		switch {
		case errors.Is(err, redis.Nil):
			t.mode = vanished
		case err != nil:
			return err
		case t.mode == readHash && bytes > memoryFactor*s.options.MaxValue:
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

// outgrown tells why a converted unit must not be written: it could never be read again. Empty if it can.
func (r *route) outgrown(after transform.Unit) string {
	if int64(textBytes(after)) <= r.limit {
		return ""
	}
	return fmt.Sprintf("the result is larger than %d bytes, the most that is read of one key", r.limit)
}
