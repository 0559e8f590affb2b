package keyspace

import (
	"time"

	"keyshift.dev/state"
)

// Forecast says how much a step works on, and about how long it takes: a figure for people, right to a factor of two
// on a server with nothing else to do, and too small beside heavy traffic.
type Forecast struct {
	Units  int64 `json:"units"`           // that the step reads or writes
	Bytes  int64 `json:"bytes,omitempty"` // of memory that they take, by a sample; 0 if none was drawn
	Millis int64 `json:"millis"`
}

// Duration is how long it takes.
func (f Forecast) Duration() time.Duration { return time.Duration(f.Millis) * time.Millisecond }

// What one key costs where nothing was measured: microseconds of a server with nothing else to do.
const (
	scanCost  = 1   // of any keyspace, in a pass
	readCost  = 3   // of the keyspace
	writeCost = 6   // that is converted
	roundTrip = 500 // of any step
)

// ForecastPass foresees a step that reads every unit of a keyspace once, as verify and backup do. Stored is how many
// keys the store has.
func ForecastPass(k state.Keyspace, live state.Live, stored int64) Forecast {
	return forecast(k, live, stored, 1, 0)
}

// ForecastRewrite foresees a rewrite: a pass that writes, and the clean one behind it.
func ForecastRewrite(k state.Keyspace, live state.Live, stored int64, to state.Version) Forecast {
	f := forecast(k, live, stored, 2, convertible(live.Counts, to))
	f.Units = convertible(live.Counts, to)
	return f
}

func forecast(k state.Keyspace, live state.Live, stored, passes, writes int64) Forecast {
	f := Forecast{}
	for _, c := range live.Counts {
		f.Units += c.Units
	}
	pass := float64(stored*scanCost+f.Units*readCost) / 1000
	if p := live.Profile; p != nil {
		f.Bytes = p.Bytes.Total
		if p.Elapsed > 0 { // that pass did not rest, and served every keyspace of the store
			pass = float64(p.Elapsed)
		}
	}
	work := float64(passes)*pass + float64(writes*writeCost+roundTrip)/1000
	f.Millis = int64(work / newPace(k.Policy.Throttle).duty)
	return f
}

// convertible counts the units that are of another version and of some.
func convertible(counts []state.Count, to state.Version) (n int64) {
	for _, c := range counts {
		if c.Class != state.Unfit && !c.Class.Has(to) {
			n += c.Units
		}
	}
	return n
}
