package keyspace

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// One call has units of several layouts in any order, of which any may end by an error: each is written, or left, as if it
// were alone, and each word of the answer is of one that ended so.
func TestRunsOfLayouts(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		st, ctx, c := open(t, s), context.Background(), s.client
		for seed := range uint64(40) {
			r := rand.New(rand.NewPCG(seed, 1))
			var keys []string
			n := 1 + r.IntN(14)
			for i := range n {
				key := fmt.Sprint("session:", i)
				keys = append(keys, key)
				c.Del(ctx, key)
				c.HSet(ctx, key, "user_id", i, "name", fmt.Sprint("n", i), "created_ms", 1000*i, "note", fmt.Sprint("t", i))
				if r.IntN(2) == 0 {
					c.HSet(ctx, key, "legacy", "x") // another layout
				}
			}
			stage, err := newStage(s, st, sessions(), keys...)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]string, n)
			before := make([]string, n)
			for i, key := range keys {
				switch r.IntN(5) {
				case 0:
					c.Del(ctx, key)
					want[i] = "g"
				case 1:
					c.Del(ctx, key)
					c.Set(ctx, key, "text", 0)
					want[i] = "t"
				case 2:
					c.HSet(ctx, key, "name", "Eve")
					want[i] = "c"
				default:
					want[i] = "d"
				}
				before[i] = runContents(ctx, c, key)
			}
			got, err := stage.send()
			if err != nil || got != strings.Join(want, "") {
				t.Errorf("seed %d: got %q, %v, want %q", seed, got, err, strings.Join(want, ""))
			}
			for i, key := range keys {
				left := runContents(ctx, c, key)
				if want[i] != "d" && left != before[i] {
					t.Errorf("seed %d: %s became %s, was %s", seed, key, left, before[i])
				}
				if x := c.HGetAll(ctx, key).Val(); want[i] == "d" && (x["full_name"] != fmt.Sprint("n", i) || x["created"] != fmt.Sprint(i) || x["note"] != fmt.Sprint("t", i) || len(x) != 5) {
					t.Errorf("seed %d: %s is %v", seed, key, x)
				}
			}
			stage.rewrite.lease.Release(ctx)
		}
	})
}

func runContents(ctx context.Context, c *redis.Client, key string) string {
	return fmt.Sprint(c.HGetAll(ctx, key).Val(), c.Get(ctx, key).Val())
}

// TestConflictNeedsNoRight: a conflict takes no command that the rewrite did not try on a key of its own (rightsScript).
func TestConflictNeedsNoRight(t *testing.T) {
	s := running(t)
	st, ctx := open(t, s), context.Background()
	if err := s.client.Do(ctx, "acl", "setuser", "default", "-exists").Err(); err != nil {
		t.Fatal(err)
	}
	check := between(sessions(), "session:1", seedSession, hdel("session:1", "name"), "c", `hash created_ms="5000" note="n" user_id="1"`+at)
	if err := check(s, st); err != nil {
		t.Error(err)
	}
}
