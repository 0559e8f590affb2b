package keyspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// keeper is an undo log in memory.
type keeper struct {
	mu     sync.Mutex
	images []Preimage
	broken error
	before func() // called before images are kept
}

func (k *keeper) Append(_ context.Context, images []Preimage) error {
	if k.before != nil {
		k.before()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken == nil {
		k.images = append(k.images, lasting(images)...)
	}
	return k.broken
}

func TestDiscard(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		fill(t, s.client, 700)
		s.client.HSet(ctx, "session:new", "user_id", 1, "full_name", "a", "created", 1, "note", "n", "plan", "pro")
		s.client.HSet(ctx, "session:odd", "user_id", "x", "name", "a")
		s.client.Set(ctx, "cart:odd", "{", 0)
		s.client.Set(ctx, "other:1", "untouched", 0)
		st := open(t, s)
		for _, k := range []state.Keyspace{sessions(), carts()} {
			l := acquire(t, st, k.Name)
			kept := &keeper{}
			o, err := st.Discard(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "d1", Journal: kept}, nil)
			if err != nil {
				t.Fatalf("%s: %v", k.Name, err)
			}
			if o.Rewritten != 700 || o.Unfit != 1 || len(o.Samples) != 1 || !o.Clean("2.0.0") {
				t.Errorf("%s: %+v", k.Name, o)
			}
			if len(kept.images) != 700 {
				t.Errorf("%s: %d kept", k.Name, len(kept.images))
			}
			for _, i := range kept.images {
				if i.Keyspace != k.Name || i.Job != "d1" || i.From != "1.0.0" || i.To != "2.0.0" || i.Before.Key == "" || i.Before.Text == "" && len(i.Before.Fields) == 0 {
					t.Fatalf("kept %+v", i)
				}
				_, digits, _ := strings.Cut(i.Before.Key, ":")
				n, _ := strconv.Atoi(digits)
				if want := farAhead(n).UnixMilli(); n%3 == 0 && i.ExpireAt != want || n%3 > 0 && i.ExpireAt != 0 {
					t.Errorf("%s is kept to expire at %d, not %d", i.Before.Key, i.ExpireAt, want)
				}
			}
		}
		if n := s.client.Exists(ctx, "session:new", "session:odd", "cart:odd", "other:1").Val(); n != 4 {
			t.Errorf("%d of 4 keys are left that are none of the discard's", n)
		}
	})
}

// A unit that changes while it is about to go is read again: what the application made of it decides.
func TestDiscardMeetsWriters(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		for i := range 4 {
			s.client.HSet(ctx, fmt.Sprintf("turn:%d", i), "old", "v")
		}
		kept := &keeper{}
		once := sync.OnceFunc(func() {
			s.client.HSet(ctx, "turn:0", "old", "w")            // still old: it goes, and the newer value is kept
			s.client.Del(ctx, "turn:1")                         // gone
			s.client.Del(ctx, "turn:2")                         // another life, of the new version
			s.client.HSet(ctx, "turn:2", "new", "v")            //
			s.client.HSet(ctx, "turn:3", "old", "v", "odd", "") // of no version now
		})
		kept.before = once
		st := open(t, s)
		o, err := st.Discard(ctx, acquire(t, st, "turn"), Job{Keyspace: turned(), To: "2.0.0", ID: "d", Journal: kept}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if o.Rewritten != 1 || o.Gone != 1 || o.Conflicts != 3 || o.Unfit != 1 {
			t.Errorf("%+v", o)
		}
		if got := s.client.Exists(ctx, "turn:2", "turn:3").Val(); got != 2 {
			t.Errorf("%d of the 2 keys are left", got)
		}
		var last string
		for _, i := range kept.images {
			if i.Before.Key == "turn:0" {
				last = i.Before.Fields[0].Value
			}
		}
		if last != "w" {
			t.Errorf("the last that was kept of turn:0 is %q", last)
		}
	})
}

// What cannot be kept does not go, and nothing goes without the lease.
func TestDiscardKeepsFirst(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		fill(t, s.client, 50)
		st := open(t, s)
		l := acquire(t, st, "session")
		full := errors.New("no space left on device")
		job := Job{Keyspace: sessions(), To: "2.0.0", ID: "d", Journal: &keeper{broken: full}}
		if o, err := st.Discard(ctx, l, job, nil); !errors.Is(err, full) || o.Rewritten > 0 {
			t.Errorf("%v, %+v", err, o)
		}
		job.Journal = &keeper{before: func() { s.client.Set(ctx, l.key, "another", 0) }}
		if o, err := st.Discard(ctx, l, job, nil); err == nil || o.Rewritten > 0 || !strings.Contains(err.Error(), "lease") {
			t.Errorf("with the lease lost: %v, %+v", err, o)
		}
		if n := s.client.Exists(ctx, "session:1", "session:49").Val(); n != 2 {
			t.Error("units are gone")
		}
	})
}

// Of a key with many units only those go that are old; the last one that goes takes the key with it.
func TestDiscardParts(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		old, now := constant("old"), constant("new")
		for _, c := range []struct {
			kind state.Redis
			put  func(key string, element string)
			left func(key string) []string
		}{
			{state.List, func(key, e string) { s.client.RPush(ctx, key, e) }, func(key string) []string { return s.client.LRange(ctx, key, 0, -1).Val() }},
			{state.Set, func(key, e string) { s.client.SAdd(ctx, key, e) }, func(key string) []string { return s.client.SMembers(ctx, key).Val() }},
			{state.SortedSet, func(key, e string) { s.client.ZAdd(ctx, key, redis.Z{Member: e, Score: 1.5}) }, func(key string) []string { return s.client.ZRange(ctx, key, 0, -1).Val() }},
			{state.Map, func(key, e string) { s.client.HSet(ctx, key, e, e) }, func(key string) []string { return s.client.HKeys(ctx, key).Val() }},
		} {
			value := func(a state.Alt) state.Type {
				switch c.kind {
				case state.SortedSet:
					return object(field("member", one(a)), field("score", one(state.Alt{Kind: state.Number})))
				case state.Map:
					return object(field("field", text), field("value", one(a)))
				}
				return one(a)
			}
			name := string(c.kind)
			k := state.Keyspace{Name: name, Store: "main", Version: "2.0.0", Policy: state.Policy{Throttle: state.ThrottleFast}, Shapes: []state.Shape{
				{Version: "1.0.0", Keys: name + ":<id>", Type: c.kind, Value: value(old)}, {Version: "2.0.0", Keys: name + ":<id>", Type: c.kind, Value: value(now)}}}
			for _, e := range []string{"old", "new", "old", "odd"} {
				c.put(name+":mixed", e)
			}
			c.put(name+":old", "old")
			kept := &keeper{}
			st := open(t, s)
			o, err := st.Discard(ctx, acquire(t, st, name), Job{Keyspace: k, To: "2.0.0", ID: "d", Journal: kept}, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			left := c.left(name + ":mixed")
			slices.Sort(left)
			if !slices.Equal(left, []string{"new", "odd"}) || s.client.Exists(ctx, name+":old").Val() != 0 {
				t.Errorf("%s: %v is left", name, left)
			}
			if int64(len(kept.images)) != o.Rewritten || o.Unfit != 1 {
				t.Errorf("%s: %d logged, %+v", name, len(kept.images), o)
			}
		}
	})
}
