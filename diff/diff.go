// Package diff compares what is wanted with what is there.
//
//	release  checkout  1.4.0 → 2.0.0   the desired release is not the only one running   rollout
//	version  session   1.0.0 → 2.0.0   units of 1.0.0 may exist                          lossy
//	hold     cart      UnknownImage    app runs cart:7f3, which no release names          none
//
// Compute is pure: it reads a united catalogue (state.Union) and an observation, and says what differs and why.
// It decides nothing about order; that is package plan.
package diff

import "slices"

// Kind is the kind of a change.
type Kind string

// The kinds of changes.
const (
	Hold    Kind = "hold"    // nothing may be planned around the object until somebody acts
	Release Kind = "release" // a component does not run its desired release alone
	Scale   Kind = "scale"   // a component has the desired release and is stopped
	Version Kind = "version" // units of a keyspace may not fit its desired version
	Prune   Kind = "prune"   // units of a keyspace that was taken out of the spec may be left, and are to go
)

// Risk says what a change or a step may cost, from nothing upwards.
type Risk string

// The risks, in rising order.
const (
	RiskNone         Risk = "none"          // reads only
	RiskRollout      Risk = "rollout"       // pods are replaced
	RiskData         Risk = "data"          // units are rewritten, proved exact
	RiskMixedWriters Risk = "mixed-writers" // two releases that run together write different versions, and fields are at stake
	RiskLossy        Risk = "lossy"         // units are rewritten and the way back may not restore them
	RiskDowntime     Risk = "downtime"      // no pod of a component runs for a while
)

// rising are the risks in their order, behind that of nothing that is said.
var rising = []Risk{"", RiskNone, RiskRollout, RiskData, RiskMixedWriters, RiskLossy, RiskDowntime}

// AtLeast tells whether a risk is as high as another, or higher. One that is not known is higher than any.
func (r Risk) AtLeast(least Risk) bool {
	i := slices.Index(rising, r)
	return i < 0 || i >= slices.Index(rising, least)
}

// Of says what the object of a hold is.
type Of string

// OfKeyspace marks the hold of a keyspace.
const OfKeyspace Of = "keyspace"

// OnKeyspace tells whether the change is about a keyspace, not a component.
func (c Change) OnKeyspace() bool { return c.Kind == Version || c.Kind == Prune || c.Of == OfKeyspace }

// Code names a hold for machines.
type Code string

// The codes of holds.
const (
	UnknownImage    Code = "UnknownImage"    // a live image that no release names
	UnknownRelease  Code = "UnknownRelease"  // the desired release is not declared
	WorkloadMissing Code = "WorkloadMissing" // the component's workload does not exist
	LeftStopped     Code = "LeftStopped"     // a component was taken out of the spec while it was stopped
	StoppedByOther  Code = "StoppedByOther"  // another system has stopped the component's workload
)

// Change is one difference between desired and observed.
type Change struct {
	Kind   Kind   `json:"kind"`
	Object string `json:"object"`           // component of a release, scale or hold, keyspace of a version or prune
	Of     Of     `json:"of,omitempty"`     // of a hold: what Object names, a component if empty
	From   string `json:"from,omitempty"`   // what is there: releases, or classes that do not fit, joined by ", "
	To     string `json:"to,omitempty"`     // desired release or version
	Code   Code   `json:"code,omitempty"`   // of a hold
	Reason string `json:"reason"`           // for people
	WayOut string `json:"wayOut,omitempty"` // of a hold: what to do
	Risk   Risk   `json:"risk"`
}
