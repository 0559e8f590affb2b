package keyspace

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestUndoOfATimeToLiveAlone: a version differs from the one before only by its rule for the time to live. A key that got
// one fits the version before, too, and must lose it all the same; one to which the application gave another keeps it.
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
	for i := range 7 {
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
	for i := range 7 {
		if left := s.client.PTTL(ctx, kindKey(i)).Val(); left <= 0 || left > time.Hour {
			t.Errorf("%d: %s", i, left)
		}
	}
	given := s.client.PExpireTime(ctx, kindKey(0)).Val()
	own := map[string]time.Duration{ // the application's: longer, shorter, about the same
		kindKey(3): time.Duration(farAhead(3).UnixMilli()) * time.Millisecond, kindKey(4): given - 30*time.Minute, kindKey(5): given - 2*time.Millisecond,
	}
	for key, at := range own {
		s.client.Do(ctx, "pexpireat", key, at.Milliseconds())
		delete(before, key)
	}
	s.client.Persist(ctx, kindKey(6))
	for range 2 { // again, as after an interruption
		if _, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0"}, log, nil); err != nil {
			t.Fatal(err)
		}
	}
	after := everything(t, s.client)
	for key, want := range own {
		if at := s.client.PExpireTime(ctx, key).Val(); at != want {
			t.Errorf("%s expires at %s, and the application set %s", key, at, want)
		}
		delete(after, key)
	}
	compareMaps(t, before, after)
}

// hooked is a log that does something before it keeps the first pre-images.
type hooked struct {
	memoryLog
	before func()
}

func (h *hooked) Append(ctx context.Context, images []Preimage) error {
	if h.before != nil {
		h.before()
		h.before = nil
	}
	return h.memoryLog.Append(ctx, images)
}

const shortened = `{
	versions: "1.0.0": {keys: "k:<id>", type: "hash", #value: {n: int, legacy: string}}
	versions: "2.0.0": {keys: "k:<id>", ttl: {max: "24h", set: "1s"}, type: "hash", #value: n: int}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["legacy"], #up: {}, #down: legacy: ""}}`

// TestUndoOfATimeToLiveTakenAwayMeanwhile: the application takes the time to live away between the read and the write,
// which gives one then. Undo takes that back, and does not bring back the one that the application did not want.
func TestUndoOfATimeToLiveTakenAwayMeanwhile(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx, st, k := context.Background(), open(t, s), evaluated(t, strings.Replace(shortened, "1s", "1h", 1))
		l := acquire(t, st, k.Name)
		s.client.HSet(ctx, "k:1", "n", 1, "legacy", "x")
		s.client.PExpire(ctx, "k:1", 2*time.Hour)
		log := &hooked{before: func() { s.client.Persist(ctx, "k:1") }}
		if o, err := st.Rewrite(ctx, l, Job{Keyspace: k, To: "2.0.0", ID: "there", Journal: log}, nil); err != nil || o.Rewritten != 1 {
			t.Fatalf("%+v, %v", o, err)
		}
		if left := s.client.PTTL(ctx, "k:1").Val(); left <= 0 || left > time.Hour {
			t.Errorf("given %s", left)
		}
		if o, err := st.Undo(ctx, l, Job{Keyspace: k, To: "1.0.0"}, log, nil); err != nil || o.Restored != 1 {
			t.Errorf("%+v, %v", o, err)
		}
		compareMaps(t, map[string]string{"k:1": `hash legacy="x" n="1"`}, everything(t, s.client))
	})
}

// TestGivenTooLate: a write that comes when much of the time to live that it is to give has passed is decided again, and
// gives a whole one.
func TestGivenTooLate(t *testing.T) {
	s := running(t)
	ctx, st, k := context.Background(), open(t, s), evaluated(t, shortened)
	s.client.HSet(ctx, "k:1", "n", 1, "legacy", "x")
	log := &hooked{before: func() { time.Sleep(700 * time.Millisecond) }}
	o, err := st.Rewrite(ctx, acquire(t, st, k.Name), Job{Keyspace: k, To: "2.0.0", ID: "there", Journal: log}, nil)
	if err != nil || o.Conflicts != 1 || o.Rewritten != 1 || o.Logged != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}
