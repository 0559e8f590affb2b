package cluster

import (
	"fmt"
	"strings"
	"time"

	"keyshift.dev/state"
)

// The machine-readable reasons of an Error.
const (
	Unreachable = "ClusterUnreachable"  // the API server does not answer, or not in time
	Denied      = "ClusterDenied"       // it refuses by authentication or RBAC
	Missing     = "WorkloadMissing"     // the workload does not exist
	Unsupported = "WorkloadUnsupported" // Keyshift cannot roll out what the component names
	Refused     = "ClusterRefused"      // the API server accepts no such change
	Damaged     = "RecordsDamaged"      // what Keyshift kept in the cluster is not what it saved

	ReplicasOwned  = "ReplicasOwnedBy" // another manager would put the replicas of a stopped workload back
	StoppedByOther = "StoppedByOther"  // another system of Keyshift has stopped the workload
)

// Error is a failed request to the cluster: what was tried on which object, and what to do next.
type Error struct {
	Reason string // one of the constants
	Wait   bool   // it may pass by itself
	Object string // "Deployment shop/checkout"
	Hint   string // the next action; may be empty
	Err    error  // may be nil
}

// Error says what failed, where, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Object, e.Reason)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ImageOwnedError says that another manager sets the image of a container and would put its own back.
type ImageOwnedError struct {
	Component string
	Object    string      // "Deployment shop/checkout"
	Manager   string      // its field manager: kustomize-controller, argocd-controller, helm
	Field     string      // "spec.template.spec.containers[app].image"
	Live      state.Image // what is there
	Want      string      // image that the release names
}

// Error says who owns the image and how to hand it over.
func (e *ImageOwnedError) Error() string {
	return fmt.Sprintf("component %s: %s: %s is %q and set by %s, which would put it back (release wants %q); "+
		"let %s ignore that field, then hand it over with the annotation %s=%s",
		e.Component, e.Object, e.Field, e.Live.Image, e.Manager, e.Want, e.Manager, HandOverAnnotation, HandOverImages)
}

// OvertakenError says that another process of Keyshift rolls the component out to another release: its plan is ahead,
// or made from a newer commit.
type OvertakenError struct{ Component, Release string }

// Error says what to do, which is to observe again.
func (e *OvertakenError) Error() string {
	return fmt.Sprintf("component %s: another process of Keyshift has set other images than those of release %s; observe and plan again", e.Component, e.Release)
}

// HandOverAnnotation on a workload, with the value HandOverImages, says that its images are Keyshift's from
// now on, whoever set them before; with HandOverReplicas, that Keyshift may stop it; with both, joined by a comma, both.
const (
	HandOverAnnotation = "keyshift.dev/hand-over"
	HandOverImages     = "images"
	HandOverReplicas   = "replicas"
)

// The machine-readable reasons of a StuckError.
const (
	DeadlineExceeded = "ProgressDeadlineExceeded" // the workload's controller made no progress for too long
	Paused           = "Paused"                   // the workload is paused
	TimedOut         = "Timeout"                  // Await's timeout has passed
)

// StuckError is a rollout or a stop that does not end.
type StuckError struct {
	Component string
	Object    string // "Deployment shop/checkout"
	Release   string // empty of a stop
	Reason    string // one of the constants
	After     time.Duration
	Progress  Progress
	Pods      []PodProblem // what holds it up, sorted by name, at most five
}

// PodProblem says why one pod holds up a rollout.
type PodProblem struct {
	Name    string `json:"name"`
	Release string `json:"release,omitempty"` // empty: an image that no release names
	Reason  string `json:"reason"`
}

// Error says what is stuck, why, and what to do.
func (e *StuckError) Error() string {
	var b strings.Builder
	p := e.Progress
	if e.Release == "" {
		fmt.Fprintf(&b, "component %s: %s is not stopped after %s (%s): %d pods are left", e.Component, e.Object, e.After.Round(time.Second), e.Reason, p.Old)
	} else {
		fmt.Fprintf(&b, "component %s: release %s of %s is stuck after %s (%s): %d of %d pods ready, %d of other releases",
			e.Component, e.Release, e.Object, e.After.Round(time.Second), e.Reason, p.Ready, p.Desired, p.Old)
	}
	for _, pod := range e.Pods {
		fmt.Fprintf(&b, "; pod %s: %s", pod.Name, pod.Reason)
	}
	b.WriteString("; ")
	b.WriteString(e.Hint())
	return b.String()
}

// Hint is the next action.
func (e *StuckError) Hint() string {
	switch {
	case e.Release == "":
		return "look at the grace period, finalizers and node of the pods that have not gone"
	case e.Reason == Paused:
		return "resume it (kubectl rollout resume)"
	case e.Progress.Ready >= e.Progress.Desired && e.Progress.Old > 0:
		return "the new pods are ready but old ones have not gone: look at their grace period, finalizers and node"
	case e.Reason == TimedOut:
		return "look at the pods, or allow more time"
	default:
		return "mend the release or revert the commit"
	}
}
