package bench

import (
	"context"
	"fmt"
)

// Growth compares the peak memory of a lane at two sizes of the store.
type Growth struct {
	Lane  string   `json:"lane"`
	Title string   `json:"title"`
	Keys  [2]int   `json:"keys"`
	Peak  [2]int64 `json:"peakBytes"`
	Ratio float64  `json:"ratio"`
	Target
}

// The sizes between which memory is to stay flat, and what counts as flat: the same, but for what a garbage collector
// happens to hold.
var memorySizes = [2]int{100_000, 2_000_000}

const memoryMost = 1.25

// compareMemory runs every lane of ours at both sizes, once.
func (r *rig) compareMemory(ctx context.Context, tell func(string)) (Result, error) {
	version, err := r.version(ctx)
	out := Result{Redis: version, Keys: memorySizes[1], Workers: r.options.Workers, Rounds: 1}
	if err != nil {
		return out, err
	}
	for _, l := range chosen(r.options.Only) {
		if l.base == "" || l.whole == "" && l.result != nil {
			continue // a baseline
		}
		g := Growth{Lane: l.name, Title: l.group + ": " + l.title, Keys: memorySizes}
		for i, keys := range memorySizes {
			r.options.Keys = keys
			m, err := r.measure(ctx, l)
			if err != nil {
				return out, fmt.Errorf("%s: %w", l.name, err)
			}
			g.Peak[i] = m.whole.Peak
			tell(fmt.Sprintf("%-12s %9s keys: %s MB", l.name, thousands(float64(keys)), megabytes(m.whole.Peak)))
		}
		if g.Peak[0] > 0 {
			g.Ratio = float64(g.Peak[1]) / float64(g.Peak[0])
		}
		g.Target = Target{fmt.Sprintf("≤ %.2f ×", memoryMost), g.Ratio > 0 && g.Ratio <= memoryMost}
		out.Memory = append(out.Memory, g)
	}
	return out, nil
}
