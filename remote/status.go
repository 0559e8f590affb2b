package remote

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
)

// look shows how a Delivery stands.
type look struct{ connection }

// standing is how a Delivery stands, for programs.
type standing struct {
	arrival
	Namespace  string                     `json:"namespace"`
	Suspended  bool                       `json:"suspended"`
	Rollback   string                     `json:"rollback,omitempty"` // revision that it is kept at
	ObservedAt *metav1.Time               `json:"observedAt,omitempty"`
	Components []v1alpha1.ComponentStatus `json:"components,omitempty"`
	Keyspaces  []v1alpha1.KeyspaceStatus  `json:"keyspaces,omitempty"`
	Plan       *v1alpha1.PlanStatus       `json:"plan,omitempty"`
	Waits      []waits                    `json:"waits,omitempty"`
	Failures   []v1alpha1.StepFailure     `json:"failures,omitempty"`
}

// waits is a plan that waits for a person, and what that person may say.
type waits struct {
	Plan    string `json:"plan"`
	Digest  string `json:"digest"`
	Summary string `json:"summary"`
	Approve string `json:"approve"`
}

func statusCommand() Command {
	l := &look{}
	return Command{
		Use:   "status DELIVERY",
		Short: "Show how a Delivery stands: what is desired, live, running, waiting and failed",
		Long: `Status shows whether a Delivery is ready and why not, which revision was attempted and which is applied, what is
desired and live of each component and keyspace, the plan that runs and how far it is, what waits for approval and the
command that approves it, and what failed and is not tried again.`,
		Example: "  keyshift status shop -n shop",
		Args:    1, Flags: func(fs *pflag.FlagSet) { l.bind(fs) }, Run: l.with(l.run),
	}
}

func (l *look) run(ctx context.Context, p place, s Streams, name string) error {
	d, err := p.delivery(ctx, name)
	if err != nil {
		return err
	}
	all, err := p.plans(ctx)
	if err != nil {
		return err
	}
	var open []waits
	for _, x := range keep(plansOf(all, name), awaits) {
		open = append(open, waits{x.Name, x.Spec.Digest, x.Spec.Summary, p.command("approve", x.Name)})
	}
	if s.JSON {
		return s.value(standingOf(d, open))
	}
	showReady(p, s, d)
	showObjects(s, d)
	showRun(s, d)
	if len(open) > 0 {
		s.line("")
		s.line("waits for approval")
	}
	for _, w := range open {
		s.line("  %s: %s", w.Plan, w.Summary)
		s.line("    %s", w.Approve)
	}
	showFailures(p, s, d)
	return nil
}

func standingOf(d *v1alpha1.Delivery, open []waits) standing {
	out := standing{arrival: arrivalOf(d), Namespace: d.Namespace, Suspended: d.Spec.Suspend, ObservedAt: d.Status.ObservedAt,
		Components: d.Status.Components, Keyspaces: d.Status.Keyspaces, Plan: d.Status.Plan, Waits: open, Failures: d.Status.Failures}
	if d.Spec.Rollback != nil {
		out.Rollback = d.Spec.Rollback.To
	}
	return out
}

// showReady prints the condition, and the revisions that it is about.
func showReady(p place, s Streams, d *v1alpha1.Delivery) {
	c := ready(d)
	how := map[metav1.ConditionStatus]string{metav1.ConditionTrue: "ready", metav1.ConditionFalse: "not ready, " + c.Reason}[c.Status]
	if how == "" {
		how = "under way"
	}
	s.line("%s: %s", d.Name, how)
	s.line("  %s", c.Message)
	if d.Spec.Suspend {
		s.line("  suspended; to go on: %s", p.command("resume", d.Name))
	}
	if d.Spec.Rollback != nil {
		s.line("  kept at %s, whatever Git says; to follow Git again: %s", short(d.Spec.Rollback.To), p.command("resume", d.Name))
	}
	if !d.Spec.Suspend && c.ObservedGeneration < d.Generation {
		s.line("  the controller has not seen the last change of the Delivery yet")
	}
	s.line("")
	s.line("attempted  %s", dash(short(d.Status.LastAttemptedRevision)))
	applied := dash(short(d.Status.LastAppliedRevision))
	if len(d.Status.Applied) > 0 && d.Status.Applied[0].Revision == d.Status.LastAppliedRevision {
		applied += ", since " + moment(&d.Status.Applied[0].At)
		if by := d.Status.Applied[0].Signer; by != "" {
			applied += ", signed by " + by
		}
	}
	s.line("applied    %s", applied)
}

