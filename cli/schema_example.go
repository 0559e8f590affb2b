package cli

import (
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// example is an invented value, and what the way there and back makes of it.
type example struct {
	Before string `json:"before"`
	After  string `json:"after"`
	Back   string `json:"back"`
}

// counterexample invents a value that does not survive the way there and back, nil if none is found.
func counterexample(k state.Keyspace, from, to state.Version) *example {
	e, found := transform.Counterexample(k, from, to)
	if !found {
		return nil
	}
	return &example{e.Before, e.After, e.Back}
}
