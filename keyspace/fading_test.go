package keyspace

import (
	"context"
	"fmt"
	"testing"

	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// TestFieldsKeepTheirExpiry: a field that is written loses its time to live on a server that has such. A renamed one, a
// converted one and a carried one keep theirs to the millisecond, there and back, read here or beside the data.
func TestFieldsKeepTheirExpiry(t *testing.T) {
	r := testbed.RedisOf(t, testbed.Redis8)
	s := (&server{name: "redis 8", url: r.URL, real: r}).connect(t)
	ctx, st := context.Background(), open(t, s)
	for name, c := range map[string]struct {
		k     state.Keyspace
		seed  []any
		moved map[string]string // field before → after
	}{
		"compared": {sessions(), []any{"user_id", 1, "name", "Ada", "created_ms", 5000, "note", "n"},
			map[string]string{"name": "full_name", "note": "note"}},
		"beside the data": {laneSessions(), []any{"user_id", 1, "name", "Ada", "note", "n"},
			map[string]string{"name": "full_name", "note": "note"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.client.FlushAll(ctx)
			want, at := map[string]int64{}, int64(4102444800123)
			for i := range 50 {
				key := fmt.Sprint("session:", i)
				if err := s.client.HSet(ctx, key, c.seed...).Err(); err != nil {
					t.Fatal(err)
				}
				for before, after := range c.moved {
					at++
					want[key+" "+after] = at
					if err := s.client.Do(ctx, "hpexpireat", key, at, "fields", 1, before).Err(); err != nil {
						t.Fatal(err)
					}
				}
			}
			l := acquire(t, st, c.k.Name)
			defer l.Release(ctx)
			for _, way := range []struct {
				to   state.Version
				name func(before, after string) string
			}{
				{"2.0.0", func(_, after string) string { return after }},
				{"1.0.0", func(before, _ string) string { return before }},
			} {
				o, err := st.Rewrite(ctx, l, Job{Keyspace: c.k, To: way.to, ID: string(way.to), Unlogged: true}, nil)
				if err != nil || o.Rewritten != 50 {
					t.Fatalf("%+v, %v", o, err)
				}
				if beside := name != "compared"; beside != (o.Beside == 50) {
					t.Errorf("%d units were converted beside the data", o.Beside)
				}
				for i := range 50 {
					key := fmt.Sprint("session:", i)
					for before, after := range c.moved {
						got, err := s.client.HPExpireTime(ctx, key, way.name(before, after)).Result()
						if err != nil || len(got) != 1 || got[0] != want[key+" "+after] {
							t.Fatalf("to %s: %s of %s expires at %v, want %d (%v)", way.to, way.name(before, after), key, got, want[key+" "+after], err)
						}
					}
				}
			}
		})
	}
}

// TestDroppedFieldsGetTheirExpiryBack: a field that is dropped, or converted, comes back from the undo log with its own
// time to live, also where the key is made anew, and past two hops. One that was carried keeps what the application set.
func TestDroppedFieldsGetTheirExpiryBack(t *testing.T) {
	r := testbed.RedisOf(t, testbed.Redis8)
	s := (&server{name: "redis 8", url: r.URL, real: r}).connect(t)
	for name, spec := range map[string]string{
		"dropped": `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, ms: int, a: string, b: string}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, s: int, b: string}}
			versions: "3.0.0": {keys: "kk:<id>", type: "hash", #value: {n: int, s: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["a"], #up: s: div(#old.ms, 1000), #down: {a: "", ms: #new.s * 1000}}
			migrations: "3.0.0": {from: "2.0.0", #old: _, #new: _, drop: ["b"], #up: {}, #down: b: ""}}`,
		"made anew": `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, ms: int, a: string, b: string}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, s: int, b: string}}
			versions: "3.0.0": {keys: "k:<id>", type: "string", encoding: "json", #value: {n: int, s: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["a"], #up: s: div(#old.ms, 1000), #down: {a: "", ms: #new.s * 1000}}
			migrations: "3.0.0": {from: "2.0.0", #old: _, #new: _, drop: ["b"], #up: {}, #down: b: ""}}`,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, st, k := context.Background(), open(t, s), evaluated(t, spec)
			s.client.FlushAll(ctx)
			at := int64(4102444800123)
			want := map[string]int64{"ms": at, "a": at + 1, "b": at + 2, "n": -1}
			for i := range 20 {
				s.client.HSet(ctx, kindKey(i), "n", i, "ms", 1000*i+123, "a", "x", "b", "y")
				for field, at := range want {
					if at > 0 {
						s.client.Do(ctx, "hpexpireat", kindKey(i), at, "fields", 1, field)
					}
				}
			}
			before := everything(t, s.client)
			logs := UndoLogs{}
			for _, to := range []state.Version{"2.0.0", "3.0.0"} {
				log := &memoryLog{}
				rewriteTo(t, st, k, to, log, 20)
				logs = append(UndoLogs{log}, logs...)
			}
			if name == "dropped" { // carried through all of it
				want["n"] = at + 3
				for i := range 20 {
					s.client.Do(ctx, "hpexpireat", "k"+kindKey(i), at+3, "fields", 1, "n")
				}
			}
			l := acquireAgain(t, st, k.Name)
			if o, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0", ID: "back"}, logs, nil); err != nil || o.Restored != 20 {
				t.Errorf("%+v, %v", o, err)
			}
			compareMaps(t, before, everything(t, s.client))
			for i := range 20 {
				for field, at := range want {
					if got := s.client.HPExpireTime(ctx, kindKey(i), field).Val(); len(got) != 1 || got[0] != at {
						t.Errorf("%s of %s expires at %v, want %d", field, kindKey(i), got, at)
					}
				}
			}
		})
	}
}

