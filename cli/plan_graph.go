package cli

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// graph is a plan's steps with what each waits for.
type graph struct {
	plan  plan.Plan
	needs [][]int
}

func graphOf(p plan.Plan, want state.Desired) graph { return graph{p, p.Needs(want)} }

// dot is the graph in the language of Graphviz.
func (g graph) dot() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph plan {\n  label=%s\n  rankdir=LR\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"]\n",
		dotString("System "+g.plan.System+", plan "+g.plan.Short()))
	for i, s := range g.plan.Steps {
		fmt.Fprintf(&b, "  s%d [label=%s, tooltip=%s, fillcolor=\"%s\"]\n", i+1, dotString(fmt.Sprintf("%d. %s", i+1, s)), dotString(s.Reason), colour(s.Risk))
	}
	for i, need := range g.needs {
		for _, at := range need {
			fmt.Fprintf(&b, "  s%d -> s%d\n", at+1, i+1)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotString is a string of Graphviz.
func dotString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
}

// colour is what steps of a risk are filled with.
func colour(r diff.Risk) string {
	switch r {
	case diff.RiskNone:
		return "#eef2f5"
	case diff.RiskRollout:
		return "#dceafb"
	case diff.RiskData:
		return "#fdf1cf"
	}
	return "#fbdcd6" // something may be lost, or what several write
}

// Sizes of the picture, in pixels.
const (
	boxHeight  = 48
	boxGap     = 20 // between two boxes of a column
	columnGap  = 56
	margin     = 24
	letter     = 7.4 // about the width of one of the label's
	titleSpace = 40
)

// box is where a step stands.
type box struct{ column, x, y, width int }

// svg is the graph as a picture. A step stands in the first column that is behind all that it waits for; what stands in
// one column may run at the same time.
func (g graph) svg() string {
	boxes, width, height := g.layout()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `  <title>%s</title>`+"\n", escaped("The steps of plan "+g.plan.Short()+" and what each waits for"))
	fmt.Fprintf(&b, `  <rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `  <text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", margin, margin+6, escaped(g.heading()))
	for i, need := range g.needs {
		for _, at := range need {
			b.WriteString(arrow(boxes[at], boxes[i]))
		}
	}
	for i, s := range g.plan.Steps {
		at := boxes[i]
		fmt.Fprintf(&b, `  <g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="#5b6b7a"/>`,
			escaped(s.Reason), at.x, at.y, at.width, boxHeight, colour(s.Risk))
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text><text x="%d" y="%d" fill="#5b6b7a" font-size="11">%s</text></g>`+"\n",
			at.x+10, at.y+20, escaped(fmt.Sprintf("%d. %s", i+1, s)), at.x+10, at.y+37, escaped("risk: "+string(s.Risk)))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (g graph) heading() string {
	if len(g.plan.Steps) == 0 {
		return fmt.Sprintf("System %s: nothing to do", g.plan.System)
	}
	return fmt.Sprintf("System %s, plan %s", g.plan.System, g.plan.Short())
}

// layout places the steps, and returns the size of the picture.
func (g graph) layout() (boxes []box, width, height int) {
	boxes = make([]box, len(g.plan.Steps))
	var widths, filled []int // by column
	for i, need := range g.needs {
		at := &boxes[i]
		for _, n := range need {
			at.column = max(at.column, boxes[n].column+1)
		}
		if at.column == len(widths) {
			widths, filled = append(widths, 0), append(filled, 0)
		}
		label := fmt.Sprintf("%d. %s", i+1, g.plan.Steps[i])
		widths[at.column] = max(widths[at.column], int(letter*float64(len([]rune(label))))+24)
		at.y = margin + titleSpace + filled[at.column]*(boxHeight+boxGap)
		filled[at.column]++
	}
	left := margin
	for column, w := range widths {
		for i := range boxes {
			if boxes[i].column == column {
				boxes[i].x, boxes[i].width = left, w
			}
		}
		left += w + columnGap
	}
	rows := 0
	if len(filled) > 0 {
		rows = slices.Max(filled)
	}
	heading := int(letter*float64(len(g.heading()))) + 2*margin
	return boxes, max(left-columnGap+margin, heading), 2*margin + titleSpace + rows*(boxHeight+boxGap)
}

// arrow is a curve from one step to another that waits for it.
func arrow(from, to box) string {
	x1, y1, x2, y2 := from.x+from.width, from.y+boxHeight/2, to.x, to.y+boxHeight/2
	middle := (x1 + x2) / 2
	return fmt.Sprintf(`  <path d="M%d %d C%d %d %d %d %d %d" fill="none" stroke="#5b6b7a"/><path d="M%d %d l-8 -4 v8 z" fill="#5b6b7a"/>`+"\n",
		x1, y1, middle, y1, middle, y2, x2, y2, x2, y2)
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes all
	return b.String()
}
