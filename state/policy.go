package state

// Policy is what a user demands of a change. An empty field means its default, the first named.
type Policy struct {
	Backup     Backup    `json:"backup,omitempty"`
	Approval   Approval  `json:"approval,omitempty"`
	Strategy   Strategy  `json:"strategy,omitempty"`
	Invalid    Invalid   `json:"invalid,omitempty"`
	MaxInvalid string    `json:"maxInvalid,omitempty"` // "1%" of the units that preflight observed
	OnFailure  OnFailure `json:"onFailure,omitempty"`
	Throttle   Throttle  `json:"throttle,omitempty"`
}

// Backup says when a rewrite is preceded by a backup.
type Backup string

// BackupNever is the default, and the only value until the engine can take backups.
const BackupNever Backup = "never"

// Approval says which plans wait for a person.
type Approval string

// ApprovalNever is the default: the merge of the pull request is the approval.
const ApprovalNever Approval = "never"

// Strategy says how old units become new ones.
type Strategy string

// StrategyOnline is the default: units are rewritten under live writers.
const StrategyOnline Strategy = "online"

// Invalid says what a unit that fits no version does to a run.
type Invalid string

// A unit that fits no version stays byte for byte; skip counts it and goes on (up to MaxInvalid), fail stops.
const (
	InvalidSkip Invalid = "skip"
	InvalidFail Invalid = "fail"
)

// OnFailure says what follows a failed step.
type OnFailure string

// OnFailureHold is the default: the last safe state is kept.
const OnFailureHold OnFailure = "hold"

// Throttle bounds the load a rewrite puts on its store.
type Throttle string

// The profiles of a rewrite.
const (
	ThrottleBalanced Throttle = "balanced"
	ThrottleGentle   Throttle = "gentle"
	ThrottleFast     Throttle = "fast"
)
