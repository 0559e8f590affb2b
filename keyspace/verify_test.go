package keyspace

import (
	"context"
	"testing"
)

// A keyspace may have to be verified although no rewrite came before: before a release that reads less.
func TestVerifyWithoutVersion(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		fill(t, s.client, 300)
		st := open(t, s)
		l := acquire(t, st, "session")
		o, err := st.Verify(ctx, l, Job{Keyspace: sessions(), ID: "job-1"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := counts(o.Counts), "1.0.0:300"; got != want {
			t.Errorf("counted %s, want %s", got, want)
		}
		if n := s.client.Exists(ctx, Prefix+"verified:"+l.system+":session").Val(); n != 1 {
			t.Error("the pass left no record")
		}
	})
}
