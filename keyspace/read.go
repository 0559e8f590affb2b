package keyspace

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
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

// askUnits asks for the units of a chunk. A string is asked for up to one byte more than it may have, which is share
// if nothing is known of its length.
func (s *Store) askUnits(w *wire, routes []route, c *chunk, share int64) {
	if c == nil {
		return
	}
	for _, t := range c.keys {
		switch k := &kindOf[t.mode]; {
		case t.mode == readText:
			w.ask("getrange", t.key, "0", strconv.FormatInt(s.textLimit(t, share), 10))
		case k.ask != nil:
			w.askOf(k.ask[0], t.key, k.ask[1:])
		}
		if routes[t.route].ruled && t.mode < tooBig {
			w.ask("pttl", t.key)
			if s.tellsExpiry {
				w.ask("pexpiretime", t.key)
			}
		}
	}
}

// textLimit is how many bytes a string may have.
func (s *Store) textLimit(t target, share int64) int64 {
	if t.bytes == 0 {
		return min(s.options.MaxValue, share)
	}
	return s.options.MaxValue
}

// takeUnits turns answers into units, and returns where the fields of hashes among them are. A wrong type is an answer
// about one key; any other error fails the read.
func (s *Store) takeUnits(ctx context.Context, routes []route, c *chunk, share int64, answers *tape) ([]unit, []transform.Field, error) {
	if c == nil {
		return nil, nil, nil
	}
	units := s.shelf.units.take(len(c.keys))[:len(c.keys)]
	room := s.shelf.fields.take(len(answers.tokens) / 2)
	var empty []int
	for i, t := range c.keys {
		u := &units[i]
		u.target, u.Key = t, t.key
		err := u.take(answers, &room, s.textLimit(t, share), s.options.MaxValue)
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			u.mode, err = mistyped, nil
		}
		if err == nil && routes[t.route].ruled && t.mode < tooBig {
			err = u.takeTTL(answers, s.tellsExpiry)
		}
		if err != nil {
			return nil, nil, err
		}
		u.explain(s.options.MaxValue)
		if u.mode == readText && u.Text == "" {
			empty = append(empty, i)
		}
	}
	return units, room, s.tellGone(ctx, units, empty)
}

// take takes the answer about a key: what it holds is in room, or a piece of the tape's text. A string has at most so
// many bytes as were asked for, any value as many as may be read.
func (u *unit) take(answers *tape, room *[]transform.Field, asked, limit int64) (err error) {
	switch k := &kindOf[u.mode]; {
	case u.mode == readText:
		u.Text, err = answers.str()
		n := int64(len(u.Text))
		if n > asked {
			u.mode, u.Text = readLong, ""
		}
		if n > limit {
			u.mode = tooBig
		}
	case u.mode == readHash:
		if u.Fields, err = answers.fields(room); err != nil {
			return err
		}
		u.gone = len(u.Fields) == 0
		if int64(textBytes(u.Unit)) > limit {
			u.mode, u.Fields = tooBig, nil
		}
	case u.mode == readStream:
		u.parts, err = answers.messages(u.key) // a stream may be there and empty
	case k.ask != nil:
		flat, err := answers.flat()
		if err != nil {
			return err
		}
		u.gone = len(flat) == 0
		u.parts = k.parts(u.key, flat)
	}
	return err
}

// takeTTL takes how long a key lives, and when it expires, where the server tells.
func (u *unit) takeTTL(answers *tape, tells bool) error {
	left, err := answers.number()
	at := int64(0)
	if err == nil && tells {
		at, err = answers.number()
	}
	if err == nil {
		u.expires(left, at)
	}
	return err
}

// expires gives the unit, or every part of it, the key's time to live: milliseconds as PTTL tells them, and the Unix
// milliseconds of PEXPIRETIME, 0 of a server that does not tell.
func (u *unit) expires(left, at int64) {
	if left == -2 { // there is no such key any more
		u.gone = true
	}
	if left >= 0 {
		u.TTL = max(left, 1)
		u.expireAt = time.Now().UnixMilli() + left // about
	}
	if at > 0 {
		u.expireAt = at
	}
	for i := range u.parts {
		u.parts[i].TTL = u.TTL
	}
}

// askTTL gives every unit of a page the time to live of its key.
func (s *Store) askTTL(ctx context.Context, u *unit) error {
	return s.over(ctx, math.MaxInt64, func(w *wire) {
		w.ask("pttl", u.key)
		if s.tellsExpiry {
			w.ask("pexpiretime", u.key)
		}
	}, func(answers *tape) error { return u.takeTTL(answers, s.tellsExpiry) })
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
		err := s.over(ctx, math.MaxInt64, func(w *wire) { s.askSizes(w, &c) }, func(answers *tape) error {
			return s.takeSizes(routes, &c, answers)
		})
		if err != nil {
			return err
		}
		share := s.options.MaxValue
		return s.over(ctx, math.MaxInt64, func(w *wire) { s.askUnits(w, routes, &c, share) }, func(answers *tape) (err error) {
			units, _, err = s.takeUnits(ctx, routes, &c, share, answers)
			return err
		})
	})
	return units, classify(ctx, s.name, "reading keys again", err)
}
