package cli

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// progress shows the events of a delivery: on a terminal one line a step that is written over as the step goes
// on, elsewhere one line when a step starts and one when it ends, and as JSON one object an event.
type progress struct {
	*output
	live  bool // the output is a terminal
	open  bool // a line stands unfinished
	known state.Digest
	told  map[string]bool // the notes that were given: rewrites of one store have most in common
}

func newProgress(o *output) *progress {
	f, ok := o.out.(*os.File)
	return &progress{output: o, told: map[string]bool{}, live: ok && !o.json() && term.IsTerminal(int(f.Fd()))}
}

// eventLine is an event for programs.
type eventLine struct {
	Kind    apply.EventKind    `json:"kind"`
	Plan    *plan.Plan         `json:"plan,omitempty"`
	Digest  state.Digest       `json:"digest,omitempty"`
	Index   *int               `json:"index,omitempty"`
	Step    string             `json:"step,omitempty"`
	Rewrite *passLine          `json:"rewrite,omitempty"`
	Rollout *cluster.Progress  `json:"rollout,omitempty"`
	Outcome *outcomeLine       `json:"outcome,omitempty"`
	Backup  *apply.BackedUp    `json:"backup,omitempty"`
	Undo    *undoLine          `json:"undo,omitempty"`
	Warned  []keyspace.Finding `json:"preflight,omitempty"`
	After   string             `json:"after,omitempty"`
	Until   time.Time          `json:"until,omitzero"`
	Error   string             `json:"error,omitempty"`
}

// passLine is keyspace.Progress for programs.
type passLine struct {
	Scanned   int64 `json:"scanned"`
	Rewritten int64 `json:"rewritten"`
	Conflicts int64 `json:"conflicts"`
	Unfit     int64 `json:"unfit"`
	Estimate  int64 `json:"estimate"`
}

// outcomeLine is keyspace.Outcome for programs.
type outcomeLine struct {
	Scanned   int64          `json:"scanned"`
	Rewritten int64          `json:"rewritten"`
	Already   int64          `json:"already"`
	Unfit     int64          `json:"unfit"`
	Gone      int64          `json:"gone"`
	Conflicts int64          `json:"conflicts"`
	Logged    int64          `json:"logged,omitempty"`
	Mixed     int64          `json:"mixed,omitempty"`
	Counts    []state.Count  `json:"counts,omitempty"`
	Samples   []state.Sample `json:"samples,omitempty"`
}

// undoLine is keyspace.UndoOutcome for programs.
type undoLine struct {
	Restored   int64          `json:"restored"`
	Merged     int64          `json:"merged"`
	Conflicts  int64          `json:"conflicts"`
	Gone       int64          `json:"gone"`
	Superseded int64          `json:"superseded"`
	Samples    []state.Sample `json:"samples,omitempty"`
}

func (p *progress) event(e apply.Event) {
	if p.json() {
		_ = p.line(lineOf(e)) // a reader that is gone hears nothing
		return
	}
	switch e.Kind {
	case apply.Planned:
		p.planned(e)
	case apply.Started:
		p.put(stepLine(e), !p.live)
	case apply.Progressed:
		if p.live {
			p.put(stepLine(e)+"  "+measure(e), false)
		}
	case apply.Ended:
		p.put(stepLine(e)+"  done"+counted(e), true)
	case apply.Waiting:
		p.put(stepLine(e)+"  waits: "+e.Err.Error(), true)
	case apply.Failed:
		p.put(stepLine(e)+"  failed", true)
	case apply.GivenUp:
		p.end()
		if e.Failure.Back {
			p.note("%s failed; going back to what was applied before", e.Failure)
		}
	case apply.Paused:
		p.put(stepLine(e)+"  "+e.Err.Error(), true)
	case apply.Resumed:
		p.put(stepLine(e)+"  goes on: its gates hold", true)
	case apply.Soaking:
		p.put(stepLine(e)+"  soaking until "+e.Until.Format("15:04:05")+", after "+e.After, true)
	case apply.Preflighted:
		p.warned(e.Preflight.Of(keyspace.FindingWarn))
	case apply.Unpublished, apply.ImagesUnclear:
		p.end()
		p.note("%v", e.Err)
	case apply.Superseded:
		p.put(stepLine(e)+"  stopped: the system moved; planning again", true)
	}
}

// planned prints a plan unless it is what is left of the one before.
func (p *progress) planned(e apply.Event) {
	p.end()
	if len(e.Plan.Steps) == 0 && len(e.Plan.Blocked) == 0 || e.Plan.Digest == p.known {
		return
	}
	p.known = e.Plan.Digest
	p.printf("%s%s\n", observed(e.Have), e.Plan)
}

