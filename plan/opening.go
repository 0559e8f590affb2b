package plan

import (
	"fmt"
	"slices"
	"time"

	"keyshift.dev/state"
)

// Opening is when a step that a calendar binds may start. Where it may not now, Next says when.
type Opening struct {
	Open   bool           // now
	Next   time.Time      // from then on; zero if never
	Frozen []state.Freeze // that are on now
	Late   bool           // it could start, were it not expected to take longer than what is left
	Short  bool           // no opening of the year is as long as it is expected to take
}

const (
	// soon is how many days ahead an opening is looked for first: all that a week has, and a day on each side.
	soon = 9
	// searched is how many days ahead it is looked for at most: a year of time zones, and a day on each side.
	searched = 368
)

// Zones knows time zones by their IANA names, UTC by none, as time.LoadLocation does.
type Zones func(name string) (*time.Location, error)

// OpeningAt tells whether at a time a step may start that a calendar binds, and else when it may. Length is how long the
// step is expected to take, 0 if that is not known: it starts where that is left until a window closes or a freeze begins.
// One for which no opening of the year is long enough starts all the same, where half of the longest is left. The error is
// an unknown time zone.
func OpeningAt(c Calendar, at time.Time, length time.Duration, zones Zones) (Opening, error) {
	h, err := newHours(c, zones)
	if err != nil {
		return Opening{}, err
	}
	now := h.open(at)
	if now && length <= 0 {
		return Opening{Open: true}, nil
	}
	o := Opening{Late: now, Frozen: h.frozen(c.Freezes, at)}
	for from, ok := at, true; ok && !o.Open && o.Next.IsZero(); from, ok = h.thaw(from) {
		s, short, found := h.find(from, length)
		if o.Short = short; !found {
			continue
		}
		if s.from.Equal(at) {
			return Opening{Open: true, Short: short}, nil
		}
		o.Next = s.from
	}
	return o, nil
}

// hours is a calendar that can be asked.
type hours struct {
	levels  map[string][]window
	freezes []freeze
}

func newHours(c Calendar, zones Zones) (hours, error) {
	h := hours{levels: map[string][]window{}}
	for _, w := range c.Windows {
		zone, err := zoneOf(w.Zone, zones)
		if err != nil {
			return hours{}, err
		}
		h.levels[w.Level] = append(h.levels[w.Level], window{w.Days, minutes(w.From), minutes(w.To), zone})
	}
	for _, f := range c.Freezes {
		zone, err := zoneOf(f.Zone, zones)
		if err != nil {
			return hours{}, err
		}
		h.freezes = append(h.freezes, freeze{f.From, f.To, zone})
	}
	return h, nil
}

func zoneOf(name string, zones Zones) (*time.Location, error) {
	zone, err := zones(name)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known: %w", name, err)
	}
	return zone, nil
}

// open tells whether a step may start at a time.
func (h hours) open(t time.Time) bool {
	for _, level := range h.levels {
		if !slices.ContainsFunc(level, func(w window) bool { return w.open(t) }) {
			return false
		}
	}
	return !slices.ContainsFunc(h.freezes, func(f freeze) bool { return f.on(t) })
}

// frozen returns which freezes are on at a time, of those that the hours were made of.
func (h hours) frozen(of []state.Freeze, t time.Time) (out []state.Freeze) {
	for i, f := range h.freezes {
		if f.on(t) && !slices.Contains(out, of[i]) {
			out = append(out, of[i])
		}
	}
	return out
}

// thaw returns when the freezes end that are on a year after a time, and whether there are any: if that year has no opening,
// the year after them may have one.
func (h hours) thaw(from time.Time) (end time.Time, ok bool) {
	horizon := from.AddDate(0, 0, searched)
	for _, f := range h.freezes {
		if _, to := f.times(); f.on(horizon) && to.After(end) {
			end, ok = to, true
		}
	}
	return end, ok
}

// stretch is a time in which all windows are open and no freeze is on.
type stretch struct{ from, to time.Time } // to is zero if it does not end

func (s stretch) has(length time.Duration) bool { return s.to.IsZero() || s.to.Sub(s.from) >= length }

// find returns the first stretch from a time on that is long enough, and whether there is any. Short tells that none is:
// then it is the first that has at least half of the longest.
func (h hours) find(from time.Time, length time.Duration) (s stretch, short, found bool) {
	var all []stretch
	for _, days := range []int{soon, searched} {
		all = h.stretches(from, days)
		if i := slices.IndexFunc(all, func(s stretch) bool { return s.has(length) }); i >= 0 {
			return all[i], false, true
		}
	}
	half := time.Duration(0)
	for _, s := range all {
		half = max(half, s.to.Sub(s.from)/2)
	}
	i := slices.IndexFunc(all, func(s stretch) bool { return s.has(half) })
	if i < 0 {
		return stretch{}, false, false
	}
	return all[i], true, true
}

// stretches returns those that begin within some days of a time, in their order, the first cut to what is left at that time.
func (h hours) stretches(from time.Time, days int) (out []stretch) {
	horizon := from.AddDate(0, 0, days)
	open := false
	for _, t := range h.edges(from, days+soon) { // so that the last ends, too
		switch is := h.open(t); {
		case is && !open && t.After(horizon):
			return out
		case is && !open:
			out = append(out, stretch{from: t})
			open = true
		case !is && open:
			out[len(out)-1].to = t
			open = false
		}
	}
	return out
}

// edges returns a time and all after it at which a window opens or closes, within some days, or a freeze begins or ends, in
// any year, sorted.
func (h hours) edges(at time.Time, days int) []time.Time {
	out := []time.Time{at}
	add := func(t time.Time) {
		if t.After(at) {
			out = append(out, t)
		}
	}
	for _, level := range h.levels {
		for _, w := range level {
			for day := -1; day < days; day++ {
				if from, to, ok := w.on(w.day(at, day)); ok {
					add(from)
					add(to)
				}
			}
		}
	}
	for _, f := range h.freezes {
		from, to := f.times()
		add(from)
		add(to)
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// freeze is a state.Freeze that can be asked.
type freeze struct {
	from, to string // days
	zone     *time.Location
}

// on tells whether a day of the freeze is on the calendar on its wall.
func (f freeze) on(t time.Time) bool {
	day := t.In(f.zone).Format(time.DateOnly)
	return f.from <= day && day <= f.to
}

// times returns when the freeze begins and when it has ended.
func (f freeze) times() (from, to time.Time) {
	first, _ := time.Parse(time.DateOnly, f.from) // the schema has checked them
	last, _ := time.Parse(time.DateOnly, f.to)
	return clock(f.zone, first, 0), clock(f.zone, last.AddDate(0, 0, 1), 0)
}
