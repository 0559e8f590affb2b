package keyspace

import (
	"context"
	"hash/maphash"
	"sync"

	"keyshift.dev/transform"
)

const (
	rememberedBits   = 1 << 26 // 8 MiB: of ten million units some are mistaken for others, and logged for nothing
	rememberedProbes = 4
)

// remembered are the units that were logged by a job, in a filter of fixed size (Bloom, "Space/Time Trade-offs in Hash
// Coding with Allowable Errors", 1970): it may take a unit for one of them, and never the other way round. It is safe for
// concurrent use.
type remembered struct {
	mu   sync.Mutex
	seed maphash.Seed
	bits []uint64
}

// sum hashes what unitID names.
func (m *remembered) sum(u *transform.Unit) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	_, _ = h.WriteString(u.Key) // neither ever fails
	if kind := kindIn(*u); !kind.Whole() {
		_ = h.WriteByte(0)
		if len(u.Fields) > 0 {
			_, _ = h.WriteString(u.Fields[0].Value)
		} else {
			_, _ = h.WriteString(u.Text)
		}
	}
	return h.Sum64()
}

func (m *remembered) add(u *transform.Unit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bits == nil {
		m.seed, m.bits = maphash.MakeSeed(), make([]uint64, rememberedBits/64)
	}
	block, masks := m.place(u)
	for i, mask := range masks {
		block[i] |= mask
	}
}

// place returns the words of the filter that a unit has, which lie together, and its bits in them.
func (m *remembered) place(u *transform.Unit) (block []uint64, masks [rememberedProbes]uint64) {
	sum := m.sum(u)
	at := sum % (rememberedBits / 64 / rememberedProbes) * rememberedProbes
	for i := range masks {
		masks[i] = 1 << (sum >> (40 + 6*i) & 63)
	}
	return m.bits[at : at+rememberedProbes], masks
}

func (m *remembered) has(u *transform.Unit) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bits == nil {
		return false
	}
	block, masks := m.place(u)
	for i, mask := range masks {
		if block[i]&mask == 0 {
			return false
		}
	}
	return true
}

// empty tells whether no unit was added.
func (m *remembered) empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bits == nil
}

// recall remembers what the job logged before this call.
func (r *rewrite) recall(ctx context.Context) error {
	if r.job.Journal == nil || r.job.Earlier == nil {
		return nil
	}
	return r.job.Earlier.Images(ctx, func(images []Preimage) error {
		r.remember(images)
		return nil
	})
}

// relog lets what was logged once be logged again, also where it will come back by itself: else the older pre-image, which
// may have become the very same unit, would be taken for what it was.
func (r *rewrite) relog(batch []change) {
	for i := range batch {
		c := &batch[i]
		if c.logged || !r.logged.has(&c.after) {
			continue
		}
		c.logged = true
		if c.op == opHash { // what is logged must be what was there, carried fields too
			c.edit = transform.Diff(c.before, c.after, everyField, new(transform.Room))
		}
	}
}

func (r *rewrite) remember(images []Preimage) {
	for i := range images {
		r.logged.add(&images[i].After)
	}
}
