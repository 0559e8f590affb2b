package apply

import (
	"fmt"
	"strings"
	"time"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// whyClosed says for people why a step may not start, and from when on it may.
func whyClosed(c plan.Calendar, o plan.Opening, length time.Duration) string {
	if o.Next.IsZero() {
		return never(c, o)
	}
	next := o.Next.In(calendarZone(c)).Format("Mon 2006-01-02 15:04 MST")
	long := length.Round(time.Second).String()
	switch {
	case o.Short && o.Late:
		return fmt.Sprintf("it is expected to take %s, for which none of its windows is long enough, and too little is left of this one; it starts all the same in that which opens %s", long, next)
	case o.Late:
		return fmt.Sprintf("it is expected to take %s, and less is left of its window; one that is long enough opens %s", long, next)
	}
	why := "its window opens " + next
	if len(o.Frozen) > 0 {
		why = fmt.Sprintf("%s; it may from %s on", frozen(o.Frozen), next)
	}
	if o.Short {
		why += fmt.Sprintf(", and it will not fit: it is expected to take %s, for which none is long enough", long)
	}
	return why
}

// never says for people why a step may not start at all.
func never(c plan.Calendar, o plan.Opening) string {
	if len(c.Freezes) == 0 {
		return "no two of the windows that bind it are ever open together"
	}
	why := "the windows that bind it are never open together while no freeze is on"
	if len(o.Frozen) > 0 {
		why = frozen(o.Frozen) + ", and " + why
	}
	return why
}

// frozen says which freezes are on, until when and why.
func frozen(freezes []state.Freeze) string {
	var parts []string
	for _, f := range freezes {
		part := "a freeze is on until the end of " + f.To
		if f.Reason != "" {
			part += " (" + f.Reason + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// calendarZone is the time zone in which a person may have thought of a calendar: that of its first window, else freeze.
func calendarZone(c plan.Calendar) *time.Location {
	name := ""
	switch {
	case len(c.Windows) > 0:
		name = c.Windows[0].Zone
	case len(c.Freezes) > 0:
		name = c.Freezes[0].Zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
