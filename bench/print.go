package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Print writes the result for people.
func (r Result) Print(w io.Writer) error {
	var b strings.Builder
	alone := ""
	if r.Alone {
		alone = " on a core of its own"
	}
	fmt.Fprintf(&b, "Redis %s%s, ", r.Redis, alone)
	if len(r.Memory) > 0 {
		r.printMemory(&b)
	} else {
		r.printRows(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Result) printRows(b *strings.Builder) {
	fmt.Fprintf(b, "%s keys, %d workers for each baseline, medians of %d rounds\n\n", thousands(float64(r.Keys)), r.Workers, r.Rounds)
	t := table{{"", "keys/s", "×", "server µs", "×", "client µs", "bytes", "peak MB", "script µs", "stall µs", "target", "met"}}
	group := ""
	for _, row := range r.Rows {
		if row.Group != group {
			group = row.Group
			t = append(t, []string{group})
		}
		target, met := judged(row.Targets)
		t = append(t, []string{
			"  " + row.Title, thousands(row.Rate), factor(row.RateRatio), decimal(row.Server), factor(row.ServerRatio), decimal(row.Client),
			thousands(row.Wire), megabytes(row.Peak), thousands(float64(row.Longest)), thousands(float64(row.Stall)), target, met,
		})
	}
	t.print(b)
	if r.Void != "" {
		fmt.Fprintf(b, "\nVOID: %s.\n", r.Void)
	}
}

func (r Result) printMemory(b *strings.Builder) {
	fmt.Fprint(b, "the most that this process had in memory\n\n")
	t := table{{"", "MB at " + thousands(float64(memorySizes[0])), "at " + thousands(float64(memorySizes[1])) + " keys", "×", "target", "met"}}
	for _, g := range r.Memory {
		target, met := judged([]Target{g.Target})
		t = append(t, []string{g.Title, megabytes(g.Peak[0]), megabytes(g.Peak[1]), factor(g.Ratio), target, met})
	}
	t.print(b)
}

// table is lines of cells. Its first column stands to the left, and so do words; numbers stand to the right.
type table [][]string

func (t table) print(b *strings.Builder) {
	widths := make([]int, len(t[0]))
	for _, line := range t {
		for i, cell := range line {
			if len(line) > 1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	words := len(t[0]) - 2 // the last two columns, like the first, hold words
	for _, line := range t {
		var out strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(cell), 0))
			if i == 0 || i >= words {
				out.WriteString(cell + pad + "  ")
			} else {
				out.WriteString(pad + cell + "  ")
			}
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
}

// judged is the last two columns.
func judged(targets []Target) (target, met string) {
	var texts, answers []string
	for _, t := range targets {
		texts, answers = append(texts, t.Text), append(answers, yesNo(t.Met))
	}
	return strings.Join(texts, ", "), strings.Join(answers, ", ")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// unknown stands where a figure is not known.
const unknown = "–"

func factor(f float64) string {
	if f == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", f)
}

func decimal(f float64) string {
	if f == 0 {
		return unknown
	}
	return fmt.Sprintf("%.1f", f)
}

func megabytes(n int64) string {
	if n == 0 {
		return unknown
	}
	return fmt.Sprint(n >> 20)
}

// thousands writes 20000 as 20,000.
func thousands(f float64) string {
	if f == 0 {
		return unknown
	}
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
