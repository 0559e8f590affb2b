package reconciler

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Lengths of texts in a status, in bytes.
const (
	maxMessage = 1024
	maxReason  = 256
	maxName    = 256
)

// show puts what was observed into the status, and when.
func show(status *v1alpha1.DeliveryStatus, want state.Desired, have state.Observed, at metav1.Time) {
	status.ObservedAt = &at
	status.Components = nil
	for _, r := range first(have.Components, v1alpha1.MaxComponents) {
		c, _ := want.FindComponent(r.Component)
		shown := componentStatus(c, r)
		shown.Stopped = stoppedStatus(want, have, r)
		status.Components = append(status.Components, shown)
	}
	status.Keyspaces = nil
	for _, l := range first(have.Keyspaces, v1alpha1.MaxKeyspaces) {
		k, _ := want.FindKeyspace(l.Keyspace)
		status.Keyspaces = append(status.Keyspaces, keyspaceStatus(k, l))
	}
}

func componentStatus(c state.Component, r state.Running) v1alpha1.ComponentStatus {
	out := v1alpha1.ComponentStatus{Name: r.Component, Desired: clip(c.Release, maxName), Missing: r.Missing}
	for _, p := range first(r.Pods, v1alpha1.MaxReleases) {
		out.Live = append(out.Live, v1alpha1.LiveRelease{
			Release: clip(p.Release, maxName), Pods: int32(p.Count), Terminating: int32(p.Terminating)})
	}
	for _, i := range first(r.Unknown, v1alpha1.MaxReleases) {
		out.Unknown = append(out.Unknown, clip(i.Container+"="+i.Image, 512))
	}
	return out
}

// stoppedStatus says that a component is stopped, nil if it is not.
func stoppedStatus(want state.Desired, have state.Observed, r state.Running) *v1alpha1.StoppedStatus {
	out := &v1alpha1.StoppedStatus{By: clip(r.StoppedBy, maxName)}
	switch {
	case r.StoppedBy != "":
		return out
	case !r.Stopped:
		return nil
	case r.Since > 0:
		at := metav1.Unix(r.Since/1000, 0)
		out.Since = &at
	}
	out.For = first(plan.StoppedFor(want, have, r.Component), v1alpha1.MaxClasses)
	return out
}

// showScaled puts into the status that a component was stopped, or started again, ahead of the next observation.
func showScaled(status *v1alpha1.DeliveryStatus, want state.Desired, have state.Observed, s plan.Step, at metav1.Time) {
	for i := range status.Components {
		c := &status.Components[i]
		switch {
		case c.Name != s.Object || s.Kind != plan.Scale:
		case s.To == plan.BackUp:
			c.Stopped = nil
		case c.Stopped == nil:
			have.Components = []state.Running{{Component: c.Name, Stopped: true, Since: at.UnixMilli()}}
			c.Live, c.Stopped = nil, stoppedStatus(want, have, have.Components[0])
		}
	}
}

func keyspaceStatus(k state.Keyspace, l state.Live) v1alpha1.KeyspaceStatus {
	out := v1alpha1.KeyspaceStatus{Name: l.Keyspace, Desired: clip(string(k.Version), maxName), Verified: l.Record.Verified}
	for _, c := range first(l.Counts, v1alpha1.MaxClasses) {
		out.Live = append(out.Live, v1alpha1.LiveClass{Class: clip(string(c.Class), maxMessage), Units: c.Units})
	}
	for _, s := range first(l.Samples, v1alpha1.MaxUnfit) {
		out.Unfit = append(out.Unfit, v1alpha1.UnfitUnit{Key: clip(s.Key, maxName), Reason: clip(s.Reason, maxReason)})
	}
	return out
}

// showPlan returns a plan as a status has it, with every step pending.
func showPlan(p plan.Plan, revision string) *v1alpha1.PlanStatus {
	out := &v1alpha1.PlanStatus{Digest: string(p.Digest), Revision: revision, Total: int32(len(p.Steps))}
	for _, s := range first(p.Steps, v1alpha1.MaxSteps) {
		out.Steps = append(out.Steps, stepStatus(s))
	}
	return out
}

func stepStatus(s plan.Step) v1alpha1.StepStatus {
	out := v1alpha1.StepStatus{Kind: string(s.Kind), Object: clip(s.Object, 253), To: clip(s.To, maxName),
		Reason: clip(s.Reason, maxMessage), Risk: string(s.Risk), State: v1alpha1.StepPending}
	for _, f := range first(s.From, v1alpha1.MaxReleases) {
		out.From = append(out.From, clip(f, maxName))
	}
	return out
}

// mark sets the state of the step at index and makes it the current one. Progress belongs to a running step.
func mark(p *v1alpha1.PlanStatus, index int, s v1alpha1.StepState) {
	if p == nil {
		return
	}
	p.Current = int32(index) + 1
	p.Progress = nil
	if index >= 0 && index < len(p.Steps) {
		p.Steps[index].State = s
	}
}

// saySize says how much a progress has done: "12000 of about 20000 scanned, 900 rewritten".
func saySize(p *v1alpha1.Progress) string {
	switch {
	case p == nil:
		return ""
	case p.Pods != nil:
		return fmt.Sprintf("%d of %d pods updated, %d ready, %d old, %d terminating",
			p.Pods.Updated, p.Pods.Desired, p.Pods.Ready, p.Pods.Old, p.Pods.Terminating)
	default:
		return fmt.Sprintf("%d of about %d scanned, %d rewritten, %d conflicts retried, %d unfit",
			p.Scanned, p.Estimate, p.Rewritten, p.Conflicts, p.Unfit)
	}
}

// clip makes a text fit for a status: valid UTF-8 on one line without control characters, at most n bytes.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= n {
		return s
	}
	const more = "…"
	cut := n - len(more)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + more
}

// first returns at most n elements.
func first[T any](s []T, n int) []T { return slices.Clip(s[:min(len(s), n)]) }
