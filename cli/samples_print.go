package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// textSamples puts samples under the steps of a plan as text.
func textSamples(text string, samples []stepSamples) string {
	blocks := strings.Split(text, "\n\n") // one a step
	for _, s := range samples {
		for i, block := range blocks {
			if strings.HasPrefix(block, fmt.Sprintf("%3d. ", s.Step+1)) {
				blocks[i] = strings.TrimSuffix(block, "\n") + s.text()
			}
		}
	}
	return strings.Join(blocks, "\n\n")
}

func (s stepSamples) text() string {
	if len(s.Units) == 0 {
		return "\n     sample none: no unit to convert was among the first keys"
	}
	var b strings.Builder
	for _, u := range s.Units {
		fmt.Fprintf(&b, "\n     sample %s", u.title())
		wide := 0
		for _, c := range u.Changes {
			wide = max(wide, utf8.RuneCountInString(c.Field))
		}
		for _, c := range u.Changes {
			fmt.Fprintf(&b, "\n            %-*s  %s%s", wide, c.Field, c.text(), c.mark())
		}
		fmt.Fprintf(&b, "\n            %s", u.rest())
	}
	return b.String()
}

// title names a unit: `"session:17" of 1.0.0`.
func (u sampleUnit) title() string {
	s := u.Key
	if u.NewKey != "" {
		s += " → " + u.NewKey
	}
	return s + " of " + string(u.From)
}

func (c sampleChange) text() string { return orNothing(c.Before) + " → " + orNothing(c.After) }

func (c sampleChange) mark() string {
	if c.Lossy {
		return "   [lossy]"
	}
	return ""
}

// rest says what is not shown of a unit.
func (u sampleUnit) rest() string {
	parts := []string{fmt.Sprintf("%d unchanged", u.Same)}
	if u.More > 0 {
		parts = append([]string{count(u.More, "more change")}, parts...)
	}
	if u.Logged {
		parts = append(parts, "kept in the undo log")
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// markdownSamples adds samples to a plan as markdown, as far as there is room in a comment.
func markdownSamples(text string, samples []stepSamples) string {
	m := newMarkdown()
	m.limit -= len(text)
	for _, s := range samples {
		var body strings.Builder
		for _, u := range s.Units {
			body.WriteString(mdCode(u.title()) + " " + mdProse(u.rest()) + "\n\n")
			var rows [][]string
			for _, c := range u.Changes {
				rows = append(rows, []string{mdCode(c.Field), mdCode(orNothing(c.Before)), mdCode(orNothing(c.After)), strings.TrimSpace(c.mark())})
			}
			body.WriteString(mdTable([]string{"field", "before", "after", ""}, rows, mostChanges))
		}
		m.section(mdDetails(fmt.Sprintf("Samples of step %d", s.Step+1), body.String()))
	}
	if len(samples) == 0 {
		return text
	}
	return text + "\n" + m.String()
}
