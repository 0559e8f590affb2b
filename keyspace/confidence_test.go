package keyspace

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestUnseenCovers draws samples from populations with a class of a random share. In no more than 1 of 20 does a
// sample miss a class whose share is above the bound: counted over many draws at the very bound.
func TestUnseenCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 7))
	for _, n := range []int64{1, 10, 100, 1000} {
		const draws = 4000
		share, missed := unseen(n)*1.0001, 0
		for range draws {
			hit := false
			for range n {
				hit = hit || rng.Float64() < share
			}
			if !hit {
				missed++
			}
		}
		if got := float64(missed) / draws; got > 0.05+4*math.Sqrt(0.05*0.95/draws) {
			t.Errorf("a sample of %d misses a share of %.4f in %.3f of the draws", n, share, got)
		}
		if n >= 100 && math.Abs(unseen(n)*float64(n)-3) > 0.06 {
			t.Errorf("the rule of three: %.4f for %d", unseen(n), n)
		}
	}
	if unseen(0) != 1 {
		t.Error("no sample bounds nothing")
	}
}

// TestShareCovers checks the coverage of the interval exactly: the probability of all outcomes whose interval has the
// true share.
func TestShareCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 150).Draw(t, "n")
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		covered := 0.0
		for k := range n + 1 {
			s := shareOf(k, n)
			if s.Low > s.Part || s.High < s.Part || s.Low < 0 || s.High > 1 {
				t.Fatalf("%d of %d: %+v", k, n, s)
			}
			if s.Low <= p && p <= s.High {
				covered += atMost(k, n, p) - atMost(k-1, n, p)
			}
		}
		if covered < confidence-1e-9 {
			t.Fatalf("of %d draws at %v the interval covers %v", n, p, covered)
		}
	})
}

func TestShareOfKnown(t *testing.T) {
	for _, c := range []struct {
		k, n      int64
		low, high float64 // tables of Clopper and Pearson
	}{{0, 10, 0, 0.3085}, {10, 10, 0.6915, 1}, {5, 10, 0.1871, 0.8129}, {1, 20, 0.0013, 0.2487}, {0, 0, 0, 1}} {
		if s := shareOf(c.k, c.n); math.Abs(s.Low-c.low) > 1e-4 || math.Abs(s.High-c.high) > 1e-4 {
			t.Errorf("%d of %d: %+v", c.k, c.n, s)
		}
	}
	if s := shareOf(2000, 4000); math.Abs(s.Low-0.4844) > 1e-3 || math.Abs(s.High-0.5156) > 1e-3 {
		t.Errorf("%+v", s)
	}
}

func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfN(rapid.Int64Range(0, 1<<50), 1, 300).Draw(t, "numbers")
		before := slices.Clone(numbers)
		s := spreadOf(numbers)
		if !slices.Equal(before, numbers) {
			t.Fatal("the argument was sorted in place")
		}
		if s.Min != slices.Min(numbers) || s.Max != slices.Max(numbers) || s.Min > s.Median || s.Median > s.P95 || s.P95 > s.Max || s.Mean < s.Min || s.Mean > s.Max {
			t.Fatalf("%+v", s)
		}
		atMost := func(x int64) (n int) {
			for _, y := range numbers {
				if y <= x {
					n++
				}
			}
			return n
		}
		if 2*atMost(s.Median) < len(numbers) || 20*atMost(s.P95) < 19*len(numbers) {
			t.Fatalf("%+v of %v", s, numbers)
		}
	})
	if s := spreadOf(nil); s != (spreadOf([]int64{})) || s.Max != 0 {
		t.Errorf("%+v", s)
	}
}
