package keyspace

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/transform"
)

// unit is one key as it was read.
type unit struct {
	target
	transform.Unit
	unfit string // why it can be no unit at all: too big, of another type
	gone  bool
}

// bytes is about how much the unit takes in memory.
func (u *unit) bytes() int {
	n := len(u.Text) + len(u.Unit.Key)
	for _, f := range u.Fields {
		n += len(f.Name) + len(f.Value)
	}
	return n
}

// question is a read in flight.
type question struct {
	target
	limit  int64 // of text: how many bytes it may have
	fields *redis.StringSliceCmd
	text   *redis.StringCmd
}

// askUnits asks for the units of a chunk. A string is asked for up to one byte more than it may have, which is share
// if nothing is known of its length.
func (s *Store) askUnits(ctx context.Context, pipe redis.Pipeliner, c *chunk, share int64) []question {
	if c == nil {
		return nil
	}
	questions := make([]question, len(c.keys))
	for i, t := range c.keys {
		q := question{target: t}
		switch t.mode {
		case readHash:
			q.fields = redis.NewStringSliceCmd(ctx, "hgetall", t.key)
			_ = pipe.Process(ctx, q.fields) // queues; the error comes with Exec
		case readText:
			q.limit = s.options.MaxValue
			if t.bytes == 0 {
				q.limit = min(q.limit, share)
			}
			q.text = pipe.GetRange(ctx, t.key, 0, q.limit)
		}
		questions[i] = q
	}
	return questions
}

// takeUnits turns answers into units. A wrong type is an answer about one key; any other error fails the read.
func (s *Store) takeUnits(ctx context.Context, questions []question) ([]unit, error) {
	units := make([]unit, 0, len(questions))
	var empty []int
	for _, q := range questions {
		u := unit{target: q.target, Unit: transform.Unit{Key: q.key}}
		err := u.take(q, s.options.MaxValue)
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			u.mode, err = mistyped, nil
		}
		if err != nil {
			return nil, err
		}
		u.explain(s.options.MaxValue)
		if u.mode == readText && u.Text == "" {
			empty = append(empty, len(units))
		}
		units = append(units, u)
	}
	return units, s.tellGone(ctx, units, empty)
}

func (u *unit) take(q question, limit int64) error {
	switch {
	case q.fields != nil:
		flat, err := q.fields.Result()
		if err != nil {
			return err
		}
		u.Fields = fields(flat)
		u.gone = len(flat) == 0
	case q.text != nil:
		text, err := q.text.Result()
		if err != nil {
			return err
		}
		u.Text = text
		if int64(len(text)) > q.limit {
			u.mode, u.Text = readLong, ""
		}
		if int64(len(text)) > limit {
			u.mode = tooBig
		}
	}
	return nil
}

// explain sets why a key that was not read is no unit.
func (u *unit) explain(limit int64) {
	switch u.mode {
	case tooBig:
		u.unfit = fmt.Sprintf("larger than %d bytes, the most that is read of one key", limit)
	case mistyped:
		u.unfit = "the key has another Redis type than its keyspace's versions"
	case vanished:
		u.gone = true
	}
}

// tellGone tells empty strings from missing keys, which GETRANGE answers alike.
func (s *Store) tellGone(ctx context.Context, units []unit, empty []int) error {
	if len(empty) == 0 {
		return nil
	}
	pipe := s.client.Pipeline()
	there := make([]*redis.IntCmd, len(empty))
	for i, at := range empty {
		there[i] = pipe.Exists(ctx, units[at].target.key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for i, at := range empty {
		units[at].gone = there[i].Val() == 0
	}
	return nil
}

// reread reads keys again, to decide again what to write.
func (s *Store) reread(ctx context.Context, routes []route, keys []target) ([]unit, error) {
	c := chunk{keys: slices.Clone(keys)}
	for i := range c.keys {
		c.keys[i].mode = routes[c.keys[i].route].mode()
	}
	var units []unit
	err := s.retry(ctx, func() error {
		pipe := s.client.Pipeline()
		sizes := s.askSizes(ctx, pipe, routes, &c)
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		if err := s.takeSizes(&c, sizes); err != nil {
			return err
		}
		pipe = s.client.Pipeline()
		questions := s.askUnits(ctx, pipe, &c, s.options.MaxValue)
		_, err := pipe.Exec(ctx)
		if unknown(err) {
			return err
		}
		units, err = s.takeUnits(ctx, questions)
		return err
	})
	return units, classify(ctx, s.name, "reading keys again", err)
}

// fields pairs and sorts the flat answer of HGETALL.
func fields(flat []string) []transform.Field {
	out := make([]transform.Field, len(flat)/2)
	for i := range out {
		out[i] = transform.Field{Name: flat[2*i], Value: flat[2*i+1]}
	}
	slices.SortFunc(out, func(a, b transform.Field) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
