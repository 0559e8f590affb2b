package keyspace

import (
	"context"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// Journal is an undo log that is being written. A rewrite appends to it before each write that may lose something.
type Journal interface {
	// Append returns once the pre-images are on durable storage. After an error nothing that they stand for is written. It is
	// called from several goroutines at once, and keeps no part of the pre-images but their texts once it returned.
	Append(ctx context.Context, images []Preimage) error
}

// UndoLog is an undo log that is being read.
type UndoLog interface {
	// Images calls take with the pre-images, the newest first, some thousand at a time. It ends with the first error.
	Images(ctx context.Context, take func([]Preimage) error) error
}

// Preimage is one unit as it was before a write, and as that write was to leave it. It is appended before the write: that
// it is there does not say that the write happened.
type Preimage struct {
	Keyspace string         `json:"keyspace"`
	Job      string         `json:"job"`  // Job.ID of the rewrite
	From     state.Version  `json:"from"` // of Before
	To       state.Version  `json:"to"`   // of After
	Before   transform.Unit `json:"before"`
	After    transform.Unit `json:"after"`

	ExpireAt int64         `json:"expireAt,omitempty"` // of the key before, Unix milliseconds; 0 if it did not expire or was not asked for
	Expires  []FieldExpiry `json:"expires,omitempty"`  // of fields of Before that expire by themselves, in their order
	SetTTL   bool          `json:"setTTL,omitempty"`   // the write was to give the key another time to live (After.TTL)
	GivenAt  int64         `json:"givenAt,omitempty"`  // when the key expires if the write gave it a time to live, Unix milliseconds; 0 if it gives none
	Replaced bool          `json:"replaced,omitempty"` // Before stood where After goes: it was deleted because the application had written After itself
}

// FieldExpiry says when a field of a hash expires by itself.
type FieldExpiry struct {
	Name string `json:"name"`
	At   int64  `json:"at"` // Unix milliseconds
}
