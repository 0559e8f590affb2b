package apply_test

import (
	"context"
	"fmt"
	"testing"

	"keyshift.dev/apply"
	"keyshift.dev/state"
)

// flaky is a mirror that cannot be written for a while: the API server is away, or the process is killed there.
type flaky struct {
	apply.Mirror
	broken bool
}

func (f *flaky) Save(ctx context.Context, system string, ledgers []state.Ledger) error {
	if f.broken {
		return fmt.Errorf("the mirror cannot be written")
	}
	return f.Mirror.Save(ctx, system, ledgers)
}

// TestCrashAfterRebuilding ends the process between the write to a store that is rebuilt from the mirror and that to
// the mirror. The store had got a new identity by then, and was taken for another one.
func TestCrashAfterRebuilding(t *testing.T) {
	w := embedded(t, 20)
	w.mustDeliver(w.after, "2.0.0")
	w.client.Del(t.Context(), "keyshift:ledger:shop", "keyshift:identity", "keyshift:systems")
	mirror := &flaky{Mirror: w.edges.Mirror, broken: true}
	w.edges.Mirror = mirror
	if _, err := w.deliver(w.after); err == nil {
		t.Fatal("the mirror was not needed")
	}
	mirror.broken = false
	if _, err := w.deliver(w.after); err != nil {
		t.Errorf("it is held until a person adopts it: %v", err)
	}
}
