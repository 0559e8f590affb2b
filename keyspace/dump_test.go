package keyspace

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// anything is a keyspace of keys of any type.
func anything() state.Keyspace {
	k := carts()
	k.Name = "any"
	for i := range k.Shapes {
		k.Shapes[i].Keys = "any:<id...>"
	}
	return k
}

// fillTypes writes n keys of every type, every third with a TTL, one large one of each, and some that belong to nobody.
func fillTypes(t testing.TB, c *redis.Client, n int) {
	t.Helper()
	ctx := context.Background()
	p := c.Pipeline()
	for i := range n {
		p.Set(ctx, fmt.Sprint("any:string:", i), fmt.Sprint("text\xff\x00\n", i), 0)
		p.HSet(ctx, fmt.Sprint("any:hash:", i), "name\xfe", fmt.Sprint("v", i), "empty", "", "b", "2")
		p.RPush(ctx, fmt.Sprint("any:list:", i), "b", "a", "b", fmt.Sprint(i))
		p.SAdd(ctx, fmt.Sprint("any:set:", i), "x", "y", fmt.Sprint(i))
		p.ZAdd(ctx, fmt.Sprint("any:zset:", i), redis.Z{Score: 0.1 + float64(i), Member: "m"}, redis.Z{Score: -1e300, Member: "n\x00"})
		p.XAdd(ctx, &redis.XAddArgs{Stream: fmt.Sprint("any:stream:", i), ID: fmt.Sprintf("%d-%d", 1700000000000, i+1), Values: []any{"z", "1", "a", "2", "z", "3"}})
		p.Set(ctx, fmt.Sprint("other:", i), "untouched", 0)
		if i%3 == 0 {
			for _, kind := range []string{"string", "hash", "list", "set", "zset", "stream"} {
				p.PExpireAt(ctx, fmt.Sprint("any:", kind, ":", i), farAhead(i))
			}
		}
	}
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	fillLarge(t, c)
}

