package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
)

// text is the review for a terminal.
func (r review) text() string {
	var b strings.Builder
	if len(r.Keyspaces) == 0 {
		fmt.Fprintf(&b, "%s: no schema differs between %s and %s\n", r.System, r.Base, r.Head)
	} else {
		fmt.Fprintf(&b, "%s: %s between %s and %s\n", r.System, differing(len(r.Keyspaces)), r.Base, r.Head)
	}
	for _, k := range r.Keyspaces {
		fmt.Fprintf(&b, "\n%s %s: %s\n", k.Keyspace, title(k.KeyspaceDiff), strings.Join(headline(k.KeyspaceDiff), ", "))
		k.writeText(&b, r.Plan)
	}
	for _, d := range r.Errors {
		fmt.Fprintf(&b, "\nno plan: %s\n", d)
	}
	if r.Plan != nil && len(r.Plan.Steps)+len(r.Plan.Blocked) > 0 {
		b.WriteString("\nIn this order, from " + r.Base.String() + " fully applied:\n")
		for i, s := range r.Plan.Steps {
			fmt.Fprintf(&b, "%3d. %s%s\n", i+1, s, riskMark(s))
		}
		for _, x := range r.Plan.Blocked {
			fmt.Fprintf(&b, "  x  %s: %s\n     do     %s\n", strings.Join(slices.Concat(x.Components, x.Keyspaces), ", "), x.Reason, x.WayOut)
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func differing(n int) string {
	if n == 1 {
		return "1 keyspace differs"
	}
	return fmt.Sprintf("%d keyspaces differ", n)
}

func riskMark(s plan.Step) string {
	if s.Risk == diff.RiskNone || s.Risk == diff.RiskRollout {
		return ""
	}
	return fmt.Sprintf("   [%s]", s.Risk)
}

func (k keyspaceReview) writeText(b *strings.Builder, p *plan.Plan) {
	writeSettings(b, k.Settings)
	for _, v := range k.Versions {
		if t := versionTitle(v); t != "" {
			fmt.Fprintf(b, "  %s\n", t)
		}
		writeSettings(b, v.Settings)
		w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for _, f := range v.Fields {
			fmt.Fprintf(w, "  %s %s\t%s\t%s\n", fieldSign(f), fieldName(f), fieldTypes(f), fieldNote(f))
		}
		_ = w.Flush() // into memory
		if t := compatibilityText(v); t != "" {
			fmt.Fprintf(b, "  %s: %s\n", compatibilityWord(v.Compatibility), t)
		}
		if t := survival(v); t != "" {
			fmt.Fprintf(b, "  %s\n", t)
		}
		if v.Strategy == "" {
			for _, l := range v.Lost {
				fmt.Fprintf(b, "    there and back loses %s: %s\n", l.Field, l.Reason)
			}
			for _, l := range v.LostBack {
				fmt.Fprintf(b, "    back and there loses %s: %s\n", l.Field, l.Reason)
			}
		}
	}
	if k.Kind == diff.Removed {
		fmt.Fprintf(b, "  %s\n", removedText)
	}
	if e := k.Example; e != nil {
		fmt.Fprintf(b, "  an invented example\n    before  %s\n    after   %s\n    back    %s\n", e.Before, e.After, e.Back)
	}
	for _, m := range k.Migrations {
		fmt.Fprintf(b, "  the migration to %s is another than it was\n", m)
	}
	if len(k.Releases) == 0 {
		return
	}
	b.WriteString("  releases\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, u := range k.Releases {
		fmt.Fprintf(w, "    %s %s\treads %s\twrites %s\t%s\n", u.Component, u.Release, readsText(u, k.KeyspaceDiff), orNothing(string(u.Writes)), roleText(u, p))
	}
	_ = w.Flush() // into memory
}

func writeSettings(b *strings.Builder, settings []diff.Setting) {
	for _, s := range settings {
		if s.From == "" {
			fmt.Fprintf(b, "  + %s %s\n", s.Name, s.To)
			continue
		}
		fmt.Fprintf(b, "  ~ %s %s → %s%s\n", s.Name, s.From, cmp.Or(s.To, "none"), settingNote(s))
	}
}

// settingNote names what a change of a setting is called.
func settingNote(s diff.Setting) string {
	switch s.Name {
	case "keys":
		return " (re-key)"
	case "type", "encoding":
		return " (re-type)"
	}
	return ""
}

func fieldSign(f diff.FieldDiff) string {
	switch f.Kind {
	case diff.FieldAdded:
		return "+"
	case diff.FieldRemoved:
		return "-"
	}
	return "~"
}

func fieldName(f diff.FieldDiff) string {
	if f.Was != "" {
		return f.Was + " → " + f.Field
	}
	return f.Field
}

// fieldTypes is the type of a field, or both where they differ.
func fieldTypes(f diff.FieldDiff) string {
	switch {
	case f.From == "" || f.From == f.To:
		return f.To
	case f.To == "":
		return f.From
	}
	return f.From + " → " + f.To
}

func fieldNote(f diff.FieldDiff) string {
	if f.Kind == diff.FieldAdded || f.Note != "" && f.Kind == diff.FieldRemoved {
		return f.Note
	}
	if f.Note == "" {
		return string(f.Kind)
	}
	return string(f.Kind) + ", " + f.Note
}
