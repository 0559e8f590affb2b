package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/rehearsal"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

type testOptions struct {
	output
	source
}

// testResult is one test of a spec and how it went.
type testResult struct {
	Keyspace string        `json:"keyspace"`
	To       state.Version `json:"to"`
	Pos      state.Pos     `json:"pos,omitzero"`
	OK       bool          `json:"ok"`
	What     string        `json:"what,omitempty"`  // what does not hold
	Lines    []string      `json:"lines,omitempty"` // the difference, a field each
}

// tested is the result of keyshift test for programs.
type tested struct {
	Tests  []testResult      `json:"tests"`
	Errors state.Diagnostics `json:"errors,omitempty"` // one for each test that failed
}

func newTest() *cobra.Command {
	var o testOptions
	return specCommand(&cobra.Command{
		Use:   "test [DIR]",
		Short: "Run the old/new pairs of a spec through its migrations, both ways",
		Long: `Test runs each pair of system.keyspaces.NAME.tests through the compiled migration: #up of old must be new,
#down of new must be old again but for what is declared lost, and #up of that must be new. Then it does the
same on an embedded Redis, by the engine that rewrites live data where it can rewrite the keyspace. It prints
what differs, part by part.`,
		Example: "  keyshift test examples/shop",
	}, &o.output, &o.source, o.run)
}

func (o *testOptions) run(ctx context.Context, args []string) error {
	desired, err := o.load(ctx, args)
	if err != nil {
		return o.fail(err)
	}
	t, err := runTests(ctx, desired, o.location)
	if err != nil {
		return o.fail(err)
	}
	if o.json() {
		if err := o.value(t); err != nil {
			return err
		}
	} else {
		o.print(t.Tests, len(t.Errors))
	}
	if len(t.Errors) > 0 {
		return errReported
	}
	return nil
}

// runTests runs every test and returns how each went. The error is the embedded server's.
func runTests(ctx context.Context, d state.Desired, l location) (tested, error) {
	out := tested{Tests: []testResult{}}
	stage, err := rehearsal.Open(ctx)
	if err != nil {
		return out, err
	}
	defer stage.Close()
	for _, k := range d.Keyspaces {
		for _, t := range k.Tests {
			r := testResult{Keyspace: k.Name, To: t.To, Pos: l.at(t.Pos), OK: true}
			err := transform.RunTest(k, t)
			if err == nil {
				err = stage.Run(ctx, k, t)
			}
			if err != nil {
				problem := testProblem(k, t, err)
				problem.Pos = r.Pos
				out.Errors = append(out.Errors, problem)
				r.OK, r.What = false, err.Error()
				if d, ok := errors.AsType[*transform.Difference](err); ok {
					r.What, r.Lines = d.What, d.Lines
				}
			}
			out.Tests = append(out.Tests, r)
		}
	}
	return out, nil
}

func (o *testOptions) print(results []testResult, failed int) {
	for _, r := range results {
		verdict := "ok  "
		if !r.OK {
			verdict = "FAIL"
		}
		o.printf("%s %s: %s to %s\n", verdict, r.Pos, r.Keyspace, r.To)
		if !r.OK {
			o.printf("     %s\n", r.What)
		}
		for _, line := range r.Lines {
			o.printf("       %s\n", strings.TrimSpace(line))
		}
	}
	switch {
	case len(results) == 0:
		o.printf("no tests; add old/new pairs under system: keyspaces: NAME: tests\n")
	case failed > 0:
		o.printf("%d of %s failed\n", failed, count(len(results), "test"))
	default:
		o.printf("%s passed\n", count(len(results), "test"))
	}
}
