package cli

import (
	"cmp"
	"fmt"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
)

// The bounds of one keyspace in a comment.
const (
	mostFields   = 30
	mostReleases = 20
	mostListed   = 8 // names in the first line
)

// markdown is the review for a comment on a pull request.
func (r review) markdown() string {
	m := newMarkdown()
	m.section("## Keyshift: schema of " + mdCode(r.System) + "\n\n")
	m.section(r.summary() + "\n\n")
	for _, d := range r.Errors {
		m.section("> [!CAUTION]\n> " + mdProse(d.String()) + "\n\n")
	}
	if r.Plan != nil {
		for _, b := range r.Plan.Blocked {
			m.section(blockedMarkdown(b))
		}
	}
	for _, k := range r.Keyspaces {
		m.section(k.markdown(r.Plan))
	}
	if r.Plan != nil && len(r.Plan.Steps) > 0 {
		m.section("### In this order\n\n")
		bare := *r.Plan
		bare.Blocked = nil
		for _, s := range stepsMarkdown(bare) {
			m.section(s)
		}
		m.section(backMarkdown(r.passage))
	}
	m.section("<sub>Compared " + mdProse(r.Base.String()) + " with " + mdProse(r.Head.String()) + "; no cluster and no Redis was looked at.</sub>\n")
	return m.String()
}

// summary is the first line: what changes, and what a reviewer should look at.
func (r review) summary() string {
	if len(r.Keyspaces) == 0 {
		return "**No schema changes.**"
	}
	var parts []string
	for _, k := range r.Keyspaces[:min(mostListed, len(r.Keyspaces))] {
		words := strings.Join(headline(k.KeyspaceDiff), ", ")
		parts = append(parts, fmt.Sprintf("%s %s (%s)", mdCode(k.Keyspace), title(k.KeyspaceDiff), words))
	}
	if n := len(r.Keyspaces) - mostListed; n > 0 {
		parts = append(parts, fmt.Sprintf("… and %d more", n))
	}
	s := "**" + differing(len(r.Keyspaces)) + "**: " + strings.Join(parts, "; ") + "."
	if r.Plan != nil {
		s += " " + planSummary(*r.Plan)
	}
	return s
}

func (k keyspaceReview) markdown(p *plan.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s %s: %s\n\n", mdCode(k.Keyspace), title(k.KeyspaceDiff), strings.Join(headline(k.KeyspaceDiff), ", "))
	b.WriteString(settingsMarkdown(k.Settings))
	for _, v := range k.Versions {
		b.WriteString(versionMarkdown(v))
	}
	if k.Kind == diff.Removed {
		b.WriteString("- " + removedText + "\n\n")
	}
	if e := k.Example; e != nil {
		body := mdTable([]string{"", "an invented unit"}, [][]string{{"before", mdCode(e.Before)}, {"after", mdCode(e.After)}, {"back again", mdCode(e.Back)}}, 3)
		b.WriteString(mdDetails("An example of what does not survive", body))
	}
	for _, m := range k.Migrations {
		fmt.Fprintf(&b, "The migration to %s is another than it was.\n\n", m)
	}
	var rows [][]string
	for _, u := range k.Releases {
		rows = append(rows, []string{mdCode(u.Component) + " " + mdProse(u.Release), readsText(u, k.KeyspaceDiff), cmp.Or(string(u.Writes), "nothing"), roleText(u, p)})
	}
	if len(rows) > 0 {
		body := mdTable([]string{"release", "reads", "writes", ""}, rows, mostReleases)
		b.WriteString(mdDetails(fmt.Sprintf("%s of this keyspace", count(len(rows), "release")), body))
	}
	return b.String()
}

func versionMarkdown(v diff.VersionDiff) string {
	var b strings.Builder
	if t := versionTitle(v); t != "" {
		b.WriteString("**" + strings.ToUpper(t[:1]) + t[1:] + "**\n\n")
	}
	b.WriteString(settingsMarkdown(v.Settings))
	var rows [][]string
	for _, f := range v.Fields {
		name := mdCode(f.Field)
		if f.Was != "" {
			name = mdCode(f.Was) + " → " + name
		}
		rows = append(rows, []string{string(f.Kind), name, mdCode(f.From), mdCode(f.To), noteMarkdown(f)})
	}
	b.WriteString(mdTable([]string{"", "field", "before", "after", "made by"}, rows, mostFields))
	var says []string
	if t := compatibilityText(v); t != "" {
		says = append(says, "- **"+compatibilityWord(v.Compatibility)+"**: "+t)
	}
	if word, rest, ok := strings.Cut(survival(v), ": "); ok {
		says = append(says, "- **"+word+"**: "+rest)
	} else if word != "" {
		says = append(says, "- **"+word+"**")
	}
	if v.Strategy == "" {
		for _, l := range v.Lost {
			says = append(says, "  - "+mdCode(l.Field)+": "+mdProse(l.Reason))
		}
		for _, l := range v.LostBack {
			says = append(says, "  - on the way back "+mdCode(l.Field)+": "+mdProse(l.Reason))
		}
	}
	if len(says) > mostFields {
		says = append(says[:mostFields], fmt.Sprintf("  - … and %d more", len(says)-mostFields))
	}
	if len(says) > 0 {
		b.WriteString(strings.Join(says, "\n") + "\n\n")
	}
	return b.String()
}

// noteMarkdown says what makes a field: an expression as code, anything else as it is.
func noteMarkdown(f diff.FieldDiff) string {
	for _, words := range []string{"copied from ", "used for ", "made by ", "filled with "} {
		if rest, ok := strings.CutPrefix(f.Note, words); ok {
			return words + mdCode(rest)
		}
	}
	if f.Kind == diff.FieldAdded || f.Kind == diff.FieldRemade || f.Kind == diff.FieldRetyped {
		return mdCode(f.Note)
	}
	return mdProse(f.Note)
}

func settingsMarkdown(settings []diff.Setting) string {
	var b strings.Builder
	for _, s := range settings {
		if s.From == "" {
			fmt.Fprintf(&b, "- %s %s\n", s.Name, mdCode(s.To))
			continue
		}
		fmt.Fprintf(&b, "- %s %s → %s%s\n", mdProse(s.Name), mdCode(s.From), mdCode(cmp.Or(s.To, "none")), settingNote(s))
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}
