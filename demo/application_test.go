package demo

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// The checker itself is checked here: it must find what a careless migration breaks, and nothing else.

func release(name string, reads state.Range, writes state.Version) state.Release {
	uses := []state.Use{{Keyspace: "cart", Reads: reads, Writes: writes}, {Keyspace: "session", Reads: reads, Writes: writes}}
	return state.Release{Name: name, Uses: uses}
}

var (
	oldest = release("1.4.0", ">=1.0.0 <2.0.0", V1)
	bridge = release("1.5.0", ">=1.0.0 <3.0.0", V1)
	newest = release("2.0.0", ">=1.0.0 <3.0.0", V2)
)

// start seeds an application on an embedded server.
func start(t *testing.T, units int) (*Application, *redis.Client) {
	t.Helper()
	server := miniredis.RunT(t)
	client := Dial(server.Addr())
	t.Cleanup(func() { _ = client.Close() })
	app := NewApplication(Sessions(), Carts())
	app.Tolerance, app.Pause, app.Workers = time.Hour, 100*time.Microsecond, 4
	if err := app.Seed(t.Context(), client, V1, units); err != nil {
		t.Fatal(err)
	}
	return app, client
}

// serve runs pods of the releases while do runs.
func serve(t *testing.T, app *Application, client *redis.Client, do func(), releases ...state.Release) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var pods sync.WaitGroup
	for i, r := range releases {
		pods.Go(func() { app.RunPod(ctx, r, client, int64(i)) })
	}
	do()
	cancel()
	pods.Wait()
}

