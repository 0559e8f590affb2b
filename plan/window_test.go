package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// windowsIn reads windows as "level days from-to zone", one a line; "*" stands for every day.
func windowsIn(text string) (out []state.Window) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		w := state.Window{Level: f[0], Zone: f[3]}
		if f[1] != "*" {
			w.Days = strings.Split(f[1], ",")
		}
		w.From, w.To, _ = strings.Cut(f[2], "-")
		out = append(out, w)
	}
	return out
}

func TestOpeningAt(t *testing.T) {
	const night = "system * 22:00-04:00 Europe/Berlin"
	for _, c := range []struct{ name, windows, at, want string }{
		{"no window: always", "", "2026-11-28T12:00:00Z", "open"},
		{"before it opens", night, "2026-11-28T12:00:00Z", "2026-11-28T21:00:00Z"},
		{"in it", night, "2026-11-28T21:00:00Z", "open"},
		{"past midnight, as it opened the day before", night, "2026-11-29T02:59:59Z", "open"},
		{"closed", night, "2026-11-29T03:00:00Z", "2026-11-29T21:00:00Z"},
		{"in summer it is an hour earlier", night, "2026-07-01T12:00:00Z", "2026-07-01T20:00:00Z"},
		{"only on some days", "system sat,sun 08:00-09:00 UTC", "2026-11-24T08:30:00Z", "2026-11-28T08:00:00Z"},
		{"opened on a day that it names, past midnight", "system sat 22:00-04:00 UTC", "2026-11-29T03:00:00Z", "open"},
		{"not on the day after", "system sat 22:00-04:00 UTC", "2026-11-30T03:00:00Z", "2026-12-05T22:00:00Z"},
		{"from is to: the whole day", "system mon 00:00-00:00 UTC", "2026-11-30T23:59:00Z", "open"},
		{"one of a level is enough", "system * 01:00-02:00 UTC\nsystem * 05:00-06:00 UTC", "2026-11-28T05:30:00Z", "open"},
		{"each level needs one", "system * 01:00-03:00 UTC\nkeyspace * 02:00-04:00 UTC", "2026-11-28T01:30:00Z", "2026-11-28T02:00:00Z"},
		{"never together", "system * 01:00-02:00 UTC\nkeyspace * 02:00-03:00 UTC", "2026-11-28T01:30:00Z", "never"},
		{"together only while one has summer time and the other not", "system * 01:00-02:00 Europe/Berlin\nkeyspace * 20:00-20:30 America/New_York", "2026-11-28T00:00:00Z", "2027-03-15T00:00:00Z"},
		{"an hour that a day lacks is the next one", "system * 02:30-02:45 Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"},
		{"opens an hour early", "system * 02:30-05:00 America/New_York", "2026-03-08T06:45:00Z", "2026-03-08T07:30:00Z"},
		{"is open as any day", "system * 01:45-02:15 America/New_York", "2026-03-08T06:50:00Z", "open"},
		{"east, for comparison", "system * 01:45-02:15 Europe/Berlin", "2026-03-29T00:50:00Z", "open"},
		{"midnight that a day lacks", "system sun 22:00-04:00 America/Santiago", "2026-09-07T04:30:00Z", "open"},            // Mon 01:30
		{"midnight that a day lacks, half past", "system sun 22:00-04:00 America/Santiago", "2026-09-07T03:30:00Z", "open"}, // Mon 00:30
		{"the day itself is searched", "system sun 10:00-11:00 America/Santiago", "2026-09-01T04:30:00Z", "2026-09-06T13:00:00Z"},
		{"second of a repeated hour", "system * 01:00-02:30 Europe/Berlin", "2026-10-25T01:10:00Z", "open"},
		{"the night that begins before the hour is repeated", "system sat 22:00-02:30 Europe/Berlin", "2026-10-25T01:10:00Z", "open"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		o, err := OpeningAt(Calendar{Windows: windowsIn(c.windows)}, at, 0, time.LoadLocation)
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
	for _, c := range []Calendar{{Windows: []state.Window{{From: "01:00", To: "02:00", Zone: "Mars/North"}}}, {Freezes: []state.Freeze{{From: "2026-01-01", To: "2026-01-01", Zone: "Mars/North"}}}} {
		if _, err := OpeningAt(c, time.Unix(0, 0), 0, time.LoadLocation); err == nil {
			t.Error("a zone that nobody knows is known")
		}
	}
}

// TestOpeningIsTheNext: at the next opening windows are open, and from now to then they never are.
func TestOpeningIsTheNext(t *testing.T) {
	never := 0
	rapid.Check(t, func(t *rapid.T) {
		var windows []state.Window
		for range rapid.IntRange(1, 4).Draw(t, "windows") {
			time := rapid.SampledFrom([]string{"00:00", "00:30", "01:00", "02:30", "08:00", "12:00", "22:00", "23:30"})
			windows = append(windows, state.Window{
				Days: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"mon", "tue", "sat", "sun"}), 0, 3, rapid.ID).Draw(t, "days"),
				From: time.Draw(t, "from"), To: time.Draw(t, "to"), Level: rapid.SampledFrom([]string{"system", "keyspace"}).Draw(t, "level"),
				Zone: rapid.SampledFrom([]string{"", "Europe/Berlin", "America/New_York", "Asia/Kolkata"}).Draw(t, "zone"),
			})
		}
		at := time.Unix(1_790_000_000+60*rapid.Int64Range(0, 365*24*60).Draw(t, "at"), 0).UTC()
		o, err := OpeningAt(Calendar{Windows: windows}, at, 0, known)
		if err != nil {
			t.Fatal(err)
		}
		until := o.Next
		switch {
		case o.Open:
			return
		case o.Next.IsZero():
			never++
			until = at.AddDate(0, 0, 9)
		default:
			if there, _ := OpeningAt(Calendar{Windows: windows}, o.Next, 0, known); !there.Open {
				t.Fatalf("not open at %s", o.Next)
			}
		}
		for x := at; x.Before(until); x = x.Add(15 * time.Minute) {
			if !changing(windows, x) && openAt(t, windows, x) {
				t.Fatalf("open at %s already, the next is said to be %s", x, o.Next)
			}
		}
	})
	t.Logf("%d combinations are never open", never)
}

