package keyspace

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/transform"
)

// unit is one key as it was read: one unit of its keyspace, or many.
type unit struct {
	target
	transform.Unit
	parts    []transform.Unit // of a map, list, set, sorted set or stream: its units, or a page of them
	first    int              // of a list: the index of the first
	later    bool             // not the first page of a large key
	repeated int              // of a list: so many of the first were on the page before, too
	expireAt int64            // Unix milliseconds, where a version has a rule for it; 0 if the key does not expire
	unfit    string           // why it can be no unit at all: too big, of another type
	gone     bool
}

// bytes is about how much the unit takes in memory.
func (u *unit) bytes() int {
	n := len(u.key) + textBytes(u.Unit)
	for _, p := range u.parts {
		n += textBytes(p)
	}
	return n
}

// textBytes is how many bytes a unit has, beside its key.
func textBytes(u transform.Unit) int {
	n := len(u.Text)
	for _, f := range u.Fields {
		n += len(f.Name) + len(f.Value)
	}
	return n
}

// question is a read in flight.
type question struct {
	target
	limit   int64 // of text: how many bytes it may have
	flat    *redis.StringSliceCmd
	text    *redis.StringCmd
	entries *redis.XMessageSliceCmd
	ttl     *redis.DurationCmd // where a version has a rule for it
	at      *redis.DurationCmd // when it expires, where the server tells
}

// askUnits asks for the units of a chunk. A string is asked for up to one byte more than it may have, which is share
// if nothing is known of its length.
func (s *Store) askUnits(ctx context.Context, pipe redis.Pipeliner, routes []route, c *chunk, share int64) []question {
	if c == nil {
		return nil
	}
	questions := make([]question, len(c.keys))
	for i, t := range c.keys {
		q := question{target: t}
		switch k := &kindOf[t.mode]; {
		case t.mode == readText:
			q.limit = s.options.MaxValue
			if t.bytes == 0 {
				q.limit = min(q.limit, share)
			}
			q.text = pipe.GetRange(ctx, t.key, 0, q.limit)
		case t.mode == readStream:
			q.entries = pipe.XRange(ctx, t.key, "-", "+")
		case k.ask != nil:
			q.flat = asked(ctx, pipe, k.ask(t.key))
		}
		if routes[t.route].ruled && t.mode < tooBig {
			q.ttl = pipe.PTTL(ctx, t.key)
			if s.tellsExpiry {
				q.at = pipe.PExpireTime(ctx, t.key)
			}
		}
		questions[i] = q
	}
	return questions
}

// takeUnits turns answers into units. A wrong type is an answer about one key; any other error fails the read.
func (s *Store) takeUnits(ctx context.Context, questions []question) ([]unit, error) {
	units := make([]unit, 0, len(questions))
	var empty []int
	for i := range questions {
		u := unit{target: questions[i].target, Unit: transform.Unit{Key: questions[i].key}}
		err := u.take(&questions[i], s.options.MaxValue)
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

func (u *unit) take(q *question, limit int64) error {
	switch {
	case q.flat != nil:
		flat, err := q.flat.Result()
		if err != nil {
			return err
		}
		u.gone = len(flat) == 0
		if k := &kindOf[u.mode]; k.parts != nil {
			u.parts = k.parts(u.key, flat)
		} else if u.Fields = fields(flat); int64(textBytes(u.Unit)) > limit {
			u.mode, u.Fields = tooBig, nil
		}
	case q.entries != nil:
		messages, err := q.entries.Result()
		if err != nil {
			return err
		}
		u.parts = messagesOf(u.key, messages) // a stream may be there and empty
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
	return u.takeTTL(q)
}

// takeTTL gives the unit, or every part of it, the key's time to live.
func (u *unit) takeTTL(q *question) error {
	if q.ttl == nil {
		return nil
	}
	left, err := q.ttl.Result()
	if err != nil {
		return err
	}
	if left == -2 { // there is no such key any more
		u.gone = true
	}
	if left >= 0 {
		u.TTL = max(left.Milliseconds(), 1)
		u.expireAt = time.Now().Add(left).UnixMilli() // of a server that does not tell, about
	}
	if q.at != nil && q.at.Val() > 0 {
		u.expireAt = q.at.Val().Milliseconds()
	}
	for i := range u.parts {
		u.parts[i].TTL = u.TTL
	}
	return nil
}

// askTTL gives every unit of a page the time to live of its key.
func (s *Store) askTTL(ctx context.Context, u *unit) error {
	pipe := s.client.Pipeline()
	q := question{ttl: pipe.PTTL(ctx, u.key)}
	if s.tellsExpiry {
		q.at = pipe.PExpireTime(ctx, u.key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	return u.takeTTL(&q)
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
		c.keys[i].mode = routes[c.keys[i].route].mode(c.keys[i].key)
	}
	var units []unit
	err := s.retry(ctx, func() error {
		pipe := s.client.Pipeline()
		sizes := s.askSizes(ctx, pipe, routes, &c)
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		if err := s.takeSizes(routes, &c, sizes); err != nil {
			return err
		}
		pipe = s.client.Pipeline()
		questions := s.askUnits(ctx, pipe, routes, &c, s.options.MaxValue)
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
