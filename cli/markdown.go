package cli

import (
	"fmt"
	"html"
	"strings"
	"unicode"
)

// markdownLimit bounds a report in bytes. GitHub refuses a comment of more than 65,536 characters.
const markdownLimit = 60_000

// markdown is a report for a comment on a pull request, in GitHub's dialect: headings, tables, lists, and <details>,
// which is the only HTML. What would make it longer than its limit is left out section by section, and counted.
type markdown struct {
	b     strings.Builder
	limit int
	left  int // sections that did not fit
}

func newMarkdown() *markdown { return &markdown{limit: markdownLimit} }

// section adds a part of the report if it still fits.
func (m *markdown) section(text string) {
	if m.left > 0 || m.b.Len()+len(text) > m.limit {
		m.left++
		return
	}
	m.b.WriteString(text)
}

// String is the report; what is left out is told by the last line.
func (m *markdown) String() string {
	s := strings.TrimRight(m.b.String(), "\n") + "\n"
	if m.left > 0 {
		s += fmt.Sprintf("\n… and %s that would make this too long for a comment: see `-o text`.\n", count(m.left, "more section"))
	}
	return s
}

// mdCode is text as it stands: a name, a type, a value of the spec.
func mdCode(text string) string {
	if text = oneLine(text); text == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// mdCell is markdown within a table, where a bar would end the cell, within code too: one with an odd number of
// backslashes before it does not.
func mdCell(text string) string {
	var b strings.Builder
	slashes := 0
	for _, r := range text {
		if r == '|' {
			b.WriteString(`\\`[:1+slashes%2])
		}
		if slashes++; r != '\\' {
			slashes = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

var markdownSpecial = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "#", `\#`, "~", `\~`,
	"!", `\!`, "@", "@\u200b", // nobody is called by what a spec says
)

// mdProse is a sentence that holds names from a spec: nothing of it is markup.
func mdProse(text string) string { return markdownSpecial.Replace(oneLine(text)) }

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// mdTable is a table with a head, bounded in rows. Cells are markdown.
func mdTable(head []string, rows [][]string, most int) string {
	if len(rows) == 0 {
		return ""
	}
	var b strings.Builder
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + mdCell(c) + " ")
		}
		b.WriteString("|\n")
	}
	line(head)
	b.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, r := range rows[:min(most, len(rows))] {
		line(r)
	}
	if n := len(rows) - most; n > 0 {
		line(append([]string{fmt.Sprintf("… and %d more", n)}, make([]string, len(head)-1)...))
	}
	return b.String() + "\n"
}

// mdDetails is a part that unfolds. The body is markdown, the summary plain text.
func mdDetails(summary, body string) string {
	if body == "" {
		return ""
	}
	return "<details><summary>" + html.EscapeString(oneLine(summary)) + "</summary>\n\n" + strings.TrimRight(body, "\n") + "\n\n</details>\n\n"
}
