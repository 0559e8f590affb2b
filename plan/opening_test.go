package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyshift.dev/state"
)

// freezesIn reads freezes as "from to zone", one a line.
func freezesIn(text string) (out []state.Freeze) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		out = append(out, state.Freeze{From: f[0], To: f[1], Zone: f[2]})
	}
	return out
}

// said tells an opening in one line.
func (o Opening) said() string {
	out := "never"
	switch {
	case o.Open:
		out = "open"
	case !o.Next.IsZero():
		out = o.Next.UTC().Format(time.RFC3339)
	}
	if len(o.Frozen) > 0 {
		out += fmt.Sprintf(" frozen %d", len(o.Frozen))
	}
	if o.Late {
		out += " late"
	}
	if o.Short {
		out += " short"
	}
	return out
}

func TestFreeze(t *testing.T) {
	const night, end = "system * 22:00-04:00 Europe/Berlin", "2026-12-20 2027-01-02 Europe/Berlin"
	for _, c := range []struct{ name, windows, freezes, at, want string }{
		{"before", "", end, "2026-12-19T22:59:59Z", "open"},
		{"from the start of the first day", "", end, "2026-12-19T23:00:00Z", "2027-01-02T23:00:00Z frozen 1"},
		{"to the end of the last", "", end, "2027-01-02T22:59:59Z", "2027-01-02T23:00:00Z frozen 1"},
		{"after", "", end, "2027-01-02T23:00:00Z", "open"},
		{"one day", "", "2026-11-27 2026-11-27 UTC", "2026-11-27T12:00:00Z", "2026-11-28T00:00:00Z frozen 1"},
		{"in a window", night, end, "2026-12-24T22:00:00Z", "2027-01-02T23:00:00Z frozen 1"},
		{"out of a window", night, end, "2026-12-24T12:00:00Z", "2027-01-02T23:00:00Z frozen 1"},
		{"it ends by day", night, "2026-12-20 2027-01-02 Pacific/Honolulu", "2026-12-24T12:00:00Z", "2027-01-03T21:00:00Z frozen 1"},
		{"the window comes in a freeze", "system sun 22:00-23:00 UTC", "2026-12-20 2026-12-20 UTC", "2026-12-19T12:00:00Z", "2026-12-27T22:00:00Z"},
		{"the window is cut by a freeze", night, end, "2026-12-19T23:30:00Z", "2027-01-02T23:00:00Z frozen 1"},
		{"one after the other", "", "2026-12-20 2026-12-24 UTC\n2026-12-25 2027-01-02 UTC", "2026-12-21T00:00:00Z", "2027-01-03T00:00:00Z frozen 1"},
		{"two at once", "", "2026-12-20 2026-12-24 UTC\n2026-12-23 2027-01-02 UTC", "2026-12-23T00:00:00Z", "2027-01-03T00:00:00Z frozen 2"},
		{"the day is that of the zone", "", "2026-12-20 2026-12-20 Pacific/Auckland", "2026-12-19T11:00:00Z", "2026-12-20T11:00:00Z frozen 1"},
		{"a day that has no midnight is the first", "", "2026-09-06 2026-09-06 America/Santiago", "2026-09-06T03:59:59Z", "open"},
		{"a day that has no midnight is frozen", "", "2026-09-06 2026-09-06 America/Santiago", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z frozen 1"},
		{"a day that has no midnight comes after the last", "", "2026-09-05 2026-09-05 America/Santiago", "2026-09-06T03:00:00Z", "2026-09-06T04:00:00Z frozen 1"},
		{"a day that has two comes after the last", "", "2026-10-31 2026-10-31 America/Havana", "2026-10-31T12:00:00Z", "2026-11-01T04:00:00Z frozen 1"},
		{"a day that has two, east of it", "", "2026-10-24 2026-10-24 Atlantic/Azores", "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z frozen 1"},
		{"the last day has an hour twice", "", "2026-04-04 2026-04-04 America/Santiago", "2026-04-05T03:30:00Z", "2026-04-05T04:00:00Z frozen 1"},
		{"for years", night, "2026-01-01 2030-06-30 UTC", "2026-12-01T00:00:00Z", "2030-07-01T00:00:00Z frozen 1"},
		{"for years, and one more", "", "2026-01-01 2030-06-30 UTC\n2030-07-01 2033-01-01 UTC", "2026-12-01T00:00:00Z", "2033-01-02T00:00:00Z frozen 1"},
		{"for years, and no window then", "system * 01:00-02:00 UTC\nkeyspace * 02:00-03:00 UTC", "2026-01-01 2030-06-30 UTC", "2026-12-01T00:00:00Z", "never frozen 1"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		o, err := OpeningAt(Calendar{windowsIn(c.windows), freezesIn(c.freezes)}, at, 0, time.LoadLocation)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.said(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestLength(t *testing.T) {
	const night, week = "system * 22:00-04:00 UTC", "system mon,tue,wed,thu,fri 22:00-00:00 UTC\nsystem sat 20:00-04:00 UTC"
	for _, c := range []struct{ name, windows, freezes, at, length, want string }{
		{"it fits", night, "", "2026-11-28T23:00:00Z", "5h", "open"},
		{"it does not", night, "", "2026-11-28T23:00:01Z", "5h", "2026-11-29T22:00:00Z late"},
		{"closed", night, "", "2026-11-28T12:00:00Z", "5h", "2026-11-28T22:00:00Z"},
		{"no window", "", "", "2026-11-28T12:00:00Z", "5000h", "open"},
		{"the next is too short", week, "", "2026-11-26T12:00:00Z", "3h", "2026-11-28T20:00:00Z"},
		{"this one is too short", week, "", "2026-11-26T22:00:00Z", "3h", "2026-11-28T20:00:00Z late"},
		{"all are too short, and it waits for the beginning of one that is long", week, "", "2026-11-26T12:00:00Z", "9h", "2026-11-28T20:00:00Z short"},
		{"all are too short, and it begins", week, "", "2026-11-28T20:00:10Z", "9h", "open short"},
		{"all are too short, and too little is left", week, "", "2026-11-29T00:00:01Z", "9h", "2026-12-05T20:00:00Z late short"},
		{"windows that touch are one", "system * 22:00-00:00 UTC\nsystem * 00:00-02:00 UTC", "", "2026-11-28T22:00:00Z", "4h", "open"},
		{"windows of two levels have less in common", "system * 22:00-04:00 UTC\nkeyspace * 02:00-06:00 UTC", "", "2026-11-28T23:00:00Z", "2h", "2026-11-29T02:00:00Z"},
		{"a freeze begins before", "", "2026-12-20 2027-01-02 UTC", "2026-12-19T20:00:00Z", "5h", "2027-01-03T00:00:00Z late"},
		{"a freeze begins behind", "", "2026-12-20 2027-01-02 UTC", "2026-12-19T19:00:00Z", "5h", "open"},
		{"always open", "system * 00:00-00:00 UTC", "", "2026-11-28T23:00:00Z", "48h", "open"},
		{"always open, for a month", "system * 00:00-00:00 Europe/Berlin", "", "2026-11-28T23:00:00Z", "720h", "open"},
		{"the night that has an hour more", "system * 01:00-04:00 Europe/Berlin", "", "2026-10-20T12:00:00Z", "4h", "2026-10-24T23:00:00Z"},
		{"the last one before a freeze of a year and more", "system sat 20:00-22:00 UTC", "2026-11-29 2028-06-30 UTC", "2026-11-28T21:30:00Z", "2h", "open short"},
		{"frozen for more than a year, and none is long enough", "system sat 20:00-22:00 UTC", "2026-11-28 2028-06-30 UTC", "2026-11-28T21:30:00Z", "3h", "2028-07-01T20:00:00Z frozen 1 short"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		length, err := time.ParseDuration(c.length)
		if err != nil {
			t.Fatal(err)
		}
		o, err := OpeningAt(Calendar{windowsIn(c.windows), freezesIn(c.freezes)}, at, length, time.LoadLocation)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.said(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

const (
	// cell is a time in which nothing changes in a calendar of the property: its windows open and close at full and half
	// hours, and clocks are half hours apart.
	cell = 30 * time.Minute
	day  = int(24 * time.Hour / cell)
)

// winter begins a time of 110 days in which no clock of the property is put forward or back.
var winter = time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)

// TestOpeningOfCalendars: when a step may start is what reading the clocks on the walls finds, cell by cell.
func TestOpeningOfCalendars(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		at := winter.Add(cell * time.Duration(rapid.IntRange(0, 90*day).Draw(t, "at")))
		c := calendarNear(t, at)
		need := rapid.SampledFrom([]int{0, 0, 1, 2, 4, 7, 12, 24, 100}).Draw(t, "cells")
		o, err := OpeningAt(c, at, cell*time.Duration(need), known)
		if err != nil {
			t.Fatal(err)
		}
		free := make([]bool, 20*day)
		for i := range free {
			x := at.Add(cell * time.Duration(i))
			free[i] = openAt(t, c.Windows, x) && len(frozenAt(c.Freezes, x)) == 0
		}
		if got := o.Frozen; !o.Open && !slices.Equal(got, frozenAt(c.Freezes, at)) {
			t.Fatalf("%v are on, want %v", got, frozenAt(c.Freezes, at))
		}
		checkOpening(t, o, at, left(free), max(1, need))
		seen[strings.ReplaceAll(o.said(), o.Next.UTC().Format(time.RFC3339), "later")]++
	})
	t.Logf("%v", seen)
}

// checkOpening holds an opening against how many cells are left of a stretch, cell by cell.
func checkOpening(t *rapid.T, o Opening, at time.Time, left []int, need int) {
	near := left[:9*day] // their stretches end within what is known, or are long
	next := int(o.Next.Sub(at) / cell)
	if o.Open {
		next = 0
	}
	if o.Late != (near[0] > 0 && !o.Open) {
		t.Fatalf("late: %v, %d cells are left", o.Late, near[0])
	}
	switch first := slices.IndexFunc(near, func(n int) bool { return n >= need }); {
	case first >= 0 && (o.Short || next != first || o.Open != (first == 0)):
		t.Fatalf("%s, want cell %d after %s", o.said(), first, at)
	case first >= 0:
	case !o.Short && (o.Open || !o.Next.IsZero() && next < len(near)):
		t.Fatalf("%s, where %d cells are not left until %s", o.said(), need, at.AddDate(0, 0, 9))
	case o.Short && next < len(near) && 2*near[next] < slices.Max(near):
		t.Fatalf("%s, where %d cells are left, and of another %d", o.said(), near[next], slices.Max(near))
	case !o.Open && o.Next.IsZero() && slices.Max(near) > 0:
		t.Fatalf("never, and it is open within days")
	}
}

// left counts, for each cell, how many from it on are free one after the other.
func left(free []bool) []int {
	out := make([]int, len(free)+1)
	for i, is := range slices.Backward(free) {
		if is {
			out[i] = out[i+1] + 1
		}
	}
	return out
}

// frozenAt reads the calendar on each freeze's wall.
func frozenAt(freezes []state.Freeze, at time.Time) (out []state.Freeze) {
	for _, f := range freezes {
		y, m, d := at.In(zones[f.Zone]).Date()
		today := fmt.Sprintf("%04d-%02d-%02d", y, m, d)
		if f.From <= today && today <= f.To && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// calendarNear draws windows, and freezes within days of a time.
func calendarNear(t *rapid.T, at time.Time) (c Calendar) {
	zone := rapid.SampledFrom([]string{"", "Europe/Berlin", "America/New_York", "Asia/Kolkata"})
	for range rapid.IntRange(0, 3).Draw(t, "windows") {
		clock := rapid.SampledFrom([]string{"00:00", "00:30", "01:00", "02:30", "08:00", "12:00", "22:00", "23:30"})
		c.Windows = append(c.Windows, state.Window{
			Days: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"mon", "tue", "sat", "sun"}), 0, 3, rapid.ID).Draw(t, "days"),
			From: clock.Draw(t, "from"), To: clock.Draw(t, "to"), Zone: zone.Draw(t, "zone"),
			Level: rapid.SampledFrom([]string{"system", "system", "keyspace"}).Draw(t, "level"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "freezes") {
		from := at.AddDate(0, 0, rapid.IntRange(-3, 8).Draw(t, "first"))
		to := from.AddDate(0, 0, rapid.SampledFrom([]int{0, 0, 1, 2, 5, 500}).Draw(t, "more days"))
		c.Freezes = append(c.Freezes, state.Freeze{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly), Zone: zone.Draw(t, "zone")})
	}
	return c
}
