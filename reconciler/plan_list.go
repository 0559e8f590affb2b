package reconciler

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// How many bytes of JSON a Plan takes at most, in all 1.25 MiB beside its name and summary: an API server keeps no object that
// is larger than 1.5 MiB.
const (
	maxListed = 640 << 10 // of the steps that are listed
	maxRest   = 256 << 10 // of the digests of those that are not
	maxSaid   = 384 << 10 // of the status
)

// planSpec is a plan as a Plan has it: as many of its steps as there is room for, and the digests of the others.
func planSpec(of plan.Plan, sizes []apply.Size, d *v1alpha1.Delivery) v1alpha1.PlanSpec {
	out := v1alpha1.PlanSpec{Delivery: d.Name, Revision: d.Status.LastAttemptedRevision, Digest: string(of.Digest), Summary: clip(of.Summary(), maxReason)}
	size := map[int]apply.Size{}
	for _, z := range sizes {
		size[z.Step] = z
	}
	room := maxListed
	for i, s := range first(of.Steps, v1alpha1.MaxPlanSteps) {
		step := planStep(s, size[i])
		if room -= encoded(step); room < 0 && i > 0 {
			break
		}
		out.Steps = append(out.Steps, step)
	}
	out.More = int32(len(of.Steps) - len(out.Steps))
	out.Rest = restOf(of.Steps[len(out.Steps):])
	return out
}

func planStep(s plan.Step, z apply.Size) v1alpha1.PlanStep {
	return v1alpha1.PlanStep{
		Kind: string(s.Kind), Object: s.Object, From: clip(strings.Join(s.From, ", "), maxReason), To: clip(s.To, maxName),
		Reason: clip(s.Reason, v1alpha1.MaxPlanReasons), Risk: string(s.Risk), Notes: notes(s), Undo: clip(s.Undo, maxReason), Part: int32(s.Part), Digest: string(s.Digest),
		Units: z.Units, Bytes: z.Bytes, Seconds: int64(z.Duration().Seconds()),
	}
}

// notes says what is at stake in a step.
func notes(s plan.Step) (out []string) {
	for _, l := range s.Losses {
		out = append(out, clip("loses "+l.Field+": "+l.Reason, v1alpha1.MaxPlanReasons))
	}
	for _, n := range s.Notes {
		out = append(out, clip(n, v1alpha1.MaxPlanReasons))
	}
	return first(out, v1alpha1.MaxPlanNotes)
}

// restOf returns what is known of steps that are not listed. Of too many the last have no digests, or are left out.
func restOf(steps []plan.Step) (out []v1alpha1.PlanRest) {
	room := maxRest
	for i, s := range steps {
		if i == 0 || s.Part != steps[i-1].Part {
			next := v1alpha1.PlanRest{Part: int32(s.Part), Kind: string(s.Kind), Object: s.Object, Steps: int32(len(steps))}
			if room -= encoded(next); room < 0 {
				return out
			}
			next.Steps = 0
			out = append(out, next)
		}
		r := &out[len(out)-1]
		r.Steps++
		digest, ok := short(string(s.Digest))
		if room -= len(digest); ok && room >= 0 && len(r.Digests) == int(r.Steps-1)*shortLength {
			r.Digests += digest
		}
	}
	return out
}

// shortLength is that of a short digest: 16 bytes, of which no second meaning can be found, as base64.
const shortLength = 22

// short shortens a digest, and tells whether it is one.
func short(digest string) (string, bool) {
	bytes, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	if err != nil || len(bytes) < 16 {
		return "", false
	}
	return base64.RawURLEncoding.EncodeToString(bytes[:16]), true
}

// shorts are the digests of the steps of a part that are not listed.
func shorts(r *v1alpha1.PlanRest) (out []string) {
	for digests := r.Digests; len(digests) >= shortLength; digests = digests[shortLength:] {
		out = append(out, digests[:shortLength])
	}
	return out
}

// encoded is how many bytes of JSON something takes, with what stands between it and the next.
func encoded(x any) int {
	b, err := json.Marshal(x)
	if err != nil {
		return maxListed // nothing that is listed here
	}
	return len(b) + 1
}

// bound leaves out what steps said that are done, the first first, until a status has room.
func bound(s *v1alpha1.PlanRunStatus) {
	surplus := encoded(s) - maxSaid
	for _, done := range []bool{true, false} {
		for i := range s.Steps {
			if surplus <= 0 {
				return
			}
			if step := &s.Steps[i]; (step.State == v1alpha1.StepDone) == done {
				surplus -= len(`,"message":`) + encoded(step.Message) - 1
				step.Message = ""
			}
		}
	}
}

// without returns the parts of a plan of which no digest is given.
func without(p plan.Plan, digests []state.Digest) (parts []int) {
	known := map[state.Digest]bool{}
	for _, d := range digests {
		known[d] = true
	}
	for i := range p.Parts {
		if !known[p.Parts[i].Digest] {
			parts = append(parts, i)
		}
	}
	return parts
}
