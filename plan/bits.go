package plan

import "math/bits"

// set is a set of classes or versions of one keyspace, by index. Class 0 is Unfit.
type set [4]uint64

// setSize is how many members a set can have.
const setSize = 256

func setOf(members ...int) (s set) {
	for _, m := range members {
		s[m/64] |= 1 << (m % 64)
	}
	return s
}

func (s set) has(m int) bool { return s[m/64]&(1<<(m%64)) != 0 }

func (s set) or(t set) set {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

func (s set) and(t set) set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

func (s set) without(t set) set {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

func (s set) empty() bool         { return s == set{} }
func (s set) within(t set) bool   { return s.without(t).empty() }
func (s set) overlaps(t set) bool { return !s.and(t).empty() }

// first returns the least member of a set that is not empty.
func (s set) first() int {
	for i, word := range s {
		if word != 0 {
			return i*64 + bits.TrailingZeros64(word)
		}
	}
	return -1
}
