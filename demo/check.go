package demo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// Report is what the application found since it was seeded.
type Report struct {
	LostUpdates     int64     // acknowledged writes, removals and expiry times that did not last, see Finding
	UnreadableReads int64     // values that a pod's release could not decode
	Findings        []Finding // one for each of LostUpdates, sorted
	Held            []Held    // what the last Check counted
	Reads           int64     // by pods
	Writes          int64     // acknowledged
	Refused         int64     // by the application's own compare-and-set, and not sent again
	Removed         int64     // of Writes
	Created         int64     // of Writes
	Failed          int64     // commands whose outcome is unknown
}

// Held counts the units of one keyspace at one version.
type Held struct {
	Keyspace string
	Version  state.Version // empty for units that fit none
	Units    int64
}

// At tells how many units of a keyspace are at a version.
func (r Report) At(keyspace string, v state.Version) (n int64) {
	for _, h := range r.Held {
		if h.Keyspace == keyspace && h.Version == v {
			n += h.Units
		}
	}
	return n
}

// Report returns the findings of the pods so far, without a check of every key.
func (a *Application) Report() Report {
	f := a.journal.found()
	s := &a.stats
	return Report{LostUpdates: int64(len(f)), UnreadableReads: a.journal.unread.Load(), Findings: f,
		Reads: s.reads.Load(), Writes: s.writes.Load(), Refused: s.refused.Load(),
		Removed: s.removed.Load(), Created: s.created.Load(), Failed: s.failed.Load()}
}

// Check holds all pods between two operations and compares every key of the application with its journal:
// that the last acknowledged value is there, that what was removed is gone, that nothing else is there, and
// that every key expires when it was told to.
func (a *Application) Check(ctx context.Context, c redis.Cmdable) (Report, error) {
	a.gate.Lock()
	defer a.gate.Unlock()
	var held []Held
	for _, m := range a.models {
		counts := map[state.Version]int64{}
		for from := 0; from < a.count; from += seedBatch {
			if err := a.check(ctx, c, m, from, min(from+seedBatch, a.count), counts); err != nil {
				return Report{}, fmt.Errorf("check %s: %w", m.Keyspace, err)
			}
		}
		if err := a.strangers(ctx, c, m, a.count); err != nil {
			return Report{}, fmt.Errorf("check %s: %w", m.Keyspace, err)
		}
		for _, v := range append(slices.Clone(versions), "") {
			if counts[v] > 0 {
				held = append(held, Held{m.Keyspace, v, counts[v]})
			}
		}
	}
	for _, m := range a.retired {
		if err := a.strangers(ctx, c, m, 0); err != nil {
			return Report{}, fmt.Errorf("check %s: %w", m.Keyspace, err)
		}
	}
	r := a.Report()
	r.Held = held
	return r, nil
}

// check compares the keys of one batch.
func (a *Application) check(ctx context.Context, c redis.Cmdable, m Model, from, to int, counts map[state.Version]int64) error {
	pipe := c.Pipeline()
	reads, expiries := make([]func() (raw, error), to-from), make([]*redis.DurationCmd, to-from)
	for i := range reads {
		key := m.key(from + i)
		if m.Type == state.Hash {
			cmd := pipe.HGetAll(ctx, key)
			reads[i] = func() (raw, error) { return rawHash(cmd) }
		} else {
			cmd := pipe.Get(ctx, key)
			reads[i] = func() (raw, error) { return rawString(cmd) }
		}
		expiries[i] = pipe.PExpireTime(ctx, key)
	}
	_, _ = pipe.Exec(ctx) // each command carries its own error
	for i := range reads {
		got, err := reads[i]()
		if err != nil {
			return err
		}
		at, err := expiries[i].Result()
		if err != nil {
			return err
		}
		a.compare(m, m.key(from+i), got, at, counts)
	}
	return nil
}

// compare checks one key; at is its absolute expiry time, negative if it has none.
func (a *Application) compare(m Model, key string, got raw, at time.Duration, counts map[state.Version]int64) {
	h := a.journal.of(key)
	floor := h.floor()
	if !got.exists {
		a.journal.absent(h, key, floor)
		return
	}
	value, v, ok := m.decode(got, versions)
	counts[v]++
	if !ok {
		a.journal.find("phantom", key, floor.number, "the value fits no version")
		return
	}
	a.journal.present(m, h, key, floor, value, v)
	has, wanted := at > 0, h.expire > 0
	late := at - time.Duration(h.expire)*time.Millisecond
	if has != wanted || has && late.Abs() > a.Tolerance {
		a.journal.find("expiry", key, floor.number, fmt.Sprintf("expires: %t, told to: %t, off by %s", has, wanted, late))
	}
}

// strangers looks for keys of a model beyond those of the first n units.
func (a *Application) strangers(ctx context.Context, c redis.Cmdable, m Model, n int) error {
	var cursor uint64
	for {
		keys, next, err := c.Scan(ctx, cursor, m.Prefix+"*", 1000).Result()
		if err != nil {
			return err
		}
		for _, key := range keys {
			i, err := strconv.Atoi(strings.TrimPrefix(key, m.Prefix))
			if err != nil || i < 0 || i >= n {
				a.journal.find("phantom", key, 0, "a key that the application never made, or that should be gone")
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
