package plan

import (
	"testing"
	"time"
)

// TestHourThatADayLacks: west of Greenwich, too, a window does not open before its hour, and the day before is not taken twice.
func TestHourThatADayLacks(t *testing.T) {
	for _, c := range []struct{ name, windows, at, want string }{
		{"opens an hour early", "system * 02:30-05:00 America/New_York", "2026-03-08T06:45:00Z", "2026-03-08T07:30:00Z"},
		{"is open as any day", "system * 01:45-02:15 America/New_York", "2026-03-08T06:50:00Z", "open"},
		{"east, for comparison", "system * 01:45-02:15 Europe/Berlin", "2026-03-29T00:50:00Z", "open"},
		{"midnight that a day lacks", "system sun 22:00-04:00 America/Santiago", "2026-09-07T04:30:00Z", "open"},            // Mon 01:30
		{"midnight that a day lacks, half past", "system sun 22:00-04:00 America/Santiago", "2026-09-07T03:30:00Z", "open"}, // Mon 00:30
		{"the day itself is searched", "system sun 10:00-11:00 America/Santiago", "2026-09-01T04:30:00Z", "2026-09-06T13:00:00Z"},
		{"second of a repeated hour", "system * 01:00-02:30 Europe/Berlin", "2026-10-25T01:10:00Z", "open"},
		{"the night that begins before the hour is repeated", "system sat 22:00-02:30 Europe/Berlin", "2026-10-25T01:10:00Z", "open"},
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		o, err := OpeningAt(windowsIn(c.windows), at, time.LoadLocation)
		if err != nil {
			t.Fatal(err)
		}
		got := "never"
		switch {
		case o.Open:
			got = "open"
		case !o.Next.IsZero():
			got = o.Next.UTC().Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
