package keyspace

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// TestScoresOfOtherSpelling: a server may spell a score in one way when it scans a sorted set and in another when it is
// asked for one member. Both are the same double.
func TestScoresOfOtherSpelling(t *testing.T) {
	for _, kind := range []testbed.Kind{testbed.Redis8} {
		t.Run(string(kind), func(t *testing.T) {
			r := testbed.RedisOf(t, kind)
			s := (&server{url: r.URL, real: r}).connect(t)
			ctx := context.Background()
			k := evaluated(t, `{
				versions: "1.0.0": {keys: "k:<id>", type: "zset", #value: {member: =~"^[0-9]+$", score: number}}
				versions: "2.0.0": {keys: "k:<id>", type: "zset", #value: {member: =~"^u:", score: number}}
				migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: {member: "u:\(#old.member)", score: #old.score},
					#down: {member: strings.TrimPrefix(#new.member, "u:"), score: #new.score}}}`)
			const n, digits = 300, "%070000d"
			for i := range n {
				s.client.ZAdd(ctx, "k:1", redis.Z{Member: fmt.Sprintf(digits, i), Score: 0.1 + float64(i)/7})
			}
			st := open(t, s) // the key is so large that it is read in pages
			l := acquire(t, st, k.Name)
			for _, to := range []string{"2.0.0", "1.0.0"} {
				o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: state.Version(to), ID: to, Unlogged: true}, nil)
				if err != nil || o.Rewritten != n || o.Conflicts > 0 {
					t.Errorf("%+v, %v", o, err)
				}
			}
			for i := range n {
				if score := s.client.ZScore(ctx, "k:1", fmt.Sprintf(digits, i)).Val(); score != 0.1+float64(i)/7 {
					t.Errorf("%d: %v", i, score)
				}
			}
			o, err := st.Discard(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "discard", Unlogged: true}, nil)
			if err != nil || o.Rewritten != n || s.client.Exists(ctx, "k:1").Val() > 0 {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}
