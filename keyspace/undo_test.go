package keyspace

import (
	"context"
	"testing"
)

// TestUndoLogsWhatItMerges: a unit that the application wrote after the way back was brought up again by Undo, and what
// that lost stood in no log: the next way back had its milliseconds gone.
func TestUndoLogsWhatItMerges(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx, st, k := context.Background(), open(t, s), sessions()
		l := acquire(t, st, k.Name)
		s.client.HSet(ctx, "session:1", "user_id", 1, "full_name", "Ada", "created", 5, "note", "n", "plan", "pro")
		back, there := &memoryLog{}, &memoryLog{}
		if o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "1.0.0", ID: "back", Journal: back}, nil); err != nil || o.Logged != 1 {
			t.Fatalf("%+v, %v", o, err)
		}
		s.client.HSet(ctx, "session:1", "name", "Bob", "created_ms", 5123)
		written := contents(ctx, s.client, "session:1")
		o, err := st.Undo(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "there", Journal: there}, back, nil)
		if err != nil || o.Merged != 1 || len(there.images) != 1 {
			t.Fatalf("%+v, %v, %d logged", o, err, len(there.images))
		}
		if got, want := contents(ctx, s.client, "session:1"), `hash created="5" full_name="Bob" note="n" plan="free" user_id="1"`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if o, err = st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0", ID: "back again", Unlogged: true}, there, nil); err != nil || o.Restored != 1 {
			t.Errorf("%+v, %v", o, err)
		}
		if got := contents(ctx, s.client, "session:1"); got != written {
			t.Errorf("%s, want %s", got, written)
		}
	})
}
