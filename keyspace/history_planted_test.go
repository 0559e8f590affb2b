//go:build planted

package keyspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/testbed"
	"keyshift.dev/transform"
)

// The checker is worth what it catches. Each of these bugs is planted alone, into the engine's scripts or into a small
// migrator that is right without it, and must be caught: go test -tags planted -run Planted ./keyspace

// plantedAttempts is how many runs, each with another seed, may pass before a bug counts as not caught.
const plantedAttempts = 6

// plantedQuiet is how many keys nobody else touches: few, so that rewrites are many.
const plantedQuiet = 30

// planted is one bug, and the kind of data on which it shows.
type planted struct {
	name    string
	kind    histKind
	migrate histMigrator
	lua     map[op][2]string // of the engine's scripts: what is replaced by what
	plant   func(r *histRun) // what else the run has to do for it
}

func plants() []planted {
	return []planted{
		{name: "plain GET and SET", kind: histJSON(), migrate: small{plain: true}.migrate},
		{name: "plain HGETALL and HSET", kind: histHash(), migrate: small{plain: true}.migrate},
		{name: "plain SET in the script", kind: histJSON(), lua: map[op][2]string{opText: {"if now ~= ARGV[at] then return 'c' end", ""}}},
		{name: "no KEEPTTL", kind: histJSON(), lua: map[op][2]string{opText: {", 'XX', 'KEEPTTL'", ", 'XX'"}}},
		{name: "no XX: what is gone is written", kind: histJSON(), lua: map[op][2]string{opText: {"if not now then return 'g' end\n  if now ~= ARGV[at] then return 'c' end", "if now and now ~= ARGV[at] then return 'c' end"}, opNone: {", 'XX', 'KEEPTTL'", ", 'KEEPTTL'"}}},
		{name: "WATCH on a pooled connection", kind: histHash(), migrate: small{pooled: true}.migrate},
		{name: "blind retry of a write whose answer was lost", kind: histHash(), migrate: small{retry: true}.migrate, plant: loseMany},
		{name: "DEL first", kind: histHash(), migrate: small{deleteKey: true}.migrate},
		{name: "HDEL first", kind: histTurned(), migrate: small{deleteFields: true}.migrate},
		{name: "HDEL first in the script", kind: histTurned(), migrate: comparing, lua: map[op][2]string{opHash: {
			"    if #list > 0 then call('HSET', key, unpack(list)) end\n    if #l.deleted > 0 then call('HDEL', key, unpack(l.deleted)) end",
			"    if #l.deleted > 0 then call('HDEL', key, unpack(l.deleted)) end\n    if #list > 0 then call('HSET', key, unpack(list)) end"}}},
		{name: "version marker in a second write", kind: histHash(), migrate: small{marker: true}.migrate},
		{name: "undo log after the write", kind: histHash(), plant: func(r *histRun) { r.log.late = true }},
		{name: "undo log not waited for", kind: histJSON(), plant: func(r *histRun) { r.log.lossy = true }},
		{name: "compare only what was read", kind: histHash(), migrate: small{readOnly: true}.migrate},
		{name: "fence checked once per run", kind: histHash(), migrate: small{unfenced: true}.migrate, plant: func(r *histRun) { r.steal = true }},
		{name: "no fence in the script", kind: histHash(), lua: map[op][2]string{opHash: {"if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lease'} end", ""}}, plant: func(r *histRun) { r.steal = true }},
	}
}

// comparing is the engine, where it reads and compares what it could convert beside the data.
func comparing(ctx context.Context, st *Store, l *Lease, job Job, log Journal) (Outcome, error) {
	job.Compare = true
	return histEngine(ctx, st, l, job, log)
}

// loseMany makes one answer in fifteen to the migrator go astray.
func loseMany(r *histRun) { r.loses = 15 }

func TestPlantedBugsAreCaught(t *testing.T) {
	r := testbed.Redis(t)
	s := (&server{name: "redis", url: r.URL, real: r}).connect(t)
	t.Run("the small migrator is right without a bug", func(t *testing.T) {
		for _, k := range []histKind{histHash(), histTurned(), histJSON()} {
			run := newHistRun(t, k)
			run.migrate, run.loses, run.steal, run.quiet = small{}.migrate, 60, true, plantedQuiet
			run.play(t, s)
			run.report(t)
		}
	})
	var table strings.Builder
	for _, p := range plants() {
		t.Run(p.name, func(t *testing.T) { fmt.Fprintln(&table, p.hunt(t, s)) })
	}
	t.Logf("caught:\n%s", &table)
}

