package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Limits of what a Plan lists; what is left out is counted beside.
const (
	MaxPlanSteps   = 1000
	MaxPlanReasons = 256 // characters of a reason
	MaxPlanNotes   = 8   // of a step
)

// PlanSpec is what is to be done, and whether a person has approved it. It never changes but for the approval.
// +kubebuilder:validation:XValidation:rule="self.delivery == oldSelf.delivery && self.digest == oldSelf.digest && self.revision == oldSelf.revision && self.steps == oldSelf.steps && self.summary == oldSelf.summary && self.more == oldSelf.more && has(self.rest) == has(oldSelf.rest) && (!has(self.rest) || self.rest == oldSelf.rest)",message="a plan cannot be changed, only approved: what is done is planned from what is observed"
type PlanSpec struct {
	// Delivery that the plan is for, in the same namespace.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Delivery string `json:"delivery"`

	// Revision of the spec that it was made for first.
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:default:=""
	// +optional
	Revision string `json:"revision"`

	// Digest of the plan's content: what is to be done, to which classes of units, by which definitions.
	// +kubebuilder:validation:MaxLength=128
	// +required
	Digest string `json:"digest"`

	// Summary of the plan: how many steps of which kind.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:default:=""
	// +optional
	Summary string `json:"summary"`

	// Steps in their order, at most 1000, and fewer if what they say is long.
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:MinItems=1
	// +required
	Steps []PlanStep `json:"steps"`

	// More steps than are listed.
	// +kubebuilder:default:=0
	// +optional
	More int32 `json:"more"`

	// Rest is of each part that has steps which are not listed: their digests. An approval covers them, too. Those of a plan
	// that is larger still are left out, and it is asked for again when they are what is left.
	// +kubebuilder:validation:MaxItems=4000
	// +optional
	Rest []PlanRest `json:"rest,omitempty"`

	// Approval of a person. Whoever gives it must hold the verb approve on plans, and be the one it names.
	// +optional
	Approval *PlanApproval `json:"approval,omitempty"`
}

// PlanRest is the end of a part of a plan that is not listed.
type PlanRest struct {
	// Part of the system that the steps are of.
	// +required
	Part int32 `json:"part"`

	// Kind of the first of them.
	// +kubebuilder:validation:MaxLength=32
	// +required
	Kind string `json:"kind"`

	// Object of the first of them.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Object string `json:"object"`

	// Steps of the part that are not listed.
	// +required
	Steps int32 `json:"steps"`

	// Digests of these steps in their order, of each its first 16 bytes in 22 characters of base64.
	// +kubebuilder:validation:MaxLength=262144
	// +required
	Digests string `json:"digests"`
}

// PlanApproval is what a person decided.
type PlanApproval struct {
	// Approved or, if false, rejected.
	// +required
	Approved bool `json:"approved"`

	// By whom: the name under which the API server knows that person.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	By string `json:"by"`
}

// PlanStep is one step, what it touches and what takes it back.
type PlanStep struct {
	// Kind of the step.
	// +kubebuilder:validation:MaxLength=32
	// +required
	Kind string `json:"kind"`

	// Object is the component or the keyspace.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Object string `json:"object"`

	// From are the releases or classes before, joined by commas.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	From string `json:"from,omitempty"`

	// To is the release or version after.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	To string `json:"to,omitempty"`

	// Reason for the step and for its place.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Reason string `json:"reason,omitempty"`

	// Risk of the step.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Risk string `json:"risk,omitempty"`

	// Notes say what is at stake: what a rewrite loses, which fields two releases write differently.
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=256
	// +optional
	Notes []string `json:"notes,omitempty"`

	// Undo is what takes the step back.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Undo string `json:"undo,omitempty"`

	// Part of the system that the step is of: those of one part are done in their order, without regard to the others.
	// +optional
	Part int32 `json:"part,omitempty"`

	// Units that the step reads or writes, as far as was observed when the plan was made.
	// +optional
	Units int64 `json:"units,omitempty"`

	// Bytes of memory that they take, about.
	// +optional
	Bytes int64 `json:"bytes,omitempty"`

	// Seconds that it takes, about.
	// +optional
	Seconds int64 `json:"seconds,omitempty"`

	// Digest of this step and what follows it in its part of the plan. What is left of a plan is known by it.
	// +kubebuilder:validation:MaxLength=128
	// +required
	Digest string `json:"digest"`
}

