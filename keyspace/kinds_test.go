package keyspace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/schema"
	"keyshift.dev/state"
)

// kindCase is one kind of data: what its keys hold before and after the way there; the way back, or the undo log, brings it all back.
type kindCase struct {
	name  string
	spec  string // what stands below the keyspace `k`
	seed  func(ctx context.Context, p redis.Pipeliner, i int)
	units int64 // a key
	up    func(i int) (key, content string)
}

const kindKeys = 100

// every kind goes there and back on a real server, its keys and times to live with it.
var kindCases = []kindCase{
	{
		name: "text",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "string", encoding: "text", #value: =~"^[0-9]+$"}
			versions: "2.0.0": {keys: "k:<id>", type: "string", encoding: "text", #value: =~"^u:"}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: "u:\(#old)", #down: strings.TrimPrefix(#new, "u:")}}`,
		seed:  func(ctx context.Context, p redis.Pipeliner, i int) { p.Set(ctx, kindKey(i), i, 0) },
		units: 1,
		up:    func(i int) (string, string) { return kindKey(i), fmt.Sprint("string u:", i) },
	},
	{
		name: "raw",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "string", encoding: "text", #value: =~"^[0-9]+$"}
			versions: "2.0.0": {keys: "b:<id>", type: "string", encoding: "text", #value: =~"^[0-9]+$"}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: #old, #down: #new}}`,
		seed:  func(ctx context.Context, p redis.Pipeliner, i int) { p.Set(ctx, kindKey(i), i, 0) },
		units: 1,
		up:    func(i int) (string, string) { return fmt.Sprint("b:", i), fmt.Sprint("string ", i) },
	},
	{
		name: "hash under another name",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {name: string, n: int}}
			versions: "2.0.0": {keys: "h:<id>", type: "hash", #value: {full: string, n: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: full: #old.name, #down: name: #new.full}}`,
		seed:  func(ctx context.Context, p redis.Pipeliner, i int) { p.HSet(ctx, kindKey(i), "name", "Ada", "n", i) },
		units: 1,
		up: func(i int) (string, string) {
			return fmt.Sprint("h:", i), fmt.Sprintf("hash full=%q n=%q", "Ada", fmt.Sprint(i))
		},
	},
	{
		name: "JSON to a hash of the same name",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "string", encoding: "json", #value: {name: string, n: int}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {name: string, n: int}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {}, #down: {}}}`,
		seed: func(ctx context.Context, p redis.Pipeliner, i int) {
			p.Set(ctx, kindKey(i), fmt.Sprintf(`{"n":%d,"name":"Ada"}`, i), 0)
		},
		units: 1,
		up: func(i int) (string, string) {
			return kindKey(i), fmt.Sprintf("hash n=%q name=%q", fmt.Sprint(i), "Ada")
		},
	},
	{
		name: "map",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: =~"^[0-9]+$", value: "on" | "off"}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", map: true, #value: {field: =~"^f", value: "1" | "0"}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _,
				#up: {field: "f\(#old.field)", value: {"on": "1", "off": "0"}[#old.value]}
				#down: {field: strings.TrimPrefix(#new.field, "f"), value: {"1": "on", "0": "off"}[#new.value]}}}`,
		seed:  func(ctx context.Context, p redis.Pipeliner, i int) { p.HSet(ctx, kindKey(i), "1", "on", "2", "off") },
		units: 2,
		up:    func(i int) (string, string) { return kindKey(i), `hash f1="1" f2="0"` },
	},
	{
		name: "list",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: {kind: string}}
			versions: "2.0.0": {keys: "k:<id>", type: "list", encoding: "json", #value: {v: 2, kind: string}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: v: 2, #down: {}}}`,
		seed: func(ctx context.Context, p redis.Pipeliner, i int) {
			p.RPush(ctx, kindKey(i), `{"kind":"a"}`, `{"kind":"b"}`, `{"kind":"a"}`)
		},
		units: 3,
		up: func(i int) (string, string) {
			return kindKey(i), `list [{"kind":"a","v":2} {"kind":"b","v":2} {"kind":"a","v":2}]`
		},
	},
	{
		name: "set",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "set", #value: =~"^[0-9]+$"}
			versions: "2.0.0": {keys: "k:<id>", type: "set", #value: =~"^u:"}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: "u:\(#old)", #down: strings.TrimPrefix(#new, "u:")}}`,
		seed:  func(ctx context.Context, p redis.Pipeliner, i int) { p.SAdd(ctx, kindKey(i), "1", "2", "3") },
		units: 3,
		up:    func(i int) (string, string) { return kindKey(i), "set [u:1 u:2 u:3]" },
	},
	{
		name: "sorted set",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "zset", #value: {member: =~"^[0-9]+$", score: number}}
			versions: "2.0.0": {keys: "k:<id>", type: "zset", #value: {member: =~"^u:", score: number}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {member: "u:\(#old.member)", score: #old.score * 2},
				#down: {member: strings.TrimPrefix(#new.member, "u:"), score: #new.score / 2}}}`,
		seed: func(ctx context.Context, p redis.Pipeliner, i int) {
			p.ZAdd(ctx, kindKey(i), redis.Z{Member: "7", Score: 3.25}, redis.Z{Member: "8", Score: -1}, redis.Z{Member: "9", Score: 0.1})
		},
		units: 3,
		up:    func(i int) (string, string) { return kindKey(i), "zset [u:7=6.5 u:8=-2 u:9=0.2]" },
	},
	{
		name: "encodings of single fields",
		spec: `{
			versions: "1.0.0": {keys: "k:<id>", type: "hash", encodings: items: "json", #value: {owner: int, items: [...{sku: string}]}}
			versions: "2.0.0": {keys: "k:<id>", type: "hash", encodings: items: "json", #value: {owner: int, n: int, items: [...{sku: string}]}}
			migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: n: len(#old.items), #down: {}}}`,
		seed: func(ctx context.Context, p redis.Pipeliner, i int) {
			p.HSet(ctx, kindKey(i), "owner", i, "items", `[ {"sku":"é"} ]`)
		},
		units: 1,
		up: func(i int) (string, string) {
			return kindKey(i), fmt.Sprintf("hash items=%q n=%q owner=%q", `[ {"sku":"é"} ]`, "1", fmt.Sprint(i))
		},
	},
}

func kindKey(i int) string { return fmt.Sprint("k:", i) }

func TestEveryKindThereAndBack(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		for _, c := range kindCases {
			t.Run(c.name, func(t *testing.T) { c.run(t, s) })
		}
	})
}

func (c kindCase) run(t *testing.T, s *server) {
	ctx := context.Background()
	s.client.FlushAll(ctx)
	k := evaluated(t, c.spec)
	pipe := s.client.Pipeline()
	for i := range kindKeys {
		c.seed(ctx, pipe, i)
		if i%3 == 0 {
			pipe.PExpireAt(ctx, kindKey(i), farAhead(i))
		}
	}
	pipe.Set(ctx, "other:1", "untouched", 0)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	before := everything(t, s.client)
	st := open(t, s)
	log := &memoryLog{}
	rewriteTo(t, st, k, "2.0.0", log, c.units*kindKeys)
	want := map[string]string{"other:1": "string untouched"}
	for i := range kindKeys {
		key, content := c.up(i)
		want[key] = content + expiryText(i)
	}
	compareMaps(t, want, everything(t, s.client))
	l := acquire(t, st, k.Name)
	undone, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0"}, log, nil)
	if err != nil || undone.Conflicts+undone.Gone+undone.Merged > 0 {
		t.Errorf("undo: %+v, %v", undone, err)
	}
	if err := l.Release(ctx); err != nil {
		t.Fatal(err)
	}
	rewriteTo(t, st, k, "1.0.0", log, c.units*kindKeys-undone.Restored)
	compareMaps(t, before, everything(t, s.client))
}

func expiryText(i int) string {
	if i%3 != 0 {
		return ""
	}
	return fmt.Sprint(" expires ", farAhead(i).UnixMilli())
}

// rewriteTo rewrites and expects so many units to be written, and all to be of the version.
func rewriteTo(t *testing.T, st *Store, k state.Keyspace, to state.Version, journal Journal, want int64) {
	t.Helper()
	ctx := context.Background()
	l, err := st.Acquire(ctx, "shop", k.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release(ctx)
	o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: to, ID: "to " + string(to), Journal: journal}, nil)
	if err != nil || o.Rewritten != want || !o.Clean(to) || o.Unfit > 0 {
		t.Errorf("to %s, want %d rewritten: %+v, %v", to, want, o, err)
	}
}

