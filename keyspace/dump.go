package keyspace

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

const (
	dumpPage    = 1000      // keys that one round trip of a backup scans, and reads at most
	dumpBlock   = 200       // keys that one transaction reads at most
	dumpReaders = 3         // connections that read
	dumpBytes   = 256 << 10 // bytes that one transaction reads, unless it is of one key
	dumpLarge   = 1 << 20   // bytes from which a key is read in slices
	dumpSlice   = 1000      // fields, elements, members or messages of a slice
	dumpRepeats = 1 << 18   // keys that are remembered, because SCAN may list one twice
)

// Dump reads every key that matches a pattern of a keyspace, of any type, in one pass over the store, and calls take
// with them. What belongs to one key is read at one moment: its type, its value and when it expires. A key that takes
// more than a MiB is read in slices, of which each is; that others change it meanwhile shows. Of a stream the messages
// are read, and not its consumer groups. A key that is written, renamed or made during the pass may be in it as it was
// before or after. Keyshift's own keys are not.
//
// Take is called from this goroutine, and keeps no part of the entries but their texts once it returned; report, which
// may be nil, is called from it, too. The error is an *Error, take's, or wraps ctx's. After
// one of reason StoreRestarted the pass is to be done again from its start.
func (s *Store) Dump(ctx context.Context, k state.Keyspace, report func(Progress), take func([]Entry) error) error {
	if report == nil {
		report = func(Progress) {}
	}
	patterns, err := patternsOf(k)
	if err != nil {
		return &Error{Reason: TransformRefused, Store: s.name, Err: fmt.Errorf("keyspace %q: %w", k.Name, err), Hint: "correct its versions"}
	}
	before, err := s.node(ctx)
	if err != nil {
		return err
	}
	keys, err := s.client.DBSize(ctx).Result()
	if err != nil {
		return classify(ctx, s.name, "asking for the number of keys", err)
	}
	able, err := s.probeDump(ctx)
	if err != nil {
		return err
	}
	d := &dump{store: s, able: able, patterns: patterns, kinds: kindsOf(k), keys: keys, pace: newPace(k.Policy.Throttle), report: report}
	if err := d.run(ctx, take); err != nil {
		return classifyDump(ctx, s.name, err)
	}
	after, err := s.node(ctx)
	if err != nil {
		return err
	}
	if after.runID != before.runID {
		return &Error{
			Reason: StoreRestarted, Wait: true, Store: s.name, Hint: "run it again",
			Err: errors.New("the server restarted during the pass, which may have left keys out"),
		}
	}
	return nil
}

// patternsOf returns the key patterns of all versions of a keyspace, each once.
func patternsOf(k state.Keyspace) ([]state.Pattern, error) {
	var out []state.Pattern
	seen := map[string]bool{}
	for _, shape := range k.Shapes {
		p, err := state.ParsePattern(shape.Keys)
		if err != nil {
			return nil, err
		}
		if !seen[p.String()] {
			seen[p.String()] = true
			out = append(out, p)
		}
	}
	return out, nil
}

// takeError wraps what take returned, which is not the store's.
type takeError struct{ err error }

// Error is take's own.
func (e takeError) Error() string { return e.err.Error() }

func classifyDump(ctx context.Context, store string, err error) error {
	if t, ok := errors.AsType[takeError](err); ok {
		return t.err
	}
	return classify(ctx, store, "reading the keys", err)
}

// abilities are what a server can tell of its keys.
type abilities struct {
	expireTime  bool // PEXPIRETIME (Redis 7.0)
	fieldExpiry bool // HPEXPIRETIME (Redis 7.4)
	encoding    bool // OBJECT ENCODING, which tells whether a hash can have fields that expire
}

