package cli

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// historyOptions are those of history without a cluster: it then tells what the change streams of the stores have.
type historyOptions struct {
	output
	connection
	source
	limit int64
}

// ran is one step that was run, for programs.
type ran struct {
	Step      string       `json:"step"`
	Component string       `json:"component,omitempty"`
	Keyspace  string       `json:"keyspace,omitempty"`
	From      []string     `json:"from,omitempty"`
	To        string       `json:"to,omitempty"`
	State     string       `json:"state"` // started: not over, or the process was killed; else ended, failed or superseded
	Error     string       `json:"error,omitempty"`
	Revision  string       `json:"revision,omitempty"`
	Signer    string       `json:"signer,omitempty"`
	Approver  string       `json:"approver,omitempty"`
	Approved  *time.Time   `json:"approvedAt,omitempty"`
	Holder    string       `json:"holder,omitempty"`
	Plan      state.Digest `json:"plan,omitempty"` // digest of the step and what follows it
	Rewritten int64        `json:"rewritten,omitempty"`
	StartedAt *time.Time   `json:"startedAt,omitempty"` // missing: it could not start, or the stream has forgotten it
	EndedAt   *time.Time   `json:"endedAt,omitempty"`
}

// ranResult is what was run, for programs.
type ranResult struct {
	System string `json:"system"`
	Steps  []ran  `json:"steps"` // the latest first
}

// withStream lets history be asked without a cluster: of the stores.
func withStream(c *cobra.Command) *cobra.Command {
	if c.Name() != "history" {
		return c
	}
	var o historyOptions
	c.Flags().BoolVar(&o.noCluster, "no-cluster", false, "list the steps that the change streams of the stores tell of, for the spec in the folder that is named; the present one if none is")
	c.Flags().StringArrayVar(&o.overrides, "store", nil, "with --no-cluster, NAME=redis://[user:password@]host:port/db: reach a store there instead; may be repeated")
	c.Flags().Int64Var(&o.limit, "entries", 1000, "with --no-cluster, how many entries of a stream are read at most")
	o.source.bind(c.Flags())
	c.Long += "\n\nWith --no-cluster it lists the steps that the change streams of the stores tell of, for the spec in a folder: when, how, by\nwhich commit, signed and approved by whom."
	c.Example += "\n  keyshift history . --no-cluster --store main=redis://127.0.0.1:6379/0"
	args, run := c.Args, c.RunE
	c.Args = func(c *cobra.Command, given []string) error {
		if o.noCluster {
			return oneFolder(c, given)
		}
		return args(c, given)
	}
	c.RunE = func(c *cobra.Command, given []string) error {
		if !o.noCluster {
			return run(c, given)
		}
		o.format = c.Flags().Lookup("output").Value.String()
		if err := o.open(c); err != nil {
			return err
		}
		if err := o.tell(c.Context(), given); err != nil {
			return o.fail(err)
		}
		return nil
	}
	return c
}

// open is the output's: history connects to stores alone.
func (o *historyOptions) open(c *cobra.Command) error { return o.output.open(c) }

func (o *historyOptions) tell(ctx context.Context, args []string) error {
	if o.limit < 1 {
		return trouble(misuse, fmt.Sprintf("--entries %d: write how many entries to read, at least 1", o.limit), "", nil)
	}
	desired, err := o.load(ctx, args)
	if err != nil {
		return err
	}
	addresses, err := o.addresses(desired.Stores)
	if err != nil {
		return err
	}
	var all []ran
	for i, s := range desired.Stores {
		told, err := o.changes(ctx, desired.System, s, addresses[s.Name])
		if err != nil {
			return err
		}
		steps := runs(told)
		if i > 0 { // every stream has the steps on components
			steps = slices.DeleteFunc(steps, func(r ran) bool { return r.Component != "" })
		}
		all = append(all, steps...)
	}
	slices.SortStableFunc(all, func(a, b ran) int { return b.last().Compare(a.last()) })
	if o.json() {
		return o.value(ranResult{System: desired.System, Steps: append([]ran{}, all...)})
	}
	o.show(desired.System, all)
	return nil
}

// changes reads the newest changes of a store.
func (o *historyOptions) changes(ctx context.Context, system string, s state.Store, override string) ([]keyspace.Told, error) {
	store, err := o.openStore(ctx, s, override, nil)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	return store.Changes(ctx, system, o.limit)
}