// fillLarge writes one key of each type that takes several slices.
func fillLarge(t testing.TB, c *redis.Client) {
	t.Helper()
	ctx := context.Background()
	p := c.Pipeline()
	long := strings.Repeat("0123456789", 60)
	for i := range 2500 {
		p.HSet(ctx, "any:large:hash", fmt.Sprint("field", i), fmt.Sprint(long, i))
		p.RPush(ctx, "any:large:list", fmt.Sprint(long, i%1000))
		p.SAdd(ctx, "any:large:set", fmt.Sprint(long, i))
		p.ZAdd(ctx, "any:large:zset", redis.Z{Score: float64(i) / 3, Member: fmt.Sprint(long, i)})
		p.XAdd(ctx, &redis.XAddArgs{Stream: "any:large:stream", ID: fmt.Sprintf("%d-1", i+1), Values: []any{"v", fmt.Sprint(long, i)}})
	}
	for _, kind := range []string{"hash", "list", "set", "zset", "stream"} {
		p.PExpireAt(ctx, "any:large:"+kind, farAhead(7))
	}
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

func dumpAll(t testing.TB, st *Store, k state.Keyspace) []Entry {
	t.Helper()
	var out []Entry
	var last Progress
	err := st.Dump(context.Background(), k, func(p Progress) { last = p }, func(page []Entry) error {
		for _, e := range page {
			e.Fields = slices.Clone(e.Fields)
			out = append(out, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := int64(0)
	for _, e := range out {
		if !e.Continues {
			keys++
		}
	}
	if last.Scanned != keys {
		t.Fatalf("reported %d keys, gave %d", last.Scanned, keys)
	}
	return out
}

// byKey is the whole value of every key, whatever the slices were.
func byKey(entries []Entry) map[string]Entry {
	out := map[string]Entry{}
	for _, e := range entries {
		if had, ok := out[e.Key]; ok && e.Continues {
			had.join(e)
			e = had
		}
		out[e.Key] = e
	}
	for key, e := range out {
		e.unique()
		out[key] = e
	}
	return out
}

func each(entries []Entry) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestDumpAndRestore wipes a store and has it back from what was read: every type, to the byte and the millisecond.
func TestDumpAndRestore(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	st, k := open(t, s), anything()
	fillTypes(t, s.client, 300)
	entries := dumpAll(t, st, k)
	want := byKey(entries)
	if len(want) != 300*6+5 {
		t.Fatalf("%d keys, want %d", len(want), 300*6+5)
	}
	if !slices.ContainsFunc(entries, func(e Entry) bool { return e.Continues }) {
		t.Fatal("no key was read in slices")
	}
	if err := s.client.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	l := acquire(t, st, k.Name)
	o, err := st.Restore(ctx, l, k, each(entries), RestoreOptions{}, nil)
	if err != nil || o.Restored != int64(len(want)) || o.Keys != o.Restored {
		t.Fatalf("%+v, %v", o, err)
	}
	if got := byKey(dumpAll(t, st, k)); !reflect.DeepEqual(got, want) {
		t.Fatal("another content came back")
	}
	o, err = st.Restore(ctx, l, k, each(entries), RestoreOptions{}, nil)
	if err != nil || o.Same != int64(len(want)) {
		t.Fatalf("a second time: %+v, %v", o, err)
	}
	noTemporary(t, s)
}

func noTemporary(t *testing.T, s *server) {
	t.Helper()
	if left := s.client.Keys(context.Background(), Prefix+"restore:*").Val(); len(left) > 0 {
		t.Fatalf("left behind: %q", left)
	}
}

func TestRestoreKeepsWhatIsThere(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	st, k := open(t, s), anything()
	fillTypes(t, s.client, 6)
	entries := dumpAll(t, st, k)
	s.client.Set(ctx, "any:string:1", "newer", 0)
	s.client.Del(ctx, "any:hash:1")
	s.client.HSet(ctx, "any:hash:2", "more", "1")
	s.client.Del(ctx, "any:list:2")
	s.client.Set(ctx, "any:list:2", "another type", 0)
	l := acquire(t, st, k.Name)
	o, err := st.Restore(ctx, l, k, each(entries), RestoreOptions{}, nil)
	if err != nil || o.Restored != 1 || o.Differs != 3 || len(o.Samples) != 3 || s.client.Get(ctx, "any:string:1").Val() != "newer" {
		t.Fatalf("%+v, %v", o, err)
	}
	o, err = st.Restore(ctx, l, k, each(entries), RestoreOptions{Overwrite: true}, nil)
	if err != nil || o.Restored != 3 || o.Differs != 0 {
		t.Fatalf("%+v, %v", o, err)
	}
	if got := byKey(dumpAll(t, st, k)); !reflect.DeepEqual(got, byKey(entries)) {
		t.Fatal("another content came back")
	}
	noTemporary(t, s)
}

func TestRestoreLeavesOutWhatHasExpired(t *testing.T) {
	s := running(t)
	st, k := open(t, s), anything()
	l := acquire(t, st, k.Name)
	entries := []Entry{{Key: "any:1", Type: state.String, Text: "x", ExpireAt: 1}, {Key: "any:2", Type: state.String, Text: "x"}}
	o, err := st.Restore(context.Background(), l, k, each(entries), RestoreOptions{}, nil)
	if err != nil || o.Expired != 1 || o.Restored != 1 {
		t.Fatalf("%+v, %v", o, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	st, k := open(t, s), anything()
	l := acquire(t, st, k.Name)
	broken := errors.New("broken archive")
	for name, entries := range map[string]iter.Seq2[Entry, error]{
		"a foreign key":   each([]Entry{{Key: "other:1", Type: state.String}}),
		"a key of ours":   each([]Entry{{Key: Prefix + "lease:a:b", Type: state.String}}),
		"a loose end":     each([]Entry{{Key: "any:1", Type: state.Set, Continues: true}}),
		"a broken source": func(yield func(Entry, error) bool) { yield(Entry{}, broken) },
	} {
		if _, err := st.Restore(ctx, l, k, entries, RestoreOptions{}, nil); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
	s.client.Del(ctx, l.key)
	_, err := st.Restore(ctx, l, k, each([]Entry{{Key: "any:1", Type: state.String, Text: "x"}}), RestoreOptions{}, nil)
	wantReason(t, err, LeaseLost)
	if s.client.Exists(ctx, "any:1").Val() != 0 {
		t.Fatal("written without the lease")
	}
}

// TestDumpReadsAKeyAtOneMoment reads hashes whose writers keep two fields equal and their time to live with them: no
// entry may hold one of one life and one of another.
func TestDumpReadsAKeyAtOneMoment(t *testing.T) {
	s := running(t)
	ctx, stop := context.WithCancel(context.Background())
	st, k := open(t, s), anything()
	const keys = 200
	write := func(ctx context.Context, i, life int) {
		key := fmt.Sprint("any:", i)
		_, _ = s.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, key)
			if life%2 == 0 {
				p.HSet(ctx, key, "a", life, "b", life)
				p.PExpireAt(ctx, key, farAhead(life))
			} else {
				p.RPush(ctx, key, life, life)
				p.PExpireAt(ctx, key, farAhead(life))
			}
			return nil
		})
	}
	for i := range keys {
		write(ctx, i, 0)
	}
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Go(func() {
			for life := 1; ctx.Err() == nil; life++ {
				write(ctx, (life*7+w*50)%keys, life)
			}
		})
	}
	end := time.Now().Add(2 * time.Second)
	for time.Now().Before(end) {
		for key, e := range byKey(dumpAll(t, st, k)) {
			values := e.Elements
			for _, f := range e.Fields {
				values = append(values, f.Value)
			}
			if len(values) != 2 || values[0] != values[1] || e.ExpireAt != farAhead(0).UnixMilli()+int64(atoi(values[0])) {
				t.Errorf("%s is torn: %+v", key, e)
			}
		}
	}
	stop()
	wait.Wait()
}

func atoi(s string) (n int) {
	_, _ = fmt.Sscan(s, &n) // a test's own number
	return n
}
