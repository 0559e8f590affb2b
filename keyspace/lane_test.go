package keyspace

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// laneTally is what random lanes came to.
type laneTally struct {
	keyspaces, lanes, units int
	reasons                 map[string]int
	codes                   map[code]int
	fell                    int // fallbacks of units that Go converts
}

// Lanes agree with Convert on every random unit: the same bytes, or they leave it to Convert. KEYSHIFT_FUZZ=60s goes on
// with new seeds for that long.
func TestLanesAgree(t *testing.T) {
	limit, first := 6*time.Second, uint64(1)
	if text := os.Getenv("KEYSHIFT_FUZZ"); text != "" {
		var err error
		if limit, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		first = uint64(time.Now().UnixNano() / 1000)
	}
	s := running(t)
	st := open(t, s)
	l := acquire(t, st, "k")
	tally := &laneTally{reasons: map[string]int{}, codes: map[code]int{}}
	start := time.Now()
	tryLane(t, st, l, 1795878161451780, tally) // a version on the way has no field that is surely there
	for seed := first; time.Since(start) < limit && !t.Failed(); seed++ {
		tryLane(t, st, l, seed, tally)
	}
	t.Logf("%d keyspaces, %d lanes, %d units: %v; %d left to Convert that it converts", tally.keyspaces, tally.lanes, tally.units, codeNames(tally.codes), tally.fell)
	for _, reason := range slices.Sorted(maps.Keys(tally.reasons)) {
		if tally.reasons[reason] > tally.keyspaces/100 {
			t.Logf("no lane: %d × %s", tally.reasons[reason], reason)
		}
	}
	if tally.lanes < 20 || tally.codes[codeDone] < 100 || tally.codes[codeAlready] < 10 || tally.codes[codeFall] < 100 {
		t.Errorf("too little was compared")
	}
}

func codeNames(codes map[code]int) map[string]int {
	out := map[string]int{}
	for c, n := range codes {
		out[string(c)] = n
	}
	return out
}

func tryLane(t *testing.T, st *Store, l *Lease, seed uint64, tally *laneTally) {
	d := rolled(seed)
	k := d.keyspace()
	p, err := transform.Compile(k)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	tally.keyspaces++
	from := k.Shapes[d.IntN(len(k.Shapes)-1)].Version
	guard := pick(d, []transform.Guard{transform.GuardWhole, transform.GuardTouched})
	ln, reason := newLane(p, from, k.Version, transform.LaneOptions{Guard: guard})
	if ln == nil {
		tally.reasons[reason]++
		return
	}
	tally.lanes++
	var units []transform.Unit
	var keys []string
	for i := range 60 {
		units = append(units, d.unit(k, fmt.Sprint("k:", i)))
		keys = append(keys, units[i].Key)
	}
	ctx := context.Background()
	st.client.Del(ctx, keys...)
	pipe := st.client.Pipeline()
	for _, u := range units {
		if len(u.Fields) > 0 {
			pipe.HSet(ctx, u.Key, args(u)...)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	codes, err := st.runLane(ctx, l, ln, keys, nil)
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, ln.script.text)
	}
	check := laneCheck{k: k, p: p, lane: ln, guard: guard}
	for i, u := range units {
		now := st.client.HGetAll(ctx, u.Key).Val()
		tally.units++
		tally.codes[codes[i]]++
		fault, converts := check.unit(u, codes[i], now)
		if converts && codes[i] == codeFall {
			tally.fell++
		}
		if fault != "" {
			t.Fatalf("seed %d, guard %d, code %c: %s\nunit  %q\nnow   %q\n%s", seed, guard, codes[i], fault, u.Fields, now, ln.script.text)
		}
	}
}

func args(u transform.Unit) []any {
	var out []any
	for _, f := range u.Fields {
		out = append(out, f.Name, f.Value)
	}
	return out
}

func fieldsOf(u transform.Unit) map[string]string {
	out := map[string]string{}
	for _, f := range u.Fields {
		out[f.Name] = f.Value
	}
	return out
}

// laneCheck compares what a lane did with what Convert would have done.
type laneCheck struct {
	k     state.Keyspace
	p     *transform.Programs
	lane  *lane
	guard transform.Guard
}

// converted is what the Go side makes of a unit along the lane's path; ok is false if it would leave it or go another way.
func (c laneCheck) converted(u transform.Unit) (after map[string]string, class state.Class, ok bool) {
	class, _ = c.p.Classify(u)
	if class == state.Unfit || class.Has(c.lane.to) {
		return nil, class, false
	}
	from, ok := c.p.Source(class, c.lane.to)
	if !ok || from != c.lane.from {
		return nil, class, false
	}
	v, err := c.p.Convert(u, from, c.lane.to)
	return fieldsOf(v), class, err == nil
}

