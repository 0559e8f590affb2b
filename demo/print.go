package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// printer tells the story in plain lines; it needs no terminal.
type printer struct {
	out      io.Writer
	began    time.Time // of the step that runs
	told     time.Time // of the last line of progress
	chapters int
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p *printer) opening(s *stage) {
	p.line("A service and the data it keeps in Redis move together.\n")
	p.line("  redis    %s on %s", s.server.name, s.server.address)
	p.line("  git      %s", s.git.URL())
	p.line("  cluster  in memory: %s, each goes on working for %s after it is told to go", plural(int64(s.options.Pods), "pod"), s.options.Terminate)
}

func (p *printer) chapter(title string) {
	p.chapters++
	p.line("\n== %d. %s\n", p.chapters, title)
}

func (p *printer) pushed(command, hash, message string) {
	p.line("$ %s    # %s %s", command, hash[:min(len(hash), 7)], message)
}

func (p *printer) populated(o Options, c state.Component) {
	p.line("%s at %s; %s of %s %s work on them from now on.", plural(int64(o.Keys), "session"), V1, plural(int64(o.Pods), "pod"), c.Name, c.Release)
}

// event prints what apply reports.
func (p *printer) event(e apply.Event) {
	switch e.Kind {
	case apply.Planned:
		p.planned(e)
	case apply.Started:
		p.began, p.told = time.Now(), time.Time{}
		p.line("[%d/%d] %s", e.Index+1, len(e.Plan.Steps), e.Step)
	case apply.Progressed:
		p.progress(e)
	case apply.Ended:
		p.ended(e)
	case apply.Failed:
		p.line("      failed: %v", e.Err)
	case apply.Superseded:
		p.line("      stopped, to plan again: %v", e.Err)
	}
}

func (p *printer) planned(e apply.Event) {
	for _, l := range e.Have.Keyspaces {
		p.line("\nLive now: %s %s", l.Keyspace, counts(l.Counts))
	}
	p.line("\n%s\n", strings.TrimRight(indent(e.Plan.String()), " \n"))
}

func (p *printer) progress(e apply.Event) {
	if time.Since(p.told) < 500*time.Millisecond {
		return
	}
	p.told = time.Now()
	if r := e.Rollout; r != nil {
		p.line("      %5.1fs  %d of %d new pods ready, %d old (%d terminating)", p.seconds(), r.Ready, r.Desired, r.Old, r.Terminating)
	}
	if r := e.Rewrite; r != nil && e.Step.Kind == plan.Rewrite {
		p.line("      %5.1fs  %s of about %s units read, %s rewritten, %s retried",
			p.seconds(), thousands(r.Scanned), thousands(r.Estimate), thousands(r.Rewritten), plural(r.Conflicts, "conflict"))
	} else if r != nil {
		p.line("      %5.1fs  %s of about %s units read", p.seconds(), thousands(r.Scanned), thousands(r.Estimate))
	}
}

func (p *printer) ended(e apply.Event) {
	switch {
	case e.Outcome == nil:
		p.line("      %5.1fs  done", p.seconds())
	case e.Step.Kind == plan.Rewrite:
		p.line("      %5.1fs  done: %s rewritten, %d gone meanwhile, %s retried; now %s",
			p.seconds(), thousands(e.Outcome.Rewritten), e.Outcome.Gone, plural(e.Outcome.Conflicts, "conflict"), counts(e.Outcome.Counts))
	default:
		p.line("      %5.1fs  done: %s", p.seconds(), counts(e.Outcome.Counts))
	}
}

func (p *printer) seconds() float64 { return time.Since(p.began).Seconds() }

func (p *printer) checked(r Report) {
	p.line("The application compares every key with what it was last told: %s,", held(r.Held))
	p.line("after %s reads and %s acknowledged writes so far: %s, %s.",
		thousands(r.Reads), thousands(r.Writes), plural(r.LostUpdates, "lost update"), plural(r.UnreadableReads, "unreadable read"))
	for _, f := range r.Findings[:min(len(r.Findings), 10)] {
		p.line("  %s", f)
	}
}

func (p *printer) summary(r Result, app Report) {
	p.line("\n== Result\n")
	p.line("  units rewritten    %s by the push, %s brought back by the revert", thousands(r.Rewritten), thousands(r.Restored))
	p.line("  conflicts retried  %d", r.ConflictsRetried)
	p.line("  application        %s reads, %s writes acknowledged (%s created, %s removed), %s refused by its own compare-and-set",
		thousands(app.Reads), thousands(app.Writes), thousands(app.Created), thousands(app.Removed), thousands(app.Refused))
	p.line("  lost updates       %d", r.LostUpdates)
	p.line("  unreadable reads   %d", r.UnreadableReads)
	p.line("  seconds            %.1f", r.Seconds)
	p.line("  redis              %s", r.Store)
}

func counts(cs []state.Count) string {
	if len(cs) == 0 {
		return "no units"
	}
	parts := make([]string, len(cs))
	for i, c := range cs {
		parts[i] = fmt.Sprintf("%s units at %s", thousands(c.Units), c.Class)
	}
	return strings.Join(parts, ", ")
}

func held(hs []Held) string {
	parts := make([]string, len(hs))
	for i, h := range hs {
		parts[i] = fmt.Sprintf("%s values at %s", thousands(h.Units), h.Version)
	}
	return strings.Join(parts, " and ")
}

// plural is a number and its noun: "1 pod", "20,000 sessions".
func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}

// thousands writes 20000 as 20,000.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }
