package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/apply"
	"keyshift.dev/diff"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// mostSteps bounds the steps of a plan in a comment.
const mostSteps = 40

// planMarkdown is the plan between two commits for a pull request.
func planMarkdown(base, head side, p passage) string {
	m := newMarkdown()
	m.section("## Keyshift: plan of " + mdCode(p.there.System) + "\n\n")
	m.section(planSummary(p.there) + "\n\n")
	m.section("<sub>" + mdProse(supposed(base, head)) + "</sub>\n\n")
	for _, s := range stepsMarkdown(p.there) {
		m.section(s)
	}
	m.section(backMarkdown(p))
	return m.String()
}

// livePlanMarkdown is the plan from what is live.
func livePlanMarkdown(have state.Observed, p plan.Plan, held []apply.Held, waits []apply.Wait, sizes []apply.Size, checked []apply.Checked) string {
	m := newMarkdown()
	m.section("## Keyshift: plan of " + mdCode(p.System) + "\n\n")
	m.section(planSummary(p) + "\n\n")
	var now strings.Builder
	for line := range strings.Lines(strings.TrimSpace(observed(have))) {
		now.WriteString("- " + mdProse(strings.TrimSpace(line)) + "\n")
	}
	m.section(mdDetails("What is there now", now.String()))
	for _, s := range stepsMarkdown(p) {
		m.section(s)
	}
	for _, s := range sizes {
		m.section(fmt.Sprintf("- step %d: %s\n", s.Step+1, mdProse(sizeText(s))))
	}
	for _, c := range checked {
		for _, f := range append(c.Of(keyspace.FindingHold), c.Of(keyspace.FindingWarn)...) {
			m.section(fmt.Sprintf("- step %d, preflight (%s): %s: %s\n", c.Step+1, f.Level, mdProse(f.Reason), mdProse(f.WayOut)))
		}
	}
	for _, w := range waits {
		m.section(fmt.Sprintf("- step %d would wait, were it to start now: %s\n", w.Step+1, mdProse(w.Why)))
	}
	for _, h := range held {
		m.section(fmt.Sprintf("- step %d is held: %s, `policy.maxInvalid` allows %d\n", h.Step+1, unfit(h.Unfit), h.Allowed))
	}
	return m.String()
}

// planSummary is the first line of a report: how much is to do, and what a reviewer should look at.
func planSummary(p plan.Plan) string {
	if len(p.Steps)+len(p.Blocked) == 0 {
		return "**Nothing to do.**"
	}
	if len(p.Steps) == 0 {
		if slices.ContainsFunc(p.Blocked, func(b plan.Blocked) bool { return b.Code == plan.NoSafeOrder }) {
			return "**No safe order.** Plan " + mdCode(p.Short()) + "."
		}
		return "**Held.** Plan " + mdCode(p.Short()) + "."
	}
	var marks []string
	lossy, mixed, down := 0, 0, 0
	for _, s := range p.Steps {
		switch s.Risk {
		case diff.RiskLossy:
			lossy++
		case diff.RiskMixedWriters:
			mixed++
		case diff.RiskDowntime:
			down++
		}
	}
	if lossy > 0 {
		marks = append(marks, fmt.Sprintf("%d lossy", lossy))
	}
	if mixed > 0 {
		marks = append(marks, fmt.Sprintf("%d with mixed writers", mixed))
	}
	s := "**" + count(len(p.Steps), "step") + "**"
	if down > 0 {
		marks = append(marks, fmt.Sprintf("%d that stop a component", down))
	}
	if len(marks) > 0 {
		s += " (" + strings.Join(marks, ", ") + ")"
	}
	if len(p.Blocked) > 0 {
		s += ", **no safe order** for a part of the system"
	}
	return s + ". Plan " + mdCode(p.Short()) + "."
}

// stepsMarkdown is a plan as sections: what is broken or blocked, a table of steps, what they lose.
func stepsMarkdown(p plan.Plan) []string {
	var out []string
	for _, v := range p.Broken {
		out = append(out, "> [!WARNING]\n> Broken before anything is done: "+mdProse(v.String())+"\n\n")
	}
	for _, b := range p.Blocked {
		out = append(out, blockedMarkdown(b))
	}
	var rows [][]string
	for i, s := range p.Steps {
		rows = append(rows, []string{fmt.Sprint(i + 1), stepMarkdown(s), mdProse(s.Reason)})
	}
	out = append(out, mdTable([]string{"", "step", "why here"}, rows, mostSteps))
	var risks strings.Builder
	for i, s := range p.Steps[:min(mostSteps, len(p.Steps))] {
		for _, l := range s.Losses {
			fmt.Fprintf(&risks, "- step %d loses %s: %s\n", i+1, mdCode(l.Field), mdProse(l.Reason))
		}
		for _, n := range s.Notes {
			fmt.Fprintf(&risks, "- step %d: %s\n", i+1, mdProse(n))
		}
	}
	return append(out, mdDetails("What is at risk", risks.String()))
}

func blockedMarkdown(b plan.Blocked) string {
	var names []string
	for _, n := range append(append([]string{}, b.Components...), b.Keyspaces...) {
		names = append(names, mdCode(n))
	}
	return fmt.Sprintf("> [!CAUTION]\n> **%s** (%s): %s\n>\n> **Way out:** %s\n\n", b.Code, strings.Join(names, ", "), mdProse(b.Reason), mdProse(b.WayOut))
}

// stepMarkdown names a step: rollout `checkout` 1.4.0 → **1.5.0**.
func stepMarkdown(s plan.Step) string {
	text := cmp.Or(string(s.Strategy), string(s.Kind)) + " " + mdCode(s.Object)
	switch {
	case s.Kind == plan.Scale && s.To == plan.BackUp:
		return text + " back up"
	case s.Kind == plan.Scale:
		return text + " to " + mdProse(s.To) + " **" + string(s.Risk) + "**"
	}
	if len(s.From) > 0 {
		text += " " + mdProse(strings.Join(s.From, ", "))
	}
	if len(s.From) > 0 && s.To != "" {
		text += " →"
	}
	if s.To != "" {
		text += " " + mdProse(s.To)
	}
	if s.Risk == diff.RiskLossy || s.Risk == diff.RiskMixedWriters {
		text += " **" + string(s.Risk) + "**"
	}
	return text
}

// backMarkdown is the way back, folded.
func backMarkdown(p passage) string {
	if p.back == nil || len(p.there.Steps) == 0 {
		return ""
	}
	summary := "The way back: " + count(len(p.back.Steps), "step")
	if len(p.back.Blocked) > 0 {
		summary = "The way back: no safe order"
	}
	var b strings.Builder
	for _, s := range stepsMarkdown(*p.back) {
		b.WriteString(strings.ReplaceAll(s, "<details><summary>What is at risk</summary>", "<details><summary>What is at risk on the way back</summary>"))
	}
	return mdDetails(summary, b.String())
}
