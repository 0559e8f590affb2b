package keyspace

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyshift.dev/state"
)

// TestPageBytes: a page was bounded by keys, so that 400 units of up to MaxValue could be in it before anything was
// learnt of their size. Of most hashes the one large field was not even in the server's sample.
func TestPageBytes(t *testing.T) {
	const n, size = 150, 800_000
	large := strings.Repeat("n", size)
	for name, seed := range map[string]func(s *server, i int){
		"strings": func(s *server, i int) {
			s.client.Set(context.Background(), fmt.Sprint("cart:", i), `{"owner":1,"cents":5,"note":"`+large+`"}`, 0)
		},
		"hashes": func(s *server, i int) {
			s.client.HSet(context.Background(), fmt.Sprint("session:", i), "user_id", i, "name", "n", "created_ms", 1, "legacy", "x", "note", large)
		},
		"hashes of more fields than a sample": func(s *server, i int) {
			values := []any{"note", large}
			for j := range 30 {
				values = append(values, fmt.Sprint("foreign", j), j)
			}
			s.client.HSet(context.Background(), fmt.Sprint("session:", i), values...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := running(t)
			for i := range n {
				seed(s, i)
			}
			st := open(t, s)
			live, err := st.Observe(context.Background(), []state.Keyspace{carts(), sessions()}) // warms up
			if err != nil || unitsOf(live) != n {
				t.Fatal(live, err)
			}
			peak := peakHeap(func() { live, err = st.Observe(context.Background(), []state.Keyspace{carts(), sessions()}) })
			if err != nil || unitsOf(live) != n || strings.Contains(fmt.Sprint(live), "larger") {
				t.Fatal(live, err)
			}
			t.Logf("the heap grew to %d MiB", peak>>20)
			if peak > 64<<20 {
				t.Errorf("the heap grew to %d MiB while observing %d large units", peak>>20, n)
			}
		})
	}
}

// TestLongStringsAreReadOnce mixes strings of any length: each is in one page, and the checkpoint of a page never lies
// behind one that is still to come.
func TestLongStringsAreReadOnce(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		const n = 700
		for i := range n {
			s.client.Set(ctx, fmt.Sprint("cart:", i), fmt.Sprintf(`{"owner":1,"cents":5,"note":"%s"}`, strings.Repeat("n", i%7*i*20)), 0)
		}
		s.client.RPush(ctx, "cart:list", 1)
		st := open(t, s)
		routes, err := st.newRoutes([]state.Keyspace{carts()})
		if err != nil {
			t.Fatal(err)
		}
		w := st.newSweep(routes, 0, newPace(state.ThrottleFast))
		seen, pages, last := map[string]uint64{}, 0, uint64(0)
		for {
			p, err := w.next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if p == nil {
				break
			}
			pages++
			bytes := 0
			for _, u := range p.units {
				if _, twice := seen[u.target.key]; twice || u.gone {
					t.Errorf("%s was read again, or is gone: %v", u.target.key, u.gone)
				}
				seen[u.target.key] = p.from
				bytes += u.bytes()
			}
			if bytes > pageBytes+pageBytes/4 && len(p.units) > 1 {
				t.Errorf("a page of %d units holds %d bytes", len(p.units), bytes)
			}
			last = p.resume
		}
		if len(seen) != n+1 || last != 0 {
			t.Errorf("%d keys in %d pages, the last goes on at %d", len(seen), pages, last)
		}
		t.Logf("%d pages", pages)
	})
}

// TestOneHugeKeyIsNotReadWhole: keys are read many at a time without being measured. One that is far larger than the
// others must not come into our memory, and must not hide them.
func TestOneHugeKeyIsNotReadWhole(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	fill(t, s.client, 500)
	for i := range 200 { // 100 MiB
		s.client.HSet(ctx, "session:huge", fmt.Sprint("f", i), strings.Repeat("n", 512<<10))
	}
	st := open(t, s)
	var live []state.Live
	var err error
	peak := peakHeap(func() { live, err = st.Observe(ctx, []state.Keyspace{carts(), sessions()}) })
	if err != nil || unitsOf(live) != 1001 || len(live[1].Samples) != 1 || !strings.Contains(live[1].Samples[0].Reason, "larger than") {
		t.Fatal(live, err)
	}
	if peak > 80<<20 {
		t.Errorf("the heap grew to %d MiB", peak>>20)
	}
	o, err := st.Rewrite(ctx, acquire(t, st, "session"), job(sessions()), nil)
	if err != nil || o.Rewritten != 500 || o.Unfit != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

func unitsOf(live []state.Live) (n int64) {
	for _, l := range live {
		for _, c := range l.Counts {
			n += c.Units
		}
	}
	return n
}

// peakHeap tells how large the heap gets while something runs.
func peakHeap(work func()) uint64 {
	runtime.GC()
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	work()
	close(done)
	return <-peak
}