// showObjects prints what is desired and live.
func showObjects(s Streams, d *v1alpha1.Delivery) {
	if len(d.Status.Components)+len(d.Status.Keyspaces) > 0 {
		s.line("")
		s.table(objectRows(d))
	}
	for _, k := range d.Status.Keyspaces {
		for _, u := range k.Unfit {
			s.line("  %s fits no version: %q: %s", k.Name, clean(u.Key), u.Reason)
		}
	}
	if at := moment(d.Status.ObservedAt); at != "" {
		s.line("observed   %s", at)
	}
}

func objectRows(d *v1alpha1.Delivery) [][]string {
	rows := [][]string{{"OBJECT", "DESIRED", "LIVE"}}
	for _, c := range d.Status.Components {
		rows = append(rows, []string{"component " + c.Name, dash(c.Desired), dash(liveReleases(c))})
	}
	for _, k := range d.Status.Keyspaces {
		rows = append(rows, []string{"keyspace " + k.Name, dash(k.Desired), dash(liveClasses(k))})
	}
	return rows
}

func liveReleases(c v1alpha1.ComponentStatus) string {
	var parts []string
	if c.Missing {
		parts = append(parts, "the workload is missing")
	}
	for _, r := range c.Live {
		text := r.Release + " (" + count(int64(r.Pods), "pod")
		if r.Terminating > 0 {
			text += fmt.Sprintf(", %d terminating", r.Terminating)
		}
		parts = append(parts, text+")")
	}
	for _, image := range c.Unknown {
		parts = append(parts, "unknown image "+image)
	}
	if c.Stopped != nil {
		parts = append(parts, stoppedText(*c.Stopped))
	}
	return strings.Join(parts, ", ")
}

// stoppedText says since when, by whom and for what a component is stopped.
func stoppedText(s v1alpha1.StoppedStatus) string {
	text := "stopped"
	if at := moment(s.Since); at != "" {
		text += " since " + at
	}
	if s.By != "" {
		text += " by system " + s.By
	}
	if len(s.For) > 0 {
		text += " for the rewrite of " + strings.Join(s.For, " and ")
	}
	return text
}

func liveClasses(k v1alpha1.KeyspaceStatus) string {
	var parts []string
	for _, c := range k.Live {
		if c.Class == "?" {
			parts = append(parts, fmt.Sprintf("%d that fit no version", c.Units))
			continue
		}
		parts = append(parts, count(c.Units, "unit")+" at "+strings.ReplaceAll(c.Class, "|", " or "))
	}
	text := strings.Join(parts, ", ")
	if text != "" && k.Verified {
		text += "; verified"
	}
	return text
}

// showRun prints the plan that runs, or ran last.
func showRun(s Streams, d *v1alpha1.Delivery) {
	run := d.Status.Plan
	if run == nil {
		return
	}
	_, hex, _ := strings.Cut(run.Digest, ":")
	s.line("")
	s.line("plan %s for %s, step %d of %d", first12(hex), dash(short(run.Revision)), run.Current, run.Total)
	rows := [][]string{}
	for i, step := range run.Steps {
		row := []string{fmt.Sprintf("%3d. %s", i+1, stepText(step.Kind, step.Object, strings.Join(step.From, ", "), step.To)), string(step.State)}
		if int(run.Current) == i+1 && run.Progress != nil {
			row = append(row, progressText(*run.Progress))
		}
		rows = append(rows, row)
	}
	s.table(rows)
	if more := int(run.Total) - len(run.Steps); more > 0 {
		s.line("  and %s", count(int64(more), "more step"))
	}
}

func progressText(p v1alpha1.Progress) string {
	if pods := p.Pods; pods != nil {
		return fmt.Sprintf("%d of %d pods updated, %d ready, %d old, %d terminating", pods.Updated, pods.Desired, pods.Ready, pods.Old, pods.Terminating)
	}
	return fmt.Sprintf("%d of about %d scanned, %d rewritten, %d conflicts retried, %d unfit", p.Scanned, p.Estimate, p.Rewritten, p.Conflicts, p.Unfit)
}

// showFailures prints what failed and is not tried again by itself.
func showFailures(p place, s Streams, d *v1alpha1.Delivery) {
	if len(d.Status.Failures) == 0 {
		return
	}
	s.line("")
	s.line("failed, and not tried again until the spec or what is observed changes")
	for _, f := range d.Status.Failures {
		code, back := "", ""
		if f.Code != "" {
			code = " (" + f.Code + ")"
		}
		if f.Back {
			back = "; what belongs together goes back to what was applied before"
		}
		s.line("  %s, %s: %s%s%s", stepText(f.Kind, f.Object, "", f.To), moment(&f.At), f.Reason, code, back)
	}
	s.line("  to try once more: %s", p.command("reconcile", d.Name, "--force"))
}
