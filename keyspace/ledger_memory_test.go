package keyspace_test

import (
	"reflect"
	"testing"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
	"keyshift.dev/testbed"
)

// TestLedgerIsWhatIsThere: what a store remembers of a ledger never shows in another one, whoever wrote that.
func TestLedgerIsWhatIsThere(t *testing.T) {
	server := testbed.Redis(t)
	open := func() *keyspace.Store {
		s, err := keyspace.Open(t.Context(), keyspace.Options{Store: "main", Address: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	mine, theirs := open(), open()
	read := func(s *keyspace.Store) state.Ledger {
		l, _, err := s.ReadLedger(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	old := state.Ledger{}
	for _, records := range [][]state.Record{
		{{Keyspace: "session", Present: []state.Class{"1.0.0"}, Verified: true, Backup: &state.BackupRecord{To: "2.0.0", Archive: "a"}}},
		{{Keyspace: "session", Present: []state.Class{"1.0.0", "2.0.0"}}},
		nil,
	} {
		next := state.Ledger{Format: state.LedgerFormat, Identity: old.Identity, System: "shop", Records: records}
		if err := mine.WriteLedger(t.Context(), old, next); err != nil {
			t.Fatal(err)
		}
		old = read(mine)
		if other := read(theirs); !reflect.DeepEqual(old, other) || !reflect.DeepEqual(old, read(open())) || !reflect.DeepEqual(old.Records, records) {
			t.Errorf("%+v and %+v, written %+v", old, other, records)
		}
	}
}
