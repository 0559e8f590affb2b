package keyspace

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

func one(alts ...state.Alt) state.Type { return state.Type{Alts: alts} }

var (
	integer = one(state.Alt{Kind: state.Int})
	text    = one(state.Alt{Kind: state.Str})
)

func constant(s string) state.Alt {
	return state.Alt{Kind: state.Str, Const: &state.Value{Kind: state.Str, Text: s}}
}

func object(fields ...state.Field) state.Type {
	return one(state.Alt{Kind: state.Struct, Fields: fields})
}

func field(name string, t state.Type) state.Field { return state.Field{Name: name, Type: t} }

func path(names ...string) state.Expr { return state.Expr{Op: state.OpPath, Path: names} }

func number(n int) state.Expr {
	return state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Int, Text: strconv.Itoa(n)}}
}

func program(fields ...state.FieldExpr) state.Program {
	slices.SortStableFunc(fields, func(a, b state.FieldExpr) int { return cmp.Compare(a.Name, b.Name) })
	return state.Program{Body: state.Expr{Op: state.OpStruct, Fields: fields}}
}

func carry(name string) state.FieldExpr { return state.FieldExpr{Name: name, Value: path(name)} }

func set(name string, e state.Expr) state.FieldExpr { return state.FieldExpr{Name: name, Value: e} }

func call(op state.Op, args ...state.Expr) state.Expr { return state.Expr{Op: op, Args: args} }

// sessions is the keyspace of the design's example: renamed, converted, dropped and added fields.
func sessions() state.Keyspace {
	plan := one(constant("free"), constant("pro"))
	plan.Default = &state.Value{Kind: state.Str, Text: "free"}
	legacy := field("legacy", text)
	legacy.Optional = true
	free := state.Expr{Op: state.OpLit, Lit: plan.Default}
	k := state.Keyspace{
		Name: "session", Store: "main", Version: "2.0.0",
		Policy: state.Policy{Throttle: state.ThrottleFast},
		Shapes: []state.Shape{
			{Version: "1.0.0", Keys: "session:<id>", Type: state.Hash, Value: object(
				field("user_id", integer), field("name", text), field("created_ms", integer), field("note", text), legacy)},
			{Version: "2.0.0", Keys: "session:<id>", Type: state.Hash, Value: object(
				field("user_id", integer), field("full_name", text), field("created", integer), field("note", text), field("plan", plan))},
		},
		Migrations: []state.Migration{{
			From: "1.0.0", To: "2.0.0", Drop: []string{"legacy"},
			Up: program(carry("user_id"), carry("note"), set("full_name", path("name")),
				set("created", call(state.OpDiv, path("created_ms"), number(1000))), set("plan", free)),
			Down: program(carry("user_id"), carry("note"), set("name", path("full_name")),
				set("created_ms", call(state.OpMul, path("created"), number(1000)))),
		}},
	}
	k.Migrations[0].Up.Losses = []state.Loss{{Field: "created_ms", Reason: "div drops the remainder"}, {Field: "legacy", Reason: "dropped"}}
	k.Migrations[0].Down.Losses = []state.Loss{{Field: "plan", Reason: "vanishes"}}
	return k
}

// wide is the design's session with eight fields, of which three are carried.
func wide() state.Keyspace {
	k := sessions()
	for i := range k.Shapes {
		fields := &k.Shapes[i].Value.Alts[0].Fields
		for _, name := range []string{"email", "ip", "agent"} {
			*fields = append(*fields, field(name, text))
		}
	}
	m := &k.Migrations[0]
	for _, name := range []string{"email", "ip", "agent"} {
		m.Up = program(append(m.Up.Body.Fields, carry(name))...)
		m.Down = program(append(m.Down.Body.Fields, carry(name))...)
	}
	return k
}

// carts is a keyspace of JSON strings.
func carts() state.Keyspace {
	return state.Keyspace{
		Name: "cart", Store: "main", Version: "2.0.0",
		Policy: state.Policy{Throttle: state.ThrottleFast},
		Shapes: []state.Shape{
			{Version: "1.0.0", Keys: "cart:<id>", Type: state.String, Encoding: state.JSON, Value: object(
				field("owner", integer), field("cents", integer), field("note", text))},
			{Version: "2.0.0", Keys: "cart:<id>", Type: state.String, Encoding: state.JSON, Value: object(
				field("owner", integer), field("total", integer), field("note", text))},
		},
		Migrations: []state.Migration{{
			From: "1.0.0", To: "2.0.0",
			Up:   program(carry("owner"), carry("note"), set("total", call(state.OpMul, path("cents"), number(10)))),
			Down: program(carry("owner"), carry("note"), set("cents", call(state.OpDiv, path("total"), number(10)))),
		}},
	}
}

// turned is a keyspace whose every field changes its name, so that none survives.
func turned() state.Keyspace {
	return state.Keyspace{
		Name: "turn", Store: "main", Version: "2.0.0",
		Policy: state.Policy{Throttle: state.ThrottleFast},
		Shapes: []state.Shape{
			{Version: "1.0.0", Keys: "turn:<id>", Type: state.Hash, Value: object(field("old", text))},
			{Version: "2.0.0", Keys: "turn:<id>", Type: state.Hash, Value: object(field("new", text))},
		},
		Migrations: []state.Migration{{
			From: "1.0.0", To: "2.0.0", Up: program(set("new", path("old"))), Down: program(set("old", path("new"))),
		}},
	}
}

