package remote

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
)

// history lists what was planned, decided and done.
type history struct {
	connection
	verbose bool
}

// planned is a Plan for programs.
type planned struct {
	Plan       string             `json:"plan"`
	Revision   string             `json:"revision,omitempty"`
	Signer     string             `json:"signer,omitempty"` // of the revision, if that was verified
	Digest     string             `json:"digest"`
	Summary    string             `json:"summary"`
	Phase      v1alpha1.PlanPhase `json:"phase,omitempty"`
	Message    string             `json:"message,omitempty"`
	Approved   *bool              `json:"approved,omitempty"` // missing: nobody decided
	By         string             `json:"by,omitempty"`
	ApprovedAt *metav1.Time       `json:"approvedAt,omitempty"`
	CreatedAt  metav1.Time        `json:"createdAt"`
	StartedAt  *metav1.Time       `json:"startedAt,omitempty"`
	EndedAt    *metav1.Time       `json:"endedAt,omitempty"`
	Seconds    *int64             `json:"seconds,omitempty"` // from start to end
	Done       int32              `json:"done"`
	Total      int32              `json:"total"`
	Steps      []plannedStep      `json:"steps,omitempty"`
}

// plannedStep is a step and how far it is.
type plannedStep struct {
	v1alpha1.PlanStep
	v1alpha1.PlanStepStatus
}

// plansResult is the history of a Delivery for programs.
type plansResult struct {
	Delivery string    `json:"delivery"`
	Plans    []planned `json:"plans"`
}

func historyCommand() Command {
	h := &history{}
	return Command{
		Use:   "history DELIVERY|PLAN",
		Short: "List what was planned for a Delivery, who approved it, and how it went",
		Long: `History lists the Plans of a Delivery, the latest first: for which revision, signed by whom if that was verified, in which
phase, what, decided by whom, when it began, how long it took, and how many of its steps are done. Of a Plan, or with -v, it shows every step too.
Plans that came to their end are kept ten long; keyshift:changes:SYSTEM in the store has more.`,
		Example: "  keyshift history shop -n shop\n  keyshift history shop-0a1b2c3d4e5f",
		Args:    1, Flags: h.bind, Run: h.with(h.run),
	}
}

func (h *history) bind(fs *pflag.FlagSet) {
	h.connection.bind(fs)
	fs.BoolVarP(&h.verbose, "verbose", "v", false, "show every step of every plan")
}

func (h *history) run(ctx context.Context, p place, s Streams, name string) error {
	all, err := p.plans(ctx)
	if err != nil {
		return err
	}
	exact, some := named(all, name)
	if exact != nil {
		some = []v1alpha1.Plan{*exact}
	}
	if len(some) == 0 {
		if _, err := p.delivery(ctx, name); err != nil {
			return err
		}
	}
	single := len(some) > 0 && some[0].Spec.Delivery != name
	delivery := name
	if single {
		delivery = some[0].Spec.Delivery
	}
	switch {
	case s.JSON:
		out := plansResult{Delivery: delivery, Plans: []planned{}}
		for _, x := range some {
			out.Plans = append(out.Plans, plannedOf(x, h.verbose || single))
		}
		return s.value(out)
	case len(some) == 0:
		s.line("Nothing was planned for Delivery %s yet.", name)
	case h.verbose || single:
		for i, x := range some {
			if i > 0 {
				s.line("")
			}
			showPlan(s, x, true)
		}
	default:
		s.table(historyRows(some))
	}
	return nil
}

// historyRows has a column of signers where there are some.
func historyRows(plans []v1alpha1.Plan) [][]string {
	rows := [][]string{{"PLAN", "REVISION", "SIGNED BY", "PHASE", "DECIDED", "STARTED", "TOOK", "DONE", "WHAT"}}
	for _, x := range plans {
		rows = append(rows, []string{
			x.Name, short(x.Spec.Revision), dash(x.Status.Signer), phaseText(x), dash(decidedText(x)), dash(moment(x.Status.StartedAt)),
			dash(tookText(took(x.Status.StartedAt, x.Status.EndedAt))),
			fmt.Sprintf("%d/%d", x.Status.Done, len(x.Spec.Steps)+int(x.Spec.More)), x.Spec.Summary,
		})
	}
	if slices.ContainsFunc(plans, func(x v1alpha1.Plan) bool { return x.Status.Signer != "" }) {
		return rows
	}
	for i := range rows {
		rows[i] = slices.Delete(rows[i], 2, 3)
	}
	return rows
}

// decidedText says who decided, and when that was learned.
func decidedText(x v1alpha1.Plan) string {
	a := x.Spec.Approval
	if a == nil {
		return ""
	}
	text := past(a.Approved) + " by " + a.By
	if at := moment(x.Status.ApprovedAt); at != "" {
		text += ", " + at
	}
	return text
}

func plannedOf(x v1alpha1.Plan, steps bool) planned {
	out := planned{
		Plan: x.Name, Revision: x.Spec.Revision, Digest: x.Spec.Digest, Summary: x.Spec.Summary,
		Signer: x.Status.Signer, Phase: x.Status.Phase, Message: x.Status.Message, ApprovedAt: x.Status.ApprovedAt,
		CreatedAt: x.CreationTimestamp, StartedAt: x.Status.StartedAt, EndedAt: x.Status.EndedAt,
		Done: x.Status.Done, Total: int32(len(x.Spec.Steps)) + x.Spec.More,
	}
	if a := x.Spec.Approval; a != nil {
		out.Approved, out.By = &a.Approved, a.By
	}
	if d := took(x.Status.StartedAt, x.Status.EndedAt); d >= 0 {
		seconds := int64(d.Seconds())
		out.Seconds = &seconds
	}
	if !steps {
		return out
	}
	for i, step := range x.Spec.Steps {
		at := v1alpha1.PlanStepStatus{State: v1alpha1.StepPending}
		if i < len(x.Status.Steps) {
			at = x.Status.Steps[i]
		}
		out.Steps = append(out.Steps, plannedStep{step, at})
	}
	return out
}
