package cli

import (
	"fmt"
	"reflect"
	"testing"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
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

// TestStepsAsPlanned: a step that was run is called as it was when it was planned, and what it did as while it ran.
func TestStepsAsPlanned(t *testing.T) {
	for want, r := range map[string]ran{
		"rollout checkout 1.4.0 → 1.5.0, ended":                   {Step: "rollout", Component: "checkout", From: []string{"1.4.0"}, To: "1.5.0", State: "ended"},
		"rewrite session 1.0.0 → 2.0.0, ended, 3 units rewritten": {Step: "rewrite", Keyspace: "session", From: []string{"1.0.0"}, To: "2.0.0", State: "ended", Rewritten: 3},
		"backup session 1.0.0, 2.0.0, ended":                      {Step: "backup", Keyspace: "session", From: []string{"1.0.0", "2.0.0"}, To: "3.0.0", State: "ended"},
		"prune session 1.0.0, ended, 3 units deleted":             {Step: "prune", Keyspace: "session", From: []string{"1.0.0"}, State: "ended", Rewritten: 3},
		"scale checkout to 0, failed, Timeout":                    {Step: "scale", Component: "checkout", From: []string{"1.4.0"}, To: plan.ToZero, State: "failed", Error: "Timeout"},
		"scale checkout back up, not over, or killed":             {Step: "scale", Component: "checkout", From: []string{"1.4.0"}, To: plan.BackUp, State: "started"},
		"verify session, ended":                                   {Step: "verify", Keyspace: "session", State: "ended"},
	} {
		if got := r.step().String() + ", " + r.how(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
