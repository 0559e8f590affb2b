package keyspace

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyshift.dev/transform"
)

// chunk is a number of keys of one SCAN answer. Scanning again from resume lists every key that comes after it,
// scanning from from lists its own keys too.
type chunk struct {
	keys         []target
	from, resume uint64
	looked       int64 // keys of the store that led to it, of any keyspace
	bold         bool  // it is read without being measured: the connection bounds what it may hold
}

// target is a key of a keyspace and how it is to be read.
type target struct {
	key   string
	route int
	mode  mode
	paged mode  // of readPages: how its units are read
	bytes int64 // as measured before it is read; 0 if that was not needed
}

// sweep walks over a store once, a chunk at a time. Each call of next is one round trip, in which the server
// scans for the chunk after next, measures the next and reads this one.
type sweep struct {
	store  *Store
	routes []route
	pace   *pace

	stranger func(key string) // called for every key of no keyspace but our own; nil if nobody asks

	cursor  uint64
	scanned bool                // to the end
	mean    float64             // bytes a unit, smoothed
	queue   []chunk             // to be measured
	sized   []chunk             // to be read
	large   []pages             // to be read a page at a time
	shy     int                 // chunks that are measured yet
	begun   map[string]struct{} // keys that were read so, which SCAN may list again
}

// page is one chunk, read.
type page struct {
	chunk
	units []unit
	room  []transform.Field // where the fields of its hashes are
}

// release gives back what a page is made of but for its fields, which changes may hold.
func (s *Store) release(p *page) { s.shelf.units.give(p.units) }

func (s *Store) newSweep(routes []route, cursor uint64, p *pace) *sweep {
	return &sweep{store: s, routes: routes, cursor: cursor, pace: p, begun: map[string]struct{}{}}
}

// next returns the next page, nil at the end. A page may have no units.
func (w *sweep) next(ctx context.Context) (*page, error) {
	for !w.scanned || len(w.queue)+len(w.sized)+len(w.large) > 0 {
		if len(w.large) > 0 {
			return w.largePage(ctx)
		}
		var fresh, ready *chunk
		if len(w.sized) > 0 {
			ready, w.sized = &w.sized[0], w.sized[1:]
		}
		if len(w.sized) == 0 && len(w.queue) > 0 {
			fresh, w.queue = &w.queue[0], w.queue[1:]
		}
		started := time.Now()
		units, room, err := w.trip(ctx, fresh, ready)
		if ready != nil && ready.bold && unknown(err) && ctx.Err() == nil { // too large, or too slow
			w.measure(ready, fresh)
			continue
		}
		if err != nil {
			return nil, err
		}
		if fresh != nil {
			w.sized = append(w.sized, fresh.cut()...)
		}
		var p *page
		if ready != nil {
			w.learn(units)
			if p, err = w.page(ctx, ready, units); err != nil {
				return nil, err
			}
			p.room = room
		}
		if err := w.pace.rest(ctx, time.Since(started)); err != nil {
			return nil, err
		}
		if p != nil {
			return p, nil
		}
	}
	return nil, nil
}

// measure puts a chunk that could not be read unmeasured into the queue, and has the next ones measured, too: keys
// that lie together in a scan have nothing in common, but a keyspace with one large key has others. The one that was to
// be measured by the same trip, if there is one, goes back to where it was.
func (w *sweep) measure(c, unmeasured *chunk) {
	c.bold = false
	again := []chunk{*c}
	if unmeasured != nil {
		again = append(again, *unmeasured)
	}
	w.queue = append(again, w.queue...)
	w.shy = shyChunks
}

// shyChunks is how many chunks are measured after one that was too large.
const shyChunks = 16

// page makes a page of what was read. Strings that are longer than their share of it are put off to pages of their
// own, which come next: now it is known how long they are.
func (w *sweep) page(ctx context.Context, c *chunk, units []unit) (*page, error) {
	p := &page{chunk: *c, units: units}
	long := chunk{from: c.from, resume: c.resume}
	for _, u := range units {
		switch u.mode {
		case readLong:
			long.keys = append(long.keys, u.target)
		case readPages:
			if err := w.begin(ctx, u.target); err != nil {
				return nil, classify(ctx, w.store.name, "measuring a large key", err)
			}
		}
	}
	p.units = slices.DeleteFunc(units, func(u unit) bool { return u.mode == readLong || u.mode == readPages })
	if len(w.large) > 0 {
		p.resume = c.from
	}
	if len(long.keys) == 0 {
		return p, nil
	}
	p.resume = c.from
	if err := w.store.askLengths(ctx, long.keys); err != nil {
		return nil, classify(ctx, w.store.name, "measuring strings", err)
	}
	w.sized = slices.Concat(long.cut(), w.sized)
	return p, nil
}

// begunLimit is how many large keys a sweep remembers. What SCAN lists twice beyond it is counted twice.
const begunLimit = 1 << 16

// begin puts a large key in the queue, once.
func (w *sweep) begin(ctx context.Context, t target) error {
	if _, repeated := w.begun[t.key]; repeated {
		return nil
	}
	if len(w.begun) < begunLimit {
		t.key = strings.Clone(t.key)
		w.begun[t.key] = struct{}{}
	}
	return w.store.retry(ctx, func() error {
		p, err := w.store.newPages(ctx, t)
		if err == nil && p != nil {
			w.large = append(w.large, *p)
		}
		return err
	})
}

