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
