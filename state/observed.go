package state

// Observed is the live world, gathered before anything is decided. A part that could not be read is an error
// of the observation, never an empty part.
type Observed struct {
	Components []Running `json:"components,omitempty"` // sorted by component
	Keyspaces  []Live    `json:"keyspaces,omitempty"`  // sorted by keyspace
	Stores     []Census  `json:"stores,omitempty"`     // sorted by store; nothing is decided by it
}

// Running is what the cluster runs of one component.
type Running struct {
	Component string   `json:"component"`
	Releases  []string `json:"releases,omitempty"`  // that have a pod in any phase, or a template that a controller may still start; sorted
	Template  string   `json:"template,omitempty"`  // release of the workload's current pod template; empty if Missing or unknown
	Missing   bool     `json:"missing,omitempty"`   // the workload does not exist
	Stopped   bool     `json:"stopped,omitempty"`   // Keyshift has put its replicas to zero: Releases are those that have a pod still, and the template starts none
	Since     int64    `json:"since,omitempty"`     // of Stopped: when, in Unix milliseconds; 0 if that is not known
	StoppedBy string   `json:"stoppedBy,omitempty"` // another system that has put its replicas to zero, and is to start it again
	Left      bool     `json:"left,omitempty"`      // the note of a stop stands on it that is no longer in force, because somebody else has scaled it since
	Unknown   []Image  `json:"unknown,omitempty"`   // live images that no release names, sorted
	Desired   int      `json:"desired"`             // replicas asked for
	Ready     int      `json:"ready"`               // pods ready, of any release
	Pods      []Pods   `json:"pods,omitempty"`      // per release, sorted by release
}

// Pods counts the pods of one release, terminating ones included.
type Pods struct {
	Release     string `json:"release"`
	Count       int    `json:"count"`
	Terminating int    `json:"terminating,omitempty"`
}

// Live is one keyspace as a full pass over its store saw it, and what the ledger knows of it.
type Live struct {
	Keyspace string   `json:"keyspace"`
	Counts   []Count  `json:"counts,omitempty"`  // sorted by class, Unfit last; zero counts left out
	Mixed    []Count  `json:"mixed,omitempty"`   // of the Unfit: those that mix versions, by the class of these; sorted by class
	Samples  []Sample `json:"samples,omitempty"` // of units that fit no version, at most ten, sorted by key
	Record   Record   `json:"record"`
	Profile  *Profile `json:"profile,omitempty"` // nil if the pass did not look closer; nothing is decided by it
}

// Count is the number of units of one class.
type Count struct {
	Class Class `json:"class"`
	Units int64 `json:"units"`
}

// Sample names one unit that fits no version, and why. It never holds a value.
type Sample struct {
	Key    string `json:"key"`
	Reason string `json:"reason"`
	Shape  string `json:"shape,omitempty"` // what the value looks like: names of fields, kinds and lengths
}

// Record is what a ledger keeps about one keyspace between steps.
type Record struct {
	Keyspace  string  `json:"keyspace"`
	Present   []Class `json:"present,omitempty"`   // that may exist: also what releases have written that left since; sorted
	Rewritten Version `json:"rewritten,omitempty"` // a rewrite to this version ended, and nothing wrote another class since
	Pruned    bool    `json:"pruned,omitempty"`    // every unit was deleted that fits a version, and nothing was written since
	Verified  bool    `json:"verified,omitempty"`  // a full pass since the last rewrite or newly written class saw exactly Present

	// Backup is the last one taken for a rewrite, nil once that rewrite was verified or may meet what it does not hold.
	Backup *BackupRecord `json:"backup,omitempty"`

	// Undo names the undo logs of rewrites that may still be taken back, the newest last.
	Undo []UndoRecord `json:"undo,omitempty"`
}

// UndoRecord is the undo log of a rewrite that lost something. It is recorded before the rewrite starts, and forgotten
// once a rewrite to what it changed was verified.
type UndoRecord struct {
	Log  string  `json:"log"`            // its name where undo logs are kept: the digest of the rewrite's step
	From []Class `json:"from,omitempty"` // that the rewrite was to convert or discard, sorted
	To   Version `json:"to"`
}

// BackupRecord is a verified backup that a rewrite relies on. No running release wrote any of the classes since.
type BackupRecord struct {
	To      Version `json:"to"`                // of the rewrite
	Covers  []Class `json:"covers,omitempty"`  // that the rewrite is to convert or discard, sorted
	Archive string  `json:"archive,omitempty"` // its name where backups are kept
}

// Ledger is Keyshift's record in a store: whose keys these are, every definition applied so far, and how far
// each keyspace is known to be.
type Ledger struct {
	Format    int      `json:"format"`
	Identity  string   `json:"identity"`        // of the store: random, written once, survives everything but a loss of the data
	System    string   `json:"system"`          // the owner of its keyspaces
	Store     string   `json:"store,omitempty"` // name of the store in the spec
	Catalogue Desired  `json:"catalogue"`
	Records   []Record `json:"records,omitempty"` // of the store's keyspaces, sorted by keyspace
	Counted   []string `json:"counted,omitempty"` // keyspaces of the store in which units were counted last, sorted

	// Applied are the revisions of the whole system for which nothing was left to do, the oldest first, at most MaxApplied.
	Applied []Applied `json:"applied,omitempty"`

	Soaks []Soaking `json:"soaks,omitempty"` // of the whole system, in the order of their ends
}

// Soaking is a step that has ended and is watched for a while before what depends on it begins.
type Soaking struct {
	Component string `json:"component,omitempty"` // that was rolled out
	Keyspace  string `json:"keyspace,omitempty"`  // or that was rewritten
	To        string `json:"to"`                  // release or version
	Next      Digest `json:"next"`                // of the step that waits: another plan does not
	After     Digest `json:"after,omitempty"`     // while it is not watched yet: the step that starts what was stopped for it; Next is empty and Until 0 so long
	Until     int64  `json:"until"`               // Unix milliseconds
}

// LedgerFormat is the format this program writes. It refuses a newer one.
const LedgerFormat = 1

// FindKeyspace returns the keyspace of that name, and whether there is one.
func (d Desired) FindKeyspace(name string) (Keyspace, bool) {
	for _, k := range d.Keyspaces {
		if k.Name == name {
			return k, true
		}
	}
	return Keyspace{}, false
}

// FindComponent returns the component of that name, and whether there is one.
func (d Desired) FindComponent(name string) (Component, bool) {
	for _, c := range d.Components {
		if c.Name == name {
			return c, true
		}
	}
	return Component{}, false
}

// FindRelease returns the release of that name, and whether there is one.
func (c Component) FindRelease(name string) (Release, bool) {
	for _, r := range c.Releases {
		if r.Name == name {
			return r, true
		}
	}
	return Release{}, false
}

// FindUse returns how the release uses a keyspace, and whether it does.
func (r Release) FindUse(keyspace string) (Use, bool) {
	for _, u := range r.Uses {
		if u.Keyspace == keyspace {
			return u, true
		}
	}
	return Use{}, false
}

// FindLive returns the keyspace of that name, and whether it was observed.
func (o Observed) FindLive(name string) (Live, bool) {
	for _, l := range o.Keyspaces {
		if l.Keyspace == name {
			return l, true
		}
	}
	return Live{}, false
}

// FindRunning returns the component of that name, and whether it was observed.
func (o Observed) FindRunning(name string) (Running, bool) {
	for _, r := range o.Components {
		if r.Component == name {
			return r, true
		}
	}
	return Running{}, false
}