// warned tells what a person should know before a rewrite, once.
func (p *progress) warned(findings []keyspace.Finding) {
	for _, f := range findings {
		if p.told[f.Reason] {
			continue
		}
		p.told[f.Reason] = true
		p.end()
		p.note("%s: %s", f.Reason, f.WayOut)
	}
}

// put shows a line in place of the unfinished one.
func (p *progress) put(line string, finished bool) {
	if p.live {
		p.printf("\r\x1b[K%s", line)
	} else {
		p.printf("%s", line)
	}
	p.open = !finished
	if finished {
		p.printf("\n")
	}
}

// end finishes a line that is left open.
func (p *progress) end() {
	if p.open {
		p.printf("\n")
		p.open = false
	}
}

func stepLine(e apply.Event) string {
	return fmt.Sprintf("%d/%d %s", e.Index+1, len(e.Plan.Steps), e.Step)
}

// measure says how far a step is: "12000 of about 20000 units, 11800 rewritten, 3 conflicts retried".
func measure(e apply.Event) string {
	var parts []string
	if r := e.Rewrite; r != nil {
		parts = append(parts, fmt.Sprintf("%d of about %s", r.Scanned, count(r.Estimate, "unit")))
		if r.Rewritten > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", r.Rewritten, written(e.Step)))
		}
		if r.Conflicts > 0 {
			parts = append(parts, fmt.Sprintf("%s retried", count(r.Conflicts, "conflict")))
		}
		if r.Unfit > 0 {
			parts = append(parts, fmt.Sprintf("%d fit no version", r.Unfit))
		}
	}
	if r := e.Rollout; r != nil && e.Step.Kind == plan.Scale && e.Step.To == plan.ToZero {
		parts = append(parts, fmt.Sprintf("%s left", count(r.Old, "pod")))
	} else if r != nil {
		parts = append(parts, fmt.Sprintf("%d of %d new pods ready, %d old", r.Ready, r.Desired, r.Old))
	}
	return strings.Join(parts, ", ")
}

// counted says what a backup kept, what a rewrite or a verification found.
func counted(e apply.Event) string {
	if b := e.Backup; b != nil {
		return fmt.Sprintf(": %s in %s", count(b.Keys, "key"), b.Archive)
	}
	o := e.Outcome
	if o == nil {
		return ""
	}
	s := ": " + units(o.Counts)
	if o.Rewritten > 0 {
		s += fmt.Sprintf("; %d %s", o.Rewritten, written(e.Step))
	}
	if o.Mixed > 0 {
		s += fmt.Sprintf(", %d of them mixed two versions", o.Mixed)
	}
	if o.Conflicts > 0 {
		s += fmt.Sprintf(", %s retried", count(o.Conflicts, "conflict"))
	}
	if u := e.Undo; u != nil {
		s += fmt.Sprintf("; %d restored, %d merged, %d in conflict, %d gone, %d superseded", u.Restored, u.Merged, u.Conflicts, u.Gone, u.Superseded)
	}
	if o.Logged > 0 {
		s += fmt.Sprintf(", %d in the undo log", o.Logged)
	}
	return s
}

// written says what a step did to the units that it wrote.
func written(s plan.Step) string {
	if s.Kind == plan.Prune || s.Strategy == state.StrategyDiscard {
		return "deleted"
	}
	return "rewritten"
}

func lineOf(e apply.Event) eventLine {
	l := eventLine{Kind: e.Kind, Rollout: e.Rollout, Backup: e.Backup, After: e.After, Until: e.Until}
	if r := e.Rewrite; r != nil {
		l.Rewrite = &passLine{r.Scanned, r.Rewritten, r.Conflicts, r.Unfit, r.Estimate}
	}
	if u := e.Outcome; u != nil {
		l.Outcome = &outcomeLine{u.Scanned, u.Rewritten, u.Already, u.Unfit, u.Gone, u.Conflicts, u.Logged, u.Mixed, u.Counts, u.Samples}
	}
	if u := e.Undo; u != nil {
		l.Undo = &undoLine{u.Restored, u.Merged, u.Conflicts, u.Gone, u.Superseded, u.Samples}
	}
	if e.Preflight != nil {
		l.Warned = e.Preflight.Of(keyspace.FindingWarn)
	}
	if e.Kind == apply.Planned {
		l.Plan = &e.Plan
	} else {
		l.Digest, l.Index, l.Step = e.Plan.Digest, &e.Index, e.Step.String()
	}
	if e.Err != nil {
		l.Error = e.Err.Error()
	}
	return l
}
