package keyspace

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// twoHops are keyspaces of three versions, each of which drops what the one before it has, with a seed of each key.
var twoHops = []struct {
	name, spec string
	seed       func(ctx context.Context, p redis.Pipeliner, key string, i int)
}{
	{"hash", `{
		versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, a: string, b: string}}
		versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, b: string}}
		versions: "3.0.0": {keys: "kk:<id>", ttl: {max: "24h", set: "1h"}, type: "hash", #value: n: int}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["a"], #up: {}, #down: a: ""}
		migrations: "3.0.0": {from: "2.0.0", #old: _, #new: _, drop: ["b"], #up: {}, #down: b: ""}}`,
		func(ctx context.Context, p redis.Pipeliner, key string, i int) {
			p.HSet(ctx, key, "n", i, "a", fmt.Sprint("a", i), "b", fmt.Sprint("b", i))
		}},
	{"list", `{
		versions: "1.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: {n: int, a: string, b: string}}
		versions: "2.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: {n: int, b: string}}
		versions: "3.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: n: int}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["a"], #up: {}, #down: a: ""}
		migrations: "3.0.0": {from: "2.0.0", #old: _, #new: _, drop: ["b"], #up: {}, #down: b: ""}}`,
		func(ctx context.Context, p redis.Pipeliner, key string, i int) {
			p.RPush(ctx, key, fmt.Sprintf(`{"n":1,"a":"%d","b":"x"}`, i), fmt.Sprintf(`{"n":1,"a":"y","b":"%d"}`, i))
		}},
	{"map", `{
		versions: "1.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: string, value: {n: int, a: string, b: string}}, encodings: value: "json"}
		versions: "2.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: string, value: {n: int, b: string}}, encodings: value: "json"}
		versions: "3.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: string, value: {n: int}}, encodings: value: "json"}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["value.a"], #up: {value: n: #old.value.n, value: b: #old.value.b}, #down: value: {n: #new.value.n, b: #new.value.b, a: ""}}
		migrations: "3.0.0": {from: "2.0.0", #old: _, #new: _, drop: ["value.b"], #up: value: n: #old.value.n, #down: value: {n: #new.value.n, b: ""}}}`,
		func(ctx context.Context, p redis.Pipeliner, key string, i int) {
			p.HSet(ctx, key, "f", fmt.Sprintf(`{"n":%d,"a":"a%d","b":"b%d"}`, i, i, i))
		}},
}

// TestUndoOfTwoHops: what either hop dropped comes back exactly, and so do the times to live, however few pre-images are
// held at once.
func TestUndoOfTwoHops(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		for _, c := range twoHops {
			for _, room := range []int{chainRoom, 20_000, 1} {
				t.Run(fmt.Sprint(c.name, room), func(t *testing.T) {
					ctx := context.Background()
					s.client.FlushAll(ctx)
					k := evaluated(t, c.spec)
					pipe := s.client.Pipeline()
					for i := range 60 {
						c.seed(ctx, pipe, kindKey(i), i)
						if i%3 == 0 {
							pipe.PExpireAt(ctx, kindKey(i), farAhead(i))
						}
					}
					if _, err := pipe.Exec(ctx); err != nil {
						t.Fatal(err)
					}
					undoTwoHops(t, s, k, room)
				})
			}
		}
	})
}

func undoTwoHops(t *testing.T, s *server, k state.Keyspace, room int) {
	ctx, st, before := context.Background(), open(t, s), everything(t, s.client)
	logs := UndoLogs{}
	units := int64(0)
	for _, to := range []state.Version{"2.0.0", "3.0.0"} {
		log := &memoryLog{}
		l := acquireAgain(t, st, k.Name)
		o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: to, ID: string(to), Journal: log}, nil)
		if err != nil || !o.Clean(to) || o.Logged < 60 {
			t.Fatalf("%+v, %v", o, err)
		}
		units = o.Rewritten
		logs = append(UndoLogs{log}, logs...)
	}
	l := acquireAgain(t, st, k.Name)
	job := Job{Keyspace: k, To: "1.0.0", ID: "back"}
	r, _, err := st.newRewrite(ctx, l, job, nil)
	if err != nil {
		t.Fatal(err)
	}
	u := &undo{rewrite: r, samples: newTallies(1)[0]}
	if err := u.scans(ctx, logs, room); err != nil || u.out.Restored != units || u.out.Conflicts+u.out.Merged > 0 {
		t.Errorf("%+v of %d, %v", u.out, units, err)
	}
	compareMaps(t, before, everything(t, s.client))
}

// TestUndoOfTwoHopsWrittenSince: what the application wrote stays, and what it did not comes back from both hops.
func TestUndoOfTwoHopsWrittenSince(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx, st := context.Background(), open(t, s)
		k := evaluated(t, `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, ms: int, us: int}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, s: int, us: int}}
			versions: "3.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, s: int, m: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: s: div(#old.ms, 1000), #down: ms: #new.s * 1000}
			migrations: "3.0.0": {from: "2.0.0", #old: _, #new: _, #up: m: div(#old.us, 1000), #down: us: #new.m * 1000}}`)
		s.client.HSet(ctx, "k:1", "n", 1, "ms", 1234, "us", 5678)
		s.client.PExpire(ctx, "k:1", time.Hour)
		logs := UndoLogs{}
		for _, to := range []state.Version{"2.0.0", "3.0.0"} {
			log := &memoryLog{}
			rewriteTo(t, st, k, to, log, 1)
			logs = append(UndoLogs{log}, logs...)
		}
		s.client.HSet(ctx, "k:1", "n", 2)
		l := acquireAgain(t, st, k.Name)
		o, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0", ID: "back", Unlogged: true}, logs, nil)
		if err != nil || o.Merged != 1 {
			t.Errorf("%+v, %v", o, err)
		}
		if got, want := contents(ctx, s.client, "k:1"), `hash ms="1234" n="2" us="5678"`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// TestUndoOfTwoLogsTakesTheNewest: of two pre-images of one unit in one batch the older was written last, where its time to
// live was to be taken back, too.
func TestUndoOfTwoLogsTakesTheNewest(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		s.client.FlushAll(ctx)
		k := evaluated(t, `{
		versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {ms: int}}
		versions: "2.0.0": {keys: "k:<id>", ttl: {min: "1s", max: "24h", set: "1h"}, type: "hash", #value: {sec: int}}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {sec: div(#old.ms, 1000)}, #down: {ms: #new.sec*1000}}}`)
		s.client.HSet(ctx, "k:1", "ms", "5001")
		st, log1, log2 := open(t, s), &memoryLog{}, &memoryLog{}
		l := acquire(t, st, k.Name)
		if o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "a", Journal: log1}, nil); err != nil || o.Logged != 1 {
			t.Fatal(o, err)
		}
		// an old release writes once more; HSET keeps the time to live
		s.client.HSet(ctx, "k:1", "ms", "5002")
		s.client.HDel(ctx, "k:1", "sec")
		if o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "b", Journal: log2}, nil); err != nil || o.Logged != 1 {
			t.Fatal(o, err)
		}
		o, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0", Journal: &memoryLog{}}, UndoLogs{log2, log1}, nil)
		got := s.client.HGetAll(ctx, "k:1").Val()
		if ttl := s.client.PTTL(ctx, "k:1").Val(); err != nil || got["ms"] != "5002" || ttl != -1 {
			t.Errorf("undone to %v that lives %s, want the newest pre-image 5002 for ever; %+v, %v", got, ttl, o, err)
		}
	})
}
