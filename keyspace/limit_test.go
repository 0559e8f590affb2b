package keyspace

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"keyshift.dev/state"
)

// TestResultBeyondMaxValue: a unit that could be read was made one byte too large to be read again, and was unfit for
// ever. Now it stays as it is, and the outcome says why.
func TestResultBeyondMaxValue(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	old := `{"owner":1,"cents":5,"note":"n"}`
	s.client.Set(ctx, "cart:1", old, 0)
	for room, want := range []string{old, `{"owner":1,"total":50,"note":"n"}`} {
		st := openWith(t, Options{Store: "main", Address: s.url, MaxValue: int64(len(old) + room)})
		o, err := st.Rewrite(ctx, acquireAgain(t, st, "cart"), job(carts()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if now := s.client.Get(ctx, "cart:1").Val(); now != want {
			t.Errorf("%d bytes of room: %s, want %s", room, now, want)
		}
		if room == 0 && (o.Unfit != 1 || o.Clean("2.0.0") || len(o.Samples) != 1 || !strings.Contains(o.Samples[0].Reason, "larger than 32 bytes")) {
			t.Errorf("%+v", o)
		}
	}
}

// TestGrownHashStaysReadable: of a hash the server counts more than its bytes, and all at once more when its largest
// value makes it a table.
func TestGrownHashStaysReadable(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	k := sessions()
	m := &k.Migrations[0]
	m.Up.Body.Fields = nil
	m.Up = program(carry("user_id"), carry("note"), set("full_name", call(state.OpAdd, path("name"), path("name"))),
		set("created", path("created_ms")), set("plan", sessions().Migrations[0].Up.Body.Fields[3].Value))
	const limit = 2000
	for size := range 2 * limit {
		s.client.HSet(ctx, fmt.Sprint("session:", size), "user_id", 1, "name", strings.Repeat("n", size), "created_ms", 1, "note", "n")
	}
	st := openWith(t, Options{Store: "main", Address: s.url, MaxValue: limit})
	before, err := st.Observe(ctx, []state.Keyspace{k})
	if err != nil {
		t.Fatal(err)
	}
	o, err := st.Rewrite(ctx, acquire(t, st, "session"), job(k), nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := st.Observe(ctx, []state.Keyspace{k})
	if err != nil {
		t.Fatal(err)
	}
	was, is := before[0].Counts[1].Units, after[0].Counts[2].Units
	if was != is || o.Rewritten < limit/4 {
		t.Errorf("%d units were too large and %d are; %d were rewritten; %s", was, is, o.Rewritten, counts(after[0].Counts))
	}
}
