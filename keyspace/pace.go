package keyspace

import (
	"context"
	"sync/atomic"
	"time"

	"keyshift.dev/state"
)

// profile is how hard a pass may work the store.
type profile struct {
	block time.Duration // how long one script call may keep the server from others
	duty  float64       // share of the time in which the server works for us
}

var profiles = map[state.Throttle]profile{
	state.ThrottleGentle:   {block: 500 * time.Microsecond, duty: 0.2},
	state.ThrottleBalanced: {block: time.Millisecond, duty: 0.5},
	state.ThrottleFast:     {block: time.Millisecond, duty: 1},
}

// The bounds of a batch, and where it starts before anything was measured.
const (
	batchStart = 100
	batchMin   = 10
	batchMax   = 1000
	pageMin    = 200
)

// pace sizes batches by the time they block the server, and rests between them.
type pace struct {
	profile
	latency time.Duration // of a write that does next to nothing

	size atomic.Int64 // keys a batch
	owed atomic.Int64 // nanoseconds that writes took since the last rest
	each float64      // microseconds a key, smoothed; the writer's alone
}

// newPace returns the pace of a profile; empty means balanced.
func newPace(t state.Throttle) *pace {
	p, known := profiles[t]
	if !known {
		p = profiles[state.ThrottleBalanced]
	}
	out := &pace{profile: p}
	out.size.Store(batchStart)
	return out
}

// batch is how many keys one script call may have.
func (p *pace) batch() int { return int(p.size.Load()) }

// page is how many keys one round trip scans, and about how many it reads. Reads let others in between two
// keys, so that a page may be larger than a batch.
func (p *pace) page() int { return max(p.batch(), pageMin) }

// wrote learns from one script call over n keys that kept the server for d.
func (p *pace) wrote(n int, d time.Duration) {
	d = max(d, time.Microsecond)
	p.owed.Add(int64(d))
	each := float64(d) / float64(time.Microsecond) / float64(max(n, 1))
	if p.each == 0 {
		p.each = each
	}
	p.each += (each - p.each) / 8
	size := int64(float64(p.block.Microseconds()) / p.each)
	p.size.Store(min(max(size, batchMin), batchMax))
}

// rest sleeps as long as the profile wants after the server worked for d and for the writes since.
func (p *pace) rest(ctx context.Context, d time.Duration) error {
	d += time.Duration(p.owed.Swap(0))
	if p.duty < 1 {
		timer := time.NewTimer(time.Duration(float64(d) * (1 - p.duty) / p.duty))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}
