package apply

import (
	"strings"
	"testing"
	"time"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// hour is a size of an hour.
func hour(step int) Size { return Size{step, keyspace.Forecast{Millis: 3_600_000}} }

// TestLengthOf: a window has room for a backup and the rewrite behind it, and for all that is done in a stop.
func TestLengthOf(t *testing.T) {
	p := plan.Plan{Steps: []plan.Step{
		{Kind: plan.Rollout, Object: "web"},
		{Kind: plan.Backup, Object: "cart"}, {Kind: plan.Rewrite, Object: "cart"}, {Kind: plan.Verify, Object: "cart"},
		{Kind: plan.Scale, Object: "web", To: plan.ToZero},
		{Kind: plan.Backup, Object: "session"}, {Kind: plan.Rewrite, Object: "session"}, {Kind: plan.Verify, Object: "session"},
		{Kind: plan.Scale, Object: "web", To: plan.BackUp},
		{Kind: plan.Rewrite, Object: "jobs"}, {Kind: plan.Backup, Object: "jobs"}, {Kind: plan.Rewrite, Object: "flags"},
	}}
	var sizes []Size
	for i, s := range p.Steps {
		if !s.OnComponent() {
			sizes = append(sizes, hour(i))
		}
	}
	for i, hours := range []int{0, 2, 1, 1, 3, 2, 1, 1, 0, 1, 1, 1} {
		if got := lengthOf(p, sizes, i); got != time.Duration(hours)*time.Hour {
			t.Errorf("step %d, %s: %s, want %d hours", i+1, p.Steps[i], got, hours)
		}
	}
}

// TestWaitsForLength: what is said of steps that do not fit into their windows.
func TestWaitsForLength(t *testing.T) {
	want := state.Desired{Keyspaces: []state.Keyspace{{Name: "cart", Store: "main"}}}
	k := &want.Keyspaces[0].Policy
	p := plan.Plan{Steps: []plan.Step{{Kind: plan.Backup, Object: "cart"}, {Kind: plan.Rewrite, Object: "cart"}}}
	sizes := []Size{hour(0), hour(1)}
	for _, c := range []struct{ name, from, to, at, why, until string }{
		{"it fits", "01:00", "04:00", "2026-11-28T02:00:00Z", "", ""},
		{"the rewrite does not", "01:00", "04:00", "2026-11-28T02:00:01Z", "it is expected to take 2h0m0s, and less is left of its window; one that is long enough opens Sun 2026-11-29 01:00 UTC", "2026-11-29T01:00:00Z"},
		{"closed, and too short", "01:00", "02:00", "2026-11-28T12:00:00Z", "its window opens Sun 2026-11-29 01:00 UTC, and it will not fit: it is expected to take 2h0m0s, for which none is long enough", "2026-11-29T01:00:00Z"},
		{"begun, and too short: it starts all the same", "01:00", "02:00", "2026-11-29T01:00:05Z", "", ""},
		{"nearly over, and too short", "01:00", "02:00", "2026-11-29T01:50:00Z", "it is expected to take 2h0m0s, for which none of its windows is long enough, and too little is left of this one; it starts all the same in that which opens Mon 2026-11-30 01:00 UTC", "2026-11-30T01:00:00Z"},
		{"frozen, and too short", "01:00", "02:00", "2026-12-24T01:50:00Z", "a freeze is on until the end of 2026-12-24; it may from Fri 2026-12-25 01:00 UTC on, and it will not fit: it is expected to take 2h0m0s, for which none is long enough", "2026-12-25T01:00:00Z"},
	} {
		k.Windows = []state.Window{{From: c.from, To: c.to, Level: "keyspace"}}
		k.Freezes = []state.Freeze{{From: "2026-12-24", To: "2026-12-24"}}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		waits := Waits(want, p, sizes, at)
		if c.why == "" {
			if len(waits) > 0 {
				t.Errorf("%s: %+v", c.name, waits)
			}
			continue
		}
		if len(waits) != 1 || waits[0].Why != c.why || waits[0].Until.Format(time.RFC3339) != c.until {
			t.Errorf("%s: %+v, want that the backup waits until %s: %s", c.name, waits, c.until, c.why)
		}
	}
	k.Windows = []state.Window{{From: "01:00", To: "02:00", Level: "system"}, {From: "03:00", To: "04:00", Level: "keyspace"}}
	k.Freezes = []state.Freeze{{From: "2026-12-24", To: "2026-12-24"}}
	waits := Waits(want, p, sizes, time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC))
	if len(waits) != 1 || !waits[0].Until.IsZero() || !strings.Contains(waits[0].Why, "never open together") || !strings.Contains(waits[0].Why, "a freeze is on until the end of 2026-12-24") {
		t.Errorf("%+v, want that the backup waits for ever", waits)
	}
}