// probeDump asks a key of our own what the server knows.
func (s *Store) probeDump(ctx context.Context) (abilities, error) {
	pipe := s.client.Pipeline()
	expire := pipe.PExpireTime(ctx, identityKey)
	fields := pipe.Do(ctx, "hpexpiretime", identityKey+":none", "fields", 1, "a")
	encoding := pipe.Do(ctx, "object", "encoding", identityKey+":none")
	_, err := pipe.Exec(ctx)
	if unknown(err) {
		return abilities{}, classify(ctx, s.name, "asking what the server knows", err)
	}
	a := abilities{
		expireTime: expire.Err() == nil, fieldExpiry: fields.Err() == nil,
		encoding: encoding.Err() == nil || errors.Is(encoding.Err(), redis.Nil),
	}
	return a, nil
}

// dump is a running Dump.
type dump struct {
	store    *Store
	able     abilities
	patterns []state.Pattern
	kinds    map[state.Redis]bool // that the versions have
	keys     int64                // in the store
	pace     *pace
	report   func(Progress)
	reported time.Time
	last     Progress
	fields   sorter[EntryField]
	shy      atomic.Int64 // pages that are measured yet: keys of one kind are not, until some turn out to be large
	mean     atomic.Int64 // bytes of the answer about a key
	order    sync.RWMutex // held by whoever sends the slices of one key, which follow each other
}

// dumped is a page on its way to take.
type dumped struct {
	entries []Entry
	room    []EntryField // where the fields of hashes are
	looked  int64        // keys of the store, of any keyspace, so far
	found   int64        // keys of the keyspace so far
}

// run has three in a row: one scans and measures, some read, and the caller takes. Each is at most a page ahead.
func (d *dump) run(ctx context.Context, take func([]Entry) error) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	blocks, pages := make(chan block, dumpPage/dumpBlock), make(chan dumped, dumpReaders)
	failed := make(chan error, 1+dumpReaders)
	go func() {
		defer close(blocks)
		failed <- d.scan(inner, blocks)
	}()
	var readers sync.WaitGroup
	for range dumpReaders {
		readers.Go(func() { failed <- d.readAll(inner, blocks, pages) })
	}
	go func() {
		readers.Wait()
		close(pages)
	}()
	err := d.takeAll(inner, stop, failed, pages, take)
	if err == nil {
		d.last.Estimate = d.last.Scanned
		d.report(d.last)
	}
	return err
}

// takeAll gives every page to take, and returns the first error of whoever had one.
func (d *dump) takeAll(ctx context.Context, stop func(), failed <-chan error, pages <-chan dumped, take func([]Entry) error) error {
	var err error
	ended := 0
	note := func(e error) {
		ended++
		if e != nil && err == nil {
			err = e
			stop()
		}
	}
	for pages != nil {
		select {
		case e := <-failed:
			note(e)
		case p, more := <-pages:
			if !more {
				pages = nil
			} else if err == nil && ctx.Err() == nil {
				if err = d.hand(p, take); err != nil {
					stop()
				}
			}
		}
	}
	for ended < cap(failed) {
		note(<-failed)
	}
	return err
}

// hand gives a page to take.
func (d *dump) hand(p dumped, take func([]Entry) error) error {
	if len(p.entries) > 0 {
		for i := range p.entries {
			d.sort(&p.entries[i])
		}
		if err := take(p.entries); err != nil {
			return takeError{err}
		}
		d.store.shelf.entries.give(p.entries)
		d.store.shelf.entryFields.give(p.room)
	}
	d.last.Scanned = max(d.last.Scanned, p.found)
	d.last.Estimate = estimate(d.keys, p.looked, d.last.Scanned)
	if time.Since(d.reported) >= reportEvery {
		d.reported = time.Now()
		d.report(d.last)
	}
	return nil
}

// block are the keys of a page that are read at one moment.
type block struct {
	keys   []measured
	bold   bool // it was not measured
	looked int64
	found  int64
}

// measured is a key with its type, if it was asked for, and about how much it takes.
type measured struct {
	key   string
	kind  state.Redis
	bytes int64
}

