package keyspace

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"keyshift.dev/transform"
)

// BenchmarkLane compares, in one run on one redis-server, lanes with what people write by hand: two workers each, keys
// from one SCAN, batches of the lane of about a millisecond. It takes turns, 20,000 keys each, so that what else the
// machine does falls on all alike, and tells medians. Compare figures of one run only.
//
//	go test ./keyspace -run '^$' -bench Lane -benchtime 1x
func BenchmarkLane(b *testing.B) {
	const n, rounds = 20_000, 10
	s := running(b)
	st := open(b, s)
	ways := []struct {
		name string
		run  func()
	}{
		{"unsafe", func() { unsafeExact(b, s) }},
		{"whole", func() { runLanes(b, st, exactLane(b, transform.LaneOptions{}), n) }},
		{"touched", func() { runLanes(b, st, exactLane(b, transform.LaneOptions{Guard: transform.GuardTouched}), n) }},
	}
	for range b.N {
		rate, cpu := make([][]float64, len(ways)), make([][]float64, len(ways))
		for range rounds {
			for i, way := range ways {
				seedAll(b, s, n, seedExact)
				f := measure(b, s, n, way.run)
				rate[i], cpu[i] = append(rate[i], f.rate), append(cpu[i], f.cpu)
			}
		}
		for i, way := range ways {
			b.ReportMetric(median(rate[i]), way.name+"-keys/s")
			b.ReportMetric(median(cpu[i]), way.name+"-µs/key")
			b.ReportMetric(median(rate[i])/median(rate[0]), way.name+"/unsafe")
			b.ReportMetric(median(cpu[i])/median(cpu[0]), way.name+"/unsafe-cpu")
		}
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// scanned scans a store and gives every page to two workers.
func scanned(b *testing.B, s *server, count func() int, work func(keys []string) error) {
	b.Helper()
	ctx := context.Background()
	pages := make(chan []string, 4)
	failed := make([]error, 2)
	var group sync.WaitGroup
	for i := range failed {
		group.Go(func() {
			for keys := range pages {
				failed[i] = errors.Join(failed[i], work(keys))
			}
		})
	}
	for cursor := uint64(0); ; {
		keys, next, err := s.client.Scan(ctx, cursor, "session:*", int64(count())).Result()
		if err != nil {
			b.Fatal(err)
		}
		pages <- keys
		if cursor = next; cursor == 0 {
			break
		}
	}
	close(pages)
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		b.Fatal(err)
	}
}

// unsafeExact is the hand-written migration: nothing is compared.
func unsafeExact(b *testing.B, s *server) {
	ctx := context.Background()
	scanned(b, s, func() int { return 500 }, func(keys []string) error {
		reads := s.client.Pipeline()
		for _, key := range keys {
			reads.HGetAll(ctx, key)
		}
		read, err := reads.Exec(ctx)
		if err != nil {
			return err
		}
		writes := s.client.Pipeline()
		for i, key := range keys {
			old := read[i].(interface{ Val() map[string]string }).Val()
			writes.HDel(ctx, key, "name", "created_ms", "legacy")
			writes.HSet(ctx, key, "full_name", old["name"], "created_us", old["created_ms"]+"000", "plan", "free")
		}
		_, err = writes.Exec(ctx)
		return err
	})
}

// runLanes converts every session by a lane.
func runLanes(b *testing.B, st *Store, ln *lane, n int) {
	b.Helper()
	ctx := context.Background()
	l := acquire(b, st, "session")
	defer func() { _ = l.Release(ctx) }()
	p := newPace("fast")
	var lock sync.Mutex
	done := 0
	s := &server{client: st.client}
	scanned(b, s, p.batch, func(keys []string) error {
		codes, err := st.runLane(ctx, l, ln, keys, func(n int, blocked time.Duration) {
			lock.Lock()
			defer lock.Unlock()
			p.wrote(n, blocked)
		})
		lock.Lock()
		defer lock.Unlock()
		for _, c := range codes {
			if c == codeDone {
				done++
			}
		}
		return err
	})
	if done != n {
		b.Fatalf("%d of %d converted", done, n)
	}
}
