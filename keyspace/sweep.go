package keyspace

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// chunk is a number of keys of one SCAN answer. Scanning again from resume lists every key that comes after it.
type chunk struct {
	keys   []target
	resume uint64
	looked int64 // keys of the store that led to it, of any keyspace
}

// target is a key of a keyspace and how it is to be read.
type target struct {
	key   string
	route int
	mode  mode
}

type mode int

const (
	readHash mode = iota
	readText
	readType // both are possible: the type is asked for first
	tooBig   // not read
	mistyped // not read
	vanished // not there
)

// sweep walks over a store once, a chunk at a time. Each call of next is one round trip, in which the server
// scans for the chunk after next, measures the next and reads this one.
type sweep struct {
	store  *Store
	routes []route
	pace   *pace

	cursor  uint64
	scanned bool    // to the end
	mean    float64 // bytes a unit, smoothed
	queue   []chunk
	sized   *chunk
}

// page is one chunk, read.
type page struct {
	chunk
	units []unit
}

func (s *Store) newSweep(routes []route, cursor uint64, p *pace) *sweep {
	return &sweep{store: s, routes: routes, cursor: cursor, pace: p}
}

// next returns the next page, nil at the end. A page may have no units.
func (w *sweep) next(ctx context.Context) (*page, error) {
	for {
		var fresh *chunk
		if len(w.queue) > 0 {
			fresh = &w.queue[0]
			w.queue = w.queue[1:]
		}
		if w.scanned && fresh == nil && w.sized == nil {
			return nil, nil
		}
		ready := w.sized
		started := time.Now()
		units, err := w.trip(ctx, fresh, ready)
		if err != nil {
			return nil, err
		}
		w.sized = fresh
		if err := w.pace.rest(ctx, time.Since(started)); err != nil {
			return nil, err
		}
		if ready != nil {
			w.learn(units)
			return &page{chunk: *ready, units: units}, nil
		}
	}
}

// trip does one round trip; reads are asked again if the connection broke, because they change nothing.
func (w *sweep) trip(ctx context.Context, fresh, ready *chunk) ([]unit, error) {
	var units []unit
	err := w.store.retry(ctx, func() error {
		pipe := w.store.client.Pipeline()
		var scan *redis.ScanCmd
		if !w.scanned && len(w.queue) == 0 {
			scan = pipe.Scan(ctx, w.cursor, "", int64(min(w.pace.page(), w.limit())))
		}
		sizes := w.store.askSizes(ctx, pipe, w.routes, fresh)
		reads := w.store.askUnits(ctx, pipe, ready)
		_, err := pipe.Exec(ctx)
		if unknown(err) {
			return err
		}
		if err := w.enqueue(scan); err != nil {
			return err
		}
		if err := w.store.takeSizes(fresh, sizes); err != nil {
			return err
		}
		units, err = w.store.takeUnits(ctx, reads)
		return err
	})
	return units, classify(ctx, w.store.name, "reading the keyspaces", err)
}

// enqueue cuts a SCAN answer into chunks. Servers may answer with more keys than asked for; the embedded one
// answers with all.
func (w *sweep) enqueue(scan *redis.ScanCmd) error {
	if scan == nil {
		return nil
	}
	keys, next, err := scan.Result()
	if err != nil {
		return err
	}
	from := w.cursor
	w.cursor, w.scanned = next, next == 0
	for part := range slices.Chunk(keys, w.limit()) {
		c := chunk{resume: from, looked: int64(len(part))}
		for _, key := range part {
			if i := find(w.routes, key); i >= 0 {
				c.keys = append(c.keys, target{key: key, route: i, mode: w.routes[i].mode()})
			}
		}
		w.queue = append(w.queue, c)
	}
	if len(w.queue) > 0 {
		w.queue[len(w.queue)-1].resume = next
	}
	return nil
}

// pageBytes is about how much a page holds, judged by the units read before it.
const pageBytes = 4 << 20

// limit is how many keys a page may have.
func (w *sweep) limit() int {
	limit := 2 * w.pace.page()
	if w.mean > 0 {
		limit = min(limit, int(pageBytes/w.mean))
	}
	return max(limit, 1)
}

func (w *sweep) learn(units []unit) {
	for i := range units {
		w.mean += (float64(units[i].bytes()) - w.mean) / 64
	}
}

func (r route) mode() mode {
	switch {
	case r.hash && r.text:
		return readType
	case r.hash:
		return readHash
	default:
		return readText
	}
}

// retry repeats a read whose connection broke, three times in all.
func (s *Store) retry(ctx context.Context, read func() error) error {
	wait := 50 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := read()
		if !unknown(err) || attempt == 3 || ctx.Err() != nil {
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
