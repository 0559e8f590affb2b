// Package plan orders rollouts and rewrites so that no release ever meets a unit it cannot read.
//
// With checkout 1.4.0 live and sessions at 1.0.0, a commit that wants 2.0.0 of both is planned as
//
//	rollout checkout 1.4.0 → 1.5.0     a bridge: reads session 2.0.0 too
//	rollout checkout 1.5.0 → 2.0.0     every running reader reads 2.0.0 now
//	backup  session  1.0.0             nobody writes 1.0.0 any more: every unit is kept
//	rewrite session  1.0.0 → 2.0.0
//	verify  session  2.0.0             a full pass finds nothing older
//
// Everything is pure: Make searches, Simulate, Begin and End say what the world looks like before, during and
// after each step, Check proves a plan against the numbered invariants without knowing how it was made.
package plan

import (
	"errors"
	"fmt"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// Kind is the kind of a step.
type Kind string

// The kinds of steps.
const (
	Backup  Kind = "backup"  // of a keyspace, verified, before a rewrite of it
	Rollout Kind = "rollout" // of a component to a release
	Scale   Kind = "scale"   // of a component to zero, or back up
	Rewrite Kind = "rewrite" // of a keyspace to a version: its older units are converted, or drained, or discarded
	Prune   Kind = "prune"   // of a keyspace that was taken out of the spec: its units are deleted
	Verify  Kind = "verify"  // a full pass over a keyspace that changes nothing
)

// Step is one thing to do, and why.
type Step struct {
	Kind     Kind           `json:"kind"`
	Object   string         `json:"object"`             // component of a rollout or scale, keyspace of any other step
	From     []string       `json:"from,omitempty"`     // other releases running (of a scale back up: that of the template), or classes to convert or to keep; sorted
	To       string         `json:"to,omitempty"`       // release or version; of a scale ToZero or BackUp; of a backup the version to be rewritten to, of a verify that just rewritten to, empty if none; of a prune, and of a backup before one, empty
	Strategy state.Strategy `json:"strategy,omitempty"` // of a rewrite that converts nothing: drain or discard
	Reason   string         `json:"reason"`             // why here in the order
	Risk     diff.Risk      `json:"risk"`               //
	Notes    []string       `json:"notes,omitempty"`    // what is at stake, for people
	Losses   []state.Loss   `json:"losses,omitempty"`   // of a rewrite: why the way back may not restore every unit
	Mixes    bool           `json:"mixes,omitempty"`    // of a rewrite: units may mix versions, and what one is then made of is logged first
	Moves    bool           `json:"moves,omitempty"`    // of a rewrite: units get other keys or another type, and what gives way or comes back spelled otherwise is logged first
	Archived bool           `json:"archived,omitempty"` // of a prune: a backup holds what it deletes, and so does an undo log
	Undo     string         `json:"undo,omitempty"`     // what takes it back
	Begun    bool           `json:"begun,omitempty"`    // of a scale to zero: nothing starts any more, and only pods that were told to go are left
	Part     int            `json:"part"`               // index into Plan.Parts
	Digest   state.Digest   `json:"digest"`             // of this step and everything after it in its part
}

// Plan is an ordered list of steps, named by its content. Parts of the system that cannot be planned are in
// Blocked and have no steps; they do not hold the others.
type Plan struct {
	System  string       `json:"system"`
	Digest  state.Digest `json:"digest"` // of the first step of every part; of the system's name alone if there is none
	Steps   []Step       `json:"steps,omitempty"`
	Parts   []Part       `json:"parts,omitempty"`   // that have steps: each can go on without the others
	Broken  []Violation  `json:"broken,omitempty"`  // what is unreadable now; no step adds to it
	Blocked []Blocked    `json:"blocked,omitempty"` // sorted by objects, then code
}

// Part is a part of the system (components and keyspaces that are coupled) that has steps. Its steps stand together, in
// their order.
type Part struct {
	Components []string     `json:"components,omitempty"` // sorted
	Keyspaces  []string     `json:"keyspaces,omitempty"`  // sorted
	Digest     state.Digest `json:"digest"`               // of its first step
}

// Violation is a running release that may meet a unit it cannot read.
type Violation struct {
	Component string      `json:"component"`
	Release   string      `json:"release"`
	Keyspace  string      `json:"keyspace"`
	Class     state.Class `json:"class"`
}

// String says it in one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s %s reads %s but not its units of %s", v.Component, v.Release, v.Keyspace, v.Class)
}

// Code says for machines why a part of the system has no steps.
type Code string

// The codes of Blocked, beside those of diff's holds.
const (
	NoSafeOrder Code = "NoSafeOrder" // no order of rollouts and rewrites keeps every moment readable
	UnfitUnits  Code = "UnfitUnits"  // units that fit no version stand in the way of a release that reads less
	StillUsed   Code = "StillUsed"   // a keyspace is to be deleted, and a release that Keyshift does not roll uses it
	SearchLimit Code = "SearchLimit" // too many coupled objects: no order was found within bounds
	NotBuilt    Code = "NotBuilt"    // the spec asks for what this version of Keyshift cannot do yet
)

// Blocked is a part of the system (components and keyspaces that are coupled) without a plan.
type Blocked struct {
	Components []string `json:"components,omitempty"` // sorted
	Keyspaces  []string `json:"keyspaces,omitempty"`  // sorted
	Code       Code     `json:"code"`
	Reason     string   `json:"reason"` // a counterexample: which release could meet what, in which step
	WayOut     string   `json:"wayOut"` // what to do
}

// First tells whether a step is the first of its part.
func (p Plan) First(step int) bool { return step == 0 || p.Steps[step-1].Part != p.Steps[step].Part }

// Err returns what is blocked as an error, nil if nothing is.
func (p Plan) Err() error {
	errs := make([]error, len(p.Blocked))
	for i, b := range p.Blocked {
		errs[i] = &BlockedError{b}
	}
	return errors.Join(errs...)
}

// BlockedError is one Blocked as an error.
type BlockedError struct{ Blocked Blocked }

// Error names the objects, the reason and the way out.
func (e *BlockedError) Error() string {
	b := e.Blocked
	objects := strings.Join(append(append([]string{}, b.Components...), b.Keyspaces...), ", ")
	return fmt.Sprintf("%s: %s: %s; %s", objects, b.Code, b.Reason, b.WayOut)
}

// Phase is a moment's place within its step.
type Phase string

// The phases of a step.
const (
	Before Phase = "before"
	During Phase = "during"
	After  Phase = "after"
)

// Moment is the world at one phase of one step.
type Moment struct {
	Step  int            `json:"step"` // index into Plan.Steps
	Phase Phase          `json:"phase"`
	State state.Observed `json:"state"`
}
