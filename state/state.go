// Package state is Keyshift's vocabulary: what is wanted and what is there, as plain sorted data.
//
// A system reads like this, from the spec repository on the left to the live world on the right:
//
//	Desired{Stores, Keyspaces, Components}          Observed{Components, Keyspaces}
//	  Keyspace "session" version 2.0.0                Live "session" {1.0.0: 20000 units}
//	    Shape 1.0.0, Shape 2.0.0, Migration 2.0.0
//	  Component "checkout" release 2.0.0              Running "checkout" {1.4.0}
//
// Everything here is a value: it can be printed, compared, hashed, sent to another process and kept
// in a ledger. Slices that stand for sets or maps are sorted by their name, so that equal systems have
// equal bytes. The package imports only the standard library and decides nothing about order or I/O.
package state

// Desired is one commit's system, evaluated: every reference resolved, every default filled in, every
// migration compiled. It is also the form in which a ledger keeps the definitions applied so far.
type Desired struct {
	System     string      `json:"system"` // name of the CUE package, which owns the keyspaces
	Policy     Policy      `json:"policy"`
	Stores     []Store     `json:"stores,omitempty"`     // sorted by name
	Keyspaces  []Keyspace  `json:"keyspaces,omitempty"`  // sorted by name
	Components []Component `json:"components,omitempty"` // sorted by name
}

// Store is one Redis deployment.
type Store struct {
	Name    string     `json:"name"`
	Address string     `json:"address"` // redis://host:port/db or rediss://host:port/db, without a password
	Auth    *SecretRef `json:"auth,omitempty"`
	Pos     Pos        `json:"pos,omitzero"`
}

// SecretRef names a Kubernetes Secret with the keys username (optional) and password.
type SecretRef struct {
	Name string `json:"name"`
}

// Keyspace is the keys of one store that serve one purpose, and the versions their units may have.
type Keyspace struct {
	Name       string      `json:"name"`
	Store      string      `json:"store"`
	Version    Version     `json:"version"`              // desired
	Policy     Policy      `json:"policy"`               // merged with the system's, the stricter wins
	Shapes     []Shape     `json:"shapes,omitempty"`     // sorted by semver
	Migrations []Migration `json:"migrations,omitempty"` // sorted by semver of To
	Tests      []Test      `json:"tests,omitempty"`      // in the order of (To, index)
	Pos        Pos         `json:"pos,omitzero"`
}

// Shape is what one version of a keyspace looks like in the store.
type Shape struct {
	Version  Version  `json:"version"`
	Keys     string   `json:"keys"` // pattern, see Pattern
	Type     Redis    `json:"type"`
	Encoding Encoding `json:"encoding,omitempty"` // of a string; hashes are text
	Value    Type     `json:"value"`
	Retired  bool     `json:"retired,omitempty"` // known from a ledger only: a way back leads from it, no plan rewrites to it
	Pos      Pos      `json:"pos,omitzero"`
}

// Redis is a Redis data type.
type Redis string

// The Redis types a shape may have.
const (
	String Redis = "string"
	Hash   Redis = "hash" // fixed fields
)

// Encoding says how bytes in Redis become a value.
type Encoding string

// The encodings a shape may have.
const (
	Text Encoding = "text"
	JSON Encoding = "json"
)

// Migration is the typed mapping between two versions of a keyspace.
type Migration struct {
	From Version  `json:"from"`
	To   Version  `json:"to"`
	Up   Program  `json:"up"`             // From to To
	Down Program  `json:"down"`           // To to From
	Drop []string `json:"drop,omitempty"` // fields of From whose loss is acknowledged, sorted
	Pos  Pos      `json:"pos,omitzero"`
}

// Test is one concrete pair of a migration, checked both ways by `keyshift test`.
type Test struct {
	To  Version           `json:"to"`
	Key map[string]string `json:"key,omitempty"` // values of the segments of the key pattern
	Old Value             `json:"old"`
	New Value             `json:"new"`
	Pos Pos               `json:"pos,omitzero"`
}

// Component is one workload, or an external reader or writer, and its releases.
type Component struct {
	Name     string    `json:"name"`
	Workload *Workload `json:"workload,omitempty"` // nil if external
	External bool      `json:"external,omitempty"`
	Release  string    `json:"release"`            // desired; empty if Removed
	Removed  bool      `json:"removed,omitempty"`  // known from a ledger only; stays in the model while it has pods
	Releases []Release `json:"releases,omitempty"` // sorted by semver where both names are semver, else by name
	Pos      Pos       `json:"pos,omitzero"`
}

// Workload names the Kubernetes object that runs a component.
type Workload struct {
	Kind      string `json:"kind"` // Deployment
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Release is one set of images and what it does to each keyspace.
type Release struct {
	Name   string  `json:"name"`
	Images []Image `json:"images,omitempty"` // sorted by container
	Uses   []Use   `json:"uses,omitempty"`   // sorted by keyspace
	Pos    Pos     `json:"pos,omitzero"`
}

// Image is the image of one container of a workload.
type Image struct {
	Container string `json:"container"`
	Image     string `json:"image"`
}

// Use is what a release does to one keyspace.
type Use struct {
	Keyspace string  `json:"keyspace"`
	Reads    Range   `json:"reads,omitempty"`   // empty: a pure producer
	Writes   Version `json:"writes,omitempty"`  // empty: a pure reader
	Updates  Updates `json:"updates,omitempty"` // how it writes
	Pos      Pos     `json:"pos,omitzero"`
}

// Updates says whether a release writes whole values or single fields.
type Updates string

// The ways a release may write.
const (
	UpdatesValue  Updates = "value"
	UpdatesFields Updates = "fields"
)
