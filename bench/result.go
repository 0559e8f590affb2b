package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Result is the table of one run. Figures of two runs say nothing about each other; ratios do.
type Result struct {
	Redis   string   `json:"redis"` // version of the server
	Keys    int      `json:"keys"`
	Workers int      `json:"workers"`
	Rounds  int      `json:"rounds"`
	Alone   bool     `json:"alone"` // the server had a core of its own
	Rows    []Row    `json:"rows,omitempty"`
	Memory  []Growth `json:"memory,omitempty"` // with Options.Memory, instead of Rows

	Void string `json:"void,omitempty"` // why the ratios mean nothing
}

// Row is one lane, or one part of it.
type Row struct {
	Lane  string `json:"lane"`
	Part  string `json:"part"` // write or whole
	Title string `json:"title"`
	Group string `json:"group"`
	Base  string `json:"base,omitempty"` // lane that the ratios refer to
	Figures

	RateRatio   float64  `json:"rateRatio,omitempty"`   // keys/s by those of the base
	ServerRatio float64  `json:"serverRatio,omitempty"` // server CPU a key by that of the base
	Targets     []Target `json:"targets,omitempty"`
}

// Target is what a ratio must be, and whether it is.
type Target struct {
	Text string `json:"target"`
	Met  bool   `json:"met"`
}

// The baseline must be an honest one: its server CPU a key is bounded by that of reading alone.
const (
	honest     = "unsafe"
	floor      = "read"
	honestMost = 2.2
)

// scriptMost is how long a script may keep the server, in microseconds.
const scriptMost = 5000

// table makes the table: medians of the rounds, and of ratios the median of those within each round.
func (r *rig) table(all []lane, runs map[string][]measured) Result {
	out := Result{Keys: r.options.Keys, Workers: r.options.Workers, Rounds: r.options.Rounds}
	for _, l := range all {
		first := newRow(l, runs, measured.first)
		first.judge(l.want)
		out.Rows = append(out.Rows, first)
		if l.whole != "" {
			second := newRow(l, runs, func(m measured) Figures { return m.whole })
			second.Title, second.Part = l.whole, "whole"
			out.Rows = append(out.Rows, second)
		}
	}
	if of, ok := ratio(runs[honest], runs[floor], measured.first, serverCPU); ok && of > honestMost {
		out.Void = fmt.Sprintf("the unsafe pipeline took %.2f × the server CPU of SCAN + HGETALL, and an honest one takes at most %.1f ×; run it on a quieter machine", of, honestMost)
	}
	return out
}

func newRow(l lane, runs map[string][]measured, of func(measured) Figures) Row {
	row := Row{Lane: l.name, Title: l.title, Part: "write", Group: l.group, Base: l.base}
	if l.result == nil {
		row.Part = "whole"
	}
	pick := func(get func(Figures) float64) float64 {
		var all []float64
		for _, m := range runs[l.name] {
			all = append(all, get(of(m)))
		}
		return median(all)
	}
	row.Figures = Figures{
		Rate: pick(speed), Server: pick(serverCPU), Client: pick(func(f Figures) float64 { return f.Client }),
		Wire: pick(func(f Figures) float64 { return f.Wire }), Peak: int64(pick(func(f Figures) float64 { return float64(f.Peak) })),
	}
	for _, m := range runs[l.name] {
		row.Longest, row.Stall = max(row.Longest, of(m).Longest), max(row.Stall, of(m).Stall)
	}
	row.RateRatio, _ = ratio(runs[l.name], runs[l.base], of, speed)
	row.ServerRatio, _ = ratio(runs[l.name], runs[l.base], of, serverCPU)
	return row
}

func speed(f Figures) float64     { return f.Rate }
func serverCPU(f Figures) float64 { return f.Server }

// ratio is the median over the rounds of a figure by the base's in the same round.
func ratio(runs, base []measured, of func(measured) Figures, get func(Figures) float64) (float64, bool) {
	var all []float64
	for i := range min(len(runs), len(base)) {
		if under := get(base[i].whole); under > 0 {
			all = append(all, get(of(runs[i]))/under)
		}
	}
	return median(all), len(all) > 0
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// judge compares the ratios with what they must be.
func (r *Row) judge(want []target) {
	for _, t := range want {
		switch t.of {
		case rate:
			r.Targets = append(r.Targets, Target{fmt.Sprintf("keys/s ≥ %.2f ×", t.bound), r.RateRatio >= t.bound})
		case cpu:
			r.Targets = append(r.Targets, Target{fmt.Sprintf("CPU ≤ %.2f ×", t.bound), r.ServerRatio > 0 && r.ServerRatio <= t.bound})
		case script:
			text := fmt.Sprintf("script ≤ %s µs", thousands(t.bound))
			r.Targets = append(r.Targets, Target{text, r.Longest > 0 && float64(r.Longest) <= t.bound})
		}
	}
}

func (s *server) version(ctx context.Context) (string, error) {
	info, err := s.client.Info(ctx, "server").Result()
	for line := range strings.Lines(info) {
		if version, found := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); found {
			return version, err
		}
	}
	return "", err
}
