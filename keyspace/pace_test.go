package keyspace

import (
	"context"
	"testing"
	"time"

	"keyshift.dev/state"
)

// Limits bound what a pass does at once, and owe the time that what was done has to take.
func TestLimits(t *testing.T) {
	free := paceOf(state.Policy{Throttle: state.ThrottleFast})
	free.wrote(1000, time.Millisecond)
	free.carried(1 << 30)
	if free.batch() < batchStart || free.page() < profiles[state.ThrottleBalanced].page || free.written.due() > 0 || free.moved.due() > 0 {
		t.Errorf("without limits: batches of %d, pages of %d", free.batch(), free.page())
	}
	p := paceOf(state.Policy{Throttle: state.ThrottleFast, Limits: &state.Limits{KeysPerSecond: 100, BytesPerSecond: 1000, MaxBlocked: 3}})
	if p.batch() != 20 || p.page() != 20 {
		t.Errorf("at 100 keys a second: batches of %d, pages of %d", p.batch(), p.page())
	}
	if p.block != profiles[state.ThrottleFast].block {
		t.Errorf("a limit above the profile's: %s", p.block)
	}
	p.wrote(500, time.Millisecond)
	p.wrote(500, time.Millisecond)
	p.carried(2000)
	if due := p.written.due(); due > 10*time.Second || due < 9*time.Second {
		t.Errorf("after 1000 keys: %s", due)
	}
	if due := p.moved.due(); due > 2*time.Second || due < time.Second {
		t.Errorf("after 2000 bytes: %s", due)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := p.rest(ended, 0); err == nil {
		t.Error("a rest outlives its context")
	}
	gentle := paceOf(state.Policy{Throttle: state.ThrottleGentle, Limits: &state.Limits{MaxBlocked: 1}})
	if gentle.block != 500*time.Microsecond {
		t.Errorf("beside the gentle profile: %s", gentle.block)
	}
	if one := paceOf(state.Policy{Limits: &state.Limits{KeysPerSecond: 1}}); one.batch() != 1 || one.page() != 1 {
		t.Errorf("at one key a second: batches of %d", one.batch())
	}
}
