package state

import "slices"

// Policy is what a user demands of a change. An empty field means its default, the first named.
type Policy struct {
	Backup     Backup    `json:"backup,omitempty"`
	Approval   Approval  `json:"approval,omitempty"`
	Strategy   Strategy  `json:"strategy,omitempty"`
	Invalid    Invalid   `json:"invalid,omitempty"`
	MaxInvalid string    `json:"maxInvalid,omitempty"` // "1%" of the units that preflight observed
	OnFailure  OnFailure `json:"onFailure,omitempty"`
	Throttle   Throttle  `json:"throttle,omitempty"`
	Limits     *Limits   `json:"limits,omitempty"`  // instead of, or below, the profile of Throttle
	Windows    []Window  `json:"windows,omitempty"` // none: any time; see Window.Level
	Freezes    []Freeze  `json:"freeze,omitempty"`  // sorted; those of every level
	Soak       Soak      `json:"soak,omitzero"`
	Canary     string    `json:"canary,omitempty"` // "1%" of the keys first
	Gates      []Gate    `json:"gates,omitempty"`  // sorted by name
	Retire     Retire    `json:"retire,omitempty"` // that of this level alone; see Desired.RetireOf
}

// ComponentPolicy is what a user demands of a rollout.
type ComponentPolicy struct {
	Approval    Approval  `json:"approval,omitempty"`
	OnFailure   OnFailure `json:"onFailure,omitempty"`
	Windows     []Window  `json:"windows,omitempty"`
	Freezes     []Freeze  `json:"freeze,omitempty"`
	Soak        Soak      `json:"soak,omitzero"`
	Gates       []Gate    `json:"gates,omitempty"`
	After       []string  `json:"after,omitempty"`       // components that must have been rolled out before, sorted
	MaxParallel int       `json:"maxParallel,omitempty"` // 0: any number
	Jump        Jump      `json:"jump,omitempty"`
}

// Limits bounds the load of a rewrite; 0 means no bound.
type Limits struct {
	KeysPerSecond  int64 `json:"keysPerSecond,omitempty"`
	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"`
	MaxBlocked     int64 `json:"maxBlocked,omitempty"` // milliseconds that one call may block the server
}

// Window is a time of the week in which changes may start: while, of each level that has windows, one is open.
type Window struct {
	Days []string `json:"days,omitempty"` // mon … sun; none: every day
	From string   `json:"from"`           // "22:00"
	To   string   `json:"to"`             // of the next day if it is not after From
	Zone string   `json:"zone,omitempty"` // IANA name; UTC if empty
	Risk string   `json:"risk,omitempty"` // the least of the steps that it is for; of all if empty

	// Level is that of the policy it stands in.
	Level string `json:"level,omitempty"`
}

// The levels of policies.
const (
	LevelSystem    = "system"
	LevelKeyspace  = "keyspace"
	LevelComponent = "component"
)

// Freeze is a time of some days, the first and the last whole ones, in which no change may start.
type Freeze struct {
	From   string `json:"from"`             // the first day: "2026-12-20"
	To     string `json:"to"`               // the last
	Zone   string `json:"zone,omitempty"`   // IANA name, by whose clocks days begin and end; UTC if empty
	Risk   string `json:"risk,omitempty"`   // the least of the steps that it is for; of all if empty
	Reason string `json:"reason,omitempty"` // for people
}

// Soak is how long to wait and watch after a step, in milliseconds.
type Soak struct {
	AfterRollout int64 `json:"afterRollout,omitempty"`
	AfterRewrite int64 `json:"afterRewrite,omitempty"`
}

// Gate is what must hold before and during a step: an HTTP address that answers 2xx, or a PromQL expression that
// gives a result.
type Gate struct {
	Name   string `json:"name"`
	HTTP   string `json:"http,omitempty"`
	PromQL string `json:"promql,omitempty"`
}

// Jump is how far one rollout may go between releases whose names are versions.
type Jump string

// The jumps: any, or at most to the next version of that rank.
const (
	JumpAny   Jump = "any"
	JumpMajor Jump = "major"
	JumpMinor Jump = "minor"
	JumpPatch Jump = "patch"
)

// Backup says when a rewrite is preceded by a backup.
type Backup string

// BackupAlways is the default.
const (
	BackupAlways Backup = "always"
	BackupLossy  Backup = "lossy" // before a rewrite whose way back may not restore every unit, and before a discard
	BackupNever  Backup = "never"
)

// Approval says which plans wait for a person.
type Approval string

// ApprovalNever is the default: the merge of the pull request is the approval.
const (
	ApprovalNever       Approval = "never"
	ApprovalDestructive Approval = "destructive" // lossy, downtime or prune
	ApprovalAlways      Approval = "always"
)

// Stricter returns the stricter of two approvals.
func (a Approval) Stricter(b Approval) Approval {
	rising := []Approval{"", ApprovalNever, ApprovalDestructive, ApprovalAlways}
	if slices.Index(rising, b) > slices.Index(rising, a) {
		return b
	}
	return a
}

// Strategy says how old units become new ones.
type Strategy string

// Empties tells whether old units go away and none is converted.
func (s Strategy) Empties() bool { return s == StrategyDrain || s == StrategyDiscard }

// StrategyOnline is the default: units are rewritten under live writers.
const (
	StrategyOnline  Strategy = "online"
	StrategyStop    Strategy = "stop"    // the components that use the keyspace are scaled to zero around the rewrite
	StrategyDrain   Strategy = "drain"   // nothing is rewritten: old units are consumed or expire
	StrategyDiscard Strategy = "discard" // old units are unlinked
)

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
const (
	OnFailureHold     OnFailure = "hold"
	OnFailureRollback OnFailure = "rollback"
)

// Throttle bounds the load a rewrite puts on its store.
type Throttle string

// The profiles of a rewrite.
const (
	ThrottleBalanced Throttle = "balanced"
	ThrottleGentle   Throttle = "gentle"
	ThrottleFast     Throttle = "fast"
)
