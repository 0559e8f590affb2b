package apply

import (
	"errors"
	"testing"

	"keyshift.dev/state"
)

func TestSettle(t *testing.T) {
	known := state.Ledger{System: "shop", Identity: "one", Records: []state.Record{{Keyspace: "session", Verified: true, Rewritten: "2.0.0", Pruned: true}}}
	mirror := known
	mirror.Counted = []string{"session"}
	other := known
	other.Identity = "two"
	full := []state.Live{{Keyspace: "session", Counts: []state.Count{{Class: "2.0.0", Units: 3}}}}
	empty := []state.Live{{Keyspace: "session"}}
	cases := []struct {
		name     string
		shelf    shelf
		lives    []state.Live
		adopt    bool
		held     bool
		system   string // of the ledger to go on with; empty: a new one
		identity string
		verified bool
	}{
		{"new", shelf{ledger: state.Ledger{Identity: "one"}}, empty, false, false, "", "one", false},
		{"as before", shelf{stored: known, ledger: known, mirror: mirror}, full, false, false, "shop", "one", true},
		{"as before, all expired", shelf{stored: known, ledger: known, mirror: mirror}, empty, false, false, "shop", "one", true},
		{"mirror lost", shelf{stored: known, ledger: known}, full, false, false, "shop", "one", true},
		{"another store", shelf{stored: other, ledger: other, mirror: mirror}, full, false, true, "", "", false},
		{"another store, adopted", shelf{stored: other, ledger: other, mirror: mirror}, full, true, false, "shop", "", false},
		{"another store without a ledger", shelf{ledger: state.Ledger{Identity: "two"}, mirror: mirror}, full, false, true, "", "", false},
		{"emptied", shelf{ledger: state.Ledger{Identity: "one"}, mirror: mirror}, empty, false, true, "", "", false},
		{"emptied, adopted", shelf{ledger: state.Ledger{Identity: "new"}, mirror: mirror}, empty, true, false, "", "new", false},
		{"ledger evicted", shelf{ledger: state.Ledger{Identity: "one"}, mirror: mirror}, full, false, false, "shop", "one", false},
		{"ledger and identity evicted", shelf{mirror: mirror}, full, false, false, "shop", "one", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.shelf.settle(c.lives, c.adopt)
			if held, ok := errors.AsType[*HoldError](err); c.held {
				if !ok || held.Code != StoreChanged || held.WayOut == "" {
					t.Errorf("not held: %v", err)
				}
				return
			}
			if err != nil || got.System != c.system || got.Identity != c.identity {
				t.Errorf("got %+v, %v", got, err)
			}
			if r := got.Records; len(r) > 0 && (r[0].Pruned != r[0].Verified || (r[0].Rewritten != "") != r[0].Verified) {
				t.Errorf("believed of what is not verified: %+v", r[0])
			}
			if verified := len(got.Records) > 0 && got.Records[0].Verified; verified != c.verified {
				t.Errorf("verified is %t", verified)
			}
		})
	}
	if !mirror.Records[0].Verified {
		t.Error("the mirror's records were changed in place")
	}
}
