package plan

import (
	"fmt"
	"slices"
	"time"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// Windows returns the windows that bind a step: those of the policies of what it bears on, which are for steps of its
// risk. A backup has the risk of the rewrite that it is for; a verify changes nothing, and none binds it. What is done
// while a component is stopped for it is bound by nothing, nor is that it starts again, or it would be stopped for longer:
// the windows of all that bind the stop.
func (p Plan) Windows(want state.Desired, step int) []state.Window {
	s := p.Steps[step]
	var all []state.Window
	switch {
	case s.Kind == Scale && s.To == BackUp || p.amid(want, step):
	case s.Kind == Scale:
		c, _ := want.FindComponent(s.Object)
		all = append(slices.Clone(c.Policy.Windows), p.stoppedFor(want, step)...)
	case s.Kind == Rollout:
		c, _ := want.FindComponent(s.Object)
		all = c.Policy.Windows
	case s.Kind == Backup || s.Kind == Rewrite:
		k, _ := want.FindKeyspace(s.Object)
		all = k.Policy.Windows
	}
	risk := s.Risk
	if next := step + 1; s.Kind == Backup && next < len(p.Steps) {
		risk = p.Steps[next].Risk
	}
	return slices.DeleteFunc(slices.Clone(all), func(w state.Window) bool { return !risk.AtLeast(diff.Risk(w.Risk)) })
}

// Opening is when steps that some windows bind may start.
type Opening struct {
	Open bool      // now
	Next time.Time // if not: from then on; zero if never
}

// searched is how many days ahead an opening is looked for: a year of time zones, and a day on each side.
const searched = 368

// Zones knows time zones by their IANA names, UTC by none, as time.LoadLocation does.
type Zones func(name string) (*time.Location, error)

// OpeningAt tells whether at a time windows are open, one of each level that has any, and else when they will be. The
// error is an unknown time zone.
func OpeningAt(windows []state.Window, at time.Time, zones Zones) (Opening, error) {
	levels := map[string][]window{}
	var all []window
	for _, w := range windows {
		x, err := newWindow(w, zones)
		if err != nil {
			return Opening{}, err
		}
		levels[w.Level] = append(levels[w.Level], x)
		all = append(all, x)
	}
	open := func(t time.Time) bool {
		for _, level := range levels {
			if !slices.ContainsFunc(level, func(w window) bool { return w.open(t) }) {
				return false
			}
		}
		return true
	}
	if open(at) {
		return Opening{Open: true}, nil
	}
	var opens []time.Time // all are open together from the moment on in which the last of them opens
	for _, w := range all {
		for day := range searched {
			if from, _, ok := w.on(w.day(at, day)); ok && from.After(at) {
				opens = append(opens, from)
			}
		}
	}
	slices.SortFunc(opens, time.Time.Compare)
	if i := slices.IndexFunc(opens, open); i >= 0 {
		return Opening{Next: opens[i]}, nil
	}
	return Opening{}, nil
}

// window is a state.Window that can be asked.
type window struct {
	days     []string
	from, to int // minutes of the day
	zone     *time.Location
}

func newWindow(w state.Window, zones Zones) (window, error) {
	zone, err := zones(w.Zone)
	if err != nil {
		return window{}, fmt.Errorf("the time zone %q is not known: %w", w.Zone, err)
	}
	return window{w.Days, minutes(w.From), minutes(w.To), zone}, nil
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
	return w.clock(day, w.from), w.clock(day, end), true
}

// clock returns when the clocks of the window's zone show so many minutes of a day. What they leave out is as long after
// the hour before as it would be on any day, everywhere: time.Date takes it for before the change in half of the world.
func (w window) clock(day time.Time, minutes int) time.Time {
	y, m, d := day.Date()
	t := time.Date(y, m, d, 0, minutes, 0, 0, w.zone)
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
