package keyspace

import (
	"context"
	"fmt"
	"testing"

	"keyshift.dev/transform"
)

// TestWhatWasLoggedIsLoggedAgain: an old writer writes a unit again that was converted, with a value that comes back by
// itself and becomes the very same unit. The older pre-image was taken for what it had been.
func TestWhatWasLoggedIsLoggedAgain(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		for _, interrupted := range []bool{false, true} {
			t.Run(fmt.Sprint("interrupted ", interrupted), func(t *testing.T) {
				ctx, st, log := context.Background(), open(t, s), &memoryLog{}
				s.client.FlushAll(ctx)
				k := evaluated(t, `{
					versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, ms: int}}
					versions: "2.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, s: int}}
					migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: s: div(#old.ms, 1000), #down: ms: #new.s * 1000}}`)
				s.client.HSet(ctx, "k:1", "n", 1, "ms", 1234)
				s.client.HSet(ctx, "k:2", "n", 1, "ms", 2000)
				passes := 0
				again := func(Progress) {
					if passes++; passes == 1 {
						s.client.Del(ctx, "k:1")
						s.client.HSet(ctx, "k:1", "n", 1, "ms", 1000)
					}
				}
				l := acquireAgain(t, st, k.Name)
				job := Job{Keyspace: k, To: "2.0.0", ID: "there", Journal: log}
				if interrupted {
					if _, err := st.Rewrite(ctx, l, job, nil); err != nil {
						t.Fatal(err)
					}
					again(Progress{})
					job.Earlier = log
				}
				if o, err := st.Rewrite(ctx, l, job, again); err != nil || !o.Clean("2.0.0") || len(log.images) != 2 {
					t.Errorf("%+v, %v, %d logged", o, err, len(log.images))
				}
				if o, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0", ID: "back"}, log, nil); err != nil || o.Restored != 1 {
					t.Errorf("%+v, %v", o, err)
				}
				if got, want := contents(ctx, s.client, "k:1"), `hash ms="1000" n="1"`; got != want {
					t.Errorf("%s, want %s", got, want)
				}
			})
		}
	})
}

func TestRemembered(t *testing.T) {
	var m remembered
	unit := func(i int) *transform.Unit { return &transform.Unit{Key: fmt.Sprint("k:", i)} }
	if m.has(unit(0)) {
		t.Error("a unit in an empty set")
	}
	const n = 50_000
	for i := range n {
		m.add(unit(i))
	}
	mistaken := 0
	for i := range n {
		if !m.has(unit(i)) {
			t.Fatalf("%d is forgotten", i)
		}
		if m.has(unit(n + i)) {
			mistaken++
		}
	}
	if mistaken > n/1000 {
		t.Errorf("%d of %d are taken for others", mistaken, n)
	}
}
