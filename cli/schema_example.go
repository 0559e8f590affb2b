package cli

import "keyshift.dev/state"

// example is an invented value, and what the way there and back makes of it.
type example struct {
	Before string `json:"before"`
	After  string `json:"after"`
	Back   string `json:"back"`
}

// counterexample invents a value that does not survive the way there and back, nil if none is found.
func counterexample(state.Keyspace, state.Version, state.Version) *example { return nil }
