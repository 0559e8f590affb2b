package state

// Profile is what a pass learned of a keyspace beside its classes. It is for people, for an estimate of time and room,
// and for nothing else: a plan does not depend on it.
type Profile struct {
	Keys    int64    `json:"keys"`          // that the pass saw
	Sampled int64    `json:"sampled"`       // of them, drawn evenly, that were asked for what follows
	Bytes   Spread   `json:"bytes"`         // of memory a sampled key takes, as the server says
	Lasting Share    `json:"lasting"`       // of the sampled keys that do not expire
	TTL     Spread   `json:"ttl"`           // milliseconds that the sampled keys which expire had left; Total is 0
	Elapsed int64    `json:"elapsed"`       // milliseconds that the pass took over the whole store
	Big     []BigKey `json:"big,omitempty"` // the keys that take the most, of all that the pass saw, the biggest first
	Hot     []HotKey `json:"hot,omitempty"` // the sampled keys that are used most, the hottest first; none unless the server evicts by use (LFU)
}

// Spread says how numbers of a sample are spread. All are 0 if the sample is empty.
type Spread struct {
	Min    int64   `json:"min"`
	Median int64   `json:"median"`
	P95    int64   `json:"p95"` // 19 of 20 are not larger
	Max    int64   `json:"max"` // of the sample: the largest of all may be larger
	Mean   int64   `json:"mean"`
	Total  int64   `json:"total,omitempty"`  // of all keys: the mean times their number
	Margin float64 `json:"margin,omitempty"` // of Mean and Total, as a part of them, at 95 %; too small where few keys are far larger than the rest
}

// Share is a part of a whole as a sample shows it, and between which bounds it is at 95 %.
type Share struct {
	Part float64 `json:"part"` // 0 to 1
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// BigKey is one large key.
type BigKey struct {
	Key      string `json:"key"`
	Bytes    int64  `json:"bytes"`              // of memory, as the server says
	Elements int64  `json:"elements,omitempty"` // fields, elements, members or entries; 0 of a string
}

// HotKey is one key that is used much.
type HotKey struct {
	Key       string `json:"key"`
	Frequency int64  `json:"frequency"` // the server's counter, 0 to 255, which grows with the logarithm of use
}

// Census is what one pass found of a whole store.
type Census struct {
	Store     string   `json:"store"`
	Keys      int64    `json:"keys"`                // of keyspaces and of none, without Keyshift's own
	Unclaimed int64    `json:"unclaimed,omitempty"` // of them, keys of no keyspace of the system; the server may list some twice
	Prefixes  []Prefix `json:"prefixes,omitempty"`  // of the unclaimed, the most frequent first, at most twenty
}

// Prefix counts keys that begin alike.
type Prefix struct {
	Prefix string `json:"prefix"` // to the first ":", with it; empty: of keys without one, and of prefixes that are not told apart
	Keys   int64  `json:"keys"`
}
