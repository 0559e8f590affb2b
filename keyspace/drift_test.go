package keyspace

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"keyshift.dev/state"
)

func TestDriftOfASmallStoreIsComplete(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		fill(t, s.client, 500)
		s.client.HSet(t.Context(), "session:broken", "user_id", "Ada")
		got, err := open(t, s).Drift(t.Context(), []state.Keyspace{sessions(), carts()}, DriftOptions{Keys: 10})
		if err != nil {
			t.Fatal(err)
		}
		d := got[0]
		if !d.Complete || d.Unseen != 0 || d.Keys != 501 || counts(d.Counts) != "1.0.0:500 ?:1" || d.Samples[0].Key != "session:broken" || got[1].Keys != 500 {
			t.Errorf("%+v", got)
		}
		if beyond := d.Beyond(state.Record{Present: []state.Class{"1.0.0"}}); !slices.Equal(beyond, []state.Class{state.Unfit}) {
			t.Errorf("beyond the record: %v", beyond)
		}
		if beyond := d.Beyond(state.Record{Present: []state.Class{"1.0.0", state.Unfit}}); beyond != nil {
			t.Errorf("beyond the record: %v", beyond)
		}
	})
}

// TestDriftSamples looks at a store in which one key of ten is of another class, many times: the shares of all the
// looks together are those of the store, and two looks see other keys.
func TestDriftSamples(t *testing.T) {
	s := running(t)
	const n = 20_000
	fill(t, s.client, n)
	ctx := context.Background()
	p := s.client.Pipeline()
	for i := range n / 10 {
		p.HDel(ctx, fmt.Sprint("session:", i*10), "note")
	}
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	st := open(t, s)
	var keys, unfit, passed int64
	seen := map[string]bool{}
	for range 10 {
		d, err := st.Drift(ctx, []state.Keyspace{sessions()}, DriftOptions{Keys: 300, Scanned: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		if d[0].Complete || d[0].Keys != 300 || math.Abs(d[0].Unseen-0.00993) > 1e-4 {
			t.Fatalf("%+v", d[0])
		}
		keys, passed = keys+d[0].Keys, passed+1
		for _, c := range d[0].Counts {
			if c.Class == state.Unfit {
				unfit += c.Units
			}
		}
		for _, x := range d[0].Samples {
			seen[x.Key] = true
		}
	}
	if part := float64(unfit) / float64(keys); math.Abs(part-0.1) > 0.03 { // five standard deviations
		t.Errorf("%.3f of the samples are unfit, of the store 0.1", part)
	}
	if len(seen) < 50 {
		t.Errorf("%d looks name %d keys: they see the same", passed, len(seen))
	}
}

// TestDriftOfARareKeyspace: a keyspace of which the sample has few keys gets the honest bound.
func TestDriftOfARareKeyspace(t *testing.T) {
	s := running(t)
	fill(t, s.client, 5000)
	ctx := context.Background()
	d, err := open(t, s).Drift(ctx, []state.Keyspace{sessions(), turned()}, DriftOptions{Keys: 200, Scanned: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if d[1].Keys != 0 || d[1].Unseen != 1 || d[1].Complete || d[0].Keys != 200 {
		t.Errorf("%+v", d)
	}
}
