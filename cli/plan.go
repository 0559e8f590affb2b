package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyshift.dev/apply"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

type planOptions struct {
	reviewOutput
	connection
	source
	revisions
	sampling
	images []apply.ImageCheck // see planned
}

// planned is a plan and what it was made from, for programs.
type planned struct {
	Changes  bool              `json:"changes"`
	Plan     plan.Plan         `json:"plan"`
	Needs    [][]int           `json:"needs"`               // by step: the places of those that it waits for, from 0
	Held     []apply.Held      `json:"held,omitempty"`      // steps that apply will not begin
	Approval *asked            `json:"approval,omitempty"`  // steps that wait for a person
	Waits    []apply.Wait      `json:"waits,omitempty"`     // steps that would wait for a window, were they to start now
	Sizes    []apply.Size      `json:"sizes,omitempty"`     // of the steps on data
	Checked  []apply.Checked   `json:"preflight,omitempty"` // of the rewrites
	Samples  []stepSamples     `json:"samples,omitempty"`   // of the rewrites, where asked for
	Observed state.Observed    `json:"observed"`
	Errors   state.Diagnostics `json:"errors,omitempty"` // one for each blocked part of the plan

	Images []apply.ImageCheck `json:"images,omitempty"` // that a part with a rewrite may need and that are not known to be there
}

func newPlan() *cobra.Command {
	var o planOptions
	o.forms = []string{"dot", "svg"}
	c := comparison(&cobra.Command{
		Use:   "plan [DIR]",
		Short: "Show what would change, in which order, and why; change nothing",
		Long: `Plan evaluates the spec in DIR, looks at the cluster and at every key of its stores, and prints the steps that
would bring both to the spec, each with its reason, its risk and its way back. It writes nothing.

With --base it looks at neither: it takes a commit of the local Git repository to be fully applied, and plans from
there to the folder as it is (or to the commit --head) and back. What it prints with -o markdown is made for a pull
request. With -o dot (for Graphviz) or -o svg it draws which steps wait for which: what bears on nothing in common could
run at the same time.

With --samples it shows real units that a rewrite would convert, before and after: of each value the kind and the length,
unless standard output is a terminal, or --show-values asks for the values themselves.

Exit code 0: nothing to do; 2: there are changes; 1: an error, or no safe order exists.`,
		Example: "  keyshift plan . --store main=redis://127.0.0.1:6379/0 --no-cluster\n  keyshift plan . --base origin/main -o markdown",
	}, &o.reviewOutput, &o.source, o.run)
	o.connection.bind(c.Flags())
	o.revisions.bind(c.Flags())
	o.sampling.bind(c.Flags())
	return c
}

func (o *planOptions) run(ctx context.Context, args []string) error {
	if err := o.sampling.check(o.base != "" || o.other != ""); err != nil {
		return o.fail(err)
	}
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
	checked, err := apply.Preflight(ctx, edges, situation, situation.Plan())
	if err != nil {
		return o.fail(o.connection.advise(err))
	}
	if o.images, err = apply.Images(ctx, edges, situation, situation.Plan()); err != nil {
		return o.fail(err)
	}
	if err := o.sampling.take(ctx, edges, situation, o.out); err != nil {
		return o.fail(o.connection.advise(err))
	}
	return o.print(situation, checked)
}

// print prints the plan of a situation and turns it into an exit code.
func (o *planOptions) print(s apply.Situation, checked []apply.Checked) error {
	p := s.Plan()
	held, sizes, shown := apply.Holds(s, p), apply.Sizes(s, p), withImages(once(s, checked), o.images)
	waits := apply.Waits(s.Want, p, sizes, time.Now())
	switch {
	case o.json():
		result := planned{Changes: len(p.Steps) > 0, Plan: p, Needs: p.Needs(s.Want), Held: held, Approval: asking(p, s.Want), Waits: waits, Sizes: sizes, Checked: checked, Images: o.images, Samples: o.samples, Observed: s.Have}
		for _, b := range p.Blocked {
			result.Errors = append(result.Errors, blocked(b))
		}
		if err := o.value(result); err != nil {
			return err
		}
	case o.markdown:
		o.printf("%s", markdownSamples(livePlanMarkdown(s.Have, p, held, waits, sizes, shown), o.samples))
		if a := asking(p, s.Want); a != nil {
			o.printf("\n**%s**\n", a)
		}
	case o.other != "":
		o.draw(graphOf(p, s.Want))
	default:
		o.printf("%s%s", observed(s.Have), textSamples(annotated(p, held, waits, sizes, shown), o.samples))
		if a := asking(p, s.Want); a != nil {
			o.printf("\n%s\n", a)
		}
	}
	return o.exit(p)
}