// hunt runs the bug until the check catches it, and says how.
func (p planted) hunt(t *testing.T, s *server) string {
	for attempt := range plantedAttempts {
		caught := p.once(t, s)
		if len(caught) > 0 {
			return fmt.Sprintf("%-46s %d  %.110s", p.name, attempt+1, caught[0])
		}
	}
	t.Errorf("planted %q was not caught in %d runs", p.name, plantedAttempts)
	return p.name + " escaped"
}

func (p planted) once(t *testing.T, s *server) []string {
	run := newHistRun(t, p.kind)
	run.quiet, run.forget = plantedQuiet, true
	if p.migrate != nil {
		run.migrate = p.migrate
	}
	if p.plant != nil {
		p.plant(run)
	}
	for at, change := range p.lua {
		defer plantLua(t, at, change)()
	}
	run.play(t, s)
	return run.faults
}

// plantLua replaces a part of the engine's scripts and returns what takes it back. A part that is not there fails the test.
func plantLua(t *testing.T, at op, change [2]string) (restore func()) {
	t.Helper()
	if at == opNone {
		at = opText
	}
	was := scribes[at].script
	if strings.Count(was.text, change[0]) != 1 {
		t.Fatalf("the script of op %d no longer holds %q once: plant the bug anew", at, change[0])
	}
	scribes[at].script = newScript(strings.Replace(was.text, change[0], change[1], 1))
	return func() { scribes[at].script = was }
}

// small is a migrator as short as one can be that is right, and the bugs that can be planted into it.
type small struct {
	plain        bool // what was read is converted and written, whatever is there by then
	pooled       bool // WATCH, the read and EXEC each on whichever connection is free
	retry        bool // a write whose answer was lost is sent again
	deleteKey    bool // DEL before the new value
	deleteFields bool // HDEL before HSET
	marker       bool // the field that makes the new version is written by a second command
	readOnly     bool // only what the program reads is compared
	unfenced     bool // the lease is looked at before the first write alone
}

