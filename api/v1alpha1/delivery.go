package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DeliverySpec says where a system's spec is, and how often to compare it with the live world.
// +kubebuilder:validation:XValidation:rule="!has(self.rollback) || !has(self.git.verify) || self.git.verify.mode == 'HEAD'",message="verify.mode Tag and TagAndHEAD verify tags, and rollback names a commit: to go back, name an earlier tag in git.ref.tag"
type DeliverySpec struct {
	// Interval at which the repository is looked at and the live cluster and keys are compared with it, at
	// least a second.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +required
	Interval metav1.Duration `json:"interval"`

	// RetryInterval after a failure. Defaults to the interval.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	RetryInterval *metav1.Duration `json:"retryInterval,omitempty"`

	// Timeout of fetching the repository, and of each rollout until no pod of the old release exists. A rewrite
	// takes as long as it takes: it can be interrupted and resumed. Defaults to 10m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern="^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// Suspend stops this Delivery from observing and changing anything. A run that has started ends at the next
	// safe point. What was applied stays.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Approval that plans of this Delivery wait for, beside what the policies of the spec demand: of the two the
	// stricter. destructive: plans that lose data, delete or stop something.
	// +kubebuilder:validation:Enum=never;destructive;always
	// +optional
	Approval string `json:"approval,omitempty"`

	// Rollback keeps the live world at an earlier revision, whatever the repository says, until it is taken away.
	// +optional
	Rollback *Rollback `json:"rollback,omitempty"`

	// Git is the repository that holds the spec.
	// +required
	Git GitSource `json:"git"`

	// Path of the CUE package in the repository. Defaults to its root.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.split('/').exists(p, p == '..')",message="path is relative to the root of the repository and does not leave it"
	// +optional
	Path string `json:"path,omitempty"`
}

// GitSource is a Git repository and what to take from it.
// +kubebuilder:validation:XValidation:rule="!self.url.matches('^[a-z]+://[^/@]*:[^/@]*@')",message="url must not hold a password: name a Secret in secretRef"
// +kubebuilder:validation:XValidation:rule="!has(self.verify) || self.verify.mode == 'HEAD' || (has(self.ref) && has(self.ref.tag))",message="verify.mode Tag and TagAndHEAD need ref.tag: name a tag, or use the mode HEAD"
type GitSource struct {
	// URL of the repository: https, ssh, or http on a loopback address or with insecureHTTP.
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern="^(http|https|ssh)://.*$"
	// +required
	URL string `json:"url"`

	// Ref to follow. Defaults to the branch that the repository's HEAD names.
	// +optional
	Ref *GitRef `json:"ref,omitempty"`

	// SecretRef names a Secret in the Delivery's namespace. For https: username and password (a token is a password),
	// and ca.crt for a server whose certificate the system does not know. For ssh: identity (the private key), password
	// (of the key, if it has one) and known_hosts.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`

	// Verify demands signatures. Without it nothing is verified, and no signer is told of.
	// +optional
	Verify *GitVerification `json:"verify,omitempty"`

	// InsecureHTTP allows plain http to a server that is not on a loopback address, without credentials. Anybody on
	// the way can then replace the spec.
	// +optional
	InsecureHTTP bool `json:"insecureHTTP,omitempty"`
}

// GitRef names what to take from a repository: a branch, a tag or a commit. A commit may stand beside the branch
// that holds it, for servers that do not serve single commits.
// +kubebuilder:validation:XValidation:rule="!has(self.tag) || (!has(self.branch) && !has(self.commit))",message="tag stands alone: remove branch and commit, or tag"
type GitRef struct {
	// Branch whose tip to follow.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Branch string `json:"branch,omitempty"`

	// Tag to take.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Tag string `json:"tag,omitempty"`

	// Commit to stay at, 40 hexadecimal digits.
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern="^[0-9a-f]{40}$"
	// +optional
	Commit string `json:"commit,omitempty"`
}

// Rollback names a revision to go back to.
type Rollback struct {
	// To is the revision, as status.applied lists it: main@sha1:COMMIT.
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:Pattern="^([^@]*@)?(sha1:)?[0-9a-f]{40}$"
	// +required
	To string `json:"to"`
}

// SecretReference names a Secret in the Delivery's own namespace.
type SecretReference struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
}

// Delivery keeps a cluster's releases and a store's keys at what a Git repository says.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=dlv,categories={all,keyshift}
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].status"
// +kubebuilder:printcolumn:name="Status",type="string",JSONPath=".status.conditions[?(@.type==\"Ready\")].message"
// +kubebuilder:printcolumn:name="Revision",type="string",JSONPath=".status.lastAppliedRevision"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type Delivery struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec DeliverySpec `json:"spec"`

	// +kubebuilder:default:={"observedGeneration":-1}
	// +optional
	Status DeliveryStatus `json:"status,omitempty"`
}

// DeliveryList is a list of Deliveries.
// +kubebuilder:object:root=true
type DeliveryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Delivery `json:"items"`
}

// AdoptAnnotation takes the stores of a Delivery as they are now, once: when it holds the same token as a new
// reconcile.fluxcd.io/requestedAt. What the mirror knows of a store that was emptied or replaced is then given up.
const AdoptAnnotation = "keyshift.dev/adoptAt"

// ForceAnnotation tries once more what failed and is not tried again by itself, when it holds the same token as a new
// reconcile.fluxcd.io/requestedAt.
const ForceAnnotation = "keyshift.dev/forceAt"

// Finalizer lets a run end at a safe point before its Delivery is gone.
const Finalizer = "keyshift.dev/finalizer"

// DefaultTimeout is the timeout of a Delivery that names none.
const DefaultTimeout = 10 * time.Minute

// shortest keeps a spec from making every attempt fail, or from asking without a pause.
const shortest = time.Second

// GetTimeout returns the limit of a fetch and of one rollout.
func (d *Delivery) GetTimeout() time.Duration {
	if d.Spec.Timeout == nil {
		return DefaultTimeout
	}
	return max(d.Spec.Timeout.Duration, shortest)
}

// GetRetryInterval returns the time between a failure and the next attempt.
func (d *Delivery) GetRetryInterval() time.Duration {
	if d.Spec.RetryInterval != nil {
		return max(d.Spec.RetryInterval.Duration, shortest)
	}
	return d.GetRequeueAfter()
}

// GetRequeueAfter returns the time between two successful attempts.
func (d *Delivery) GetRequeueAfter() time.Duration { return max(d.Spec.Interval.Duration, shortest) }

// GetConditions returns the conditions of the status.
func (d *Delivery) GetConditions() []metav1.Condition { return d.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (d *Delivery) SetConditions(conditions []metav1.Condition) { d.Status.Conditions = conditions }
