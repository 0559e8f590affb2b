package keyspace

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// A unit of mixed versions is resolved for the winner, logged first, and comes back from the log. Without a winner, or
// without a log, it fits no version and stays byte for byte; so does one that mixes nothing.
func TestMixedUnits(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		late := []any{"user_id", 1, "full_name", "Ada", "created", 5, "plan", "pro", "note", "n", "name", "Bob"}
		s.client.HSet(ctx, "session:late", late...)
		s.client.PExpireAt(ctx, "session:late", farAhead(1))
		s.client.HSet(ctx, "session:early", append(oldSession(2), "full_name", "Eve")...)
		s.client.HSet(ctx, "session:odd", "user_id", 1, "full_name", "Ada", "name", "Bob")
		before := snapshot(t, s.client)
		st := open(t, s)
		live, err := st.Observe(ctx, []state.Keyspace{sessions()})
		if err != nil || counts(live[0].Counts) != "?:3" || counts(live[0].Mixed) != "1.0.0|2.0.0:2" {
			t.Errorf("observed %s, mixed %s, %v", counts(live[0].Counts), counts(live[0].Mixed), err)
		}
		l := acquire(t, st, "session")
		log := &memoryLog{}
		unlogged, elsewhere, plain := job(sessions()), job(sessions()), job(sessions())
		unlogged.Winner = "2.0.0"
		elsewhere.Winner, elsewhere.Journal, plain.Journal = "1.0.0", log, log
		for _, j := range []Job{unlogged, elsewhere, plain} {
			if o, err := st.Rewrite(ctx, l, j, nil); err != nil || o.Unfit != 3 || o.Rewritten != 0 || o.Logged != 0 {
				t.Errorf("winner %q: %+v, %v", j.Winner, o, err)
			}
		}
		if now := snapshot(t, s.client); fmt.Sprint(now) != fmt.Sprint(before) {
			t.Errorf("%v became %v", before, now)
		}
		j := plain
		j.Winner = "2.0.0"
		o, err := st.Rewrite(ctx, l, j, nil)
		if err != nil || o.Mixed != 2 || o.Rewritten != 2 || o.Logged != 2 || o.Unfit != 1 || counts(o.Counts) != "2.0.0:2 ?:1" {
			t.Errorf("%+v, %v", o, err)
		}
		after := snapshot(t, s.client)
		for key, want := range map[string]string{
			"session:late":  `hash created="5" full_name="Ada" note="n" plan="pro" user_id="1" expires ` + expiry(before["session:late"]),
			"session:early": `hash created="1700000000" full_name="Eve" note="n" plan="free" user_id="2" expires ` + expiry(before["session:early"]),
			"session:odd":   before["session:odd"],
		} {
			if after[key] != want {
				t.Errorf("%s is %s, want %s", key, after[key], want)
			}
		}
		back := Job{Keyspace: sessions(), To: "1.0.0", ID: "back", Journal: log}
		undone, err := st.Undo(ctx, l, back, log, nil)
		if err != nil || undone.Restored != 2 || undone.Conflicts != 0 {
			t.Errorf("undo: %+v, %v", undone, err)
		}
		if got, want := contents(ctx, s.client, "session:late"), `hash created_ms="5000" name="Bob" note="n" user_id="1"`; got != want {
			t.Errorf("session:late came back as %s, want %s", got, want)
		}
	})
}

// fieldWriter sets single fields of sessions and remembers the last value of each.
type fieldWriter struct {
	field string
	last  map[string]string // by key
}

func (w *fieldWriter) run(ctx context.Context, c *redis.Client, keys, writes int) error {
	if w.last == nil {
		w.last = map[string]string{}
	}
	for i := range writes {
		key, value := fmt.Sprint("session:", i*7919%keys), fmt.Sprint(w.field, " ", i)
		if w.field == "plan" {
			value = []string{"pro", "free"}[i%2]
		}
		if err := c.HSet(ctx, key, w.field, value).Err(); err != nil {
			return err
		}
		w.last[key] = value
	}
	return nil
}

