package keyspace

import (
	"fmt"
	"math"
	"testing"

	"keyshift.dev/state"
)

// TestSampleIsEven gives keys in an order that could not be worse, sorted by size, and twice: the mean is within four
// of its own margins of error of the truth, the sample is bounded, and no key is in it twice.
func TestSampleIsEven(t *testing.T) {
	for _, n := range []int{1, 1000, profileKeys, 20_000, 200_000} {
		p, asked, sum := newProfiler(), 0, 0.0
		for i := range n {
			key, size := fmt.Sprint("session:", i), int64(100+i)
			sum += float64(size)
			for range 2 {
				if p.saw(key, size) {
					asked++
					p.take(key, look{bytes: size, ttl: int64(i%2) * 1000, freq: -1})
				}
			}
		}
		got := p.result(nil)
		if got.Sampled > profileKeys || n > profileKeys && got.Sampled < profileKeys/4 || n <= profileKeys && got.Sampled != int64(n) {
			t.Errorf("%d keys: a sample of %d", n, got.Sampled)
		}
		most := profileKeys * (2 + math.Log2(max(float64(n)/profileKeys, 1)))
		if float64(asked) > most {
			t.Errorf("%d keys: asked about %d, expected at most %.0f", n, asked, most)
		}
		mean := sum / float64(n)
		if diff := math.Abs(float64(got.Bytes.Mean) - mean); n > profileKeys && diff > 2*got.Bytes.Margin*mean || n <= profileKeys && diff > 1 {
			t.Errorf("%d keys: a mean of %d ± %.3f, it is %.0f", n, got.Bytes.Mean, got.Bytes.Margin, mean)
		}
		if n > profileKeys && (math.Abs(got.Lasting.Part-0.5) > 0.1) || got.Hot != nil || n > 1 && got.TTL.Max != 1000 {
			t.Errorf("%d keys: %+v", n, got)
		}
	}
}

func TestBiggestAreKept(t *testing.T) {
	p := newProfiler()
	for i := range 5000 {
		for range 2 {
			p.saw(fmt.Sprint("k:", i), int64(i*7919%5000))
		}
	}
	if len(p.big) != bigPool {
		t.Fatalf("%d", len(p.big))
	}
	for i, b := range p.big {
		if b.Bytes != int64(4999-i) {
			t.Errorf("place %d: %+v", i, b)
		}
	}
	if got := p.result(p.big).Big; len(got) != bigKeys || got[0].Bytes != 4999 {
		t.Errorf("%+v", got)
	}
}

func TestHottest(t *testing.T) {
	p := newProfiler()
	for i := range 100 {
		p.take(fmt.Sprint("k:", i), look{freq: int64(i)})
	}
	if got := p.result(nil).Hot; len(got) != hotKeys || got[0] != (state.HotKey{Key: "k:99", Frequency: 99}) {
		t.Errorf("%+v", got)
	}
}

// TestStrangersAreBounded: a store whose keys all begin differently makes no endless table, and no key is lost from it.
func TestStrangersAreBounded(t *testing.T) {
	s := newStrangers()
	for i := range 50_000 {
		s.add(fmt.Sprintf("p%d:x", i))
		if i%10 == 0 {
			s.add("often:x")
		}
	}
	s.add("plain")
	if len(s.counts) > prefixPool+1 {
		t.Errorf("%d prefixes", len(s.counts))
	}
	got, sum := s.result(), int64(0)
	for _, p := range got {
		sum += p.Keys
	}
	if len(got) != prefixes || sum != s.keys || got[0].Prefix != "" || got[1] != (state.Prefix{Prefix: "often:", Keys: 5000}) {
		t.Errorf("%d keys of %d: %+v", sum, s.keys, got)
	}
}
