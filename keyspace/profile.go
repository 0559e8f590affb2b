package keyspace

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// The bounds of what a pass looks at closer.
const (
	profileKeys = 1024 // keys of a keyspace that its sample has at most; about half of that at least, once it was full
	bigKeys     = 10   // that a profile names
	hotKeys     = 10
	bigPool     = 32 // keys that may be among the biggest, which the server is asked about at the end of the pass
	prefixes    = 20 // that a census names
	prefixPool  = 1024
	prefixBytes = 64 // of a prefix
)

// answers of a closer look at one key.
type look struct {
	bytes int64 // of memory
	ttl   int64 // milliseconds left; 0 if it does not expire
	freq  int64 // the server's counter of use; -1 if it has none
}

// profiler learns of the keys of one keyspace in one pass. It is pure but for its random seed.
//
// Its sample is drawn by a hash of the key: those below a threshold are in it, and the threshold is halved whenever the
// sample is full (Wegman's adaptive sampling: Flajolet, Computing 43, 1990). So every key has the same chance whatever
// its place in the pass, a key that SCAN lists twice is one, the memory is bounded, and of n keys about profileKeys ×
// (1 + log₂(n/profileKeys)/2) are asked about.
type profiler struct {
	seed  maphash.Seed
	below uint64 // the threshold
	looks map[uint64]sampledKey
	keys  int64
	big   []state.BigKey // by bytes as read, the biggest first; at most bigPool
}

type sampledKey struct {
	key string
	look
}

func newProfiler() *profiler {
	return &profiler{seed: maphash.MakeSeed(), below: 1<<64 - 1, looks: map[uint64]sampledKey{}}
}

// saw counts a key, of which so much was read, and tells whether the server is to be asked about it.
func (p *profiler) saw(key string, bytes int64) bool {
	p.keys++
	if len(p.big) < bigPool || bytes > p.big[len(p.big)-1].Bytes {
		p.big = insertBig(p.big, state.BigKey{Key: strings.Clone(key), Bytes: bytes})
	}
	h := maphash.String(p.seed, key)
	_, known := p.looks[h]
	return h <= p.below && !known
}

// insertBig puts a key in its place. One that is there already stays once.
func insertBig(big []state.BigKey, b state.BigKey) []state.BigKey {
	if slices.ContainsFunc(big, func(other state.BigKey) bool { return other.Key == b.Key }) {
		return big
	}
	at, _ := slices.BinarySearchFunc(big, b, compareBig)
	big = slices.Insert(big, at, b)
	return big[:min(len(big), bigPool)]
}

func compareBig(a, b state.BigKey) int {
	return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Key, b.Key))
}

// take puts the answers about a key into the sample.
func (p *profiler) take(key string, l look) {
	h := maphash.String(p.seed, key)
	if h > p.below {
		return // the threshold fell meanwhile
	}
	p.looks[h] = sampledKey{key, l}
	for len(p.looks) > profileKeys {
		p.below /= 2
		maps.DeleteFunc(p.looks, func(h uint64, _ sampledKey) bool { return h > p.below })
	}
}

// result is what was learned. Big are the keys that the server was asked about at the end.
func (p *profiler) result(big []state.BigKey) *state.Profile {
	out := &state.Profile{Keys: p.keys, Sampled: int64(len(p.looks))}
	var bytes, ttls []int64
	for _, s := range p.looks {
		bytes = append(bytes, s.bytes)
		if s.ttl > 0 {
			ttls = append(ttls, s.ttl)
		}
		if s.freq >= 0 {
			out.Hot = append(out.Hot, state.HotKey{Key: s.key, Frequency: s.freq})
		}
	}
	out.Bytes, out.TTL = spreadOf(bytes), spreadOf(ttls)
	out.Bytes.Total = out.Bytes.Mean * p.keys
	out.Lasting = shareOf(int64(len(bytes)-len(ttls)), int64(len(bytes)))
	slices.SortFunc(out.Hot, func(a, b state.HotKey) int {
		return cmp.Or(cmp.Compare(b.Frequency, a.Frequency), cmp.Compare(a.Key, b.Key))
	})
	out.Hot = slices.Clip(out.Hot[:min(len(out.Hot), hotKeys)])
	out.Big = slices.SortedFunc(slices.Values(big), compareBig)
	out.Big = out.Big[:min(len(out.Big), bigKeys)]
	return out
}

// strangers counts the keys of no keyspace by prefix. The table is bounded: prefixes that come when it is full are
// counted together, under the empty one.
type strangers struct {
	keys   int64
	counts map[string]int64
}

func newStrangers() *strangers { return &strangers{counts: map[string]int64{}} }

func (s *strangers) add(key string) {
	s.keys++
	head, _, found := strings.Cut(key, ":")
	prefix := head + ":"
	if !found || len(prefix) > prefixBytes {
		prefix = ""
	}
	if _, known := s.counts[prefix]; !known && len(s.counts) >= prefixPool {
		prefix = ""
	}
	s.counts[prefix]++
}

// result returns the most frequent prefixes; what is not among them counts under the empty one.
func (s *strangers) result() []state.Prefix {
	var named []state.Prefix
	other := s.counts[""]
	for prefix, n := range s.counts {
		if prefix != "" {
			named = append(named, state.Prefix{Prefix: prefix, Keys: n})
		}
	}
	order := func(a, b state.Prefix) int {
		return cmp.Or(cmp.Compare(b.Keys, a.Keys), cmp.Compare(a.Prefix, b.Prefix))
	}
	slices.SortFunc(named, order)
	for len(named) > prefixes-1 {
		other += named[len(named)-1].Keys
		named = named[:len(named)-1]
	}
	if other > 0 {
		named = append(named, state.Prefix{Keys: other})
		slices.SortFunc(named, order)
	}
	return named
}
