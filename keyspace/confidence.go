package keyspace

import (
	"math"
	"slices"

	"keyshift.dev/state"
)

// confidence is how often the bounds of this file hold, at least: 19 times of 20.
const confidence = 0.95

// unseen is the largest share of a population that a sample of n, drawn evenly, misses in more than 1 of 20 draws: the
// bound of Clopper and Pearson for none of n, about 3/n. It is 1 for no sample. For a population that is not much
// larger than the sample, which is drawn without putting back, the true bound is smaller.
func unseen(n int64) float64 {
	if n <= 0 {
		return 1
	}
	return 1 - math.Pow(1-confidence, 1/float64(n))
}

// shareOf is the share that k of n are, between the bounds of Clopper and Pearson (Biometrika 26, 1934): the smallest
// and the largest share for which so many, or so few, are seen in 1 of 40 draws.
func shareOf(k, n int64) state.Share {
	if n <= 0 {
		return state.Share{High: 1}
	}
	tail := (1 - confidence) / 2
	out := state.Share{Part: float64(k) / float64(n), High: 1}
	if k > 0 {
		out.Low = bisect(func(p float64) bool { return 1-atMost(k-1, n, p) >= tail })
	}
	if k < n {
		out.High = bisect(func(p float64) bool { return atMost(k, n, p) <= tail })
	}
	return out
}

// bisect returns the least p in 0 to 1 for which a condition holds that holds from some p on.
func bisect(holds func(p float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 50 {
		if mid := (low + high) / 2; holds(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// atMost is the probability that of n draws at most k hit, each with probability p.
func atMost(k, n int64, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n || p <= 0:
		return 1
	case p >= 1:
		return 0
	}
	sum, hit, miss := 0.0, math.Log(p), math.Log1p(-p)
	for i := range k + 1 {
		sum += math.Exp(choose(n, i) + float64(i)*hit + float64(n-i)*miss)
	}
	return min(sum, 1)
}

// choose is the logarithm of n over k.
func choose(n, k int64) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// spreadOf describes the numbers of a sample, without a total.
func spreadOf(numbers []int64) state.Spread {
	n := len(numbers)
	if n == 0 {
		return state.Spread{}
	}
	sorted := slices.Sorted(slices.Values(numbers))
	at := func(part float64) int64 { return sorted[min(int(math.Ceil(part*float64(n)))-1, n-1)] }
	mean := 0.0
	for _, x := range sorted {
		mean += float64(x) / float64(n)
	}
	squares := 0.0
	for _, x := range sorted {
		squares += (float64(x) - mean) * (float64(x) - mean)
	}
	out := state.Spread{Min: sorted[0], Median: at(0.5), P95: at(0.95), Max: sorted[n-1], Mean: int64(math.Round(mean))}
	if n > 1 && mean > 0 {
		out.Margin = 1.96 * math.Sqrt(squares/float64(n-1)/float64(n)) / mean
	}
	return out
}
