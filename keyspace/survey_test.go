package keyspace

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"keyshift.dev/state"
)

func TestSurvey(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		const n = 3000
		fill(t, s.client, n)
		ctx := context.Background()
		s.client.HSet(ctx, "session:broken", "user_id", "Ada", "name", "Lovelace")
		s.client.Set(ctx, "plain", "x", 0)
		s.client.Set(ctx, "keyshift:own", "x", 0)
		s.client.HSet(ctx, "session:big", append(oldSession(1), "note", strings.Repeat("n", 50_000))...)
		got, err := open(t, s).Survey(ctx, []state.Keyspace{sessions(), carts()})
		if err != nil {
			t.Fatal(err)
		}
		c := got.Census
		if c.Keys != 3*n+3 || c.Unclaimed != n+1 || fmt.Sprint(c.Prefixes) != fmt.Sprintf("[{other: %d} { 1}]", n) {
			t.Errorf("census %+v", c)
		}
		p := got.Live[1].Profile
		if got.Live[1].Keyspace != "session" || p.Keys != n+2 || p.Sampled > profileKeys || p.Sampled < profileKeys/4 {
			t.Fatalf("profile %+v", p)
		}
		if math.Abs(p.Lasting.Part-0.667) > 0.1 || p.TTL.Min <= 0 {
			t.Errorf("two thirds do not expire: %+v, %+v", p.Lasting, p.TTL)
		}
		if p.Big[0].Key != "session:big" || p.Big[0].Elements != 5 || p.Big[0].Bytes < 50_000 || len(p.Big) != bigKeys {
			t.Errorf("big %+v", p.Big)
		}
		if p.Hot != nil {
			t.Errorf("hot keys on a server that does not count: %v", p.Hot)
		}
		if sample := got.Live[1].Samples[0]; sample.Key != "session:broken" || sample.Shape != "hash of 2 fields: name text(8), user_id text(3)" {
			t.Errorf("%+v", sample)
		}
		cart := got.Live[0].Profile
		if cart.Keys != n || cart.Big[0].Elements != 0 || cart.Bytes.Total == 0 || cart.Bytes.Min > cart.Bytes.Median {
			t.Errorf("profile %+v", cart)
		}
	})
}

// TestSurveyMemory compares what the sample says of memory with what the server says of all keys.
func TestSurveyMemory(t *testing.T) {
	s := running(t)
	fill(t, s.client, 20_000)
	ctx := context.Background()
	got, err := open(t, s).Survey(ctx, []state.Keyspace{sessions()})
	if err != nil {
		t.Fatal(err)
	}
	var all int64
	for i := range 20_000 {
		all += s.client.MemoryUsage(ctx, fmt.Sprint("session:", i), samples).Val()
	}
	b := got.Live[0].Profile.Bytes
	if off := math.Abs(float64(b.Total-all)) / float64(all); off > 3*b.Margin+0.01 {
		t.Errorf("%d bytes by the sample (± %.3f), %d by the server", b.Total, b.Margin, all)
	}
}

// TestHotKeys: where the server evicts by use, the keys that are used most are named.
func TestHotKeys(t *testing.T) {
	s := running(t, "--maxmemory-policy", "allkeys-lfu")
	fill(t, s.client, 300)
	ctx := context.Background()
	p := s.client.Pipeline()
	for range 3000 {
		p.HGet(ctx, "session:7", "name")
	}
	if _, err := p.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, s).Survey(ctx, []state.Keyspace{sessions()})
	if err != nil {
		t.Fatal(err)
	}
	hot := got.Live[0].Profile.Hot
	if len(hot) != hotKeys || hot[0].Key != "session:7" || hot[0].Frequency <= hot[1].Frequency {
		t.Errorf("%+v", hot)
	}
}

// TestTooBigIsNamed: a key that is not read because it is too large is the biggest.
func TestTooBigIsNamed(t *testing.T) {
	s := running(t)
	fill(t, s.client, 100)
	ctx := context.Background()
	s.client.HSet(ctx, "session:huge", "name", strings.Repeat("x", 2<<20))
	got, err := open(t, s).Survey(ctx, []state.Keyspace{sessions()})
	if err != nil {
		t.Fatal(err)
	}
	if big := got.Live[0].Profile.Big; big[0].Key != "session:huge" || big[0].Bytes < 2<<20 || big[0].Elements != 1 {
		t.Errorf("%+v", big)
	}
	if sample := got.Live[0].Samples[0]; sample.Key != "session:huge" || sample.Shape != "" {
		t.Errorf("%+v", sample)
	}
}