// draw prints a graph in the form that is asked for.
func (o *planOptions) draw(g graph) {
	if o.other == "dot" {
		o.printf("%s", g.dot())
		return
	}
	o.printf("%s", g.svg())
}

// once leaves of what preflights warn of only the first that says so of a store: of the same server several rewrites find
// the same.
func once(s apply.Situation, checked []apply.Checked) []apply.Checked {
	type warning struct{ store, reason string }
	told := map[warning]bool{}
	out := slices.Clone(checked)
	for i := range out {
		k, _ := s.Want.FindKeyspace(out[i].Keyspace)
		out[i].Findings = slices.DeleteFunc(slices.Clone(out[i].Findings), func(f keyspace.Finding) bool {
			w := warning{k.Store, f.Reason}
			again := f.Level == keyspace.FindingWarn && told[w]
			told[w] = told[w] || f.Level == keyspace.FindingWarn
			return again
		})
	}
	return out
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

// annotated is the plan as text. Under each step on data it says how much there is to do; under one that apply will
// not begin, or not yet, why; and what a person should know before.
func annotated(p plan.Plan, held []apply.Held, waits []apply.Wait, sizes []apply.Size, checked []apply.Checked) string {
	blocks := strings.Split(p.String(), "\n\n") // one a step
	under := func(step int, line string) {
		for i, block := range blocks {
			if strings.HasPrefix(block, fmt.Sprintf("%3d. ", step+1)) {
				blocks[i] += "\n     " + line
			}
		}
	}
	for _, s := range sizes {
		under(s.Step, "size   "+sizeText(s))
	}
	for _, w := range waits {
		under(w.Step, "waits  were it to start now: "+w.Why)
	}
	for _, h := range held {
		under(h.Step, fmt.Sprintf("held   %s, policy.maxInvalid allows %d: mend or delete them", unfit(h.Unfit), h.Allowed))
	}
	for _, c := range checked {
		for _, f := range c.Of(keyspace.FindingHold) {
			under(c.Step, "held   "+f.Reason+": "+f.WayOut)
		}
		for _, f := range c.Of(keyspace.FindingWarn) {
			under(c.Step, "warn   "+f.Reason+": "+f.WayOut)
		}
	}
	return strings.Join(blocks, "\n\n")
}

// sizeText says how much a step works on: "1200 units, 241.4 KiB, about 2 s".
func sizeText(s apply.Size) string {
	parts := []string{count(s.Units, "unit")}
	if s.Bytes > 0 {
		parts = append(parts, "about "+keyspace.Bytes(s.Bytes)+" in all")
	}
	took := "under a second"
	if d := s.Duration(); d >= time.Second {
		took = "about " + d.Round(time.Second).String()
	}
	return strings.Join(append(parts, took), ", ")
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
			fmt.Fprintf(&b, "  fits no version: %q: %s%s\n", s.Key, s.Reason, shapeText(s.Shape))
		}
	}
	for _, c := range have.Stores {
		if c.Unclaimed > 0 {
			fmt.Fprintf(&b, "store %s also holds %s of no keyspace%s\n", c.Store, count(c.Unclaimed, "key"), prefixesText(c.Prefixes))
		}
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// shapeText adds what a unit looks like to why it does not fit.
func shapeText(shape string) string {
	if shape == "" {
		return ""
	}
	return " (" + shape + ")"
}

// prefixesText names the most frequent prefixes: `: "other:" 12, "tmp:" 3 and 5 more`.
func prefixesText(prefixes []state.Prefix) string {
	const most = 3
	var parts []string
	more := int64(0)
	for _, p := range prefixes {
		if p.Prefix == "" || len(parts) == most {
			more += p.Keys
			continue
		}
		parts = append(parts, fmt.Sprintf("%q %d", p.Prefix, p.Keys))
	}
	if len(parts) == 0 {
		return ""
	}
	text := ": " + strings.Join(parts, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
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