// openAt reads the clock on each window's wall.
func openAt(t *rapid.T, windows []state.Window, at time.Time) bool {
	open := map[string]bool{}
	for _, w := range windows {
		zone := zones[w.Zone]
		now, day := at.In(zone), strings.ToLower(at.In(zone).Format("Mon"))
		yesterday := strings.ToLower(now.AddDate(0, 0, -1).Format("Mon"))
		clock := now.Format("15:04")
		on := func(day string) bool { return len(w.Days) == 0 || slices.Contains(w.Days, day) }
		is := on(day) && clock >= w.From && (clock < w.To || w.To <= w.From) || on(yesterday) && w.To <= w.From && clock < w.To
		open[w.Level] = open[w.Level] || is
	}
	for _, is := range open {
		if !is {
			return false
		}
	}
	return true
}

// changing tells whether a clock is put forward or back within a day of a time: an hour that it shows twice, or not at all,
// is not to be read from it.
func changing(windows []state.Window, at time.Time) bool {
	return slices.ContainsFunc(windows, func(w state.Window) bool {
		_, before := at.Add(-24 * time.Hour).In(zones[w.Zone]).Zone()
		_, after := at.Add(24 * time.Hour).In(zones[w.Zone]).Zone()
		return before != after
	})
}

func known(name string) (*time.Location, error) { return zones[name], nil }

// zones are those of the property, read once.
var zones = func() map[string]*time.Location {
	out := map[string]*time.Location{}
	for _, name := range []string{"", "Europe/Berlin", "America/New_York", "Asia/Kolkata"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		out[name] = zone
	}
	return out
}()