// scan lists keys, measures them, and sends those that are there. In one round trip the server scans for the page
// after the one that it measures.
func (d *dump) scan(ctx context.Context, out chan<- block) error {
	var cursor uint64
	var keys []string
	repeats := newRepeats()
	var looked, seen int64
	for ended := false; !ended || len(keys) > 0; {
		started := time.Now()
		bold := len(d.kinds) == 1 && d.shy.Add(-1) < 0
		scan, found, err := d.trip(ctx, cursor, ended, keys, bold)
		if err != nil {
			return err
		}
		for part := range blocksOf(found) {
			seen += int64(len(part))
			if err := send(ctx, out, block{keys: part, bold: bold, looked: looked, found: seen}); err != nil {
				return err
			}
		}
		keys = keys[:0:0]
		for _, key := range scan.keys {
			if matchesAny(d.patterns, key) && repeats.fresh(key) {
				keys = append(keys, key)
			}
		}
		looked += int64(len(scan.keys))
		cursor, ended = scan.next, ended || scan.next == 0
		if err := d.pace.rest(ctx, time.Since(started)); err != nil {
			return err
		}
	}
	return nil
}

// scanned is one answer of SCAN.
type scanned struct {
	keys []string
	next uint64
}

// trip measures keys, unless it is bold, and scans for more, unless the scan has ended.
func (d *dump) trip(ctx context.Context, cursor uint64, ended bool, keys []string, bold bool) (scanned, []measured, error) {
	var got scanned
	var found []measured
	err := d.store.retry(ctx, func() error {
		found = found[:0]
		if bold {
			kind := slices.Collect(maps.Keys(d.kinds))[0] // the only one
			for _, key := range keys {
				found = append(found, measured{key: key, kind: kind, bytes: min(d.mean.Load(), dumpBytes)})
			}
		}
		if bold && ended {
			return nil
		}
		pipe := d.store.client.Pipeline()
		var scan *redis.ScanCmd
		if !ended {
			scan = pipe.Scan(ctx, cursor, "", dumpPage)
		}
		sizes, kinds := make([]*redis.IntCmd, len(keys)), make([]*redis.StatusCmd, len(keys))
		for i, key := range keys {
			if bold {
				break
			}
			sizes[i] = pipe.MemoryUsage(ctx, key, d.store.samples...)
			if len(d.kinds) != 1 {
				kinds[i] = pipe.Type(ctx, key)
			}
		}
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		if scan != nil {
			var err error
			if got.keys, got.next, err = scan.Result(); err != nil {
				return err
			}
		}
		for i, key := range keys {
			if bold {
				break
			}
			m := measured{key: key, bytes: sizes[i].Val()}
			if err := sizes[i].Err(); errors.Is(err, redis.Nil) {
				continue // it is gone
			} else if err != nil && !d.unmeasured(err) {
				return err
			}
			if kinds[i] == nil {
				m.kind = slices.Collect(maps.Keys(d.kinds))[0] // the only one
			} else {
				m.kind = typeNamed(kinds[i].Val())
			}
			found = append(found, m)
		}
		return nil
	})
	return got, found, err
}

// unmeasured tells that the server cannot measure: the embedded one cannot measure every type.
func (d *dump) unmeasured(err error) bool { return len(d.store.samples) == 0 && !unknown(err) }

func matchesAny(patterns []state.Pattern, key string) bool {
	if len(key) >= len(Prefix) && key[:len(Prefix)] == Prefix {
		return false
	}
	for _, p := range patterns {
		if p.Covers(key) {
			return true
		}
	}
	return false
}

// repeats remembers keys: SCAN lists some twice when the server's table is resized meanwhile.
type repeats struct {
	seed maphash.Seed
	seen hashes
}

func newRepeats() *repeats {
	return &repeats{seed: maphash.MakeSeed()}
}

// fresh tells whether a key is none of those remembered. Of a great many the earlier ones are forgotten, so that
// memory stays flat; what is then read twice is restored once.
func (r *repeats) fresh(key string) bool {
	id := maphash.String(r.seed, key)
	if r.seen.has(id) {
		return false
	}
	if r.seen.n >= dumpRepeats {
		r.seen.clear()
	}
	return r.seen.add(id)
}
