package cli

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

func TestMarkdownEscapes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{mdCode("a|b"), "`a|b`"},
		{mdCode("`"), "`` ` ``"},
		{mdCode("a``b"), "```a``b```"},
		{mdCode("a\nb"), "`a b`"},
		{mdCode(""), ""},
		{mdCell("`a|b`"), "`a\\|b`"},
		{mdCell(`\|`), `\\\|`},
		{mdCell(`\\|`), `\\\|`},
		{mdProse("<b>@ada *x* [l](u)"), "&lt;b&gt;@\u200bada \\*x\\* \\[l\\](u)"},
		{mdDetails("<x>", "body\n"), "<details><summary>&lt;x&gt;</summary>\n\nbody\n\n</details>\n\n"},
		{mdDetails("x", ""), ""},
		{mdTable([]string{"a"}, nil, 3), ""},
		{mdTable([]string{"a", "b"}, [][]string{{"1", "2"}, {"3", "4"}, {"5", "6"}}, 1), "| a | b |\n|---|---|\n| 1 | 2 |\n| … and 2 more |  |\n\n"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Whatever a cell holds, its row has as many cells as the head: a bar after an even number of backslashes ends a cell.
func TestMarkdownCellsStayCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("a|\\`*<\n ")), 0, 12, -1).Draw(t, "text")
		for _, content := range []string{mdCode(text), mdProse(text)} {
			rows := strings.Split(strings.TrimSpace(mdTable([]string{"x", "y"}, [][]string{{content, "z"}}, 9)), "\n")
			if len(rows) != 3 {
				t.Fatalf("%q makes %d lines", content, len(rows))
			}
			bars, slashes := 0, 0
			for _, r := range rows[2] {
				switch {
				case r == '\\':
					slashes++
					continue
				case r == '|' && slashes%2 == 0:
					bars++
				}
				slashes = 0
			}
			if bars != 3 {
				t.Fatalf("%q has %d bars that end a cell, want 3", rows[2], bars)
			}
		}
	})
}

// A report never exceeds what a comment may have, and says what it leaves out.
func TestMarkdownIsBounded(t *testing.T) {
	r := review{System: "big", Head: side{}, Base: side{Revision: "main", Commit: strings.Repeat("a", 40)}, Plan: &plan.Plan{System: "big"}}
	for k := range 300 {
		d := diff.KeyspaceDiff{Keyspace: fmt.Sprintf("k%d", k), Kind: diff.Changed, From: "1.0.0", To: "2.0.0", Versions: []diff.VersionDiff{{Kind: diff.Moved, From: "1.0.0", To: "2.0.0"}}}
		for f := range 100 {
			d.Versions[0].Fields = append(d.Versions[0].Fields, diff.FieldDiff{Kind: diff.FieldAdded, Field: fmt.Sprintf("f%d", f), To: "string"})
			d.Versions[0].Lost = append(d.Versions[0].Lost, state.Loss{Field: fmt.Sprintf("f%d", f), Reason: "gone"})
		}
		for u := range 50 {
			d.Releases = append(d.Releases, diff.ReleaseUse{Component: "c", Release: fmt.Sprint(u)})
		}
		r.Keyspaces = append(r.Keyspaces, keyspaceReview{KeyspaceDiff: d})
		r.Plan.Steps = append(r.Plan.Steps, plan.Step{Kind: plan.Rewrite, Object: d.Keyspace, To: "2.0.0", Reason: "because"})
	}
	text := r.markdown()
	if n := utf8.RuneCountInString(text); n > 65_536 {
		t.Errorf("%d characters", n)
	}
	for _, says := range []string{"**300 keyspaces differ**", "… and 292 more", "… and 70 more", "… and 30 more", "more sections that would make this too long"} {
		if !strings.Contains(text, says) {
			t.Errorf("it does not say %q", says)
		}
	}
	if open, closed := strings.Count(text, "<details>"), strings.Count(text, "</details>"); open != closed {
		t.Errorf("%d details begin and %d end", open, closed)
	}
}
