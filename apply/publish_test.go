package apply

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"keyshift.dev/cluster"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// TestBatches: a step's batches are a second apart and add up to what was done until then, and a new pass counts anew.
func TestBatches(t *testing.T) {
	asked := 0
	p := &publisher{edges: Edges{Revision: "7f3c", Approver: func(state.Digest) (string, time.Time) { asked++; return "ada", time.Now() }}}
	step := plan.Step{Kind: plan.Rewrite, Object: "session", From: []string{"1.0.0"}, To: "2.0.0", Digest: "sha256:00"}
	start := time.UnixMilli(1_700_000_000_000)
	if _, ok := p.change(Event{Kind: Started, Step: step}, start); !ok {
		t.Fatal("the start is not told")
	}
	var scanned, rewritten, batches int64
	var last time.Time
	for i := range int64(50) {
		now := start.Add(time.Duration(i) * 100 * time.Millisecond)
		done := keyspace.Progress{Scanned: i * 10, Rewritten: i * 7}
		if i >= 30 { // the second pass
			done.Scanned = (i - 30) * 10
		}
		c, ok := p.change(Event{Kind: Progressed, Step: step, Rewrite: &done}, now)
		if !ok {
			continue
		}
		if batches++; batches > 1 && now.Sub(last) < batchEvery {
			t.Errorf("a batch %v after another", now.Sub(last))
		}
		last, scanned, rewritten = now, scanned+c.Scanned, rewritten+c.Rewritten
		if asked != 1 || c.Approver != "" || c.Kind != keyspace.ChangeBatch || c.Keyspace != "session" || c.Component != "" || c.Revision != "7f3c" {
			t.Errorf("%+v", c)
		}
		if rewritten != done.Rewritten {
			t.Errorf("the batches tell of %d, %d were rewritten", rewritten, done.Rewritten)
		}
	}
	if batches != 4 || scanned != 200+100 { // at 1, 2, 3 and 4 seconds: 20 of them in the first pass, 10 in the second
		t.Errorf("%d batches of %d units", batches, scanned)
	}
	if _, ok := p.change(Event{Kind: Progressed, Step: step, Rollout: &cluster.Progress{}}, last.Add(time.Minute)); ok {
		t.Error("a rollout has no batches")
	}
}

// TestCodes: what an error says may quote keys, so that the stream has its code alone.
func TestCodes(t *testing.T) {
	for want, err := range map[string]error{
		"":           nil,
		"UnfitUnits": fmt.Errorf("rewrite session: %w", hold(UnfitUnits, "mend them", `"session:ada@example.com" fits none`)),
		"StoreFull":  fmt.Errorf("rewrite: %w", &keyspace.Error{Reason: keyspace.StoreFull, Err: errors.New("full")}),
		"LeaseHeld":  fmt.Errorf("%w: %w", &keyspace.HeldError{}, context.DeadlineExceeded),
		"Superseded": fmt.Errorf("store main: %w", errSuperseded),
		"TimedOut":   context.DeadlineExceeded, "Cancelled": context.Canceled,
		"RolloutStuck": &cluster.StuckError{},
		"Error":        errors.New("session:ada@example.com"),
	} {
		if got := codeOf(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}

func TestWhatIsNoChange(t *testing.T) {
	p := &publisher{}
	for _, kind := range []EventKind{Planned, Waiting, Unpublished} {
		if c, ok := p.change(Event{Kind: kind}, time.Now()); ok {
			t.Errorf("%s is told as %+v", kind, c)
		}
	}
	c, ok := p.change(Event{Kind: Failed, Step: plan.Step{Kind: plan.Rollout, Object: "checkout"}, Err: errSuperseded}, time.Now())
	if want := (keyspace.Change{Kind: keyspace.ChangeFailed, Step: "rollout", Component: "checkout", Error: "Superseded"}); !ok || !reflect.DeepEqual(c, want) {
		t.Errorf("%+v", c)
	}
}