func compareMaps(t *testing.T, want, got map[string]string) {
	t.Helper()
	wrong := 0
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			if wrong++; wrong < 4 {
				t.Errorf("%s: %s, want %s", key, got[key], want[key])
			}
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
}

// memoryLog is an undo log in memory.
type memoryLog struct {
	mu     sync.Mutex
	images []Preimage
	fail   error
}

func (m *memoryLog) Append(_ context.Context, images []Preimage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.images = append(m.images, lasting(images)...)
	return nil
}

// lasting are pre-images of which nothing will be used again.
func lasting(images []Preimage) []Preimage {
	images = slices.Clone(images)
	for i := range images {
		p := &images[i]
		p.Before.Fields, p.After.Fields = slices.Clone(p.Before.Fields), slices.Clone(p.After.Fields)
	}
	return images
}

func (m *memoryLog) Images(_ context.Context, take func([]Preimage) error) error {
	m.mu.Lock()
	newest := slices.Clone(m.images)
	m.mu.Unlock()
	slices.Reverse(newest)
	for part := range slices.Chunk(newest, 1000) {
		if err := take(part); err != nil {
			return err
		}
	}
	return nil
}

// evaluated is the keyspace `k` of a spec.
func evaluated(t testing.TB, spec string) state.Keyspace {
	t.Helper()
	head := "package x\n\nimport \"keyshift.dev/schema\"\n\n"
	if strings.Contains(spec, "strings.") {
		head = "package x\n\nimport (\n\t\"strings\"\n\t\"keyshift.dev/schema\"\n)\n\n"
	}
	d, err := schema.Evaluate(fstest.MapFS{
		"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")},
		"x.cue": {Data: []byte(head + `
system: schema.#System
system: stores: main: address: "redis://127.0.0.1:6379/0"
system: keyspaces: k: {store: "main", version: "2.0.0", policy: throttle: "fast"}
system: keyspaces: k: ` + spec)},
	}, ".")
	if err != nil {
		var all state.Diagnostics
		if errors.As(err, &all) {
			t.Fatalf("%v", all)
		}
		t.Fatal(err)
	}
	return d.Keyspaces[0]
}

