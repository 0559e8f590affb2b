package keyspace

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"

	"keyshift.dev/state"
)

// holding are the jobs that write, each by a call of its own, after old sessions and carts were filled in.
var holding = map[string]func(context.Context, *Store, *Lease, func(context.Context) error) error{
	"rewrite": func(ctx context.Context, st *Store, l *Lease, hold func(context.Context) error) error {
		j := job(sessions())
		j.Hold = hold
		_, err := st.Rewrite(ctx, l, j, nil)
		return err
	},
	"beside the data": func(ctx context.Context, st *Store, l *Lease, hold func(context.Context) error) error {
		j := job(loose())
		j.Hold = hold
		o, err := st.Rewrite(ctx, l, j, nil)
		if err == nil && o.Beside == 0 {
			err = errors.New("nothing was converted beside the data: this test holds another call")
		}
		return err
	},
	"discard": func(ctx context.Context, st *Store, l *Lease, hold func(context.Context) error) error {
		_, err := st.Discard(ctx, l, Job{Keyspace: sessions(), To: "2.0.0", ID: "d", Journal: &memoryLog{}, Hold: hold}, nil)
		return err
	},
}

// loose is a session whose rewrite is proved exact, so that it runs beside the data: one field changes its name.
func loose() state.Keyspace {
	k := sessions()
	k.Shapes[0].Value = object(field("user_id", integer), field("name", text), field("created_ms", integer), field("note", text), field("legacy", text))
	k.Shapes[1].Value = object(field("user_id", integer), field("full_name", text), field("created_ms", integer), field("note", text), field("legacy", text))
	k.Migrations[0] = state.Migration{
		From: "1.0.0", To: "2.0.0",
		Up:   program(carry("user_id"), carry("note"), carry("legacy"), carry("created_ms"), set("full_name", path("name"))),
		Down: program(carry("user_id"), carry("note"), carry("legacy"), carry("created_ms"), set("name", path("full_name"))),
	}
	return k
}

// TestHold: while a job is held nothing is written; then it goes on to its end.
func TestHold(t *testing.T) {
	for name, run := range holding {
		t.Run(name, func(t *testing.T) {
			conform(t, func(t *testing.T, s *server) {
				fill(t, s.client, 700)
				st := open(t, s)
				l := acquire(t, st, "session")
				before := snapshot(t, s.client)
				held, release := make(chan struct{}), make(chan struct{})
				var once sync.Once
				ended := make(chan error, 1)
				go func() {
					ended <- run(t.Context(), st, l, func(ctx context.Context) error {
						once.Do(func() { close(held) })
						select {
						case <-release:
							return nil
						case <-ctx.Done():
							return context.Cause(ctx)
						}
					})
				}()
				<-held
				for range 3 {
					if now := snapshot(t, s.client); !maps.Equal(now, before) {
						t.Fatal("something was written while the job was held")
					}
				}
				close(release)
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				if maps.Equal(snapshot(t, s.client), before) {
					t.Error("nothing was written in the end")
				}
			})
		})
	}
}

// TestHoldEnds: a job that is held ends with its context, by its cause, and writes nothing.
func TestHoldEnds(t *testing.T) {
	for name, run := range holding {
		t.Run(name, func(t *testing.T) {
			s := embedded(t)
			fill(t, s.client, 700)
			st := open(t, s)
			l := acquire(t, st, "session")
			before := snapshot(t, s.client)
			cause := errors.New("the Delivery was changed")
			ctx, cancel := context.WithCancelCause(t.Context())
			err := run(ctx, st, l, func(ctx context.Context) error {
				cancel(cause)
				<-ctx.Done()
				return context.Cause(ctx)
			})
			if !errors.Is(err, cause) {
				t.Errorf("%v", err)
			}
			if !maps.Equal(snapshot(t, s.client), before) {
				t.Error("something was written")
			}
		})
	}
}

// TestHoldOfUndo: what is taken back is held, too.
func TestHoldOfUndo(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx, st, k := t.Context(), open(t, s), sessions()
		fill(t, s.client, 100)
		l, log := acquire(t, st, k.Name), &memoryLog{}
		before := snapshot(t, s.client)
		if _, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "up", Journal: log}, nil); err != nil {
			t.Fatal(err)
		}
		after := snapshot(t, s.client)
		refused := errors.New("closed")
		down := Job{Keyspace: k, To: "1.0.0", ID: "down", Unlogged: true, Hold: func(context.Context) error { return refused }}
		if _, err := st.Undo(ctx, l, down, log, nil); !errors.Is(err, refused) || !maps.Equal(snapshot(t, s.client), after) {
			t.Fatalf("held: %v", err)
		}
		down.Hold = nil
		if _, err := st.Undo(ctx, l, down, log, nil); err != nil || !maps.Equal(snapshot(t, s.client), before) {
			t.Errorf("released: %v", err)
		}
	})
}
