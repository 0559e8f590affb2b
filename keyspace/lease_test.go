package keyspace

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestLease(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		st := open(t, s)
		l := acquire(t, st, "session")
		_, err := openWith(t, Options{Store: "main", Address: s.url, Holder: "second"}).Acquire(ctx, "shop", "session")
		held, ok := errors.AsType[*HeldError](err)
		if !ok || held.Holder != "test" || held.Expires <= 0 || held.Expires > st.options.LeaseTTL {
			t.Fatalf("held: %+v, %v", held, err)
		}
		if other, err := st.Acquire(ctx, "shop", "cart"); err != nil {
			t.Errorf("another keyspace: %v", err)
		} else if err := other.Release(ctx); err != nil {
			t.Error(err)
		}
		got := make(chan error, 1)
		go func() {
			next, err := st.AcquireWait(ctx, "shop", "session")
			if err == nil {
				err = next.Release(ctx)
			}
			got <- err
		}()
		time.Sleep(30 * time.Millisecond)
		if err := l.Release(ctx); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-got:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("whoever waits for a released lease does not get it")
		}
	})
}

func TestLeaseWaitEndsWithItsContext(t *testing.T) {
	s := embedded(t)
	st := open(t, s)
	acquire(t, st, "session")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := st.AcquireWait(ctx, "shop", "session")
	if _, ok := errors.AsType[*HeldError](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// TestDeadHolder kills a holder without a word: its lease expires, and what it still sends is refused.
func TestDeadHolder(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	fill(t, s.client, 10)
	first := openWith(t, Options{Store: "main", Address: s.url, LeaseTTL: 300 * time.Millisecond})
	l, err := first.Acquire(ctx, "shop", "session")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(600 * time.Millisecond)
	if err := l.confirm(ctx); err != nil {
		t.Fatalf("a lease that is renewed was lost: %v", err)
	}
	l.cancel() // as if its process were dead or paused
	second := open(t, s)
	l2, err := second.AcquireWait(ctx, "shop", "session")
	if err != nil {
		t.Fatal(err)
	}
	defer l2.Release(ctx)
	_, err = first.Rewrite(ctx, l, job(sessions()), nil)
	wantReason(t, err, LeaseLost)
	if err := l.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if err := l2.confirm(ctx); err != nil {
		t.Errorf("the dead holder's release took the lease of the next: %v", err)
	}
	if o, err := second.Rewrite(ctx, l2, job(sessions()), nil); err != nil || o.Rewritten != 10 {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestStolenLease takes the lease away in the middle of a rewrite.
func TestStolenLease(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		fill(t, s.client, 6000)
		st := open(t, s)
		l := acquire(t, st, "session")
		o, err := st.Rewrite(ctx, l, job(sessions()), func(p Progress) {
			if p.Rewritten > 0 {
				s.client.Set(ctx, l.key, "thief", 0)
			}
		})
		wantReason(t, err, LeaseLost)
		if o.Rewritten == 0 || o.Rewritten == 6000 {
			t.Errorf("%+v: the test shows nothing", o)
		}
		select {
		case <-l.Lost():
		default:
			t.Error("the lease does not say that it is lost")
		}
	})
}

func TestCheckpoint(t *testing.T) {
	s := running(t)
	ctx := context.Background()
	fill(t, s.client, 5000)
	st := open(t, s)
	l := acquire(t, st, "session")
	n, err := st.node(ctx)
	if err != nil || n.runID == "" {
		t.Fatalf("%+v, %v", n, err)
	}
	j := job(sessions())
	good := checkpoint{Job: j.ID, To: j.To, RunID: n.runID, Cursor: 42}
	for _, c := range []struct {
		name  string
		saved checkpoint
		want  uint64
	}{
		{"of this job", good, 42},
		{"of another process", checkpoint{Job: j.ID, To: j.To, RunID: "gone", Cursor: 42}, 0},
		{"of another job", checkpoint{Job: "other", To: j.To, RunID: n.runID, Cursor: 42}, 0},
		{"to another version", checkpoint{Job: j.ID, To: "1.0.0", RunID: n.runID, Cursor: 42}, 0},
	} {
		if err := st.saveCheckpoint(ctx, l, c.saved); err != nil {
			t.Fatal(err)
		}
		if got, err := st.loadCheckpoint(ctx, l, j, n.runID); err != nil || got != c.want {
			t.Errorf("%s: cursor %d, %v; want %d", c.name, got, err, c.want)
		}
	}
	// A job that goes on from the middle still ends with every unit done.
	_, cursor, err := s.client.Scan(ctx, 0, "", 5000).Result()
	if err != nil {
		t.Fatal(err)
	}
	good.Cursor = cursor
	if err := st.saveCheckpoint(ctx, l, good); err != nil {
		t.Fatal(err)
	}
	if o, err := st.Rewrite(ctx, l, j, nil); err != nil || o.Rewritten != 5000 || counts(o.Counts) != "2.0.0:5000" {
		t.Errorf("%+v, %v", o, err)
	}
	if n := s.client.Exists(ctx, checkpointKey(l)).Val(); n != 0 {
		t.Error("the checkpoint of a job that is done was left")
	}
}
