package remote

import (
	"fmt"
	"time"

	"keyshift.dev/api/v1alpha1"
)

// showPlan prints a Plan for people: each step with its reason, its size, its risk and its way back; with how far each is,
// if asked for.
func showPlan(s Streams, x v1alpha1.Plan, states bool) {
	s.line("Plan %s of Delivery %s, for %s: %s", x.Name, x.Spec.Delivery, short(x.Spec.Revision), phaseText(x))
	for _, text := range planFacts(x) {
		s.line("  %s", text)
	}
	seconds := int64(0)
	for i, step := range x.Spec.Steps {
		showStep(s, x, i, states)
		seconds += step.Seconds
	}
	if x.Spec.More > 0 {
		s.line("")
		s.line("  and %s that are not listed", count(int64(x.Spec.More), "more step"))
	}
	s.line("")
	text := fmt.Sprintf("Plan %s: %s", first12(digestOf(x)), x.Spec.Summary)
	if seconds > 0 {
		text += "; its work on data takes about " + (time.Duration(seconds) * time.Second).String()
	}
	s.line("%s.", text)
}

func phaseText(x v1alpha1.Plan) string {
	if x.Status.Phase == "" {
		return "just made"
	}
	return string(x.Status.Phase)
}

// planFacts are the lines of a Plan that say who signed what it is for, who decided, and how it went.
func planFacts(x v1alpha1.Plan) (lines []string) {
	if x.Status.Message != "" {
		lines = append(lines, x.Status.Message)
	}
	if x.Status.Signer != "" {
		lines = append(lines, "revision signed by "+x.Status.Signer)
	}
	if a := x.Spec.Approval; a != nil {
		text := past(a.Approved) + " by " + a.By
		if at := moment(x.Status.ApprovedAt); at != "" {
			text += " at " + at
		}
		lines = append(lines, text)
	}
	if at := moment(x.Status.StartedAt); at != "" {
		text := "started at " + at
		if d := took(x.Status.StartedAt, x.Status.EndedAt); d >= 0 {
			text += ", took " + d.String()
		}
		lines = append(lines, text+", "+doneText(x)+" done")
	}
	return lines
}

// doneText counts the steps that ended: "3 of 5 steps".
func doneText(x v1alpha1.Plan) string {
	return fmt.Sprintf("%d of %s", x.Status.Done, count(int64(len(x.Spec.Steps))+int64(x.Spec.More), "step"))
}

func showStep(s Streams, x v1alpha1.Plan, i int, states bool) {
	step := x.Spec.Steps[i]
	risk, how := "", ""
	if step.Risk != "" && step.Risk != "none" && step.Risk != "rollout" {
		risk = "   [" + step.Risk + "]"
	}
	var at v1alpha1.PlanStepStatus
	if i < len(x.Status.Steps) {
		at = x.Status.Steps[i]
	}
	if states && at.State != "" {
		how = "   " + string(at.State)
		if d := took(at.StartedAt, at.EndedAt); d >= 0 {
			how += " in " + d.String()
		}
	}
	s.line("")
	s.line("%3d. %s%s%s", i+1, stepText(step.Kind, step.Object, step.From, step.To), risk, how)
	detail := func(name, text string) {
		if text != "" {
			s.line("     %-6s %s", name, text)
		}
	}
	detail("why", step.Reason)
	detail("size", sizeText(step))
	for _, note := range step.Notes {
		detail("risk", note)
	}
	detail("undo", step.Undo)
	if states {
		detail("said", at.Message)
	}
}

// stepText names a step on one line: "rollout checkout 1.4.0 → 1.5.0".
func stepText(kind, object, from, to string) string {
	text := kind + " " + object
	switch {
	case kind == "scale" && to == "up":
		return text + " back up"
	case kind == "scale":
		return text + " to " + to
	case kind == "backup", kind == "prune":
		return text + " " + from
	case from != "" && to != "":
		return text + " " + from + " → " + to
	case to != "":
		return text + " " + to
	}
	return text
}

// sizeText says how much a step works on: "1200 units, about 3.0 MiB in all, about 2s".
func sizeText(step v1alpha1.PlanStep) string {
	if step.Units == 0 && step.Bytes == 0 && step.Seconds == 0 {
		return ""
	}
	text := count(step.Units, "unit")
	if step.Bytes > 0 {
		text += ", about " + bytesText(step.Bytes) + " in all"
	}
	if step.Seconds == 0 {
		return text + ", under a second"
	}
	return text + ", about " + (time.Duration(step.Seconds) * time.Second).String()
}

func first12(hex string) string { return hex[:min(12, len(hex))] }
