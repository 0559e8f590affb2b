package keyspace

// hashes is a set of hashes of keys: a table of 64-bit numbers that is at most half full, probed in line. A pass adds to
// one for every unit.
type hashes struct {
	slots []uint64 // 0 is empty
	n     int
}

// size is how many there are; a nil set has none.
func (h *hashes) size() int {
	if h == nil {
		return 0
	}
	return h.n
}

// add adds a hash and tells whether it was not there. 0 counts as 1: the two are taken for one key.
func (h *hashes) add(id uint64) bool {
	if 2*h.n >= len(h.slots) {
		h.grow()
	}
	at := h.find(max(id, 1))
	if h.slots[at] != 0 {
		return false
	}
	h.slots[at] = max(id, 1)
	h.n++
	return true
}

// has tells whether a hash is there.
func (h *hashes) has(id uint64) bool { return h.n > 0 && h.slots[h.find(max(id, 1))] != 0 }

// find returns the place of a hash, or where it would be.
func (h *hashes) find(id uint64) int {
	mask := uint64(len(h.slots) - 1)
	at := id & mask
	for h.slots[at] != 0 && h.slots[at] != id {
		at = (at + 1) & mask
	}
	return int(at)
}

func (h *hashes) grow() {
	old := h.slots
	h.slots = make([]uint64, max(2*len(old), 1024))
	for _, id := range old {
		if id != 0 {
			h.slots[h.find(id)] = id
		}
	}
}

// clear empties the set and keeps its memory.
func (h *hashes) clear() {
	clear(h.slots)
	h.n = 0
}
