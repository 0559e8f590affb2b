package keyspace

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"keyshift.dev/state"
)

// TestChunksThatAreTooLargeHideNone: the server answers a SCAN with more keys than a page may have, and page after page
// is too large to be read unmeasured. A page that was to be measured beside one of them was never read.
func TestChunksThatAreTooLargeHideNone(t *testing.T) {
	s := embedded(t)
	ctx := context.Background()
	const n = 1200
	note := strings.Repeat("n", 60_000)
	for i := range n {
		s.client.HSet(ctx, fmt.Sprint("session:", i), "user_id", i, "name", "n", "created_ms", 1, "legacy", "x", "note", note)
	}
	st := open(t, s)
	live, err := st.Observe(ctx, []state.Keyspace{sessions()})
	if err != nil || unitsOf(live) != n {
		t.Fatalf("%d units, want %d; %v", unitsOf(live), n, err)
	}
}

// TestUnmeasuredReadsThatBreakAreMeasured: over a slow line the answer to a read that nobody measured may take longer
// than a command may. Measured, it comes in parts.
func TestUnmeasuredReadsThatBreakAreMeasured(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	fill(t, s.client, 500)
	p := newProxy(t, s.real.Addr, "getrange")
	st := openWith(t, Options{Store: "main", Address: "redis://" + p.addr + "/0"})
	p.lose.Store(3) // as often as a read is tried
	live, err := st.Observe(ctx, []state.Keyspace{carts(), sessions()})
	if err != nil || unitsOf(live) != 1000 {
		t.Fatalf("%d units, want 1000; %v", unitsOf(live), err)
	}
	if p.lose.Load() > 0 {
		t.Error("no answer was lost: the test shows nothing")
	}
}
