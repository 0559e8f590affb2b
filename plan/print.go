package plan

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// String prints the plan for people.
func (p Plan) String() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

// Print writes the plan for people: what is broken now, each step with its reason, risk and way back, what is
// blocked, and a summary.
func (p Plan) Print(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	return err
}

func (p Plan) write(b *strings.Builder) {
	if len(p.Steps)+len(p.Blocked)+len(p.Broken) == 0 {
		fmt.Fprintf(b, "System %s is as desired. Nothing to do.\n", p.System)
		return
	}
	fmt.Fprintf(b, "System %s\n", p.System)
	if len(p.Broken) > 0 {
		b.WriteString("\nBroken now; no step adds to it:\n")
	}
	for _, v := range p.Broken {
		fmt.Fprintf(b, "  ! %s\n", v)
	}
	for i, s := range p.Steps {
		fmt.Fprintf(b, "\n%3d. %s", i+1, s)
		if s.Risk != diff.RiskNone && s.Risk != diff.RiskRollout {
			fmt.Fprintf(b, "   [%s]", s.Risk)
		}
		b.WriteString("\n")
		s.writeDetails(b)
	}
	for _, x := range p.Blocked {
		fmt.Fprintf(b, "\n  x  %s: %s\n", strings.Join(append(append([]string{}, x.Components...), x.Keyspaces...), ", "), x.Code)
		fmt.Fprintf(b, "     why    %s\n", x.Reason)
		if x.WayOut != "" {
			fmt.Fprintf(b, "     do     %s\n", x.WayOut)
		}
	}
	fmt.Fprintf(b, "\nPlan %s: %s.\n", p.Short(), p.Summary())
}

// String names the step on one line: "rollout checkout 1.4.0 → 1.5.0".
func (s Step) String() string {
	verb := cmp.Or(string(s.Strategy), string(s.Kind))
	switch {
	case s.Kind == Scale && s.To == BackUp:
		return fmt.Sprintf("%s %s back up", verb, s.Object)
	case s.Kind == Scale:
		return fmt.Sprintf("%s %s to %s", verb, s.Object, s.To)
	case s.Kind == Backup, s.Kind == Prune:
		return fmt.Sprintf("%s %s %s", verb, s.Object, strings.Join(s.From, ", "))
	case s.To == "":
		return fmt.Sprintf("%s %s", verb, s.Object)
	case len(s.From) == 0:
		return fmt.Sprintf("%s %s %s", verb, s.Object, s.To)
	}
	return fmt.Sprintf("%s %s %s → %s", verb, s.Object, strings.Join(s.From, ", "), s.To)
}

func (s Step) writeDetails(b *strings.Builder) {
	fmt.Fprintf(b, "     why    %s\n", s.Reason)
	for _, l := range s.Losses {
		fmt.Fprintf(b, "     loses  %s: %s\n", l.Field, l.Reason)
	}
	for _, n := range s.Notes {
		fmt.Fprintf(b, "     risk   %s\n", n)
	}
	if s.Undo != "" {
		fmt.Fprintf(b, "     undo   %s\n", s.Undo)
	}
}

// Short is the first twelve hexadecimal digits of the plan's digest.
func (p Plan) Short() string {
	_, hex, _ := strings.Cut(string(p.Digest), ":")
	return hex[:min(12, len(hex))]
}

// Summary counts the steps of each kind: "2 rollouts, 1 backup, 1 rewrite, 1 verify, 1 lossy".
func (p Plan) Summary() string {
	count := map[string]int{}
	lossy := 0
	for _, s := range p.Steps {
		count[s.counted()]++
		if s.Risk == diff.RiskLossy {
			lossy++
		}
	}
	parts := []string{}
	for _, kind := range []string{string(Rollout), stop, string(Backup), string(Rewrite), string(state.StrategyDrain), string(state.StrategyDiscard), string(Prune), string(Verify), start} {
		if n := count[kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, plural(kind, n)))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing to do")
	}
	if lossy > 0 {
		parts = append(parts, fmt.Sprintf("%d lossy", lossy))
	}
	if n := len(p.Blocked); n > 0 {
		parts = append(parts, fmt.Sprintf("%d blocked", n))
	}
	return strings.Join(parts, ", ")
}

// What the two kinds of scale steps are counted as.
const (
	stop  = "stop"
	start = "start"
)

// counted is the kind of a step in a summary.
func (s Step) counted() string {
	switch {
	case s.Kind == Scale && s.To == BackUp:
		return start
	case s.Kind == Scale:
		return stop
	}
	return cmp.Or(string(s.Strategy), string(s.Kind))
}

func plural(kind string, n int) string {
	if n == 1 {
		return kind
	}
	if kind == string(Verify) {
		return "verifies"
	}
	return kind + "s"
}