// PlanPhase says how far a plan is.
// +kubebuilder:validation:Enum=Pending;AwaitingApproval;Rejected;Running;Paused;Succeeded;Failed;Superseded;RolledBack
type PlanPhase string

// The phases of a plan. The last four are ends: an approval is consumed then.
const (
	PlanPending          PlanPhase = "Pending"
	PlanAwaitingApproval PlanPhase = "AwaitingApproval" // nothing of it is begun
	PlanRejected         PlanPhase = "Rejected"         // by a person; nothing of it is begun
	PlanRunning          PlanPhase = "Running"
	PlanPaused           PlanPhase = "Paused"     // what is left waits for something
	PlanSucceeded        PlanPhase = "Succeeded"  // every step ended
	PlanFailed           PlanPhase = "Failed"     // a step failed for good
	PlanSuperseded       PlanPhase = "Superseded" // what was observed, or the spec, is none that the plan passes through
	PlanRolledBack       PlanPhase = "RolledBack" // a step failed, and its part went back
)

// Ended tells whether nothing more is done by the plan.
func (p PlanPhase) Ended() bool {
	return p == PlanSucceeded || p == PlanFailed || p == PlanSuperseded || p == PlanRolledBack
}

// PlanRunStatus is how far a plan is.
type PlanRunStatus struct {
	// Phase of the plan.
	// +optional
	Phase PlanPhase `json:"phase,omitempty"`

	// Message says more of the phase: why it waits, or what failed.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`

	// ApprovedBy is who approved or rejected it.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ApprovedBy string `json:"approvedBy,omitempty"`

	// ApprovedAt is when the controller learned of that.
	// +optional
	ApprovedAt *metav1.Time `json:"approvedAt,omitempty"`

	// Signer of the revision that the plan was made for first: a name and a key, if its Delivery demands signatures.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Signer string `json:"signer,omitempty"`

	// StartedAt is when the first step began.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`

	// EndedAt is when the plan came to its end.
	// +optional
	EndedAt *metav1.Time `json:"endedAt,omitempty"`

	// Done counts the steps that ended, listed or not.
	// +optional
	Done int32 `json:"done,omitempty"`

	// Steps are how far the steps are, in the order of the spec's.
	// +kubebuilder:validation:MaxItems=1000
	// +optional
	Steps []PlanStepStatus `json:"steps,omitempty"`

	// Parts that came to their end before the plan, or of which steps ended that are not listed. What came to its end is run by
	// another plan if it is wanted once more, with an approval of its own.
	// +kubebuilder:validation:MaxItems=5000
	// +optional
	Parts []PlanPartStatus `json:"parts,omitempty"`
}

// PlanPartStatus is how far one part of a plan is.
type PlanPartStatus struct {
	// Part of the system.
	// +required
	Part int32 `json:"part"`

	// Phase that it ended in; empty if it did not.
	// +optional
	Phase PlanPhase `json:"phase,omitempty"`

	// Done counts its steps that ended and are not listed.
	// +optional
	Done int32 `json:"done,omitempty"`
}

// PlanStepStatus is how far one step is.
type PlanStepStatus struct {
	// State of the step.
	// +required
	State StepState `json:"state"`

	// StartedAt is when it began.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`

	// EndedAt is when it ended or failed.
	// +optional
	EndedAt *metav1.Time `json:"endedAt,omitempty"`

	// Message is what it did, or why it failed; left out of steps that are done where a plan is too large.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Message string `json:"message,omitempty"`
}

// Plan is what a Delivery does, or did, or would do if a person approved it.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories={keyshift}
// +kubebuilder:printcolumn:name="Delivery",type="string",JSONPath=".spec.delivery"
// +kubebuilder:printcolumn:name="Phase",type="string",JSONPath=".status.phase"
// +kubebuilder:printcolumn:name="Plan",type="string",JSONPath=".spec.summary"
// +kubebuilder:printcolumn:name="By",type="string",JSONPath=".status.approvedBy"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type Plan struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec PlanSpec `json:"spec"`

	// +optional
	Status PlanRunStatus `json:"status,omitempty"`
}

// PlanList is a list of Plans.
// +kubebuilder:object:root=true
type PlanList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Plan `json:"items"`
}

// DeliveryLabel names, on a Plan, its Delivery.
const DeliveryLabel = "keyshift.dev/delivery"