// everything reads every key outside Keyshift's own: kind, contents, absolute expiry in milliseconds.
func everything(t testing.TB, c *redis.Client) map[string]string {
	t.Helper()
	ctx := context.Background()
	out := map[string]string{}
	it := c.Scan(ctx, 0, "", 1000).Iterator()
	for it.Next(ctx) {
		if strings.HasPrefix(it.Val(), Prefix) {
			continue
		}
		text := whole(ctx, c, it.Val())
		if at := c.PExpireTime(ctx, it.Val()).Val().Milliseconds(); at > 0 {
			text += fmt.Sprint(" expires ", at)
		}
		out[it.Val()] = text
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// whole reads one key as text.
func whole(ctx context.Context, c *redis.Client, key string) string {
	switch kind := c.Type(ctx, key).Val(); kind {
	case "list":
		return fmt.Sprint("list ", c.LRange(ctx, key, 0, -1).Val())
	case "set":
		return fmt.Sprint("set ", slices.Sorted(slices.Values(c.SMembers(ctx, key).Val())))
	case "zset":
		var parts []string
		for _, z := range c.ZRangeWithScores(ctx, key, 0, -1).Val() {
			parts = append(parts, fmt.Sprintf("%v=%v", z.Member, z.Score))
		}
		slices.Sort(parts)
		return fmt.Sprint("zset ", parts)
	default:
		return contents(ctx, c, key)
	}
}
