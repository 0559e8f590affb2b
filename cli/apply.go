package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

type applyOptions struct {
	output
	connection
	source
}

// applied is the last line of apply -o json.
type applied struct {
	Kind      string            `json:"kind"` // done or failed
	Steps     int               `json:"steps"`
	Rewritten int64             `json:"rewritten"`
	Conflicts int64             `json:"conflicts"`
	Observed  state.Observed    `json:"observed"`
	Errors    state.Diagnostics `json:"errors,omitempty"`
}

func newApply() *cobra.Command {
	var o applyOptions
	c := &cobra.Command{
		Use:   "apply [DIR]",
		Short: "Bring the cluster and the data to the spec",
		Long: `Apply plans like "keyshift plan" and carries the plan out, step by step, until nothing is left to do or
something holds. It does not ask: review the output of plan, or the pull request, before. It may be interrupted
at any moment and run again; it goes on where it stopped.`,
		Example: "  keyshift apply . --store main=redis://127.0.0.1:6379/0 --no-cluster",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.output.open(c); err != nil {
				return err
			}
			return o.run(c.Context(), args)
		},
	}
	o.output.bind(c.Flags())
	o.source.bind(c.Flags())
	o.connection.bind(c.Flags())
	return c
}

func (o *applyOptions) run(ctx context.Context, args []string) error {
	desired, err := o.load(ctx, args)
	if err != nil {
		return o.fail(err)
	}
	edges, release, err := o.connection.open(ctx, desired, &o.output)
	defer release()
	if err != nil {
		return o.fail(err)
	}
	show := newProgress(&o.output)
	outcome, err := apply.Deliver(ctx, edges, desired, show.event)
	show.end()
	return o.finish(outcome, err)
}

// finish prints what was done and turns the error into an exit code.
func (o *applyOptions) finish(outcome apply.Outcome, err error) error {
	if o.json() {
		last := applied{Kind: "done", Steps: len(outcome.Done), Rewritten: outcome.Rewritten(), Conflicts: outcome.Conflicts(), Observed: outcome.Have}
		if err != nil {
			last.Kind, last.Errors = "failed", diagnose(err)
		}
		if printErr := o.line(last); printErr != nil {
			return printErr
		}
	}
	switch {
	case err != nil && o.json():
		return errReported
	case errors.Is(err, context.Canceled):
		return o.fail(fmt.Errorf("interrupted; run it again to go on: %w", err))
	case err != nil:
		return o.fail(err)
	}
	if len(outcome.Done) == 0 {
		o.printf("Nothing was to do.\n")
		return nil
	}
	o.printf("Done: %s", count(len(outcome.Done), "step"))
	if hasRewrite(outcome) {
		o.printf(", %s rewritten", count(outcome.Rewritten(), "unit"))
	}
	o.printf(".\n")
	return nil
}

func hasRewrite(o apply.Outcome) bool {
	for _, d := range o.Done {
		if d.Step.Kind == plan.Rewrite {
			return true
		}
	}
	return false
}
