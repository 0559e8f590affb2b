package keyspace

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// widest notes how many arguments a script call had at most.
type widest struct{ most atomic.Int64 }

func (w *widest) note(cmds ...redis.Cmder) {
	for _, c := range cmds {
		if name := strings.ToLower(c.Name()); name == "evalsha" || name == "eval" {
			w.most.Store(max(w.most.Load(), int64(len(c.Args()))))
		}
	}
}

func (w *widest) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (w *widest) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		w.note(cmd)
		return next(ctx, cmd)
	}
}

func (w *widest) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		w.note(cmds...)
		return next(ctx, cmds)
	}
}

// fillHuge writes a hash and a list of n items each.
func fillHuge(t *testing.T, c *redis.Client, n int) {
	t.Helper()
	ctx := context.Background()
	p := c.Pipeline()
	for from := 0; from < n; from += 1000 {
		var fields, elements []any
		for i := from; i < from+1000; i++ {
			fields = append(fields, fmt.Sprint("field", i), i)
			elements = append(elements, i%7)
		}
		p.HSet(ctx, "any:huge:hash", fields...)
		p.RPush(ctx, "any:huge:list", elements...)
	}
	p.PExpireAt(ctx, "any:huge:hash", farAhead(3))
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

func digestsOf(t *testing.T, c *redis.Client, keys ...string) (out []string) {
	t.Helper()
	ctx := context.Background()
	for _, key := range keys {
		d, err := c.Do(ctx, "debug", "digest-value", key).Result()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(key, d, c.Do(ctx, "pexpiretime", key).Val()))
	}
	return out
}

// TestRestoreOfAHugeKey: no call carries more than a slice, the key is there whole or not at all, and one that differs is
// left or replaced as one.
func TestRestoreOfAHugeKey(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	st, k := open(t, s), anything()
	fillHuge(t, s.client, 300_000)
	keys := []string{"any:huge:hash", "any:huge:list"}
	want := digestsOf(t, s.client, keys...)
	entries := dumpAll(t, st, k)
	s.client.FlushAll(ctx)
	calls := &widest{}
	st.client.AddHook(calls)
	l := acquire(t, st, k.Name)
	restore := func(overwrite bool) RestoreOutcome {
		o, err := st.Restore(ctx, l, k, each(entries), RestoreOptions{Overwrite: overwrite}, nil)
		if err != nil {
			t.Fatal(err)
		}
		noTemporary(t, s)
		return o
	}
	if o := restore(false); o.Restored != 2 || !slices.Equal(digestsOf(t, s.client, keys...), want) {
		t.Fatalf("%+v", o)
	}
	if o := restore(false); o.Same != 2 {
		t.Fatalf("a second time: %+v", o)
	}
	s.client.HSet(ctx, keys[0], "field299999", "other")
	s.client.LSet(ctx, keys[1], 299_999, "other")
	if o := restore(false); o.Differs != 2 || s.client.HGet(ctx, keys[0], "field299999").Val() != "other" {
		t.Fatalf("with other values: %+v", o)
	}
	if o := restore(true); o.Restored != 2 || !slices.Equal(digestsOf(t, s.client, keys...), want) {
		t.Fatalf("overwriting: %+v", o)
	}
	if most := calls.most.Load(); most > 3*restoreSlice+20 || most < restoreSlice {
		t.Errorf("a script call had %d arguments", most)
	}
}

