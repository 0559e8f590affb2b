package cli

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
)

// twoChains is a plan of two parts that have nothing in common.
func twoChains() graph {
	return graph{
		plan: plan.Plan{System: `a "shop"`, Digest: "sha256:0123456789abcdef", Steps: []plan.Step{
			{Kind: plan.Rollout, Object: "checkout", From: []string{"1.4.0"}, To: "1.5.0", Reason: "a <bridge>", Risk: diff.RiskRollout},
			{Kind: plan.Rewrite, Object: "session", From: []string{"1.0.0"}, To: "2.0.0", Reason: "nobody writes it", Risk: diff.RiskLossy},
			{Kind: plan.Rewrite, Object: "cart", From: []string{"1.0.0"}, To: "2.0.0", Reason: "nobody writes it", Risk: diff.RiskData},
		}},
		needs: [][]int{nil, {0}, nil},
	}
}

func TestPlanAsDot(t *testing.T) {
	want := `digraph plan {
  label="System a \"shop\", plan 0123456789ab"
  rankdir=LR
  node [shape=box, style="rounded,filled", fontname="sans-serif"]
  s1 [label="1. rollout checkout 1.4.0 → 1.5.0", tooltip="a <bridge>", fillcolor="#dceafb"]
  s2 [label="2. rewrite session 1.0.0 → 2.0.0", tooltip="nobody writes it", fillcolor="#fbdcd6"]
  s3 [label="3. rewrite cart 1.0.0 → 2.0.0", tooltip="nobody writes it", fillcolor="#fdf1cf"]
  s1 -> s2
}
`
	if got := twoChains().dot(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPlanAsPicture(t *testing.T) {
	g := twoChains()
	boxes, width, height := g.layout()
	for i, a := range boxes {
		if a.x < 0 || a.y < 0 || a.x+a.width > width || a.y+boxHeight > height {
			t.Errorf("step %d at %+v is not in the picture of %d × %d", i+1, a, width, height)
		}
		for j, b := range boxes[:i] {
			if a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+boxHeight && b.y < a.y+boxHeight {
				t.Errorf("steps %d and %d overlap: %+v, %+v", j+1, i+1, b, a)
			}
		}
		for _, at := range g.needs[i] {
			if boxes[at].x+boxes[at].width >= a.x {
				t.Errorf("step %d is not to the right of step %d, which it waits for", i+1, at+1)
			}
		}
	}
	if boxes[0].column != boxes[2].column {
		t.Errorf("steps 1 and 3 wait for nothing, and stand in columns %d and %d", boxes[0].column, boxes[2].column)
	}
	texts := 0
	for d := xml.NewDecoder(strings.NewReader(g.svg())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "text" {
			texts++
		}
	}
	if texts != 1+2*len(boxes) {
		t.Errorf("%d lines of text, want a heading and two a step", texts)
	}
}

func TestNothingToDoIsDrawn(t *testing.T) {
	if svg := (graph{plan: plan.Plan{System: "shop"}}).svg(); !strings.Contains(svg, "System shop: nothing to do") {
		t.Error(svg)
	}
}
