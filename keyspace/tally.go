package keyspace

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// sampleLimit is how many units a tally names.
const sampleLimit = 10

// seenLimit is up to how many units the tallies of a pass remember, so that a key that SCAN lists twice counts
// once. Above it the count of the largest is an upper bound: SCAN repeats keys when the server's table shrinks
// meanwhile. About 4 MB.
const seenLimit = 1 << 18

// memory is what the tallies of one pass remember, together.
type memory struct {
	tallies []*tally
	left    int
}

// newTallies returns n tallies that share the memory of one.
func newTallies(n int) []*tally {
	m := &memory{left: seenLimit, tallies: make([]*tally, n)}
	for i := range m.tallies {
		m.tallies[i] = &tally{memory: m, seed: maphash.MakeSeed(), seen: &hashes{}, counts: map[state.Class]int64{}, mixed: map[state.Class]int64{}}
	}
	return m.tallies
}

// room makes room for one more unit: when there is none, the tally that remembers most forgets all.
func (m *memory) room() {
	if m.left == 0 {
		most := slices.MaxFunc(m.tallies, func(a, b *tally) int { return cmp.Compare(a.seen.size(), b.seen.size()) })
		m.left, most.seen = most.seen.n, nil
	}
}

// tally counts the units of one keyspace in one pass.
type tally struct {
	memory  *memory
	seed    maphash.Seed
	seen    *hashes // of key and class, so that a repeated key never hides a class; nil once forgotten
	counts  map[state.Class]int64
	mixed   map[state.Class]int64 // of those that fit no version: the ones that mix the versions of a class
	total   int64
	samples []state.Sample // sorted by key
	current keyTally       // the key whose units are being counted
}

// keyTally counts the units of one key.
type keyTally struct {
	*tally
	name    string
	single  bool                 // it is one unit
	paged   bool                 // it is read in pages, once a pass
	classes map[state.Class]bool // of a key with many units: whether its units of a class are counted
	class   state.Class          // of the last unit
	isNew   bool
}

// key begins to count the units of a key.
func (t *tally) key(u *unit) *keyTally {
	k := &t.current
	*k = keyTally{tally: t, name: u.key, single: !u.many(), paged: u.mode == readPages, classes: k.classes}
	if len(k.classes) > 0 {
		clear(k.classes)
	}
	return k
}

// add counts a unit and tells whether it was not counted before: SCAN may list its key twice.
func (k *keyTally) add(class state.Class) bool {
	switch {
	case k.class == class:
	case k.single:
		k.class, k.isNew = class, k.tally.remember(k.name, class)
	default:
		k.class, k.isNew = class, k.paged || k.remember(class)
	}
	if k.isNew {
		k.counts[class]++
		k.total++
	}
	return k.isNew
}

// remember tells whether a key has not been met with a class before, but for now.
func (k *keyTally) remember(class state.Class) bool {
	if isNew, met := k.classes[class]; met {
		return isNew
	}
	isNew := k.tally.remember(k.name, class)
	if k.classes == nil {
		k.classes = map[state.Class]bool{}
	}
	k.classes[class] = isNew
	return isNew
}

// remember tells whether a key was not met with a class before.
func (t *tally) remember(key string, class state.Class) bool {
	if t.seen == nil {
		return true
	}
	if t.memory.left == 0 && t.seen.has(t.idOf(key, class)) {
		return false
	}
	t.memory.room()
	if t.seen == nil { // it is the one that forgot
		return true
	}
	if !t.seen.add(t.idOf(key, class)) {
		return false
	}
	t.memory.left--
	return true
}

func (t *tally) idOf(key string, class state.Class) uint64 {
	return maphash.String(t.seed, key) ^ maphash.String(t.seed, string(class))<<1
}

// sample names a unit; the first by key are kept.
func (t *tally) sample(key, reason string) { t.masked(key, reason, func() string { return "" }) }

// masked names a unit with what its value looks like, which is worked out only of those that are kept.
func (t *tally) masked(key, reason string, shape func() string) {
	at, found := slices.BinarySearchFunc(t.samples, key, func(s state.Sample, key string) int { return cmp.Compare(s.Key, key) })
	if found || at >= sampleLimit {
		return
	}
	t.samples = slices.Insert(t.samples, at, state.Sample{Key: strings.Clone(key), Reason: reason, Shape: shape()})
	t.samples = t.samples[:min(len(t.samples), sampleLimit)]
}

// result returns the counts by class, Unfit last.
func (t *tally) result() []state.Count { return sortedCounts(t.counts) }

func sortedCounts(counts map[state.Class]int64) []state.Count {
	var out []state.Count
	for class, n := range counts {
		out = append(out, state.Count{Class: class, Units: n})
	}
	slices.SortFunc(out, func(a, b state.Count) int { return a.Class.Compare(b.Class) })
	return out
}
