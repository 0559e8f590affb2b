package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

type vetOptions struct {
	output
	source
	previous
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
no applied version is another than it was, and that there is a safe order from there to the spec.`,
		Example: "  keyshift vet .\n  keyshift vet examples/shop -o json\n  keyshift vet --base origin/main",
	}, &o.output, &o.source, o.run)
	o.previous.bind(c.Flags())
	return c
}

func (o *vetOptions) run(ctx context.Context, args []string) error {
	desired, err := o.load(ctx, args)
	if err != nil {
		return o.fail(err)
	}
	if err := o.place(vetTests(desired)); err != nil {
		return o.fail(err)
	}
	warnings, err := o.against(ctx, &o.source, desired)
	if err != nil {
		return o.fail(o.place(err))
	}
	desired.Warnings = append(desired.Warnings, warnings...)
	if o.json() {
		return o.value(failed{state.Diagnostics{}})
	}
	for _, w := range diagnose(o.place(desired.Warnings)) {
		o.note("%s", w)
	}
	o.printf("%s: %s: ok\n", desired.System, inventory(desired))
	return nil
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
	return state.Diagnostic{
		Code: "test-failed", Pos: t.Pos, Path: testPath(k, t),
		Message: strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", ": ")), " "),
		Hint:    "correct the migration or the test; keyshift test shows the difference",
	}
}

func compileProblem(k state.Keyspace, err error) state.Diagnostics {
	var ds state.Diagnostics
	if errors.As(err, &ds) {
		return ds
	}
	return state.Diagnostics{{Code: "not-compiled", Pos: k.Pos, Path: "system.keyspaces." + k.Name, Message: err.Error()}}
}

func testPath(k state.Keyspace, t state.Test) string {
	return fmt.Sprintf("system.keyspaces.%s.tests.%q", k.Name, t.To)
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
