package keyspace

import (
	"cmp"
	"hash/maphash"
	"slices"

	"keyshift.dev/state"
)

// sampleLimit is how many units a tally names.
const sampleLimit = 10

// seenLimit is up to how many units a tally remembers, so that a key that SCAN lists twice counts once. Above
// it a count is an upper bound: SCAN repeats keys when the server's table shrinks meanwhile. About 16 MB.
const seenLimit = 1 << 18

// tally counts the units of one keyspace in one pass.
type tally struct {
	seed    maphash.Seed
	seen    map[uint64]struct{} // of key and class, so that a repeated key never hides a class; nil above the limit
	counts  map[state.Class]int64
	total   int64
	samples []state.Sample // sorted by key
}

func newTally() *tally {
	return &tally{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, counts: map[state.Class]int64{}}
}

// add counts a unit and tells whether it was not counted before.
func (t *tally) add(key string, class state.Class) bool {
	if t.seen != nil {
		id := maphash.Comparable(t.seed, [2]string{key, string(class)})
		if _, repeated := t.seen[id]; repeated {
			return false
		}
		t.seen[id] = struct{}{}
		if len(t.seen) >= seenLimit {
			t.seen = nil
		}
	}
	t.counts[class]++
	t.total++
	return true
}

// sample names a unit; the first by key are kept.
func (t *tally) sample(key, reason string) {
	at, found := slices.BinarySearchFunc(t.samples, key, func(s state.Sample, key string) int { return cmp.Compare(s.Key, key) })
	if found || at >= sampleLimit {
		return
	}
	t.samples = slices.Insert(t.samples, at, state.Sample{Key: key, Reason: reason})
	t.samples = t.samples[:min(len(t.samples), sampleLimit)]
}

// result returns the counts by class, Unfit last.
func (t *tally) result() []state.Count {
	var out []state.Count
	for class, n := range t.counts {
		out = append(out, state.Count{Class: class, Units: n})
	}
	slices.SortFunc(out, func(a, b state.Count) int { return a.Class.Compare(b.Class) })
	return out
}
