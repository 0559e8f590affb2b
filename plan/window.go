package plan

import (
	"slices"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// Calendar is what binds when a step may start: windows, of which one of each level must be open, and freezes, of which none
// may be on.
type Calendar struct {
	Windows []state.Window
	Freezes []state.Freeze
}

// Calendar returns what binds a step: the windows and freezes of the policies of what it bears on, which are for steps of
// its risk. A backup has the risk of the rewrite that it is for; a verify changes nothing, and none binds it. What is done
// while a component of its part is stopped is bound by nothing, nor is that it starts again, or it would be stopped for
// longer: the calendars of all that bind the stop.
func (p Plan) Calendar(want state.Desired, step int) Calendar {
	s := p.Steps[step]
	var all Calendar
	switch {
	case s.Kind == Scale && s.To == BackUp || p.Amid(step):
	case s.Kind == Scale:
		all = calendarOf(want, s)
		more := p.stoppedFor(want, step)
		all = Calendar{slices.Concat(all.Windows, more.Windows), slices.Concat(all.Freezes, more.Freezes)}
	case s.Kind != Verify:
		all = calendarOf(want, s)
	}
	risk := s.Risk
	if next := step + 1; s.Kind == Backup && next < len(p.Steps) {
		risk = p.Steps[next].Risk
	}
	return all.of(risk)
}

// of returns what of a calendar is for steps of a risk.
func (c Calendar) of(risk diff.Risk) Calendar {
	return Calendar{
		slices.DeleteFunc(slices.Clone(c.Windows), func(w state.Window) bool { return !risk.AtLeast(diff.Risk(w.Risk)) }),
		slices.DeleteFunc(slices.Clone(c.Freezes), func(f state.Freeze) bool { return !risk.AtLeast(diff.Risk(f.Risk)) }),
	}
}

// calendarOf returns that of the policy of the object of a step.
func calendarOf(want state.Desired, s Step) Calendar {
	if s.OnComponent() {
		c, _ := want.FindComponent(s.Object)
		return Calendar{c.Policy.Windows, c.Policy.Freezes}
	}
	k, _ := want.FindKeyspace(s.Object)
	return Calendar{k.Policy.Windows, k.Policy.Freezes}
}

// window is a state.Window that can be asked.
type window struct {
	days     []string
	from, to int // minutes of the day
	zone     *time.Location
}

// minutes reads a time of day, which the schema has checked.
func minutes(text string) int {
	t, _ := time.Parse("15:04", text)
	return 60*t.Hour() + t.Minute()
}

// on returns when the window opens on the day of a time, and when it closes then, and whether it opens on that day.
func (w window) on(day time.Time) (from, to time.Time, ok bool) {
	names := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	if len(w.days) > 0 && !slices.Contains(w.days, names[day.Weekday()]) {
		return from, to, false
	}
	end := w.to
	if w.to <= w.from {
		end += 24 * 60
	}
	return clock(w.zone, day, w.from), clock(w.zone, day, end), true
}

// clock returns when the clocks of a zone show so many minutes of a day. What they leave out is as long after
// the hour before as it would be on any day, everywhere: time.Date takes it for before the change in half of the world.
func clock(zone *time.Location, day time.Time, minutes int) time.Time {
	y, m, d := day.Date()
	t := time.Date(y, m, d, 0, minutes, 0, 0, zone)
	_, offset := t.Zone()
	shown := t.Add(time.Duration(offset) * time.Second)
	return t.Add(max(0, time.Date(y, m, d, 0, minutes, 0, 0, time.UTC).Sub(shown)))
}

// open tells whether the window is open: it opened on this day, or on the one before.
func (w window) open(t time.Time) bool {
	for back := range 2 {
		from, to, ok := w.on(w.day(t, -back))
		if ok && !t.Before(from) && t.Before(to) {
			return true
		}
	}
	return false
}

// day returns a time of the day, by the window's zone, that is some days after that of a time. Only its date counts, so it
// is kept where no day lacks an hour.
func (w window) day(t time.Time, after int) time.Time {
	y, m, d := t.In(w.zone).Date()
	return time.Date(y, m, d+after, 0, 0, 0, 0, time.UTC)
}