// unit returns what is wrong with the outcome of one unit, and whether Go converts it.
func (c laneCheck) unit(u transform.Unit, got code, now map[string]string) (fault string, converts bool) {
	before := fieldsOf(u)
	if len(before) == 0 {
		if got != codeGone || len(now) > 0 {
			return "there is no such key", false
		}
		return "", false
	}
	after, class, ok := c.converted(u)
	if got != codeDone && !maps.Equal(now, before) {
		return "a unit was changed that was not converted", ok
	}
	switch got {
	case codeDone:
		if !ok && c.guard == transform.GuardTouched {
			after, ok = c.tolerated(u)
		}
		if !ok {
			return fmt.Sprintf("Go does not convert it; its class is %s", class), false
		}
		if !maps.Equal(now, after) {
			return fmt.Sprintf("Go makes %q of it", after), true
		}
	case codeAlready:
		if !class.Has(c.lane.to) {
			return fmt.Sprintf("its class is %s", class), ok
		}
	case codeFall:
	default:
		return "unexpected", ok
	}
	return "", ok
}

// tolerated is what a lane that looks only at what it touches may do with a unit that Go refuses: what it does with the
// unit whose foreign fields are gone and whose carried fields are in order; those then stay as they are.
func (c laneCheck) tolerated(u transform.Unit) (map[string]string, bool) {
	s, _ := c.k.FindShape(c.lane.from)
	source := s.Value.Alts[0]
	before, clean := fieldsOf(u), fieldsOf(u)
	for name := range before {
		if !source.Open && !slices.ContainsFunc(source.Fields, func(f state.Field) bool { return f.Name == name }) {
			delete(clean, name)
		}
	}
	for _, f := range source.Fields {
		if v, there := clean[f.Name]; there && !fits(f, v) || !there && !f.Optional {
			clean[f.Name] = sample(f)
		}
	}
	w := transform.Unit{Key: u.Key, Type: u.Type}
	for name, v := range clean {
		w.Fields = append(w.Fields, transform.Field{Name: name, Value: v})
	}
	after, _, ok := c.converted(w.Sorted())
	if !ok {
		return nil, false
	}
	for name := range mergedNames(before, clean) {
		was, had := before[name]
		is, has := clean[name]
		if had == has && was == is {
			continue
		}
		if _, kept := after[name]; had && !has || had && kept {
			after[name] = was
		} else {
			delete(after, name)
		}
	}
	return after, true
}

// fits tells whether a text is of a field's type.
func fits(f state.Field, text string) bool {
	p, err := transform.Compile(state.Keyspace{Name: "k", Shapes: []state.Shape{hashShape("1.0.0", false, []state.Field{f})}})
	if err != nil {
		panic(err)
	}
	class, _ := p.Classify(transform.Unit{Key: "k:1", Type: state.Hash, Fields: []transform.Field{{Name: f.Name, Value: text}}})
	return class != state.Unfit
}

// sample returns a text of a field's type.
func sample(f state.Field) string {
	i := slices.IndexFunc(laneSamples, func(text string) bool { return fits(f, text) })
	return laneSamples[i]
}

var laneSamples = []string{"x", "xx", "free", "pro", "é", "5", "0", "1", "2", "-3", "4", "101", "9007199254740993", "true"}