// server is a Redis under test: the embedded twin or a real one.
type server struct {
	name   string
	url    string
	client *redis.Client
	real   *testbed.RedisServer // nil if embedded
}

func (s *server) connect(t testing.TB) *server {
	t.Helper()
	options, err := redis.ParseURL(s.url)
	if err != nil {
		t.Fatal(err)
	}
	options.Protocol = 2
	s.client = redis.NewClient(options)
	t.Cleanup(func() { s.client.Close() })
	return s
}

func embedded(t testing.TB) *server {
	m := miniredis.NewMiniRedis()
	m.SetTime(time.Now()) // stands still, so that an expiry read twice is the same
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return (&server{name: "embedded", url: "redis://" + m.Addr() + "/0"}).connect(t)
}

func running(t testing.TB, args ...string) *server {
	r := testbed.Redis(t, args...)
	return (&server{name: "redis-server", url: r.URL, real: r}).connect(t)
}

// conform runs a test on the embedded server and on redis-server.
func conform(t *testing.T, test func(t *testing.T, s *server)) {
	t.Run("embedded", func(t *testing.T) { test(t, embedded(t)) })
	t.Run("redis-server", func(t *testing.T) { test(t, running(t)) })
}

func open(t testing.TB, s *server) *Store {
	t.Helper()
	return openWith(t, Options{Store: "main", Address: s.url, Holder: "test"})
}

func openWith(t testing.TB, o Options) *Store {
	t.Helper()
	st, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	return st
}

func acquire(t testing.TB, st *Store, keyspace string) *Lease {
	t.Helper()
	l, err := st.Acquire(context.Background(), "shop", keyspace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Release(context.Background()) })
	return l
}

func job(k state.Keyspace) Job { return Job{Keyspace: k, To: k.Version, ID: "job-1", Unlogged: true} }

func oldSession(i int) []any {
	return []any{"user_id", i, "name", fmt.Sprintf("Ada %d", i), "created_ms", 1700000000123 + i, "note", "n", "legacy", "x"}
}

func oldCart(i int) string { return fmt.Sprintf(`{"owner":%d, "cents":%d,"note":"né"}`, i, i) }

// fill writes n old sessions and carts, every third with a TTL, and keys that belong to nobody.
func fill(t testing.TB, c *redis.Client, n int) {
	t.Helper()
	ctx := context.Background()
	p := c.Pipeline()
	for i := range n {
		p.HSet(ctx, fmt.Sprint("session:", i), oldSession(i)...)
		p.Set(ctx, fmt.Sprint("cart:", i), oldCart(i), 0)
		p.Set(ctx, fmt.Sprint("other:", i), "untouched", 0)
		if i%3 == 0 {
			p.PExpireAt(ctx, fmt.Sprint("session:", i), farAhead(i))
			p.PExpireAt(ctx, fmt.Sprint("cart:", i), farAhead(i))
		}
		if i%1000 == 999 || i == n-1 {
			if _, err := p.Exec(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// snapshot reads everything outside Keyshift's own keys: contents and absolute expiry in milliseconds.
func snapshot(t testing.TB, c *redis.Client) map[string]string {
	t.Helper()
	ctx := context.Background()
	var keys []string
	it := c.Scan(ctx, 0, "", 1000).Iterator()
	for it.Next(ctx) {
		if !strings.HasPrefix(it.Val(), Prefix) {
			keys = append(keys, it.Val())
		}
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for part := range slices.Chunk(keys, 1000) {
		pipe := c.Pipeline()
		hashes, texts, expires := make([]*redis.MapStringStringCmd, len(part)), make([]*redis.StringCmd, len(part)), make([]*redis.DurationCmd, len(part))
		for i, key := range part {
			hashes[i], texts[i], expires[i] = pipe.HGetAll(ctx, key), pipe.Get(ctx, key), pipe.PExpireTime(ctx, key)
		}
		_, _ = pipe.Exec(ctx) // one of the two reads fails for every key
		for i, key := range part {
			out[key] = show(hashes[i].Val(), texts[i].Val()) + " expires " + expires[i].Val().String()
		}
	}
	return out
}

// contents reads one key as text.
func contents(ctx context.Context, c *redis.Client, key string) string {
	switch kind := c.Type(ctx, key).Val(); kind {
	case "hash":
		return show(c.HGetAll(ctx, key).Val(), "")
	case "string":
		return show(nil, c.Get(ctx, key).Val())
	default:
		return kind
	}
}

func show(hash map[string]string, text string) string {
	if len(hash) == 0 {
		return "string " + text
	}
	out := "hash"
	for _, n := range slices.Sorted(maps.Keys(hash)) {
		out += fmt.Sprintf(" %s=%q", n, hash[n])
	}
	return out
}

// farAhead is a moment of expiry that differs to the millisecond from key to key.
func farAhead(i int) time.Time { return time.UnixMilli(4102444800123 + int64(i)) }
