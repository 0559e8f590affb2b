package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

type planOptions struct {
	reviewOutput
	connection
	source
	revisions
}

// planned is a plan and what it was made from, for programs.
type planned struct {
	Changes  bool              `json:"changes"`
	Plan     plan.Plan         `json:"plan"`
	Held     []apply.Held      `json:"held,omitempty"` // steps that apply will not begin
	Observed state.Observed    `json:"observed"`
	Errors   state.Diagnostics `json:"errors,omitempty"` // one for each blocked part of the plan
}

func newPlan() *cobra.Command {
	var o planOptions
	c := comparison(&cobra.Command{
		Use:   "plan [DIR]",
		Short: "Show what would change, in which order, and why; change nothing",
		Long: `Plan evaluates the spec in DIR, looks at the cluster and at every key of its stores, and prints the steps that
would bring both to the spec, each with its reason, its risk and its way back. It writes nothing.

With --base it looks at neither: it takes a commit of the local Git repository to be fully applied, and plans from
there to the folder as it is (or to the commit --head) and back. What it prints with -o markdown is made for a pull
request.

Exit code 0: nothing to do; 2: there are changes; 1: an error, or no safe order exists.`,
		Example: "  keyshift plan . --store main=redis://127.0.0.1:6379/0 --no-cluster\n  keyshift plan . --base origin/main -o markdown",
	}, &o.reviewOutput, &o.source, o.run)
	o.connection.bind(c.Flags())
	o.revisions.bind(c.Flags())
	return c
}

func (o *planOptions) run(ctx context.Context, args []string) error {
	switch {
	case o.base != "":
		return o.between(ctx, args)
	case o.head != "":
		return o.fail(trouble(misuse, "--head without --base", "name the commit to plan from, too: --base REV", nil))
	}
	desired, err := o.load(ctx, args)
	if err != nil {
		return o.fail(err)
	}
	edges, release, err := o.connection.open(ctx, desired, &o.output)
	defer release()
	if err != nil {
		return o.fail(err)
	}
	situation, err := apply.Gather(ctx, edges, desired)
	if err != nil {
		return o.fail(o.connection.advise(err))
	}
	return o.print(situation)
}

// print prints the plan of a situation and turns it into an exit code.
func (o *planOptions) print(s apply.Situation) error {
	p := s.Plan()
	held := apply.Holds(s, p)
	switch {
	case o.json():
		result := planned{Changes: len(p.Steps) > 0, Plan: p, Held: held, Observed: s.Have}
		for _, b := range p.Blocked {
			result.Errors = append(result.Errors, blocked(b))
		}
		if err := o.value(result); err != nil {
			return err
		}
	case o.markdown:
		o.printf("%s", livePlanMarkdown(s.Have, p, held))
	default:
		o.printf("%s%s", observed(s.Have), annotated(p, held))
	}
	return o.exit(p)
}

// exit turns a plan that is printed into an exit code.
func (o *planOptions) exit(p plan.Plan) error {
	switch {
	case len(p.Blocked) > 0:
		for _, b := range p.Blocked { // the plan itself says why, and the ways out
			o.complain("%s: no plan (%s)", strings.Join(slices.Concat(b.Components, b.Keyspaces), ", "), b.Code)
		}
		return errReported
	case len(p.Steps) > 0:
		return errChanges
	}
	return nil
}

// annotated is the plan as text, with a line under each step that apply will not begin.
func annotated(p plan.Plan, held []apply.Held) string {
	blocks := strings.Split(p.String(), "\n\n") // one a step
	for _, h := range held {
		for i, block := range blocks {
			if strings.HasPrefix(block, fmt.Sprintf("%3d. ", h.Step+1)) {
				blocks[i] += fmt.Sprintf("\n     held   %s, policy.maxInvalid allows %d: mend or delete them", unfit(h.Unfit), h.Allowed)
			}
		}
	}
	return strings.Join(blocks, "\n\n")
}

func unfit(n int64) string {
	if n == 1 {
		return "1 unit fits no version"
	}
	return fmt.Sprintf("%d units fit no version", n)
}

// observed prints what is there: the releases that run and the units of each class.
func observed(have state.Observed) string {
	var b strings.Builder
	for _, r := range have.Components {
		fmt.Fprintf(&b, "%s runs %s, %d of %d ready\n", r.Component, orNothing(strings.Join(r.Releases, ", ")), r.Ready, r.Desired)
	}
	for _, l := range have.Keyspaces {
		fmt.Fprintf(&b, "%s holds %s\n", l.Keyspace, units(l.Counts))
		for _, s := range l.Samples {
			fmt.Fprintf(&b, "  fits no version: %q: %s\n", s.Key, s.Reason)
		}
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// units prints counts: "1200 units at 1.0.0, 3 that fit no version".
func units(counts []state.Count) string {
	parts := make([]string, len(counts))
	for i, c := range counts {
		if c.Class == state.Unfit {
			parts[i] = fmt.Sprintf("%d that fit no version", c.Units)
			continue
		}
		parts[i] = fmt.Sprintf("%s at %s", count(c.Units, "unit"), strings.ReplaceAll(string(c.Class), "|", " or "))
	}
	return orNothing(strings.Join(parts, ", "))
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
