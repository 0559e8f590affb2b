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

	// Warnings are what a user should mend and need not: of this commit alone, kept in no ledger.
	Warnings Diagnostics `json:"warnings,omitempty"`
}

// Store is one Redis deployment: exactly one of Address, Sentinel and Cluster is set.
type Store struct {
	Name     string     `json:"name"`
	Address  string     `json:"address,omitempty"` // redis://host:port/db or rediss://host:port/db, without user and password
	Sentinel *Sentinel  `json:"sentinel,omitempty"`
	Cluster  *Cluster   `json:"cluster,omitempty"`
	Database int        `json:"database,omitempty"` // of a standalone server or a sentinel's master; an address carries it, too
	User     string     `json:"user,omitempty"`     // of the ACL; the Secret's username if empty
	Auth     *SecretRef `json:"auth,omitempty"`     // keys password and, optional, username
	TLS      *TLS       `json:"tls,omitempty"`
	Pos      Pos        `json:"pos,omitzero"`
}

// Sentinel finds the primary of a replicated store.
type Sentinel struct {
	Master    string     `json:"master"`
	Addresses []string   `json:"addresses"`      // host:port of the sentinels, as written
	Auth      *SecretRef `json:"auth,omitempty"` // of the sentinels themselves
}

// Cluster is a Redis Cluster, found from any of its nodes.
type Cluster struct {
	Addresses []string `json:"addresses"` // host:port, as written
}

// TLS says how a store's certificate is checked and what Keyshift shows it.
type TLS struct {
	CA         *SecretRef `json:"ca,omitempty"`   // key ca.crt
	Cert       *SecretRef `json:"cert,omitempty"` // keys tls.crt and tls.key
	ServerName string     `json:"serverName,omitempty"`
}

// SecretRef names a Kubernetes Secret.
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
//
// Value is the type of the unit: of a String, a Document or a Hash the whole value; of a List or a Set one element;
// of a SortedSet a struct of member and score; of a Map a struct of field and value; of a Stream the fields of one
// entry.
type Shape struct {
	Version   Version         `json:"version"`
	Keys      string          `json:"keys"` // pattern, see Pattern
	Type      Redis           `json:"type"`
	Encoding  Encoding        `json:"encoding,omitempty"`  // of a String, and of an element of a List or Set; Text if empty
	Encodings []FieldEncoding `json:"encodings,omitempty"` // of parts of a Hash, Map, SortedSet or Stream that are not Text, sorted by field
	TTL       *TTL            `json:"ttl,omitempty"`
	Value     Type            `json:"value"`
	Retired   bool            `json:"retired,omitempty"` // known from a ledger only: a way back leads from it, no plan rewrites to it
	Pos       Pos             `json:"pos,omitzero"`
}

// Redis is a kind of data in Redis that a version may have: a data type, or one of the two uses of a hash.
type Redis string

// The kinds of data a shape may have. A unit of the first three is a whole key.
const (
	String    Redis = "string"
	Hash      Redis = "hash" // fixed fields
	Document  Redis = "json" // of the JSON module
	Map       Redis = "map"  // a hash whose fields are entries; `type: "hash", map: true` in a spec
	List      Redis = "list"
	Set       Redis = "set"
	SortedSet Redis = "zset"
	Stream    Redis = "stream"
)

// Whole tells whether a unit is a whole key, not one of several in it.
func (r Redis) Whole() bool { return r == String || r == Hash || r == Document }

// Parts tells whether a unit has named parts, each with an encoding of its own.
func (r Redis) Parts() bool { return r == Hash || r == Map || r == SortedSet || r == Stream }

// Encoding says how bytes in Redis become a value.
type Encoding string

// The encodings a shape may have.
const (
	Text    Encoding = "text" // a string; of a number its decimal text, of a bool true or false
	JSON    Encoding = "json"
	MsgPack Encoding = "msgpack"
	Raw     Encoding = "raw" // bytes as they are
)

// FieldEncoding is the encoding of one named part of a unit.
type FieldEncoding struct {
	Field    string   `json:"field"`
	Encoding Encoding `json:"encoding"`
}

// EncodingOf returns the encoding of a named part of a unit.
func (s Shape) EncodingOf(field string) Encoding {
	for _, e := range s.Encodings {
		if e.Field == field {
			return e.Encoding
		}
	}
	return Text
}

// TTL is the rule of a version for the time to live of its keys, in milliseconds; 0 means not given. A version with
// a rule has only keys that expire; one without takes any.
type TTL struct {
	Min int64 `json:"min,omitempty"` // a shorter one is reported; part of no class, since every remaining TTL shrinks
	Max int64 `json:"max,omitempty"` // a key that lives longer is not of this version
	Set int64 `json:"set,omitempty"` // what a migrated key gets if it has none or more than Max
}

// Migration is the typed mapping between two versions of a keyspace.
type Migration struct {
	From    Version  `json:"from"`
	To      Version  `json:"to"`
	Up      Program  `json:"up"`                // From to To
	Down    Program  `json:"down"`              // To to From
	Drop    []string `json:"drop,omitempty"`    // fields of From whose loss is acknowledged, sorted
	Derived bool     `json:"derived,omitempty"` // the spec leaves it out: carrying and defaults leave no question
	Pos     Pos      `json:"pos,omitzero"`
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
	Name     string          `json:"name"`
	Workload *Workload       `json:"workload,omitempty"` // nil if external
	External bool            `json:"external,omitempty"`
	Release  string          `json:"release"`            // desired; empty if Removed
	Removed  bool            `json:"removed,omitempty"`  // known from a ledger only; stays in the model while it has pods
	Releases []Release       `json:"releases,omitempty"` // sorted by semver where both names are semver, else by name
	Policy   ComponentPolicy `json:"policy,omitzero"`    // merged with the system's, the stricter wins
	Pos      Pos             `json:"pos,omitzero"`
}

// Workload names the Kubernetes object that runs a component.
type Workload struct {
	Kind      string `json:"kind"` // Deployment
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Release is one set of images and environment and what it does to each keyspace.
type Release struct {
	Name   string  `json:"name"`
	Images []Image `json:"images,omitempty"` // sorted by container
	Env    []Env   `json:"env,omitempty"`    // sorted by container and name
	Uses   []Use   `json:"uses,omitempty"`   // sorted by keyspace
	Pos    Pos     `json:"pos,omitzero"`
}

// Image is the image of one container of a workload.
type Image struct {
	Container string `json:"container"`
	Image     string `json:"image"`
}

// Env is an environment variable of one container of a workload. What is not named stays as it is.
type Env struct {
	Container string `json:"container"`
	Name      string `json:"name"`
	Value     string `json:"value"`
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
