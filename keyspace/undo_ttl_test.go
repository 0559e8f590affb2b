package keyspace

import (
	"context"
	"testing"
	"time"
)

// TestUndoOfATimeToLiveAlone: a version differs from the one before only by its rule for the time to live. A key that got
// one fits the version before, too, and must lose it all the same; one that the application gave a longer one keeps it.
func TestUndoOfATimeToLiveAlone(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		for kind, seed := range map[string]func(ctx context.Context, key string){
			`type: "string", encoding: "text", #value: =~"^[0-9]+$"`: func(ctx context.Context, key string) { s.client.Set(ctx, key, "1", 0) },
			`type: "hash", #value: {n: int}`:                         func(ctx context.Context, key string) { s.client.HSet(ctx, key, "n", "1") },
		} {
			t.Run(kind, func(t *testing.T) { undoTTL(t, s, kind, seed) })
		}
	})
}

func undoTTL(t *testing.T, s *server, kind string, seed func(ctx context.Context, key string)) {
	ctx := context.Background()
	s.client.FlushAll(ctx)
	k := evaluated(t, `{
		versions: "1.0.0": {keys: "k:<id>", `+kind+`}
		versions: "2.0.0": {keys: "k:<id>", ttl: {min: "1s", max: "24h", set: "1h"}, `+kind+`}
		migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: #old, #down: #new}}`)
	for i := range 4 {
		seed(ctx, kindKey(i))
	}
	s.client.PExpireAt(ctx, kindKey(2), farAhead(2)) // longer than the version takes
	before := everything(t, s.client)
	st, log := open(t, s), &memoryLog{}
	l := acquire(t, st, k.Name)
	o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "there", Journal: log}, nil)
	if err != nil || !o.Clean("2.0.0") || o.Logged == 0 {
		t.Fatalf("%+v, %v", o, err)
	}
	for i := range 4 {
		if left := s.client.PTTL(ctx, kindKey(i)).Val(); left <= 0 || left > time.Hour {
			t.Errorf("%d: %s", i, left)
		}
	}
	s.client.PExpireAt(ctx, kindKey(3), farAhead(3)) // the application's own
	delete(before, kindKey(3))
	for range 2 { // again, as after an interruption
		if _, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0"}, log, nil); err != nil {
			t.Fatal(err)
		}
	}
	after := everything(t, s.client)
	if at := s.client.PExpireTime(ctx, kindKey(3)).Val(); at.Milliseconds() != farAhead(3).UnixMilli() {
		t.Errorf("what the application set: %s", at)
	}
	delete(after, kindKey(3))
	compareMaps(t, before, after)
}
