package keyspace

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"keyshift.dev/state"
)

func counts(cs []state.Count) string {
	parts := make([]string, len(cs))
	for i, c := range cs {
		parts[i] = fmt.Sprintf("%s:%d", c.Class, c.Units)
	}
	return strings.Join(parts, " ")
}

func TestObserve(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		fill(t, s.client, 1200)
		s.client.HSet(ctx, "session:new", "user_id", 1, "full_name", "a", "created", 1, "note", "n", "plan", "pro")
		s.client.HSet(ctx, "session:odd", "user_id", "secret-value", "name", "a", "created_ms", 1, "note", "n")
		s.client.RPush(ctx, "session:list", "a")
		s.client.Set(ctx, "cart:empty", "", 0)
		s.client.Set(ctx, "cart:big", `{"owner":1,"cents":1,"note":"`+strings.Repeat("x", 5000)+`"}`, 0)
		s.client.HSet(ctx, "session:big", "user_id", 1, "name", strings.Repeat("y", 5000), "created_ms", 1, "note", "n")
		st := openWith(t, Options{Store: "main", Address: s.url, MaxValue: 4000})
		live, err := st.Observe(ctx, []state.Keyspace{sessions(), carts()})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := counts(live[0].Counts), "1.0.0:1200 ?:2"; got != want {
			t.Errorf("%s: %s, want %s", live[0].Keyspace, got, want)
		}
		if got, want := counts(live[1].Counts), "1.0.0:1200 2.0.0:1 ?:3"; got != want {
			t.Errorf("%s: %s, want %s", live[1].Keyspace, got, want)
		}
		var named []string
		for _, sample := range append(live[0].Samples, live[1].Samples...) {
			named = append(named, sample.Key)
			if sample.Reason == "" || strings.Contains(sample.Reason, "secret-value") {
				t.Errorf("%s: reason %q", sample.Key, sample.Reason)
			}
		}
		if got, want := strings.Join(named, " "), "cart:big cart:empty session:big session:list session:odd"; got != want {
			t.Errorf("samples %s, want %s", got, want)
		}
	})
}

func TestRewriteAndBack(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		fill(t, s.client, 1500)
		s.client.HSet(ctx, "session:odd", "user_id", "x", "name", "a")
		s.client.Set(ctx, "cart:odd", "{", 0)
		before := snapshot(t, s.client)
		st := open(t, s)
		for _, k := range []state.Keyspace{sessions(), carts()} {
			up := job(k)
			l := acquire(t, st, k.Name)
			var last Progress
			o, err := st.Rewrite(ctx, l, up, func(p Progress) { last = p })
			if err != nil {
				t.Fatal(err)
			}
			if o.Rewritten != 1500 || o.Unfit != 1 || o.Scanned != 1501 || counts(o.Counts) != "2.0.0:1500 ?:1" {
				t.Errorf("%s: %+v", k.Name, o)
			}
			if last.Scanned != 1501 || last.Estimate != 1501 || last.Rewritten != 1500 {
				t.Errorf("%s: last progress %+v", k.Name, last)
			}
			v, err := st.Verify(ctx, l, up, nil)
			if err != nil || !v.Clean(k.Version) || counts(v.Counts) != "2.0.0:1500 ?:1" || len(v.Samples) != 1 {
				t.Errorf("%s: verified %+v, %v", k.Name, v, err)
			}
			if v, err := st.Verify(ctx, l, Job{Keyspace: k, To: "1.0.0"}, nil); err != nil || v.Clean("1.0.0") {
				t.Errorf("%s: verified as 1.0.0: %+v, %v", k.Name, v, err)
			}
			again, err := st.Rewrite(ctx, l, up, nil)
			if err != nil || again.Rewritten != 0 || again.Already != 1500 {
				t.Errorf("%s: again %+v, %v", k.Name, again, err)
			}
		}
		after := snapshot(t, s.client)
		if got := after["session:3"]; got != `hash created="1700000000" full_name="Ada 3" note="n" plan="free" user_id="3" expires `+expiry(before["session:3"]) {
			t.Errorf("session:3 is %s", got)
		}
		compareRest(t, before, after)
		for _, k := range []state.Keyspace{sessions(), carts()} {
			l := acquireAgain(t, st, k.Name)
			if o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "1.0.0", ID: "back", Unlogged: true}, nil); err != nil || o.Rewritten != 1500 {
				t.Errorf("%s back: %+v, %v", k.Name, o, err)
			}
		}
		back := snapshot(t, s.client)
		compareRest(t, before, back)
		var cart map[string]any
		text, _, _ := strings.Cut(strings.TrimPrefix(back["cart:7"], "string "), " expires ")
		if err := json.Unmarshal([]byte(text), &cart); err != nil || len(cart) != 3 || cart["cents"] != 7.0 || cart["note"] != "né" {
			t.Errorf("cart:7 came back as %s, %v", text, err)
		}
	})
}

func expiry(line string) string {
	_, e, _ := strings.Cut(line, " expires ")
	return e
}

// compareRest checks that the same keys are there, every expiry is equal to the millisecond, and that what is not
// a unit is byte for byte the same.
func compareRest(t *testing.T, before, after map[string]string) {
	t.Helper()
	for key, was := range before {
		is, there := after[key]
		switch {
		case !there:
			t.Errorf("%s is gone", key)
		case expiry(was) != expiry(is):
			t.Errorf("%s expires %s, before %s", key, expiry(is), expiry(was))
		case (strings.HasPrefix(key, "other:") || strings.HasSuffix(key, ":odd")) && was != is:
			t.Errorf("%s was %s and is %s", key, was, is)
		}
	}
	for key := range after {
		if _, there := before[key]; !there {
			t.Errorf("%s came out of nowhere", key)
		}
	}
}

// acquireAgain takes a lease that this store's own earlier holder in the test may still have.
func acquireAgain(t *testing.T, st *Store, keyspace string) *Lease {
	t.Helper()
	st.client.Del(context.Background(), leaseKey("shop", keyspace))
	return acquire(t, st, keyspace)
}

func TestRewriteRefusesWhatItCannotDo(t *testing.T) {
	s := embedded(t)
	st := open(t, s)
	l := acquire(t, st, "session")
	k := sessions()
	for _, c := range []struct {
		name   string
		job    Job
		reason string
	}{
		{"an unknown version", Job{Keyspace: k, To: "9.0.0"}, MigrationMissing},
		{"a shape of a type not known", Job{Keyspace: state.Keyspace{Name: "x", Shapes: []state.Shape{{Version: "1.0.0", Keys: "xx:<id>", Type: "tree"}}}, To: "1.0.0"}, TransformRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := st.Rewrite(context.Background(), l, c.job, nil)
			wantReason(t, err, c.reason)
		})
	}
	noWay := k
	noWay.Migrations = nil
	fill(t, s.client, 3)
	o, err := st.Rewrite(context.Background(), l, job(noWay), nil)
	if err != nil || o.Rewritten != 0 || o.Unfit != 3 || counts(o.Counts) != "1.0.0:3" || o.Clean("2.0.0") {
		t.Errorf("without a migration: %+v, %v", o, err)
	}
}
