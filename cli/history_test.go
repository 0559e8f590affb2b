package cli

import (
	"fmt"
	"reflect"
	"testing"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// TestRuns: a start and its end are one run of a step, however often it was begun and by whom, and what else a stream has is
// none.
func TestRuns(t *testing.T) {
	told := func(at int64, kind keyspace.ChangeKind, plan, holder string) keyspace.Told {
		return keyspace.Told{Unix: at, Change: keyspace.Change{Kind: kind, Step: "rewrite", Keyspace: "session", Plan: state.Digest(plan), Holder: holder}}
	}
	var got []string
	for _, r := range runs([]keyspace.Told{ // the newest first
		told(9000, keyspace.ChangeStarted, "c", "two"), // still runs
		told(8000, keyspace.ChangeEnded, "b", "two"),
		told(7500, keyspace.ChangeBatch, "b", "two"),
		told(7000, keyspace.ChangeStarted, "b", "two"),
		told(6000, keyspace.ChangeDrift, "", ""),
		told(5000, keyspace.ChangeStarted, "b", "one"), // was killed
		told(4000, keyspace.ChangeFailed, "a", "one"),  // could not start
		told(3000, keyspace.ChangeSuperseded, "a", "one"),
		told(2000, keyspace.ChangeStarted, "a", "one"),
		told(1000, keyspace.ChangeEnded, "0", "one"), // its start is forgotten
	}) {
		at := [2]int64{}
		if r.StartedAt != nil {
			at[0] = r.StartedAt.UnixMilli()
		}
		if r.EndedAt != nil {
			at[1] = r.EndedAt.UnixMilli()
		}
		got = append(got, fmt.Sprintf("%s %s %s %v", r.Plan, r.State, r.Holder, at))
	}
	want := []string{"c started two [9000 0]", "b ended two [7000 8000]", "b started one [5000 0]", "a failed one [0 4000]",
		"a superseded one [2000 3000]", "0 ended one [0 1000]"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestRanPrune: a prune leads to no version, and deletes.
func TestRanPrune(t *testing.T) {
	r := ranOf(keyspace.Told{Change: keyspace.Change{Kind: keyspace.ChangeEnded, Step: "prune", Keyspace: "session", From: []string{"1.0.0", "2.0.0"}, Rewritten: 40}})
	if r.step() != "prune session 1.0.0, 2.0.0" || r.how() != "ended, 40 units deleted" {
		t.Errorf("%q, %q", r.step(), r.how())
	}
}
