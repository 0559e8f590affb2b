package keyspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// stage is a store with one keyspace about to be written: changes decided on what was read, not yet sent.
type stage struct {
	server  *server
	rewrite *rewrite
	changes []change
}

// newStage reads the keys of a keyspace and decides what to write.
func newStage(s *server, st *Store, k state.Keyspace, keys ...string) (*stage, error) {
	ctx := context.Background()
	l, err := st.Acquire(ctx, "shop", k.Name)
	if err != nil {
		return nil, err
	}
	r, _, err := st.newRewrite(ctx, l, job(k), nil)
	if err != nil {
		return nil, err
	}
	targets := make([]target, len(keys))
	for i, key := range keys {
		targets[i].key = key
	}
	units, err := st.reread(ctx, r.routes, targets)
	if err != nil {
		return nil, err
	}
	out := &stage{server: s, rewrite: r}
	for _, u := range units {
		var c change
		v := r.goal.decide(&u, u.Unit, 0, &c, new(transform.Room))
		if !v.wanted {
			return nil, fmt.Errorf("%s is of class %s, there is nothing to write: %s", u.target.key, v.class, v.reason)
		}
		out.changes = append(out.changes, c)
	}
	return out, nil
}

// send sends the changes and returns the number of each code.
func (s *stage) send() (string, error) {
	r1, w := s.rewrite, &scribes[s.changes[0].op]
	call := newCall(w.script, r1.lease.key, r1.header(), len(s.changes))
	w.encode(&call, s.changes, r1.store.fading)
	answer, err := r1.store.run(context.Background(), r1.store.client, w.script, call.keys, call.args...).Slice()
	if err != nil {
		return "", err
	}
	r, err := decode(answer, len(s.changes))
	var codes strings.Builder
	for _, c := range r.codes {
		codes.WriteByte(byte(c))
	}
	return codes.String(), err
}

// guard is one promise of the compare-and-set script. Its error says how it was broken.
type guard struct {
	name  string
	check func(s *server, st *Store) error
}

// between seeds one unit, lets the application act between our read and our write, and expects a code and what is
// left of the unit.
func between(k state.Keyspace, key string, seed, act func(ctx context.Context, c *redis.Client), code, want string) func(*server, *Store) error {
	return func(s *server, st *Store) error {
		ctx := context.Background()
		seed(ctx, s.client)
		stage, err := newStage(s, st, k, key)
		if err != nil {
			return err
		}
		defer stage.rewrite.lease.Release(ctx)
		act(ctx, s.client)
		got, err := stage.send()
		if err != nil {
			return err
		}
		left := contents(ctx, s.client, key) + " expires " + fmt.Sprint(s.client.PExpireTime(ctx, key).Val().Milliseconds())
		if got != code || left != want {
			return fmt.Errorf("code %q and %s\nwant %q and %s", got, left, code, want)
		}
		return nil
	}
}

func seedSession(ctx context.Context, c *redis.Client) {
	c.Del(ctx, "session:1")
	c.HSet(ctx, "session:1", "user_id", 1, "name", "Ada", "created_ms", 5000, "note", "n")
	c.PExpireAt(ctx, "session:1", farAhead(7))
}

func seedCart(ctx context.Context, c *redis.Client) {
	c.Set(ctx, "cart:1", `{"owner":1,"cents":5,"note":"n"}`, 0)
	c.PExpireAt(ctx, "cart:1", farAhead(7))
}

func nothing(context.Context, *redis.Client) {}

func hset(values ...any) func(context.Context, *redis.Client) {
	return func(ctx context.Context, c *redis.Client) { c.HSet(ctx, "session:1", values...) }
}

const at = " expires 4102444800130"