// A stop is bound by the windows of all that is done while it lasts, and nothing of that waits for one.
func TestWindowsOfAStop(t *testing.T) {
	want := shop()
	want.Keyspaces[0].Policy = state.Policy{Strategy: state.StrategyStop, Windows: []state.Window{{From: "01:00", To: "02:00", Level: "keyspace"}}}
	want.Components[0].Policy.Windows = []state.Window{{From: "03:00", To: "04:00", Level: "component"}, {From: "05:00", To: "06:00", Risk: "downtime"}}
	steps := []Step{
		{Kind: Scale, Object: "checkout", To: ToZero, Risk: diff.RiskDowntime},
		{Kind: Backup, Object: "session"},
		{Kind: Rewrite, Object: "session", Risk: diff.RiskLossy},
		{Kind: Rollout, Object: "checkout", Risk: diff.RiskRollout},
		{Kind: Scale, Object: "checkout", To: BackUp, Risk: diff.RiskNone},
		{Kind: Rollout, Object: "checkout", Risk: diff.RiskRollout},
	}
	for _, c := range []struct {
		steps []Step
		bound []int
	}{
		{steps, []int{3, 0, 0, 0, 0, 1}},
		{steps[1:], []int{0, 0, 0, 0, 1}}, // it is stopped already
		{steps[:3], []int{2, 1, 1}},       // nothing starts it again
	} {
		for i, n := range c.bound {
			if got := (Plan{Steps: c.steps}).Calendar(want, i); len(got.Windows) != n {
				t.Errorf("%s of %v: %d windows, want %d", c.steps[i], c.steps, len(got.Windows), n)
			}
		}
	}
	for _, w := range (Plan{Steps: steps}).Calendar(want, 0).Windows {
		if w.From == "01:00" && w.Level == "keyspace" {
			t.Error("the window of the keyspace stands for the component's")
		}
	}
	want.Keyspaces[0].Policy.Freezes = []state.Freeze{{From: "2026-12-20", To: "2026-12-24"}}
	for i, n := range []int{1, 0, 0, 0, 0, 0} {
		if got := (Plan{Steps: steps}).Calendar(want, i).Freezes; len(got) != n {
			t.Errorf("%s: %d freezes, want %d: that of the keyspace binds the stop", steps[i], len(got), n)
		}
	}
}

func TestWindowsOfSteps(t *testing.T) {
	want := shop()
	all, lossy, data := state.Window{From: "01:00", To: "02:00"}, state.Window{From: "03:00", To: "04:00", Risk: "lossy"}, state.Window{From: "05:00", To: "06:00", Risk: "data"}
	want.Keyspaces[0].Policy.Windows = []state.Window{all, lossy, data}
	want.Components[0].Policy.Windows = []state.Window{all, data}
	want.Keyspaces[0].Policy.Freezes = []state.Freeze{{}, {Risk: "lossy"}, {Risk: "data"}}
	want.Components[0].Policy.Freezes = []state.Freeze{{}, {Risk: "data"}}
	p := Plan{Steps: []Step{
		{Kind: Rollout, Object: "checkout", Risk: diff.RiskRollout},
		{Kind: Rollout, Object: "checkout", Risk: diff.RiskMixedWriters},
		{Kind: Backup, Object: "session", Risk: diff.RiskNone},
		{Kind: Rewrite, Object: "session", Risk: diff.RiskLossy},
		{Kind: Verify, Object: "session", Risk: diff.RiskNone},
		{Kind: Rewrite, Object: "session", Risk: diff.RiskData},
		{Kind: Rewrite, Object: "session", Risk: diff.RiskNone, Strategy: state.StrategyDrain},
	}}
	for i, n := range []int{1, 2, 3, 3, 0, 2, 1} {
		got := p.Calendar(want, i)
		if len(got.Windows) != n || len(got.Freezes) != n {
			t.Errorf("step %d, %s of risk %s: %d windows, %d freezes, want %d", i+1, p.Steps[i].Kind, p.Steps[i].Risk, len(got.Windows), len(got.Freezes), n)
		}
	}
}
