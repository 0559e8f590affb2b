package keyspace

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"keyshift.dev/state"
)

// profile is how hard a pass may work the store.
type profile struct {
	block time.Duration // how long one script call may keep the server from others
	duty  float64       // share of the time in which the server works for us
	page  int           // keys that one round trip scans at least, and about how many it reads
}

var profiles = map[state.Throttle]profile{
	state.ThrottleGentle:   {block: 500 * time.Microsecond, duty: 0.2, page: 200},
	state.ThrottleBalanced: {block: time.Millisecond, duty: 0.5, page: 200},
	state.ThrottleFast:     {block: 2 * time.Millisecond, duty: 1, page: 500},
}

// The bounds of a batch, and where it starts before anything was measured.
const (
	batchStart = 100
	batchMin   = 10
	batchMax   = 1000
)

// pace sizes batches by the time they block the server, and rests between them.
type pace struct {
	profile
	written meter         // keys
	moved   meter         // bytes read and written
	latency time.Duration // of a write that does next to nothing
	beside  bool          // writes go on while it rests

	size atomic.Int64 // keys a batch
	owed atomic.Int64 // nanoseconds that writes took since the last rest

	learning sync.Mutex
	each     float64 // microseconds a key, smoothed
}

// newPace returns the pace of a profile; empty means balanced.
func newPace(t state.Throttle) *pace { return paceOf(state.Policy{Throttle: t}) }

// paceOf returns the pace of a policy: that of its profile, bounded by its limits.
func paceOf(policy state.Policy) *pace {
	p, known := profiles[policy.Throttle]
	if !known {
		p = profiles[state.ThrottleBalanced]
	}
	out := &pace{profile: p}
	out.size.Store(batchStart)
	if l := policy.Limits; l != nil {
		out.written.rate, out.moved.rate = l.KeysPerSecond, l.BytesPerSecond
		if most := time.Duration(l.MaxBlocked) * time.Millisecond; most > 0 {
			out.block = min(out.block, most)
		}
	}
	return out
}

// batch is how many keys one script call may have.
func (p *pace) batch() int { return p.written.bound(int(p.size.Load())) }

// page is how many keys one round trip scans, and about how many it reads. Reads let others in between two
// keys, so that a page may be larger than a batch.
func (p *pace) page() int { return p.written.bound(max(int(p.size.Load()), p.profile.page)) }

// carried learns of bytes that were read or written.
func (p *pace) carried(bytes int64) { p.moved.take(bytes) }

// wrote learns from one script call over n keys that kept the server for d.
func (p *pace) wrote(n int, d time.Duration) {
	d = max(d, time.Microsecond)
	p.owed.Add(int64(d))
	p.written.take(int64(n))
	each := float64(d) / float64(time.Microsecond) / float64(max(n, 1))
	p.learning.Lock()
	defer p.learning.Unlock()
	if p.each == 0 {
		p.each = each
	}
	p.each += (each - p.each) / 8
	size := int64(float64(p.block.Microseconds()) / p.each)
	p.size.Store(min(max(size, batchMin), batchMax))
}

// rest sleeps as long as the profile wants after the server worked for d and for the writes since, and as the limits want.
func (p *pace) rest(ctx context.Context, d time.Duration) error {
	idle := max(p.idle(d, time.Duration(p.owed.Swap(0))), p.written.due(), p.moved.due())
	if idle > 0 {
		timer := time.NewTimer(idle)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

// idle is how long to rest after the server worked for d while we waited, and for written: of a second it is to work the
// share of duty. Writes that go on while we rest take their time out of it.
func (p *pace) idle(d, written time.Duration) time.Duration {
	if p.duty >= 1 {
		return 0
	}
	total := float64(d+written)/p.duty - float64(d)
	if !p.beside {
		total -= float64(written)
	}
	return time.Duration(total)
}

// meter keeps something to so much a second. It is safe for concurrent use.
type meter struct {
	rate int64 // 0: no limit

	mu   sync.Mutex
	free time.Time // when what was taken so far has had its time
}

// burst is the share of a second that is done at once.
const burst = 5

// bound keeps a number of things that are done at once to a part of what a second may have.
func (m *meter) bound(n int) int {
	if m.rate == 0 {
		return n
	}
	return int(min(int64(n), max(m.rate/burst, 1)))
}

// take counts what was done.
func (m *meter) take(n int64) {
	if m.rate == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); m.free.Before(now) {
		m.free = now
	}
	m.free = m.free.Add(time.Duration(float64(n) / float64(m.rate) * float64(time.Second)))
}

// due is how long to wait before more may be done.
func (m *meter) due() time.Duration {
	if m.rate == 0 {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Until(m.free)
}
