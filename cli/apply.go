package cli

import (
	"context"
	"errors"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

type applyOptions struct {
	output
	connection
	source
	approve string // a digest, or how it begins
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
	c := specCommand(&cobra.Command{
		Use:   "apply [DIR]",
		Short: "Bring the cluster and the data to the spec",
		Long: `Apply plans like "keyshift plan" and carries the plan out, step by step, until nothing is left to do or
something holds. It does not ask: review the output of plan, or the pull request, before. It may be interrupted
at any moment and run again; it goes on where it stopped.

Where a policy demands a person's approval, that part of the plan waits until --approve names its digest, as plan prints it.`,
		Example: "  keyshift apply . --store main=redis://127.0.0.1:6379/0 --no-cluster",
	}, &o.output, &o.source, o.run)
	o.connection.bind(c.Flags())
	c.Flags().StringVar(&o.approve, "approve", "", "approve the plan with this `digest`, or one that begins so, where a policy demands an approval")
	return c
}

func (o *applyOptions) run(ctx context.Context, args []string) error {
	desired, err := o.load(ctx, args)
	if err != nil {
		return o.finish(apply.Outcome{}, err)
	}
	edges, release, err := o.connection.open(ctx, desired, &o.output)
	defer release()
	if err != nil {
		return o.finish(apply.Outcome{}, err)
	}
	if n := len(o.approve); n > 0 && n < shortestDigest {
		return o.finish(apply.Outcome{}, trouble(misuse, "--approve "+o.approve+" is too short to tell plans apart", "name at least the 12 digits that plan prints", nil))
	}
	edges.Revision = o.source.commit()
	edges.Approved, edges.Approver = approving(o.approve)
	show := newProgress(&o.output)
	outcome, err := apply.Deliver(ctx, edges, desired, show.event)
	show.end()
	return o.finish(outcome, o.connection.advise(err))
}

// shortestDigest is how many digits of a digest name a plan at least.
const shortestDigest = 12

// approving answers for a person who approves the plan whose digest begins so, and what is left of it later; and it says who
// that is.
func approving(digest string) (approved func(context.Context, apply.Situation, plan.Plan) ([]state.Digest, error), approver func(state.Digest) (string, time.Time)) {
	var digests []state.Digest
	var at time.Time
	approved = func(_ context.Context, _ apply.Situation, waiting plan.Plan) ([]state.Digest, error) {
		if digest != "" && strings.HasPrefix(strings.TrimPrefix(string(waiting.Digest), "sha256:"), strings.TrimPrefix(digest, "sha256:")) {
			if at.IsZero() {
				at = time.Now()
			}
			for _, s := range waiting.Steps {
				digests = append(digests, s.Digest)
			}
		}
		return digests, nil
	}
	approver = func(step state.Digest) (string, time.Time) {
		if !slices.Contains(digests, step) {
			return "", time.Time{}
		}
		return person(), at
	}
	return approved, approver
}

// person names who runs this program: the user as the operating system knows him, and the host.
func person() string {
	host, _ := os.Hostname()
	u, err := user.Current()
	if err != nil {
		return host
	}
	return u.Username + "@" + host
}

// finish prints what was done and turns the error into an exit code.
func (o *applyOptions) finish(outcome apply.Outcome, err error) error {
	if errors.Is(err, context.Canceled) {
		err = trouble(interrupted, "interrupted: "+err.Error(), "run it again to go on", err)
	}
	if outcome.Unpruned != nil {
		o.note("old backups and undo logs could not be deleted: %v", outcome.Unpruned)
	}
	switch {
	case o.json():
		return o.last(outcome, err)
	case err != nil:
		return o.fail(err)
	}
	if len(outcome.Done) == 0 {
		o.printf("Nothing to do.\n")
		return nil
	}
	o.printf("Done: %s", count(len(outcome.Done), "step"))
	if hasRewrite(outcome) {
		o.printf(", %s rewritten", count(outcome.Rewritten(), "unit"))
	}
	if u := outcome.Undone(); u.Restored+u.Merged > 0 {
		o.printf(", %d brought back from the undo log", u.Restored+u.Merged)
	}
	o.printf(".\n")
	if keptSomething(outcome) {
		o.printf("Backups and undo logs: %s\n", o.connection.place())
	}
	return nil
}

// last prints the last line for programs.
func (o *applyOptions) last(outcome apply.Outcome, err error) error {
	l := applied{Kind: "done", Steps: len(outcome.Done), Rewritten: outcome.Rewritten(), Conflicts: outcome.Conflicts(), Observed: outcome.Have}
	if err == nil {
		return o.line(l)
	}
	l.Kind, l.Errors = "failed", diagnose(err)
	if printErr := o.line(l); printErr != nil {
		return printErr
	}
	return errReported
}

// keptSomething tells whether a backup or an undo log was written.
func keptSomething(o apply.Outcome) bool {
	for _, d := range o.Done {
		if d.Backup != nil || d.Units != nil && d.Units.Logged > 0 {
			return true
		}
	}
	return false
}

func hasRewrite(o apply.Outcome) bool {
	for _, d := range o.Done {
		if d.Step.Kind == plan.Rewrite {
			return true
		}
	}
	return false
}
