package reconciler

import (
	"testing"
	"time"
)

// A window that is shorter than the time between two tries must not be missed.
func TestComeAgain(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		until time.Time
		want  time.Duration
	}{
		{"nothing waits", time.Time{}, time.Hour},
		{"it opens later than the next try", now.Add(2 * time.Hour), time.Hour},
		{"it opens before", now.Add(20 * time.Minute), 20 * time.Minute},
		{"it has opened meanwhile", now.Add(-time.Second), soon},
	} {
		if got := comeAgain(time.Hour, c.until, now); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
