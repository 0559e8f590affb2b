package keyspace

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"keyshift.dev/state"
)

func ledger(system string, k ...state.Keyspace) state.Ledger {
	return state.Ledger{Format: state.LedgerFormat, System: system, Catalogue: state.Desired{System: system, Keyspaces: k}}
}

func TestLedger(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		ctx := context.Background()
		st := open(t, s)
		if _, ok, err := st.ReadLedger(ctx, "shop"); ok || err != nil {
			t.Fatalf("an empty store has a ledger: %v", err)
		}
		if err := st.WriteLedger(ctx, state.Ledger{}, ledger("shop", sessions())); err != nil {
			t.Fatal(err)
		}
		one, ok, err := st.ReadLedger(ctx, "shop")
		if err != nil || !ok || one.Identity == "" || !reflect.DeepEqual(one.Catalogue.Keyspaces, ledger("shop", sessions()).Catalogue.Keyspaces) {
			t.Fatalf("%v, %v: %+v", ok, err, one)
		}
		if id, err := st.Identity(ctx); err != nil || id != one.Identity {
			t.Errorf("identity %q, %v; the ledger says %q", id, err, one.Identity)
		}
		two := one
		two.Records = []state.Record{{Keyspace: "session", Verified: true}}
		for i := range 2000 { // large enough to be compressed
			two.Records = append(two.Records, state.Record{Keyspace: fmt.Sprint("k", i), Present: []state.Class{"1.0.0"}})
		}
		if err := st.WriteLedger(ctx, one, two); err != nil {
			t.Fatal(err)
		}
		if raw := s.client.Get(ctx, ledgerKey("shop")).Val(); strings.HasPrefix(raw, "{") || len(raw) > packAbove {
			t.Errorf("a large ledger is kept as %d bytes", len(raw))
		}
		if got, _, err := st.ReadLedger(ctx, "shop"); err != nil || !reflect.DeepEqual(got, two) {
			t.Errorf("read %+v, %v", got, err)
		}
		for name, old := range map[string]state.Ledger{"an older one": one, "none": {}} {
			if err := st.WriteLedger(ctx, old, one); !errors.Is(err, ErrLedgerMoved) {
				t.Errorf("writing after %s: %v", name, err)
			}
		}
		if err := st.WriteLedger(ctx, two, one); err != nil {
			t.Errorf("writing after the one that is there: %v", err)
		}
	})
}

func TestLedgerOfAnotherStore(t *testing.T) {
	s := embedded(t)
	ctx := context.Background()
	st := open(t, s)
	if err := st.WriteLedger(ctx, state.Ledger{}, ledger("shop")); err != nil {
		t.Fatal(err)
	}
	was, _, err := st.ReadLedger(ctx, "shop")
	if err != nil {
		t.Fatal(err)
	}
	s.client.Set(ctx, identityKey, "another", 0)
	_, _, err = st.ReadLedger(ctx, "shop")
	wantReason(t, err, StoreChanged)
	wantReason(t, st.WriteLedger(ctx, was, was), StoreChanged)
	s.client.Set(ctx, identityKey, was.Identity, 0)
	s.client.Set(ctx, ledgerKey("shop"), `{"format":99,"system":"shop","catalogue":7}`, 0)
	_, _, err = st.ReadLedger(ctx, "shop")
	wantReason(t, err, LedgerTooNew)
	s.client.Set(ctx, ledgerKey("shop"), "garbage", 0)
	_, _, err = st.ReadLedger(ctx, "shop")
	wantReason(t, err, LedgerUnreadable)
	s.client.FlushDB(ctx)
	wantReason(t, st.WriteLedger(ctx, state.Ledger{}, was), StoreChanged)
}

func TestOwner(t *testing.T) {
	s := embedded(t)
	ctx := context.Background()
	theirs := openWith(t, Options{Store: "cache", Address: s.url})
	k := sessions()
	k.Store = "cache"
	elsewhere := carts() // of another store of theirs
	if err := theirs.WriteLedger(ctx, state.Ledger{}, ledger("billing", k, elsewhere)); err != nil {
		t.Fatal(err)
	}
	st := open(t, s)
	mine := sessions()
	mine.Shapes = []state.Shape{{Version: "1.0.0", Keys: "session:<a>"}}
	e := wantReason(t, st.CheckOwner(ctx, "shop", []state.Keyspace{mine}), StoreOwned)
	if !strings.Contains(e.Error(), `"billing"`) {
		t.Error(e)
	}
	if err := st.CheckOwner(ctx, "billing", []state.Keyspace{mine}); err != nil {
		t.Errorf("its own: %v", err)
	}
	if err := st.CheckOwner(ctx, "shop", []state.Keyspace{carts()}); err != nil {
		t.Errorf("keys that they have elsewhere: %v", err)
	}
	if all, err := st.ReadLedgers(ctx); err != nil || len(all) != 1 || all[0].System != "billing" {
		t.Errorf("%v, %v", all, err)
	}
}