var guards = []guard{
	{"a hash is written, its TTL kept", between(sessions(), "session:1", seedSession, nothing, "d",
		`hash created="5" full_name="Ada" note="n" plan="free" user_id="1"`+at)},
	{"a string is written, its TTL kept", between(carts(), "cart:1", seedCart, nothing, "d",
		`string {"owner":1,"total":50,"note":"n"}`+at)},
	{"a hash whose every field changes keeps its TTL", between(turned(), "turn:1", func(ctx context.Context, c *redis.Client) {
		c.Del(ctx, "turn:1")
		c.HSet(ctx, "turn:1", "old", "v")
		c.PExpireAt(ctx, "turn:1", farAhead(7))
	}, nothing, "d", `hash new="v"`+at)},
	{"a field that was read and changed is a conflict", between(sessions(), "session:1", seedSession, hset("name", "Eve"), "c",
		`hash created_ms="5000" name="Eve" note="n" user_id="1"`+at)},
	{"a field to be written that appeared is a conflict", between(sessions(), "session:1", seedSession, hset("full_name", "new"), "c",
		`hash created_ms="5000" full_name="new" name="Ada" note="n" user_id="1"`+at)},
	{"a field to be written by a default that appeared is a conflict", between(sessions(), "session:1", seedSession, hset("plan", "pro"), "c",
		`hash created_ms="5000" name="Ada" note="n" plan="pro" user_id="1"`+at)},
	{"a field to be deleted that appeared is a conflict", between(sessions(), "session:1", seedSession, hset("legacy", "now"), "c",
		`hash created_ms="5000" legacy="now" name="Ada" note="n" user_id="1"`+at)},
	{"a field that is only carried may change", between(sessions(), "session:1", seedSession, hset("note", "changed"), "d",
		`hash created="5" full_name="Ada" note="changed" plan="free" user_id="1"`+at)},
	{"a string that changed is a conflict", between(carts(), "cart:1", seedCart, func(ctx context.Context, c *redis.Client) {
		c.Set(ctx, "cart:1", `{"owner":1,"cents":6,"note":"n"}`, redis.KeepTTL)
	}, "c", `string {"owner":1,"cents":6,"note":"n"}`+at)},
	{"a hash that is gone stays gone", between(sessions(), "session:1", seedSession, func(ctx context.Context, c *redis.Client) {
		c.Del(ctx, "session:1")
	}, "g", "none expires 0")},
	{"a string that is gone stays gone", between(carts(), "cart:1", seedCart, func(ctx context.Context, c *redis.Client) {
		c.Del(ctx, "cart:1")
	}, "g", "none expires 0")},
	{"another type is left alone", between(sessions(), "session:1", seedSession, func(ctx context.Context, c *redis.Client) {
		c.Del(ctx, "session:1")
		c.RPush(ctx, "session:1", "a")
	}, "t", "list expires 0")},
	{"one unit's trouble is its own", func(s *server, st *Store) error {
		ctx := context.Background()
		var keys []string
		for i := range 5 {
			keys = append(keys, fmt.Sprint("session:", i))
			s.client.Del(ctx, keys[i])
			s.client.HSet(ctx, keys[i], oldSession(i)...)
		}
		stage, err := newStage(s, st, sessions(), keys...)
		if err != nil {
			return err
		}
		defer stage.rewrite.lease.Release(ctx)
		s.client.Del(ctx, "session:1", "session:2")
		s.client.Set(ctx, "session:1", "text", 0)
		s.client.HSet(ctx, "session:3", "name", "Eve")
		if got, err := stage.send(); err != nil || got != "dtgcd" {
			return fmt.Errorf("codes %q, %v; want dtgcd", got, err)
		}
		return nil
	}},
	{"a stale token writes nothing", func(s *server, st *Store) error {
		ctx := context.Background()
		seedSession(ctx, s.client)
		stage, err := newStage(s, st, sessions(), "session:1")
		if err != nil {
			return err
		}
		before := contents(ctx, s.client, "session:1")
		s.client.Set(ctx, stage.rewrite.lease.key, "somebody else", 0)
		defer s.client.Del(ctx, stage.rewrite.lease.key)
		defer stage.rewrite.lease.Release(ctx)
		if _, err := stage.send(); !errors.Is(err, errFence) {
			return fmt.Errorf("error %v, want the fence", err)
		}
		if after := contents(ctx, s.client, "session:1"); after != before {
			return fmt.Errorf("%s became %s", before, after)
		}
		return nil
	}},
}

func TestGuards(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		st := open(t, s)
		for _, g := range guards {
			t.Run(g.name, func(t *testing.T) {
				if err := g.check(s, st); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

// TestGuardsCatchBugs plants the bugs that such scripts have had, and expects a guard to see each.
func TestGuardsCatchBugs(t *testing.T) {
	bugs := []struct{ name, was, is string }{
		{"the TTL of a string is lost", ", 'XX', 'KEEPTTL')", ", 'XX')"},
		{"delete comes first", "    if #list > 0 then call('HSET', key, unpack(list)) end", "    if #l.deleted > 0 then call('HDEL', key, unpack(l.deleted)) end\n    if #list > 0 then call('HSET', key, unpack(list)) end"},
		{"the number of fields is not compared", "if fields ~= l.fields then return 'c' end", ""},
		{"what has gone is not compared", "if not now[i] then return 'c' end", "now[i] = now[i] or ''"},
		{"absence is not compared", "if now[i] then return 'c' end", ""},
		{"values are not compared", "if concat(now, sep, 1, valued) ~= ARGV[at] then return 'c' end", ""},
		{"a hash that is gone is a conflict", "if fields == 0 then return 'g' end", ""},
		{"a string is not compared", "if now ~= ARGV[at] then return 'c' end", ""},
		{"a missing string is made", "if not now then return 'g' end\n  if now ~= ARGV[at] then return 'c' end\n  local ttl = ttl_of(key)\n  if ttl == 0 then return 'c' end\n  if now ~= ARGV[at + 1] then call('SET', key, ARGV[at + 1], 'XX', 'KEEPTTL') end", "local ttl = -1\n  call('SET', key, ARGV[at + 1], 'KEEPTTL')"},
		{"the lease is not compared", "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'lease'} end", ""},
		{"an error ends the batch", "local ok, code = pcall(in_turn, at, unit, how, last, size)", "local ok, code = true, in_turn(at, unit, how, last, size)"},
		{"an error ends the rest of the batch", "at.key, at.argument = at.key + 1, at.argument + size\n    end\n  end", "at.key = last + 1\n    end\n  end"},
		{"after an error the arguments of another unit are taken", "at.key, at.argument = at.key + 1, at.argument + size\n    end\n  end", "at.key = at.key + 1\n    end\n  end"},
	}
	s := running(t)
	st := open(t, s)
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			defer plant(t, b.was, b.is)()
			for _, g := range slices.Concat(guards, uncompared, swapped) {
				if g.check(s, st) != nil {
					return
				}
			}
			t.Error("no guard saw it")
		})
	}
}

// plant changes a place of every script that has it, and returns what takes that back.
func plant(t *testing.T, was, is string) (restore func()) {
	t.Helper()
	good, planted := scribes, false
	for i, w := range scribes {
		if text := strings.Replace(w.script.text, was, is, 1); text != w.script.text {
			scribes[i].script, planted = newScript(text), true
		}
	}
	if !planted {
		t.Fatal("no script has such a place any more")
	}
	return func() { scribes = good }
}