func verify(t *testing.T, app *Application, client *redis.Client) Report {
	t.Helper()
	report, err := app.Check(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestQuietWithoutMigration(t *testing.T) {
	app, client := start(t, 50)
	serve(t, app, client, func() { time.Sleep(300 * time.Millisecond) }, oldest, bridge, bridge)
	r := verify(t, app, client)
	if r.LostUpdates != 0 || r.UnreadableReads != 0 {
		t.Errorf("lost %d, unreadable %d: %v", r.LostUpdates, r.UnreadableReads, r.Findings)
	}
	if r.Refused == 0 || r.Removed == 0 || r.Created == 0 || r.Failed != 0 {
		t.Errorf("the application did not do its work: %+v", r)
	}
}

// migrate moves every unit from one version to another, by the given way of writing.
func migrate(t *testing.T, app *Application, c *redis.Client, from, to state.Version, write func(m Model, key string, before, after raw)) {
	t.Helper()
	for _, m := range app.models {
		for i := range app.count {
			before, err := m.read(t.Context(), c, m.key(i))
			if err != nil {
				t.Error(err)
			}
			if value, _, ok := m.decode(before, []state.Version{from}); before.exists && ok {
				write(m, m.key(i), before, m.encode(to, m.convert(value, from, to)))
			}
		}
	}
}

func TestQuietUnderCompareAndSet(t *testing.T) {
	app, client := start(t, 100)
	careful := func(m Model, key string, before, after raw) {
		if _, err := m.swap(t.Context(), client, key, before, after); err != nil {
			t.Error(err)
		}
	}
	for _, to := range []state.Version{V2, V1, V2} {
		from := map[state.Version]state.Version{V1: V2, V2: V1}[to]
		pod := map[state.Version]state.Release{V1: bridge, V2: newest}[to]
		serve(t, app, client, func() {
			for range 3 {
				migrate(t, app, client, from, to, careful)
			}
		}, pod, pod)
		migrate(t, app, client, from, to, careful)
		r := verify(t, app, client)
		if r.LostUpdates != 0 || r.UnreadableReads != 0 || r.At("session", from)+r.At("cart", from) != 0 {
			t.Fatalf("to %s: %+v", to, r)
		}
		app.Turn()
	}
}

func TestFindsLostUpdates(t *testing.T) {
	app, client := start(t, 40)
	careless := func(m Model, key string, _, after raw) {
		time.Sleep(time.Millisecond) // as a network would
		if m.Type == state.Hash {
			client.Del(t.Context(), key)
			client.HSet(t.Context(), key, pairs(after.hash)...)
			return
		}
		client.Set(t.Context(), key, after.text, redis.KeepTTL)
	}
	serve(t, app, client, func() {
		for range 5 {
			migrate(t, app, client, V1, V2, careless)
		}
	}, bridge, newest)
	if r := verify(t, app, client); r.LostUpdates == 0 {
		t.Errorf("a migrator without compare-and-set lost nothing: %+v", r)
	}
}

func TestFindsWrongOrder(t *testing.T) {
	app, client := start(t, 40)
	serve(t, app, client, func() { time.Sleep(200 * time.Millisecond) }, oldest, newest)
	if r := verify(t, app, client); r.UnreadableReads == 0 || r.LostUpdates != 0 {
		t.Errorf("1.4.0 beside 2.0.0: unreadable %d, lost %d %v", r.UnreadableReads, r.LostUpdates, r.Findings)
	}
}

// TestFindsPlanted plants one fault at a time in the data of an idle application.
func TestFindsPlanted(t *testing.T) {
	ctx := t.Context()
	faults := map[string]func(c *redis.Client, key string) error{
		"missing":     func(c *redis.Client, key string) error { return c.Del(ctx, key).Err() },
		"expiry":      func(c *redis.Client, key string) error { return c.Persist(ctx, key).Err() },
		"changed":     func(c *redis.Client, key string) error { return c.HIncrBy(ctx, key, "created_ms", 1).Err() },
		"phantom":     func(c *redis.Client, key string) error { return c.HSet(ctx, key, "name", "Eve").Err() },
		"resurrected": func(c *redis.Client, key string) error { return nil },
		"lost":        func(c *redis.Client, key string) error { return nil },
	}
	for want, plant := range faults {
		t.Run(want, func(t *testing.T) {
			app, client := start(t, 4)
			m := app.models[0]
			key := m.key(0)
			before, _ := m.read(ctx, client, key)
			h := app.journal.of(key)
			if want == "lost" || want == "resurrected" {
				w := app.journal.intend(h, 2, V1, content{}, want == "resurrected")
				app.journal.acknowledge(h, key, w)
				h.expire = 0
				client.Persist(ctx, key)
			}
			if err := plant(client, key); err != nil {
				t.Fatal(err)
			}
			r := verify(t, app, client)
			if len(r.Findings) != 1 || r.Findings[0].Kind != want {
				t.Errorf("found %v in %s, want one %s", r.Findings, strconv.Quote(before.hash["name"]), want)
			}
		})
	}
}

func TestLater(t *testing.T) {
	m := Sessions()
	v1 := content{user: "1", text: "Ada r1 w1", clock: "1700000000123", old: "x"}
	v2 := content{user: "1", text: "Ada r1 w1", clock: "1700000000", added: "pro"}
	with := func(c content, r role, s string) content { c[r] = s; return c }
	cases := []struct {
		name   string
		c      content
		w      state.Version
		d      content
		v      state.Version
		turned bool
		want   bool
	}{
		{"same", v1, V1, v1, V1, false, true},
		{"drop without a migration", v1, V1, with(v1, old, ""), V1, false, false},
		{"up", v1, V1, content{user: "1", text: "Ada r1 w1", clock: "1700000000", added: "free"}, V2, false, true},
		{"up to another default", v1, V1, v2, V2, false, false},
		{"down", v2, V2, content{user: "1", text: "Ada r1 w1", clock: "1700000000000"}, V1, false, true},
		{"there and back", v1, V1, with(with(v1, old, ""), clock, "1700000000000"), V1, true, true},
		{"there and back, wrong name", v1, V1, with(v1, text, "Eve r1 w1"), V1, true, false},
		{"lost plan", v2, V2, with(v2, added, "free"), V2, false, false},
		{"lost plan after a turn", v2, V2, with(v2, added, "free"), V2, true, true},
		{"remainder kept by nobody", v1, V1, with(v1, clock, "1700000000000"), V1, false, false},
	}
	for _, c := range cases {
		if got, names := m.later(c.c, c.w, c.d, c.v, c.turned); got != c.want {
			t.Errorf("%s: %t (%s), want %t", c.name, got, names, c.want)
		}
	}
}
