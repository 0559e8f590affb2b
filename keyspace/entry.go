package keyspace

import "keyshift.dev/state"

// Entry is one key with its whole value, as a backup keeps it: by its meaning and not as the server dumps it, so that a
// server of any version can have it back. A key that is too large for one entry is several: the first says what it is,
// each of the others Continues it with more fields, elements, members or messages.
type Entry struct {
	Key       string       `json:"key"`
	Type      state.Redis  `json:"type"`                // String, Hash (also of a Map), Document, List, Set, SortedSet or Stream
	ExpireAt  int64        `json:"expireAt,omitempty"`  // Unix milliseconds; 0 if the key does not expire
	Continues bool         `json:"continues,omitempty"` // more of the key of the entry before it
	Text      string       `json:"text,omitempty"`      // of a String or a Document
	Fields    []EntryField `json:"fields,omitempty"`    // of a Hash, sorted by name within the entry
	Elements  []string     `json:"elements,omitempty"`  // of a List in its order, of a Set sorted within the entry
	Members   []Member     `json:"members,omitempty"`   // of a SortedSet, sorted by member within the entry
	Messages  []Message    `json:"messages,omitempty"`  // of a Stream, in its order
	LastID    string       `json:"lastId,omitempty"`    // of a Stream, the last that was given out; empty if it is unknown
	Groups    []Group      `json:"groups,omitempty"`    // of a Stream, without what was delivered and not acknowledged
}

// Group is a consumer group of a stream.
type Group struct {
	Name   string `json:"name"`
	LastID string `json:"lastId"` // that was delivered to it
}

// EntryField is one field of a hash.
type EntryField struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	ExpireAt int64  `json:"expireAt,omitempty"` // Unix milliseconds; 0 if the field does not expire by itself
}

// Member is one member of a sorted set. Score is its decimal text as Redis gives it, which reads back as the same double.
type Member struct {
	Member string `json:"member"`
	Score  string `json:"score"`
}

// Message is one entry of a stream.
type Message struct {
	ID     string   `json:"id"`
	Values []string `json:"values"` // names and values in turn, in their order
}