// TestRestoreStopsInAHugeKey: what was made of the key until then expires, and the key is not there in part.
func TestRestoreStopsInAHugeKey(t *testing.T) {
	s := running(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	st, k := open(t, s), anything()
	l := acquire(t, st, k.Name)
	source := func(yield func(Entry, error) bool) {
		for i := 0; ; i++ {
			if i == 20 {
				stop()
			}
			if !yield(Entry{Key: "any:1", Type: state.List, Elements: slices.Repeat([]string{"x"}, 1000), Continues: i > 0}, nil) {
				return
			}
		}
	}
	if _, err := st.Restore(ctx, l, k, source, RestoreOptions{}, nil); err == nil {
		t.Fatal("it went on")
	}
	ctx = context.Background()
	left := s.client.Keys(ctx, Prefix+"restore:*").Val()
	if s.client.Exists(ctx, "any:1").Val() != 0 || len(left) != 1 {
		t.Fatalf("there is a key in part, or there is none in the making: %q", left)
	}
	if ttl := s.client.PTTL(ctx, left[0]).Val(); ttl <= 0 || ttl > restoreLives {
		t.Errorf("what is left behind lives for %s", ttl)
	}
}

// TestRestoreOfALargeKeyThatIsGone: a key in the making that somebody deleted is an error, and nothing half comes of it.
func TestRestoreOfALargeKeyThatIsGone(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	st, k := open(t, s), anything()
	l := acquire(t, st, k.Name)
	source := func(yield func(Entry, error) bool) {
		for i := range 5 {
			if i == 3 {
				s.client.Del(ctx, s.client.Keys(ctx, Prefix+"restore:*").Val()...)
			}
			if !yield(Entry{Key: "any:1", Type: state.List, Elements: []string{"x", "y"}, Continues: i > 0}, nil) {
				return
			}
		}
	}
	_, err := st.Restore(ctx, l, k, source, RestoreOptions{}, nil)
	wantReason(t, err, StoreRestarted)
	if s.client.Exists(ctx, "any:1").Val() != 0 {
		t.Fatal("half a key")
	}
}

// TestStreamsKeepTheirPosition: the last id that was given out although its message is gone, the groups, and messages
// with more fields than a script can pass on.
func TestStreamsKeepTheirPosition(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	st, k := open(t, s), anything()
	wide := make([]any, 0, 20_000)
	for i := range 10_000 {
		wide = append(wide, fmt.Sprint("f", i), i)
	}
	p := s.client.Pipeline()
	for i := range 3000 {
		p.XAdd(ctx, &redis.XAddArgs{Stream: "any:long", ID: fmt.Sprintf("%d-1", i+1), Values: []any{"v", strings.Repeat("x", 500)}})
	}
	p.XAdd(ctx, &redis.XAddArgs{Stream: "any:wide", ID: "1-1", Values: wide})
	p.XAdd(ctx, &redis.XAddArgs{Stream: "any:wide", ID: "2-1", Values: []any{"a", "b"}})
	p.XAdd(ctx, &redis.XAddArgs{Stream: "any:wide", ID: "3-1", Values: wide})
	p.XAdd(ctx, &redis.XAddArgs{Stream: "any:short", ID: "7-7", Values: []any{"a", "b"}})
	p.XAdd(ctx, &redis.XAddArgs{Stream: "any:short", ID: "9-9", Values: []any{"a", "b"}})
	p.XDel(ctx, "any:short", "9-9")
	p.XGroupCreateMkStream(ctx, "any:empty", "g", "0")
	for _, key := range []string{"any:long", "any:wide", "any:short"} {
		p.XGroupCreate(ctx, key, "first", "0")
		p.XGroupCreate(ctx, key, "last\xff", "$")
	}
	p.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "first", Consumer: "c", Streams: []string{"any:long", ">"}, Count: 5})
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	entries := dumpAll(t, st, k)
	want := byKey(entries)
	if e := want["any:short"]; e.LastID != "9-9" || len(e.Groups) != 2 {
		t.Fatalf("read %q and %v", e.LastID, e.Groups)
	}
	if e := want["any:long"]; len(e.Messages) != 3000 || e.Groups[0] != (Group{"first", "5-1"}) {
		t.Fatalf("read %d messages and %v", len(e.Messages), e.Groups)
	}
	s.client.FlushAll(ctx)
	o, err := st.Restore(ctx, acquire(t, st, k.Name), k, each(entries), RestoreOptions{}, nil)
	if err != nil || o.Restored != 4 {
		t.Fatalf("%+v, %v", o, err)
	}
	if got := byKey(dumpAll(t, st, k)); !reflect.DeepEqual(got, want) {
		t.Fatalf("other streams came back: %v", got["any:empty"])
	}
	noTemporary(t, s)
}