func TestFades(t *testing.T) {
	for info, want := range map[string]bool{
		"# Keyspace\r\ndb0:keys=20,expires=0,avg_ttl=0,subexpiry=0\r\n":                                    false,
		"# Keyspace\r\ndb0:keys=20,expires=0,avg_ttl=0,subexpiry=3\r\n":                                    true,
		"# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\ndb1:keys=1,expires=0,subexpiry=1\r\n": false,
		"# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0,keys_with_volatile_items=0\r\n":                      false,
		"# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0,keys_with_volatile_items=2\r\n":                      true,
		"# Keyspace\r\ndb0:keys=2,expires=0,avg_ttl=0\r\n":                                                 true,
		"# Keyspace\r\n": true,
	} {
		if got := fades(info, 0); got != want {
			t.Errorf("%q: %v", info, got)
		}
	}
}

// TestExpiryFollowsItsOwnField: units of two versions that set fields of the same names in one batch took the first one's
// word for where these came from.
func TestExpiryFollowsItsOwnField(t *testing.T) {
	r := testbed.RedisOf(t, testbed.Redis8)
	s := (&server{name: "redis 8", url: r.URL, real: r}).connect(t)
	ctx := context.Background()
	k := evaluated(t, `{
		versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {v: 1, a: string, b: string}}
		versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {v: 2, a: string, b: string}}
		versions: "3.0.0": {keys: "k:<id>", type: "hash", #value: {v: 3, x: string, y: string}}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {v: 2, a: #old.b, b: #old.a}, #down: {v: 1, a: #new.b, b: #new.a}}
		migrations: "3.0.0": {from: "2.0.0", #old: _, #new: _, #up: {v: 3, x: #old.a, y: #old.b}, #down: {v: 2, a: #new.x, b: #new.y}}}`)
	for i := range 10 {
		key := kindKey(i)
		s.client.HSet(ctx, key, "v", 1+i%2, "a", "A", "b", "B")
		s.client.Do(ctx, "hpexpireat", key, 4102444800123, "fields", 1, "a")
	}
	st := open(t, s)
	l := acquire(t, st, k.Name)
	_, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "3.0.0", ID: "there", Unlogged: true, Compare: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		key, want := kindKey(i), map[int]string{0: "y", 1: "x"}[i%2]
		got, err := s.client.HPExpireTime(ctx, key, "x", "y").Result()
		at := map[string]int{"x": 0, "y": 1}[want]
		if err != nil || got[at] <= 0 {
			t.Errorf("%s: x, y expire at %v, want %s to", key, got, want)
		}
	}
}
