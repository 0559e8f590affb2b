package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

type vetOptions struct {
	output
	source
	previous
	sarif   bool
	verbose bool
}

func newVet() *cobra.Command {
	var o vetOptions
	c := specCommand(&cobra.Command{
		Use:   "vet [DIR]",
		Short: "Check the spec in a folder, without a cluster or a Redis",
		Long: `Vet evaluates the CUE package in DIR and checks everything that can be known without a cluster or a Redis:
that versions can be told apart, that every version has a path to the desired one, that migrations carry or
drop every field both ways, that no two keyspaces overlap, and that the spec's own tests hold.

With --base it takes a commit of the local Git repository to be applied, and checks what only that shows, too: that
no applied version is another than it was, and that there is a safe order from there to the spec.

Exit code 0: nothing is wrong, though there may be warnings; 1: an error.`,
		Example: "  keyshift vet .\n  keyshift vet examples/shop -o json\n  keyshift vet --base origin/main -o sarif > keyshift.sarif",
	}, &o.output, &o.source, o.run)
	o.previous.bind(c.Flags())
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "print CUE's own words, too")
	o.extend(c)
	return c
}

// extend lets vet print SARIF.
func (o *vetOptions) extend(c *cobra.Command) {
	c.Flags().Lookup("output").Usage = "form of the result: text, json or sarif"
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if o.format == "sarif" {
			o.sarif, o.format = true, "json"
		}
		return run(c, args)
	}
}

// findings is what vet found, at places as people see them.
type findings struct {
	Errors   state.Diagnostics `json:"errors"`
	Warnings state.Diagnostics `json:"warnings,omitempty"`
}

func (o *vetOptions) run(ctx context.Context, args []string) error {
	desired, found, err := o.check(ctx, args)
	if err != nil {
		found.Errors = diagnose(err)
	}
	if !o.verbose {
		found = found.withoutRaw()
	}
	switch {
	case o.sarif:
		err = o.value(sarif(found, o.location))
	case o.json():
		err = o.value(found)
	default:
		o.print(found, err)
		err = nil
	}
	if err != nil {
		return err
	}
	if len(found.Errors) > 0 {
		return errReported
	}
	o.printf("%s: %s: ok\n", desired.System, inventory(desired))
	return nil
}

// check evaluates the spec and makes all checks. An error is what is wrong; warnings are what need not be mended.
func (o *vetOptions) check(ctx context.Context, args []string) (state.Desired, findings, error) {
	none := findings{Errors: state.Diagnostics{}}
	desired, err := o.load(ctx, args)
	if err != nil {
		return desired, none, err
	}
	warnings, err := o.against(ctx, &o.source, desired)
	err = errors.Join(o.place(vetTests(desired)), o.place(err))
	if all := append(desired.Warnings, warnings...); len(all) > 0 {
		none.Warnings = diagnose(o.place(all.Sorted()))
	}
	return desired, none, err
}

// print prints findings as text: errors as every command does, each warning as one line.
func (o *vetOptions) print(found findings, err error) {
	if err != nil {
		_, _ = io.WriteString(o.err, plain(err)) // a reader that is gone hears nothing
	}
	for _, w := range found.Warnings {
		_, _ = fmt.Fprintf(o.err, "warning: %s\n", w)
	}
	for _, d := range found.Errors {
		for line := range strings.Lines(d.Raw) {
			_, _ = fmt.Fprintf(o.err, "\tcue: %s\n", strings.TrimRight(line, "\n"))
		}
	}
}

// withoutRaw leaves out CUE's own words.
func (f findings) withoutRaw() findings {
	out := findings{Errors: slices.Clone(f.Errors), Warnings: f.Warnings}
	for i := range out.Errors {
		out.Errors[i].Raw = ""
	}
	return out
}

// vetTests compiles every keyspace and runs its tests; what fails is a diagnostic at the test.
func vetTests(d state.Desired) error {
	var ds state.Diagnostics
	for _, k := range d.Keyspaces {
		if _, err := transform.Compile(k); err != nil {
			ds = append(ds, compileProblem(k, err)...)
			continue
		}
		for _, t := range k.Tests {
			if err := transform.RunTest(k, t); err != nil {
				ds = append(ds, testProblem(k, t, err))
			}
		}
	}
	return ds.Sorted().Err()
}

func testProblem(k state.Keyspace, t state.Test, err error) state.Diagnostic {
	message := err.Error()
	var difference *transform.Difference
	if errors.As(err, &difference) {
		message = difference.What + ": " + strings.Join(difference.Lines, ", ")
	}
	return state.Diagnostic{
		Code: "test-failed", Pos: t.Pos, Path: testPath(k, t), Message: strings.Join(strings.Fields(message), " "),
		Hint: "mend the migration or the test; `keyshift test` shows the difference",
	}
}

func compileProblem(k state.Keyspace, err error) state.Diagnostics {
	var ds state.Diagnostics
	if errors.As(err, &ds) {
		return ds
	}
	return state.Diagnostics{{Code: "not-compiled", Pos: k.Pos, Path: "system.keyspaces." + k.Name, Message: err.Error()}}
}

// testPath is the path of a test in the spec, with its index among those of one migration.
func testPath(k state.Keyspace, t state.Test) string {
	i := 0
	for _, other := range k.Tests {
		if other.To != t.To {
			continue
		}
		if other.Pos == t.Pos {
			break
		}
		i++
	}
	return fmt.Sprintf("system.keyspaces.%s.tests.%q.%d", k.Name, t.To, i)
}

// inventory counts what a system has: "1 store, 2 keyspaces, 1 component, 3 releases, 1 test".
func inventory(d state.Desired) string {
	releases, tests := 0, 0
	for _, c := range d.Components {
		releases += len(c.Releases)
	}
	for _, k := range d.Keyspaces {
		tests += len(k.Tests)
	}
	return strings.Join([]string{
		count(len(d.Stores), "store"), count(len(d.Keyspaces), "keyspace"), count(len(d.Components), "component"),
		count(releases, "release"), count(tests, "test")}, ", ")
}

// count is a number and its noun: "1 store", "2 stores".
func count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
