package cluster

import (
	"context"
	"time"

	"keyshift.dev/state"
)

// Cluster observes, rolls out, stops and starts the components of a system.
type Cluster interface {
	// Observe tells what runs of each component of a system, sorted by component. A component that is removed from the
	// spec is observed like any other; an external one runs its declared release. An image that no release
	// names is no error but is listed in Unknown, and so is Missing for a workload that does not exist.
	// What cannot be read is an *Error.
	Observe(ctx context.Context, system string, components []state.Component) ([]state.Running, error)

	// Pullable asks the registries of images that a component's releases name whether pods of its workload could pull them,
	// with the credentials that these would show. It answers in the order of the images; whatever goes wrong, and whatever
	// nodes alone may know, is PullUnknown.
	Pullable(ctx context.Context, c state.Component, images []state.Image) []ImageAnswer

	// Rollout makes the workload's template run the release and returns once that is accepted. It sets the
	// images that the release names and nothing else, and does nothing if they are set already. Errors:
	// *ImageOwnedError if another manager would put its image back, *Error for the rest.
	Rollout(ctx context.Context, c state.Component, r state.Release) error

	// Await returns nil once every pod of the workload is of the release, as many as desired are ready, and
	// no pod of another release exists, terminating ones included. It reports progress whenever that changes.
	// Errors: *StuckError if the rollout cannot go on or the timeout has passed, *ImageOwnedError if somebody
	// has put another image into the template meanwhile, *OvertakenError if another process of Keyshift has,
	// *Error, or the context's.
	Await(ctx context.Context, c state.Component, r state.Release, timeout time.Duration, report func(Progress)) error

	// Stop puts the replicas of the workload of a system's component to zero, notes on it how many there were
	// (ReplicasAnnotation) in the same write, and returns once that is accepted. It does nothing to one that is stopped.
	// *Error, with ReplicasOwned if another manager would put the replicas back, with StoppedByOther if the note of another
	// system stands on it.
	Stop(ctx context.Context, system string, c state.Component) error

	// AwaitStopped returns nil once no pod of a stopped workload is left, terminating ones included. It reports progress
	// whenever that changes. Errors: *StuckError once the timeout has passed, *ScaledError if somebody has scaled the
	// workload up meanwhile, *Error, or the context's.
	AwaitStopped(ctx context.Context, c state.Component, timeout time.Duration, report func(Progress)) error

	// Start gives a stopped workload the replicas back that it had, and removes the note; Await tells when they are ready.
	// One that somebody has scaled since keeps the replicas that it has. It does nothing to one without a note. *Error, with
	// StoppedByOther if the note is another system's.
	Start(ctx context.Context, system string, c state.Component) error

	// Forget removes the note of a stop that is no longer in force, because somebody else has set the replicas since. It does
	// nothing to one that is stopped, nor to the note of another system. *Error.
	Forget(ctx context.Context, system string, c state.Component) error
}

// Progress counts the pods of a workload during a rollout or a stop, in which all are old.
type Progress struct {
	Old         int `json:"old"`         // pods of other releases, terminating ones included
	Updated     int `json:"updated"`     // pods of the new release that are not terminating
	Ready       int `json:"ready"`       // of Updated
	Desired     int `json:"desired"`     // replicas asked for
	Terminating int `json:"terminating"` // pods that are terminating, of any release
}

// FieldManager is the name under which Keyshift owns fields in a cluster.
const FieldManager = "keyshift"
