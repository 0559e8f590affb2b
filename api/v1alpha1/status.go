package v1alpha1

import (
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Limits of what a status lists; what is left out is counted beside.
const (
	MaxSteps      = 64  // of a plan
	MaxComponents = 256 // of a system
	MaxKeyspaces  = 256 // of a system
	MaxClasses    = 32  // of a keyspace
	MaxReleases   = 32  // of a component
	MaxUnfit      = 10  // samples of a keyspace
)

// DeliveryStatus is what was observed, what is being done and what is done.
type DeliveryStatus struct {
	meta.ReconcileRequestStatus `json:",inline"`

	// What was tried once more by force is noted before anything is tried, so that an interruption neither loses it nor makes
	// it twice.
	meta.ForceRequestStatus `json:",inline"`

	// ObservedGeneration is the last generation of the spec that was reconciled to an end.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions: Ready, while they are true Reconciling or Stalled, and with spec.git.verify SourceVerified.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// LastAttemptedRevision is the revision that the last attempt evaluated, main@sha1:COMMIT.
	// +kubebuilder:validation:MaxLength=320
	// +optional
	LastAttemptedRevision string `json:"lastAttemptedRevision,omitempty"`

	// LastAppliedRevision is the last revision for which the live cluster and keys were observed to need no change.
	// +kubebuilder:validation:MaxLength=320
	// +optional
	LastAppliedRevision string `json:"lastAppliedRevision,omitempty"`

	// Applied are the last revisions for which nothing was left to do, at most ten, the latest first.
	// +kubebuilder:validation:MaxItems=10
	// +optional
	Applied []AppliedRevision `json:"applied,omitempty"`

	// Failures are steps that failed for good: they are not tried again until the spec, or what is observed, changes.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Failures []StepFailure `json:"failures,omitempty"`

	// ObservedAt is when components and keyspaces were last observed in full.
	// +optional
	ObservedAt *metav1.Time `json:"observedAt,omitempty"`

	// Plan is the plan that runs, or the last one that ran or was refused.
	// +optional
	Plan *PlanStatus `json:"plan,omitempty"`

	// Components, what is desired and what runs, by name.
	// +kubebuilder:validation:MaxItems=256
	// +listType=map
	// +listMapKey=name
	// +optional
	Components []ComponentStatus `json:"components,omitempty"`

	// Keyspaces, what is desired and what is in the store, by name.
	// +kubebuilder:validation:MaxItems=256
	// +listType=map
	// +listMapKey=name
	// +optional
	Keyspaces []KeyspaceStatus `json:"keyspaces,omitempty"`

	// History of the last plans, at most five, the latest first.
	// +optional
	History meta.History `json:"history,omitempty"`
}

// AppliedRevision is a revision for which nothing was left to do.
type AppliedRevision struct {
	// Revision, main@sha1:COMMIT.
	// +kubebuilder:validation:MaxLength=320
	Revision string `json:"revision"`
	// At is when that was observed first.
	At metav1.Time `json:"at"`
	// Signer of it, if that was verified.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Signer string `json:"signer,omitempty"`
}

// StepFailure is a step that failed for good.
type StepFailure struct {
	// Kind of the step.
	// +kubebuilder:validation:MaxLength=32
	Kind string `json:"kind"`
	// Object is the component or the keyspace.
	// +kubebuilder:validation:MaxLength=253
	Object string `json:"object"`
	// To is the release or version after.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	To string `json:"to,omitempty"`
	// Goal is the digest of what was wanted of the part of the system.
	// +kubebuilder:validation:MaxLength=128
	Goal string `json:"goal"`
	// Unfit units of the keyspace when it failed.
	// +optional
	Unfit int64 `json:"unfit,omitempty"`
	// Code of the error.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Code string `json:"code,omitempty"`
	// Reason is the error.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Reason string `json:"reason,omitempty"`
	// At is when it failed.
	At metav1.Time `json:"at"`
	// Back tells that the part goes back to what was applied before.
	// +optional
	Back bool `json:"back,omitempty"`
}

// StepState says how far a step is.
// +kubebuilder:validation:Enum=Pending;Running;Done;Failed
type StepState string

// The states of a step.
const (
	StepPending StepState = "Pending"
	StepRunning StepState = "Running"
	StepDone    StepState = "Done"
	StepFailed  StepState = "Failed"
)

// PlanStatus is a plan and how far it is.
type PlanStatus struct {
	// Digest of the plan's content.
	// +kubebuilder:validation:MaxLength=128
	// +required
	Digest string `json:"digest"`

	// Revision the plan was made for.
	// +kubebuilder:validation:MaxLength=320
	// +optional
	Revision string `json:"revision,omitempty"`

	// Total is the number of steps, those that are not listed included.
	Total int32 `json:"total"`

	// Current is the number of the step that runs, or that ran last, counted from 1; 0 before the first.
	// +optional
	Current int32 `json:"current,omitempty"`

	// Steps in their order, at most 64.
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Steps []StepStatus `json:"steps,omitempty"`

	// Progress of the step that runs.
	// +optional
	Progress *Progress `json:"progress,omitempty"`
}

// StepStatus is one step of a plan.
type StepStatus struct {
	// Kind of the step: backup, rollout, scale, rewrite, prune or verify.
	// +kubebuilder:validation:MaxLength=32
	Kind string `json:"kind"`

	// Object is the component or the keyspace.
	// +kubebuilder:validation:MaxLength=253
	Object string `json:"object"`

	// From are the releases or versions before.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=256
	// +optional
	From []string `json:"from,omitempty"`

	// To is the release or version after.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	To string `json:"to,omitempty"`

	// Reason for the step and for its place.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Reason string `json:"reason,omitempty"`

	// Risk of the step.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Risk string `json:"risk,omitempty"`

	// State of the step.
	State StepState `json:"state"`
}

// Progress is how far a step is: units of a rewrite or verify, pods of a rollout.
type Progress struct {
	// Scanned units or keys.
	// +optional
	Scanned int64 `json:"scanned,omitempty"`
	// Rewritten units.
	// +optional
	Rewritten int64 `json:"rewritten,omitempty"`
	// Conflicts with writers, each read again and retried.
	// +optional
	Conflicts int64 `json:"conflicts,omitempty"`
	// Unfit units, left byte for byte.
	// +optional
	Unfit int64 `json:"unfit,omitempty"`
	// Estimate of the units to scan.
	// +optional
	Estimate int64 `json:"estimate,omitempty"`
	// Pods of a rollout.
	// +optional
	Pods *PodProgress `json:"pods,omitempty"`
}

// PodProgress counts the pods of a component while it rolls out.
type PodProgress struct {
	// Desired replicas.
	// +optional
	Desired int32 `json:"desired,omitempty"`
	// Updated pods, of the new release.
	// +optional
	Updated int32 `json:"updated,omitempty"`
	// Ready pods of the new release.
	// +optional
	Ready int32 `json:"ready,omitempty"`
	// Old pods, of other releases.
	// +optional
	Old int32 `json:"old,omitempty"`
	// Terminating pods.
	// +optional
	Terminating int32 `json:"terminating,omitempty"`
}

// ComponentStatus is what is desired and what runs of one component.
type ComponentStatus struct {
	// Name of the component.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Desired release; empty if the spec no longer has the component.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Desired string `json:"desired,omitempty"`
	// Live releases: those that have a pod in any phase.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Live []LiveRelease `json:"live,omitempty"`
	// Unknown images that run and that no release names.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=512
	// +optional
	Unknown []string `json:"unknown,omitempty"`
	// Missing tells that the workload does not exist.
	// +optional
	Missing bool `json:"missing,omitempty"`
	// Stopped tells that Keyshift has put the component's replicas to zero; pods that were told to go may be live still.
	// +optional
	Stopped *StoppedStatus `json:"stopped,omitempty"`
}

// StoppedStatus says since when, for what and by whom a component is stopped.
type StoppedStatus struct {
	// Since when; missing if that is not known.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// For which keyspaces, which are to be rewritten before it is started again; none once they are.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=253
	// +optional
	For []string `json:"for,omitempty"`
	// By another system, which has the same workload and is to start it again; empty if by this one.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	By string `json:"by,omitempty"`
}

// LiveRelease counts the pods of one release.
type LiveRelease struct {
	// Release of the component.
	// +kubebuilder:validation:MaxLength=256
	Release string `json:"release"`
	// Pods of the release, terminating ones included.
	Pods int32 `json:"pods"`
	// Terminating pods.
	// +optional
	Terminating int32 `json:"terminating,omitempty"`
}

// KeyspaceStatus is what is desired and what is in the store of one keyspace.
type KeyspaceStatus struct {
	// Name of the keyspace.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Desired version; empty if the spec no longer has the keyspace.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Desired string `json:"desired,omitempty"`
	// Verified tells that a full pass since the last change of data found exactly what is recorded.
	// +optional
	Verified bool `json:"verified,omitempty"`
	// Live units by class: the versions they fit, joined by |, or ? for none.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Live []LiveClass `json:"live,omitempty"`
	// Unfit units, at most ten, of those that fit no version.
	// +kubebuilder:validation:MaxItems=10
	// +optional
	Unfit []UnfitUnit `json:"unfit,omitempty"`
}

// LiveClass counts the units of one class.
type LiveClass struct {
	// Class of the units.
	// +kubebuilder:validation:MaxLength=1024
	Class string `json:"class"`
	// Units of the class.
	Units int64 `json:"units"`
}

// UnfitUnit names a unit that fits no version, never its value.
type UnfitUnit struct {
	// Key in the store, shortened.
	// +kubebuilder:validation:MaxLength=256
	Key string `json:"key"`
	// Reason why it fits no version.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Reason string `json:"reason,omitempty"`
}
