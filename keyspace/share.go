package keyspace

import (
	"hash/fnv"
	"math"
)

// spares tells whether a key is not of the share of keys that the job rewrites.
func (j Job) spares(key string) bool {
	if j.Share <= 0 || j.Share >= 1 {
		return false
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails
	return mixed(h.Sum64()) >= uint64(j.Share*math.MaxUint64)
}

// mixed spreads the bits of a hash whose high bits depend little on the last bytes (the finalizer of MurmurHash3).
func mixed(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
