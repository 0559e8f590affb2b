package keyspace

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"keyshift.dev/state"
)

func TestChangesComeBack(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		st := open(t, s)
		batch := Change{Kind: ChangeBatch, Step: "rewrite", Keyspace: "session", From: []string{"1.0.0", "1.0.0|1.1.0"}, To: "2.0.0",
			Revision: "7f3c", Signer: "Ada <ada@example.org> (PGP 00)", Plan: "sha256:00", Holder: "pod-1",
			Approver: "bob", Approved: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Scanned: 7, Rewritten: 5, Conflicts: 1, Unfit: 2, Gone: 1,
			Counts: []state.Count{{Class: "2.0.0", Units: 5}, {Class: state.Unfit, Units: 2}}}
		failed := Change{Kind: ChangeFailed, Step: "rollout", Component: "checkout", To: "2.0.0", Error: "StoreFull"}
		if err := st.Publish(t.Context(), "shop", []Change{batch, failed}); err != nil {
			t.Fatal(err)
		}
		got, err := st.Changes(t.Context(), "shop", 10)
		if err != nil || len(got) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		failed.Holder = "test" // the store's own
		if !reflect.DeepEqual(got[0].Change, failed) || !reflect.DeepEqual(got[1].Change, batch) {
			t.Errorf("got %+v", got)
		}
		if at := time.UnixMilli(got[0].Unix); time.Since(at).Abs() > time.Hour || got[0].Unix < got[1].Unix {
			t.Errorf("the server's time is %v after %v", at, time.UnixMilli(got[1].Unix))
		}
		if other, err := st.Changes(t.Context(), "other", 10); err != nil || len(other) != 0 {
			t.Errorf("another system has %v, %v", other, err)
		}
	})
}

// TestChangesOfOthers reads over what another program put into the stream.
func TestChangesOfOthers(t *testing.T) {
	s := embedded(t)
	st := open(t, s)
	ctx := t.Context()
	for _, values := range [][]string{{"a", "b"}, {"format", "2", "kind", "started"}, {"format", "1", "kind", "new"}, {"format", "1", "kind", "drift", "counts", "x=y,z", "approved", "yesterday"}} {
		args := []any{"xadd", changesKey("shop"), "*"}
		for _, v := range values {
			args = append(args, v)
		}
		if err := s.client.Do(ctx, args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := st.Changes(ctx, "shop", 10)
	if err != nil || len(got) != 1 || got[0].Kind != ChangeDrift || got[0].Counts != nil || !got[0].Approved.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestOldChanges: what an earlier program wrote, which knew of no signers and approvals, is read as it was.
func TestOldChanges(t *testing.T) {
	s := embedded(t)
	st := open(t, s)
	old := []any{"xadd", changesKey("shop"), "*", "format", "1", "system", "shop", "kind", "ended", "step", "rollout",
		"component", "checkout", "from", "1.4.0", "to", "1.5.0", "revision", "7f3c", "plan", "sha256:00", "holder", "pod-1"}
	if err := s.client.Do(t.Context(), old...).Err(); err != nil {
		t.Fatal(err)
	}
	want := Change{Kind: ChangeEnded, Step: "rollout", Component: "checkout", From: []string{"1.4.0"}, To: "1.5.0", Revision: "7f3c", Plan: "sha256:00", Holder: "pod-1"}
	got, err := st.Changes(t.Context(), "shop", 10)
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0].Change, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestChangesAreCapped(t *testing.T) {
	s := running(t)
	st := open(t, s)
	many := make([]Change, 1000)
	for i := range many {
		many[i] = Change{Kind: ChangeBatch, Step: "rewrite", Keyspace: "session", Rewritten: int64(i)}
	}
	for range 12 {
		if err := st.Publish(t.Context(), "shop", many); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.client.XLen(t.Context(), changesKey("shop")).Val(); n < changesLength || n > changesLength+1000 {
		t.Errorf("the stream has %d entries", n)
	}
	if got, err := st.Changes(t.Context(), "shop", 1); err != nil || got[0].Rewritten != 999 {
		t.Errorf("the last is not there: %v, %v", got, err)
	}
}

func TestPublishDenied(t *testing.T) {
	s := running(t)
	st := open(t, s)
	if err := s.client.Do(t.Context(), "acl", "setuser", "default", "-xadd").Err(); err != nil {
		t.Fatal(err)
	}
	err := st.Publish(t.Context(), "shop", []Change{{Kind: ChangeStarted}})
	if known, ok := errors.AsType[*Error](err); !ok || known.Reason != StoreDenied {
		t.Errorf("got %v", err)
	}
}