func mergedNames(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// exactSessions is the design's session made exact: a renamed field, a converted one, a constant that goes and one that
// comes; three texts are carried.
func exactSessions() state.Keyspace {
	k := wide()
	k.Shapes[0].Value = object(field("user_id", integer), field("name", text), field("created_ms", integer), field("note", text),
		field("email", text), field("ip", text), field("agent", text), field("legacy", one(constant("x"))))
	k.Shapes[1].Value = object(field("user_id", integer), field("full_name", text), field("created_us", integer), field("note", text),
		field("email", text), field("ip", text), field("agent", text), field("plan", one(constant("free"))))
	same := []state.FieldExpr{carry("user_id"), carry("note"), carry("email"), carry("ip"), carry("agent")}
	m := &k.Migrations[0]
	m.Drop = nil
	m.Up = program(append(slices.Clone(same), set("full_name", path("name")), set("plan", literal(state.Str, "free")),
		set("created_us", call(state.OpMul, path("created_ms"), number(1000))))...)
	m.Down = program(append(slices.Clone(same), set("name", path("full_name")), set("legacy", literal(state.Str, "x")),
		set("created_ms", call(state.OpDiv, path("created_us"), number(1000))))...)
	return k
}

func exactLane(t testing.TB, o transform.LaneOptions) *lane {
	t.Helper()
	p, err := transform.Compile(exactSessions())
	if err != nil {
		t.Fatal(err)
	}
	ln, reason := newLane(p, "1.0.0", "2.0.0", o)
	if ln == nil {
		t.Fatal(reason)
	}
	return ln
}

func TestLaneConverts(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		st := open(t, s)
		l := acquire(t, st, "session")
		old := []any{"user_id", "7", "name", "Ada", "created_ms", "1700000000123", "note", "", "email", "a@b", "ip", "::1", "agent", "né", "legacy", "x"}
		with := func(pairs ...any) []any { return append(slices.Clone(old), pairs...) }
		for _, c := range []struct {
			name, want     string
			whole, touched code
			fields         []any
		}{
			{"plain", "", codeDone, codeDone, old},
			{"beyond 2^53", "", codeFall, codeFall, with("created_ms", "9007199254741")},
			{"no integer", "", codeFall, codeFall, with("created_ms", "007")},
			{"half migrated", "", codeFall, codeFall, with("full_name", "Ada")},
			{"foreign field", "", codeFall, codeFall, with("other", "1")},
			{"carried text is not UTF-8", "", codeFall, codeDone, with("ip", "\xff")},
			{"renamed text is not UTF-8", "", codeFall, codeFall, with("name", "\xff")},
			{"gone", "", codeGone, codeGone, nil},
		} {
			for guard, want := range map[transform.Guard]code{transform.GuardWhole: c.whole, transform.GuardTouched: c.touched} {
				s.client.Del(ctx, "session:1")
				if c.fields != nil {
					s.client.HSet(ctx, "session:1", c.fields...)
					s.client.Expire(ctx, "session:1", time.Hour)
				}
				before := s.client.HGetAll(ctx, "session:1").Val()
				ln := exactLane(t, transform.LaneOptions{Guard: guard})
				codes, err := st.runLane(ctx, l, ln, []string{"session:1"}, nil)
				if err != nil || len(codes) != 1 || codes[0] != want {
					t.Fatalf("%s, guard %d: %q, %v", c.name, guard, codes, err)
				}
				now := s.client.HGetAll(ctx, "session:1").Val()
				if want != codeDone {
					if !maps.Equal(now, before) {
						t.Errorf("%s, guard %d: changed to %q", c.name, guard, now)
					}
					continue
				}
				if now["created_us"] != "1700000000123000" || now["full_name"] != "Ada" || now["plan"] != "free" || now["note"] != "" {
					t.Errorf("%s, guard %d: %q", c.name, guard, now)
				}
				if ttl := s.client.PTTL(ctx, "session:1").Val(); ttl <= 0 {
					t.Errorf("%s: the key lives for %s", c.name, ttl)
				}
				if codes, err = st.runLane(ctx, l, ln, []string{"session:1"}, nil); err != nil || codes[0] != codeAlready && c.name == "plain" {
					t.Errorf("%s, guard %d: again: %q, %v", c.name, guard, codes, err)
				}
			}
		}
	})
}

// A key of another type, and one that is gone, keep none of the others from being converted.
func TestLaneKeysApart(t *testing.T) {
	ctx := context.Background()
	s := running(t)
	st := open(t, s)
	l := acquire(t, st, "session")
	pipe := s.client.Pipeline()
	seedExact(pipe, 1)
	pipe.Set(ctx, "session:2", "text", 0)
	seedExact(pipe, 4)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	told := 0
	ln := exactLane(t, transform.LaneOptions{})
	codes, err := st.runLane(ctx, l, ln, []string{"session:1", "session:2", "session:3", "session:4"}, func(n int, _ time.Duration) { told = n })
	if err != nil || string(asBytes(codes)) != "dtgd" || told != 4 {
		t.Fatalf("%q, %v, told of %d", codes, err, told)
	}
}

func asBytes(codes []code) []byte {
	out := make([]byte, len(codes))
	for i, c := range codes {
		out[i] = byte(c)
	}
	return out
}

// Whose lease is gone writes nothing; a server that is full refuses the whole call.
func TestLaneRefused(t *testing.T) {
	ctx := context.Background()
	s := running(t)
	st := open(t, s)
	l := acquire(t, st, "session")
	pipe := s.client.Pipeline()
	seedExact(pipe, 1)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	before := s.client.HGetAll(ctx, "session:1").Val()
	ln := exactLane(t, transform.LaneOptions{})
	s.client.ConfigSet(ctx, "maxmemory", "1")
	if _, err := st.runLane(ctx, l, ln, []string{"session:1"}, nil); err == nil {
		t.Error("a full server took a lane")
	}
	s.client.ConfigSet(ctx, "maxmemory", "0")
	s.client.Set(ctx, l.key, "other", 0)
	if _, err := st.runLane(ctx, l, ln, []string{"session:1"}, nil); err == nil {
		t.Error("a lane ran without its lease")
	}
	if now := s.client.HGetAll(ctx, "session:1").Val(); !maps.Equal(now, before) {
		t.Errorf("written: %q", now)
	}
}

func seedExact(p redis.Pipeliner, i int) {
	ctx := context.Background()
	key := fmt.Sprint("session:", i)
	p.HSet(ctx, key, "user_id", i, "name", "Ada Lovelace", "email", fmt.Sprintf("ada%d@example.com", i), "created_ms", 1700000000000+i,
		"ip", "10.1.2.3", "agent", "Mozilla/5.0 (X11; Linux x86_64)", "legacy", "x", "note", "[1,2,3,4]")
	if i%3 == 0 {
		p.Expire(ctx, key, time.Hour)
	}
}
