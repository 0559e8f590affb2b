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

// The server works for us the share of the time that the profile says, also where it writes while the reader rests: the
// lane beside the data worked it all the time at every profile.
func TestIdle(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		throttle    state.Throttle
		beside      bool
		read, write time.Duration
		want        time.Duration
	}{
		{state.ThrottleFast, true, 3 * ms, 5 * ms, 0},
		{state.ThrottleBalanced, false, 3 * ms, 5 * ms, 8 * ms},
		{state.ThrottleBalanced, true, 3 * ms, 5 * ms, 13 * ms}, // of 16 ms 3 were waited for, and 8 worked
		{state.ThrottleGentle, true, 0, 2 * ms, 10 * ms},
		{state.ThrottleGentle, false, 0, 2 * ms, 8 * ms},
	} {
		p := newPace(c.throttle)
		p.beside = c.beside
		if got := p.idle(c.read, c.write); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