// Releases of both versions write single fields while a rewrite runs. Once the old one has ended the rewrite leaves no
// unit of another version and none that fits none; what the winner's release wrote last is there, and what the other
// one wrote last is there or in the undo log.
func TestMixedUnderWriters(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		const keys, writes = 300, 1500
		fill(t, s.client, keys)
		before := snapshot(t, s.client)
		st := open(t, s)
		l := acquire(t, st, "session")
		log := &memoryLog{}
		j := job(sessions())
		j.Journal, j.Winner = log, "2.0.0"
		old, full, plan := &fieldWriter{field: "name"}, &fieldWriter{field: "full_name"}, &fieldWriter{field: "plan"}
		var writers sync.WaitGroup
		for i, w := range []*fieldWriter{old, full, plan} {
			writers.Go(func() {
				if err := w.run(ctx, s.client, keys-100*i, writes); err != nil { // the winner's leave some keys alone
					t.Error(err)
				}
			})
		}
		var mixed int64
		for range 3 {
			o, err := st.Rewrite(ctx, l, j, nil)
			if err != nil {
				t.Fatal(err)
			}
			mixed += o.Mixed
		}
		writers.Wait()
		if err := old.run(ctx, s.client, keys, 3); err != nil { // its last pod's last words
			t.Fatal(err)
		}
		o, err := st.Rewrite(ctx, l, j, nil)
		if mixed += o.Mixed; err != nil || o.Unfit != 0 || mixed == 0 || counts(o.Counts) != fmt.Sprint("2.0.0:", keys) {
			t.Errorf("%+v, %d mixed, %v", o, mixed, err)
		}
		if v, err := st.Verify(ctx, l, j, nil); err != nil || !v.Clean("2.0.0") || v.Unfit != 0 {
			t.Errorf("verified %+v, %v", v, err)
		}
		compareRest(t, before, snapshot(t, s.client))
		for _, w := range []*fieldWriter{full, plan} {
			for key, value := range w.last {
				if got := s.client.HGet(ctx, key, w.field).Val(); got != value {
					t.Errorf("%s has %s %q, and %q was written last", key, w.field, got, value)
				}
			}
		}
		for key, value := range old.last {
			if _, over := full.last[key]; !over && s.client.HGet(ctx, key, "full_name").Val() != value && !log.holds(key, "name", value) {
				t.Errorf("%s lost %q without a trace", key, value)
			}
		}
	})
}

func (m *memoryLog) holds(key, field, value string) bool {
	return slices.ContainsFunc(m.images, func(p Preimage) bool {
		return p.Before.Key == key && slices.ContainsFunc(p.Before.Fields, func(f transform.Field) bool { return f.Name == field && f.Value == value })
	})
}

// A migration that runs beside the data leaves mixed units to be read, and converts none of them as if it were none.
func TestMixedBesideTheLane(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		p := s.client.Pipeline()
		for i := range 40 {
			seedExact(p, i)
		}
		p.HSet(ctx, "session:3", "full_name", "Eve") // by the winner, before the conversion
		if _, err := p.Exec(ctx); err != nil {
			t.Fatal(err)
		}
		st := open(t, s)
		l := acquire(t, st, "session")
		log := &memoryLog{}
		j := job(exactSessions())
		j.Journal, j.Winner = log, "2.0.0"
		for _, sound := range []bool{false, true} {
			j.Sound = sound
			o, err := st.Rewrite(ctx, l, j, nil)
			if err != nil || o.Mixed != 1 || o.Logged != 1 || o.Unfit != 0 || counts(o.Counts) != "2.0.0:40" {
				t.Errorf("sound %v: %+v, %v", sound, o, err)
			}
			s.client.HSet(ctx, "session:5", "name", "Bob") // late, by the other release
		}
		if got := s.client.HGet(ctx, "session:3", "full_name").Val(); got != "Eve" {
			t.Errorf("the winner wrote Eve, and it is %q", got)
		}
		if !log.holds("session:5", "name", "Bob") {
			t.Error("a late write is lost without a trace")
		}
	})
}
