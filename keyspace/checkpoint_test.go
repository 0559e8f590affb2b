package keyspace

import (
	"testing"
)

// TestCheckpointOfEachNode: one node's checkpoint says nothing of another's, and all go together.
func TestCheckpointOfEachNode(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		st, ctx, j := open(t, s), t.Context(), job(sessions())
		l := acquire(t, st, "session")
		// What an older program left there, of another kind, is replaced.
		if err := s.client.Set(ctx, checkpointKey(l), `{"job":"job-1","cursor":7}`, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got, err := st.loadNode(ctx, l, j, "a", "run-a"); err != nil || got != 0 {
			t.Errorf("of an older form: %d, %v", got, err)
		}
		const far = uint64(1)<<63 + 5 // no double
		for _, c := range []checkpoint{
			{Node: "a", Job: j.ID, To: j.To, RunID: "run-a", Cursor: 1},
			{Node: "b", Job: j.ID, To: j.To, RunID: "run-b", Cursor: far},
			{Node: "a", Job: j.ID, To: j.To, RunID: "run-a", Cursor: 3},
		} {
			if err := st.saveCheckpoint(ctx, l, c); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			node, run string
			want      uint64
		}{{"a", "run-a", 3}, {"b", "run-b", far}, {"b", "run-a", 0}, {"c", "run-a", 0}, {standalone, "run-a", 0}} {
			if got, err := st.loadNode(ctx, l, j, c.node, c.run); err != nil || got != c.want {
				t.Errorf("%s at %s: %d, %v", c.node, c.run, got, err)
			}
		}
		if ttl := s.client.PTTL(ctx, checkpointKey(l)).Val(); ttl <= 0 || ttl > checkpointTTL {
			t.Errorf("it lives %v", ttl)
		}
		if err := st.dropCheckpoint(ctx, l); err != nil {
			t.Fatal(err)
		}
		if got, err := st.loadNode(ctx, l, j, "b", "run-b"); err != nil || got != 0 {
			t.Errorf("after the end: %d, %v", got, err)
		}
	})
}