// runs makes steps of changes, which are the newest first: an end and the start before it are one.
func runs(told []keyspace.Told) (out []ran) {
	ends := map[string]int{} // by what a start and its end have in common
	for _, t := range told {
		if t.Kind == keyspace.ChangeBatch || t.Kind == keyspace.ChangeDrift {
			continue
		}
		at, name := time.UnixMilli(t.Unix).UTC(), fmt.Sprintf("%s %q", t.Plan, t.Holder)
		if t.Kind == keyspace.ChangeStarted {
			if i, found := ends[name]; found {
				out[i].StartedAt = &at
				delete(ends, name)
				continue
			}
		}
		r := ranOf(t)
		if t.Kind == keyspace.ChangeStarted {
			r.StartedAt = &at
		} else {
			r.EndedAt = &at
			ends[name] = len(out)
		}
		out = append(out, r)
	}
	return out
}

func ranOf(t keyspace.Told) ran {
	r := ran{Step: t.Step, Component: t.Component, Keyspace: t.Keyspace, From: t.From, To: t.To, State: string(t.Kind), Error: t.Error,
		Revision: t.Revision, Signer: t.Signer, Approver: t.Approver, Holder: t.Holder, Plan: t.Plan, Rewritten: t.Rewritten}
	if !t.Approved.IsZero() {
		r.Approved = &t.Approved
	}
	r.From = slices.Clone(r.From)
	for i := range r.From {
		r.From[i] = onlyText(r.From[i])
	}
	for _, s := range []*string{&r.Step, &r.Component, &r.Keyspace, &r.To, &r.Error, &r.Revision, &r.Signer, &r.Approver, &r.Holder} {
		*s = onlyText(*s)
	}
	return r
}

// last is the time of the last that was told of a step.
func (r ran) last() time.Time {
	if r.EndedAt != nil {
		return *r.EndedAt
	}
	return *r.StartedAt
}

// show prints steps for people.
func (o *historyOptions) show(system string, all []ran) {
	if len(all) == 0 {
		o.printf("The stores know of no step of %s.\n", system)
		return
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "STARTED\tTOOK\tSTEP\tHOW\tREVISION\tSIGNED BY\tAPPROVED BY\tRUN BY")
	for _, r := range all {
		cells := []string{"-", "-", r.step(), r.how(), r.Revision, r.Signer, r.approval(), r.Holder}
		if r.StartedAt != nil {
			cells[0] = r.StartedAt.Format(toTheSecond)
		}
		if r.StartedAt != nil && r.EndedAt != nil {
			cells[1] = max(0, r.EndedAt.Sub(*r.StartedAt)).Round(time.Second).String()
		}
		for i := range cells {
			cells[i] = dash(cells[i])
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // to memory
	for line := range strings.Lines(b.String()) {
		o.printf("%s\n", strings.TrimRight(line, " \n"))
	}
}

const toTheSecond = "2006-01-02 15:04:05Z"

func (r ran) step() string {
	text := r.Step + " " + r.Component + r.Keyspace
	if r.Step == string(plan.Backup) || r.Step == string(plan.Prune) {
		return text + " " + strings.Join(r.From, ", ")
	}
	if len(r.From) > 0 {
		text += " " + strings.Join(r.From, ", ") + " →"
	}
	return strings.TrimSpace(text + " " + r.To)
}

func (r ran) how() string {
	switch {
	case r.Error != "":
		return r.State + ", " + r.Error
	case r.State == string(keyspace.ChangeStarted):
		return "not over, or killed"
	case r.Rewritten > 0 && r.Step == string(plan.Prune):
		return fmt.Sprintf("%s, %s deleted", r.State, count(r.Rewritten, "unit"))
	case r.Rewritten > 0:
		return fmt.Sprintf("%s, %s rewritten", r.State, count(r.Rewritten, "unit"))
	}
	return r.State
}

func (r ran) approval() string {
	if r.Approver == "" || r.Approved == nil {
		return r.Approver
	}
	return r.Approver + ", " + r.Approved.Format(toTheSecond)
}

// onlyText makes what somebody wrote into a stream one line of characters that only stand there.
func onlyText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
