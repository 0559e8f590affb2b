package apply

import (
	"errors"
	"fmt"

	"keyshift.dev/plan"
)

// The codes of a HoldError.
const (
	StoreChanged   = "StoreChanged"   // the store is not the one that was applied to, or lost its data, or has two names
	StoreUndefined = "StoreUndefined" // a keyspace's store has no connection
	UnfitUnits     = "UnfitUnits"     // more units fit no version than the policy allows
	StateMissing   = "StateMissing"   // there is no durable place for a backup or an undo log, or one is gone from it
	NotDrained     = "NotDrained"     // units of old versions are neither consumed nor expired in time
	NoProgress     = "NoProgress"     // planning again and again led nowhere
	Unbearable     = "Unbearable"     // the server has no memory, rights or room for a rewrite
	NotReady       = "NotReady"       // a component that uses the keyspace has pods that are not ready
	WindowClosed   = "WindowClosed"   // no window of the policy is open, or not long enough, or a freeze is on
	GateClosed     = "GateClosed"     // a gate of the policy does not hold
	SoakFailed     = "SoakFailed"     // pods were not ready, or a gate did not hold, while a step was watched after its end

	ImageMissing     = "ImageMissing"     // an image that the plan may need cannot be pulled
	AwaitingApproval = "AwaitingApproval" // a policy demands that a person approves the plan
	Quarantined      = "Quarantined"      // a step failed, and nothing has changed since
)

// Passes tells whether what is blocked by a code waits for something that is to come, so that nothing is wrong with it.
func Passes(code plan.Code) bool {
	return code == WindowClosed || code == AwaitingApproval || code == Quarantined
}

// HoldError says that nothing more is done until a person, or time, changes something. What was done so far
// stays, and is safe.
type HoldError struct {
	Code   string // one of the constants
	Reason string
	WayOut string // what to do
}

// Error names the reason and the way out.
func (e *HoldError) Error() string {
	return fmt.Sprintf("held: %s; %s (%s)", e.Reason, e.WayOut, e.Code)
}

// errSuperseded stops a step at a key boundary because the observed state is none that the plan passes through.
var errSuperseded = errors.New("superseded: the system moved away from the plan")

func hold(code, wayOut, format string, args ...any) *HoldError {
	return &HoldError{Code: code, Reason: fmt.Sprintf(format, args...), WayOut: wayOut}
}