// migrate walks over the keys of the keyspace until none is left to convert.
func (m small) migrate(ctx context.Context, st *Store, l *Lease, job Job, log Journal) (Outcome, error) {
	programs, err := transform.Compile(job.Keyspace)
	if err != nil {
		return Outcome{}, err
	}
	shape, _ := job.Keyspace.FindShape(job.To)
	prefix, _, _ := strings.Cut(shape.Keys, "<")
	var o Outcome
	for range 100 {
		keys, err := st.client.Keys(ctx, prefix+"*").Result()
		if err != nil {
			continue
		}
		var left int
		var mu sync.Mutex
		var wg sync.WaitGroup
		var failed error
		for part := range slices.Chunk(keys, max(len(keys)/4, 1)) {
			wg.Go(func() {
				for _, key := range part {
					wrote, done, err := m.key(ctx, st, l, programs, job, log, key)
					mu.Lock()
					if !done {
						left++
					}
					if wrote {
						o.Rewritten++
					}
					if err != nil {
						failed = err
					}
					mu.Unlock()
					if err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		if failed != nil {
			return o, failed
		}
		if left == 0 {
			return o, nil
		}
	}
	return o, errors.New("the small migrator does not come to its end")
}

var errChanged = errors.New("changed meanwhile")

// key converts one key if it needs to be. An unknown outcome is no outcome: the key is looked at in the next pass.
func (m small) key(ctx context.Context, st *Store, l *Lease, programs *transform.Programs, job Job, log Journal, key string) (wrote, done bool, err error) {
	before, err := readSmall(ctx, st.client, key)
	for i := 0; i < 10 && unknown(err); i++ {
		before, err = readSmall(ctx, st.client, key)
	}
	if err != nil {
		return false, errors.Is(err, redis.Nil), nil
	}
	class, _ := programs.Classify(before)
	from, ok := programs.Source(class, job.To)
	if class.Has(job.To) || !ok {
		return false, true, nil
	}
	after, err := programs.Convert(before, from, job.To)
	if err != nil {
		return false, true, nil
	}
	if err := log.Append(ctx, []Preimage{{Before: before, After: after}}); err != nil {
		return false, false, nil
	}
	err = m.write(ctx, st, l, before, after, programs.Reads(from, job.To))
	switch {
	case err == nil:
		return true, false, nil
	case errors.Is(err, errLeaseGone):
		return false, false, &Error{Reason: LeaseLost, Wait: true, Store: st.name, Err: err}
	}
	return false, false, nil
}

var errLeaseGone = errors.New("the lease is another's")

func readSmall(ctx context.Context, c redis.Cmdable, key string) (transform.Unit, error) {
	fields, err := c.HGetAll(ctx, key).Result()
	if err == nil {
		u := transform.Unit{Key: key}
		for name, value := range fields {
			u.Fields = append(u.Fields, transform.Field{Name: name, Value: value})
		}
		return u.Sorted(), nil
	}
	text, err := c.Get(ctx, key).Result()
	return transform.Unit{Key: key, Text: text}, err
}

// write is the compare-and-set, in an optimistic transaction on one connection.
func (m small) write(ctx context.Context, st *Store, l *Lease, before, after transform.Unit, reads []string) error {
	queue := func(p redis.Pipeliner) { m.queue(ctx, p, before, after) }
	if m.plain {
		_, err := st.client.TxPipelined(ctx, func(p redis.Pipeliner) error { queue(p); return nil })
		return err
	}
	if m.pooled {
		st.client.Do(ctx, "watch", before.Key)
		now, err := readSmall(ctx, st.client, before.Key)
		if err != nil || !m.same(before, now, reads) {
			return errors.Join(err, errChanged)
		}
		_, err = st.client.TxPipelined(ctx, func(p redis.Pipeliner) error { queue(p); return nil })
		return err
	}
	watched := []string{before.Key, l.key}
	if m.unfenced {
		watched = watched[:1]
	}
	if m.readOnly {
		watched = watched[1:]
	}
	err := st.client.Watch(ctx, func(tx *redis.Tx) error {
		now, err := readSmall(ctx, tx, before.Key)
		if err != nil || !m.same(before, now, reads) {
			return errors.Join(err, errChanged)
		}
		if token, err := tx.Get(ctx, l.key).Result(); !m.unfenced && (err != nil || token != l.token) {
			if err != nil && !errors.Is(err, redis.Nil) {
				return err
			}
			return errLeaseGone
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { queue(p); return nil })
		return err
	}, watched...)
	if m.retry && unknown(err) {
		time.Sleep(2 * time.Millisecond)
		_, err = st.client.TxPipelined(ctx, func(p redis.Pipeliner) error { queue(p); return nil })
	}
	if err == nil && m.marker {
		err = m.mark(ctx, st, before, after)
	}
	return err
}

// same compares what is there with what was read.
func (m small) same(before, now transform.Unit, reads []string) bool {
	if !m.readOnly {
		return before.Text == now.Text && slices.Equal(before.Fields, now.Fields)
	}
	for _, name := range reads {
		if value(before, name) != value(now, name) {
			return false
		}
	}
	return len(now.Fields) > 0
}

func value(u transform.Unit, name string) string {
	for _, f := range u.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// markers are the fields that the two-step bug keeps for its second step.
var markers = []string{"plan", "created_ms"}

// queue puts the writes into a transaction.
func (m small) queue(ctx context.Context, p redis.Pipeliner, before, after transform.Unit) {
	if !before.IsHash() {
		p.SetArgs(ctx, before.Key, after.Text, redis.SetArgs{Mode: "XX", KeepTTL: true})
		return
	}
	if m.deleteKey {
		p.Del(ctx, before.Key)
	}
	var set []any
	var gone []string
	for _, f := range after.Fields {
		if value(before, f.Name) != f.Value && !(m.marker && slices.Contains(markers, f.Name)) || m.deleteKey {
			set = append(set, f.Name, f.Value)
		}
	}
	for _, f := range before.Fields {
		if !slices.ContainsFunc(after.Fields, func(x transform.Field) bool { return x.Name == f.Name }) {
			gone = append(gone, f.Name)
		}
	}
	if m.deleteFields {
		p.HDel(ctx, before.Key, gone...)
	}
	p.HSet(ctx, before.Key, set...)
	if !m.deleteFields && !m.deleteKey {
		p.HDel(ctx, before.Key, gone...)
	}
}

// mark is the second step of a write in two.
func (m small) mark(ctx context.Context, st *Store, before, after transform.Unit) error {
	for _, name := range markers {
		if v := value(after, name); v != "" && value(before, name) == "" {
			return st.client.HSet(ctx, before.Key, name, v).Err()
		}
	}
	return nil
}
