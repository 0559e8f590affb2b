package keyspace

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// BenchmarkRewrite compares, in one run on one redis-server, a rewrite with what people write by hand: SCAN, read in
// a pipeline, write in a pipeline, no comparison, nothing checked again. Compare figures of one run only.
//
//	go test ./keyspace -run '^$' -bench Rewrite -benchtime 1x
func BenchmarkRewrite(b *testing.B) {
	const n = 200_000
	for _, c := range []struct {
		name string
		k    state.Keyspace
		seed func(p redis.Pipeliner, i int)
	}{
		{"hashes", wide(), seedWide},
		{"strings", carts(), seedLongCart},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := running(b)
			st := open(b, s)
			for range b.N {
				seedAll(b, s, n, c.seed)
				unsafe := measure(b, s, n, func() { unsafeRewrite(b, s.client, c.k) })
				seedAll(b, s, n, c.seed)
				one := measure(b, s, n, func() { onePass(b, st, c.k, n) })
				seedAll(b, s, n, c.seed)
				ours := measure(b, s, n, func() { wholeRewrite(b, st, c.k, n) })
				b.ReportMetric(unsafe.rate, "unsafe-keys/s")
				b.ReportMetric(unsafe.cpu, "unsafe-µs/key")
				b.ReportMetric(one.rate, "pass-keys/s")
				b.ReportMetric(one.cpu, "pass-µs/key")
				b.ReportMetric(ours.rate, "rewrite-keys/s")
				b.ReportMetric(ours.cpu, "rewrite-µs/key")
				b.ReportMetric(one.rate/unsafe.rate, "pass/unsafe")
				b.ReportMetric(ours.rate/unsafe.rate, "rewrite/unsafe")
			}
		})
	}
}

// wide is the design's session with eight fields, of which three are carried.
func wide() state.Keyspace {
	k := sessions()
	for i := range k.Shapes {
		fields := &k.Shapes[i].Value.Alts[0].Fields
		for _, name := range []string{"email", "ip", "agent"} {
			*fields = append(*fields, field(name, text))
		}
	}
	m := &k.Migrations[0]
	for _, name := range []string{"email", "ip", "agent"} {
		m.Up = program(append(m.Up.Body.Fields, carry(name))...)
		m.Down = program(append(m.Down.Body.Fields, carry(name))...)
	}
	return k
}

func seedWide(p redis.Pipeliner, i int) {
	ctx := context.Background()
	key := fmt.Sprint("session:", i)
	p.HSet(ctx, key, "user_id", i, "name", "Ada Lovelace", "email", fmt.Sprintf("ada%d@example.com", i), "created_ms", 1700000000000+i,
		"ip", "10.1.2.3", "agent", "Mozilla/5.0 (X11; Linux x86_64)", "legacy", "x", "note", "[1,2,3,4]")
	if i%3 == 0 {
		p.Expire(ctx, key, time.Hour)
	}
}

func seedLongCart(p redis.Pipeliner, i int) {
	p.Set(context.Background(), fmt.Sprint("cart:", i), fmt.Sprintf(`{"owner":%d,"cents":%d,"note":%q}`, i, i, strings.Repeat("lorem ipsum ", 13)), 0)
}

func seedAll(b *testing.B, s *server, n int, seed func(redis.Pipeliner, int)) {
	b.Helper()
	ctx := context.Background()
	s.client.FlushAll(ctx)
	p := s.client.Pipeline()
	for i := range n {
		seed(p, i)
		if i%1000 == 999 || i == n-1 {
			if _, err := p.Exec(ctx); err != nil {
				b.Fatal(err)
			}
		}
	}
}

type figures struct{ rate, cpu float64 }

// measure times work over n keys, on the clock and on the server's main thread.
func measure(b *testing.B, s *server, n int, work func()) figures {
	b.Helper()
	before, started := mainThread(b, s.client), time.Now()
	work()
	took := time.Since(started)
	return figures{rate: float64(n) / took.Seconds(), cpu: (mainThread(b, s.client) - before) * 1e6 / float64(n)}
}

func mainThread(b *testing.B, c *redis.Client) (seconds float64) {
	b.Helper()
	for line := range strings.Lines(c.Info(context.Background(), "cpu").Val()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.HasSuffix(name, "_main_thread") {
			f, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			seconds += f
		}
	}
	return seconds
}

// onePass is the pass that writes, alone: what compares with the hand-written script.
func onePass(b *testing.B, st *Store, k state.Keyspace, n int64) {
	b.Helper()
	ctx := context.Background()
	l := acquire(b, st, k.Name)
	defer l.Release(ctx)
	r, _, err := st.newRewrite(ctx, l, job(k), nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := r.pass(ctx, 0); err != nil || r.outcome.Rewritten != n {
		b.Fatalf("%+v, %v", r.outcome, err)
	}
	b.Logf("last batch %d keys", r.pace.batch())
}

func wholeRewrite(b *testing.B, st *Store, k state.Keyspace, n int64) {
	b.Helper()
	ctx := context.Background()
	l := acquire(b, st, k.Name)
	defer l.Release(ctx)
	if o, err := st.Rewrite(ctx, l, job(k), nil); err != nil || o.Rewritten != n {
		b.Fatalf("%+v, %v", o, err)
	}
}

// unsafeRewrite is the script that people write, with the same transform and two workers: it loses updates,
// brings deleted keys back, and proves nothing.
func unsafeRewrite(b *testing.B, c *redis.Client, k state.Keyspace) {
	b.Helper()
	ctx := context.Background()
	r, err := newRoute(k)
	if err != nil {
		b.Fatal(err)
	}
	pages := make(chan []string, 4)
	done := make(chan error, 2)
	for range 2 {
		go func() {
			for keys := range pages {
				if err := unsafePage(ctx, c, &r, k, keys); err != nil {
					b.Error(err)
				}
			}
			done <- nil
		}()
	}
	for cursor := uint64(0); ; {
		keys, next, err := c.Scan(ctx, cursor, "", 200).Result()
		if err != nil {
			b.Fatal(err)
		}
		pages <- keys
		if cursor = next; cursor == 0 {
			break
		}
	}
	close(pages)
	<-done
	<-done
}

func unsafePage(ctx context.Context, c *redis.Client, r *route, k state.Keyspace, keys []string) error {
	pipe := c.Pipeline()
	hashes, texts := make([]*redis.StringSliceCmd, len(keys)), make([]*redis.StringCmd, len(keys))
	for i, key := range keys {
		if r.patterns[0].modes[0] == readHash {
			hashes[i] = redis.NewStringSliceCmd(ctx, "hgetall", key)
			_ = pipe.Process(ctx, hashes[i])
		} else {
			texts[i] = pipe.Get(ctx, key)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	pipe = c.Pipeline()
	for i, key := range keys {
		u := transform.Unit{Key: key}
		if r.patterns[0].modes[0] == readHash {
			u.Fields = fields(hashes[i].Val())
		} else {
			u.Text = texts[i].Val()
		}
		after, err := r.programs.Convert(u, "1.0.0", "2.0.0")
		if err != nil {
			return err
		}
		if r.patterns[0].modes[0] != readHash {
			pipe.Set(ctx, key, after.Text, redis.KeepTTL)
			continue
		}
		edit := transform.Diff(u, after, nil)
		pipe.HDel(ctx, key, edit.Delete...)
		values := make([]any, 0, 2*len(edit.Set))
		for _, f := range edit.Set {
			values = append(values, f.Name, f.Value)
		}
		pipe.HSet(ctx, key, values...)
	}
	_, err := pipe.Exec(ctx)
	return err
}
