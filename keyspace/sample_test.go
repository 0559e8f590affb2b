package keyspace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// TestSample looks at keys of every kind.
func TestSample(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := t.Context()
		c := s.client
		c.Set(ctx, "k:string", "abc", time.Hour)
		c.HSet(ctx, "k:hash", "b", "2", "a", "1")
		c.RPush(ctx, "k:list", "x", "y", "z")
		c.SAdd(ctx, "k:set", "x")
		c.ZAdd(ctx, "k:zset", redis.Z{Member: "m", Score: 1.5})
		c.XAdd(ctx, &redis.XAddArgs{Stream: "k:stream", Values: []any{"kind", "mail"}})
		c.Set(ctx, "other:string", "no", 0)
		c.Set(ctx, Prefix+"ledger", "no", 0)
		got, err := open(t, s).Sample(ctx, SampleOptions{Match: "k:*", Parts: 2})
		if err != nil {
			t.Fatal(err)
		}
		if got.Keys != 6 || !got.Complete {
			t.Errorf("got %d keys, complete %v", got.Keys, got.Complete)
		}
		var lines []string
		for _, x := range got.Samples {
			if (x.TTL > 0) != (x.Key == "k:string") || x.TTL > 3_600_000 {
				t.Errorf("%s expires in %d", x.Key, x.TTL)
			}
			lines = append(lines, fmt.Sprint(x.Key, " ", x.Type, " ", x.Text, x.Fields))
		}
		slices.Sort(lines)
		want := []string{
			"k:hash hash [{a 1} {b 2}]", "k:list list x[]", "k:list list y[]", "k:set set x[]", "k:stream stream [{kind mail}]",
			"k:string string abc[]", "k:zset zset [{member m} {score 1.5}]",
		}
		if !slices.Equal(lines, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	})
}

// TestSampleBounds reads neither more keys nor larger ones than it may, and nothing of a glob that takes our own keys.
func TestSampleBounds(t *testing.T) {
	s := running(t)
	ctx := t.Context()
	pipe := s.client.Pipeline()
	for i := range 500 {
		pipe.Set(ctx, fmt.Sprint("k:", i), "v", 0)
	}
	for i := range 600 {
		pipe.HSet(ctx, "m:1", fmt.Sprint("field", i), "v")
	}
	pipe.Set(ctx, "big:1", strings.Repeat("x", 5<<20), 0)
	pipe.Set(ctx, Prefix+"ledger", "no", 0)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	store := open(t, s)
	before := s.client.Info(ctx, "commandstats").Val()
	some, err := store.Sample(ctx, SampleOptions{Match: "k:*", Keys: 30})
	if err != nil || some.Keys != 30 || len(some.Samples) != 30 || some.Complete {
		t.Errorf("got %d keys, %d samples, %v", some.Keys, len(some.Samples), err)
	}
	big, err := store.Sample(ctx, SampleOptions{Match: "big:*"})
	if err != nil || big.TooLarge != 1 || len(big.Samples) != 0 {
		t.Errorf("got %+v, %v", big, err)
	}
	entries, err := store.Sample(ctx, SampleOptions{Match: "m:*"})
	if err != nil || len(entries.Samples) == 0 || len(entries.Samples) > 100 || entries.Samples[0].Type != state.Map {
		t.Errorf("got %d entries, %v", len(entries.Samples), err)
	}
	own, err := store.Sample(ctx, SampleOptions{Match: Prefix + "*"})
	if err != nil || own.Keys != 0 {
		t.Errorf("got %+v, %v", own, err)
	}
	for _, forbidden := range []string{"cmdstat_keys:", "cmdstat_flushall:"} {
		if after := s.client.Info(ctx, "commandstats").Val(); strings.Contains(after, forbidden) && !strings.Contains(before, forbidden) {
			t.Errorf("%s was called", forbidden)
		}
	}
	for _, in := range transform.Infer(some.Samples, transform.InferOptions{Prefix: "k:"}) {
		if in.Unfit > 0 || in.Shape.Keys != "k:<id int>" {
			t.Errorf("inferred %+v", in)
		}
	}
}