// largePage reads the next page of a large key.
func (w *sweep) largePage(ctx context.Context) (*page, error) {
	at := &w.large[0]
	out := &page{chunk: chunk{from: w.cursor, resume: w.cursor}}
	if len(w.sized)+len(w.queue) > 0 {
		out.resume = slices.Concat(w.sized, w.queue)[0].from
	}
	started := time.Now()
	err := w.store.retry(ctx, func() error {
		next := *at
		u, err := next.next(ctx, w.store.client)
		if err == nil && w.routes[at.route].ruled {
			err = w.store.askTTL(ctx, &u)
		}
		if err == nil {
			*at, out.units = next, []unit{u}
		}
		return err
	})
	if err != nil {
		return nil, classify(ctx, w.store.name, "reading a large key", err)
	}
	out.units[0].explain(w.store.options.MaxValue)
	if at.done {
		w.large = w.large[1:]
	}
	return out, w.pace.rest(ctx, time.Since(started))
}

// cut divides a chunk so that the measured keys of each part fill a page, or are one.
func (c *chunk) cut() []chunk {
	var out []chunk
	start, bytes := 0, int64(0)
	for i, t := range c.keys {
		if bytes += t.bytes; bytes > pageBytes && i > start {
			out = append(out, chunk{keys: c.keys[start:i], from: c.from, resume: c.from})
			start, bytes = i, t.bytes
		}
	}
	last := *c
	last.keys = c.keys[start:]
	return append(out, last)
}

// trip does one round trip; reads are asked again if the connection broke, because they change nothing.
func (w *sweep) trip(ctx context.Context, fresh, ready *chunk) (units []unit, room []transform.Field, err error) {
	limit, share := int64(math.MaxInt64), w.share(ready)
	if ready != nil && ready.bold {
		limit = readCap + 2*w.store.options.MaxValue
	}
	scans := !w.scanned && len(w.queue)+len(w.sized) == 0
	ask := func(c *wire) {
		if scans {
			c.ask("scan", strconv.FormatUint(w.cursor, 10), "count", strconv.Itoa(min(w.pace.page(), w.limit())))
		}
		w.store.askSizes(c, fresh)
		w.store.askUnits(c, w.routes, ready, share)
	}
	take := func(answers *tape) (err error) {
		keys, next := []string(nil), uint64(0)
		if scans {
			if keys, next, err = answers.scan(); err != nil {
				return err
			}
		}
		if err := w.store.takeSizes(w.routes, fresh, answers); err != nil {
			return err
		}
		if units, room, err = w.store.takeUnits(ctx, w.routes, ready, share, answers); err == nil && scans {
			w.enqueue(keys, next)
		}
		return err
	}
	err = w.store.retry(ctx, func() error { return w.store.over(ctx, limit, ask, take) })
	return units, room, classify(ctx, w.store.name, "reading the keyspaces", err)
}

// enqueue cuts a SCAN answer into chunks. Servers may answer with more keys than asked for; the embedded one
// answers with all.
func (w *sweep) enqueue(keys []string, next uint64) {
	from := w.cursor
	w.cursor, w.scanned = next, next == 0
	for part := range slices.Chunk(keys, w.limit()) {
		c := chunk{from: from, resume: from, looked: int64(len(part)), bold: w.shy == 0}
		c.keys = make([]target, 0, len(part))
		for _, key := range part {
			if i := find(w.routes, key); i >= 0 {
				m := w.routes[i].mode(key)
				c.bold = c.bold && m != readType
				c.keys = append(c.keys, target{key: key, route: i, mode: m})
			} else if w.stranger != nil && !strings.HasPrefix(key, Prefix) {
				w.stranger(key)
			}
		}
		w.append(c)
	}
	if last := w.last(); last != nil {
		last.resume = next
	}
}

// append puts a chunk where it is measured, or read at once. What is measured comes first: its chunks are older.
func (w *sweep) append(c chunk) {
	if c.bold && len(w.queue) == 0 {
		w.sized = append(w.sized, c)
		return
	}
	c.bold = false
	w.shy = max(w.shy-1, 0)
	w.queue = append(w.queue, c)
}

// last is the chunk that the last keys of a SCAN went to.
func (w *sweep) last() *chunk {
	switch {
	case len(w.queue) > 0:
		return &w.queue[len(w.queue)-1]
	case len(w.sized) > 0:
		return &w.sized[len(w.sized)-1]
	}
	return nil
}

// readCap is how many bytes of keys that were not measured are read at once, beside one that is as large as it may be.
const readCap = 4 * pageBytes

// pageBytes is about the most that a page may hold, unless it is a single unit.
const pageBytes = 4 << 20

// limit is how many keys a page may have. Judged by the units read before they fill a quarter of it, so that few
// strings are longer than their share.
func (w *sweep) limit() int {
	limit := 2 * w.pace.page()
	if w.mean > 0 {
		limit = min(limit, int(pageBytes/4/w.mean))
	}
	return max(limit, 1)
}

// share is how many bytes are asked for of a string that was not measured.
func (w *sweep) share(c *chunk) int64 {
	if c == nil {
		return 0
	}
	return pageBytes / int64(max(len(c.keys), 1))
}

func (w *sweep) learn(units []unit) {
	for i := range units {
		n := units[i].bytes()
		w.pace.carried(int64(n))
		w.mean += (float64(n) - w.mean) / 64
	}
}

// retry repeats a read whose connection broke, three times in all.
func (s *Store) retry(ctx context.Context, read func() error) error {
	wait := 50 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := read()
		if !unknown(err) || errors.Is(err, errOversize) || attempt == 3 || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(wait):
			wait *= 2
		case <-ctx.Done():
			return fmt.Errorf("waiting to read again: %w", context.Cause(ctx))
		}
	}
}
