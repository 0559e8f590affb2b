package keyspace

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// DriftOptions bound a look at a sample of keys. What is 0 has its default.
type DriftOptions struct {
	Keys    int   // of each keyspace that are wanted; 1000
	Scanned int64 // keys that SCAN may pass for them, of any keyspace; 100,000
}

func (o DriftOptions) withDefaults() DriftOptions {
	o.Keys, o.Scanned = cmp.Or(o.Keys, 1000), cmp.Or(o.Scanned, 100_000)
	return o
}

// Drift is what a sample of the keys of one keyspace shows. It can show that units of a class are there, and never
// that none are: nothing is done, or verified, by a sample.
type Drift struct {
	Keyspace   string         `json:"keyspace"`
	Keys       int64          `json:"keys"`              // in the sample, each once
	Counts     []state.Count  `json:"counts,omitempty"`  // of their units, by class, Unfit last
	Samples    []state.Sample `json:"samples,omitempty"` // of units that fit no version, at most ten, sorted by key
	Unseen     float64        `json:"unseen"`            // in 19 of 20 samples, at most this part of the keys has units of the classes that Counts lacks
	Confidence float64        `json:"confidence"`        // 0.95
	Complete   bool           `json:"complete"`          // the store is so small that every key was looked at: Unseen is 0
}

// Beyond returns the classes of the sample that a ledger's record does not expect, sorted.
func (d Drift) Beyond(r state.Record) (out []state.Class) {
	for _, c := range d.Counts {
		if !slices.Contains(r.Present, c.Class) {
			out = append(out, c.Class)
		}
	}
	return out
}

// Drift classifies the units of a sample of keys of each keyspace, for routine checks between passes. The result is in
// the order of the keyspaces.
//
// The sample is read a hundred keys at a time, each from a cursor drawn at random, so that another look sees other
// keys. Neither this nor RANDOMKEY gives every key the same chance: a key behind empty buckets of the server's table
// is met more often. But the place of a key in that table is a hash of its name with a seed that the server process
// draws (SipHash, Redis: src/dict.c), so that it has nothing to do with what the key holds: of the shares of classes
// the sample is as good as one drawn evenly. That is not so on a cluster whose nodes keep a table for each slot
// (Redis 7.4, Valkey 8) where keys of one hash tag are alike: there the true bound is larger. The bound speaks of
// keys, not of units, because elements of one key are alike.
func (s *Store) Drift(ctx context.Context, keyspaces []state.Keyspace, o DriftOptions) ([]Drift, error) {
	o = o.withDefaults()
	routes, err := s.newRoutes(keyspaces)
	if err != nil {
		return nil, err
	}
	units, complete, err := s.draw(ctx, routes, o)
	if err != nil {
		return nil, err
	}
	out, tallies := make([]Drift, len(routes)), newTallies(len(routes))
	for i := range units {
		if u := &units[i]; !u.gone {
			countUnits(routes, tallies, u)
			out[u.route].Keys++
		}
	}
	for i, r := range routes {
		d := &out[i]
		d.Keyspace, d.Counts, d.Samples, d.Complete = r.keyspace.Name, tallies[i].result(), tallies[i].samples, complete
		d.Unseen, d.Confidence = unseen(d.Keys), confidence
		if complete {
			d.Unseen = 0
		}
	}
	return out, nil
}

const (
	drawPage = 100 // keys that one SCAN is asked for
	drawIdle = 20  // pages without a new key after which the rest is read in the server's order
)

// draw reads a sample of the keys of each route, and tells whether these are all.
func (s *Store) draw(ctx context.Context, routes []route, o DriftOptions) (units []unit, complete bool, err error) {
	size, err := s.client.DBSize(ctx).Result()
	if err != nil {
		return nil, false, classify(ctx, s.name, "asking for the number of keys", err)
	}
	d := drawing{seen: map[string]bool{}, found: make([]int, len(routes)), routes: routes, want: o.Keys}
	complete = size <= o.Scanned
	ordered := complete // from the beginning to the end
	for cursor, idle := uint64(0), 0; complete || d.looked < o.Scanned && !d.full(); {
		if !ordered {
			cursor = rand.Uint64() >> 1 // servers that read it as a signed number take it, too
		}
		keys, next, err := s.client.Scan(ctx, cursor, "", drawPage).Result()
		if err != nil {
			return nil, false, classify(ctx, s.name, "drawing a sample of keys", err)
		}
		fresh := d.take(keys, complete)
		if idle++; fresh > 0 {
			idle = 0
		}
		read, err := s.reread(ctx, routes, d.targets)
		if err != nil {
			return nil, false, err
		}
		units, d.targets = append(units, read...), d.targets[:0]
		cursor = next
		switch {
		case ordered && cursor == 0:
			return units, complete, nil
		case !ordered && idle == drawIdle:
			ordered, cursor = true, 0
		}
	}
	return units, complete, nil
}

// drawing is a sample that grows.
type drawing struct {
	routes  []route
	want    int // keys of each route
	seen    map[string]bool
	found   []int // by route
	looked  int64
	targets []target // to be read
}

// take adds what is new of a page, of each route up to what is wanted unless all are, and returns how many keys were
// not seen before.
func (d *drawing) take(keys []string, all bool) (fresh int) {
	d.looked += int64(max(len(keys), 1))
	for _, key := range keys {
		if d.seen[key] || strings.HasPrefix(key, Prefix) {
			continue
		}
		d.seen[key] = true
		fresh++
		if i := find(d.routes, key); i >= 0 && (all || d.found[i] < d.want) {
			d.found[i]++
			d.targets = append(d.targets, target{key: key, route: i})
		}
	}
	return fresh
}

// full tells whether every route has what is wanted.
func (d *drawing) full() bool {
	return !slices.ContainsFunc(d.found, func(n int) bool { return n < d.want })
}
