package keyspace

import (
	"context"

	"keyshift.dev/state"
)

// Job is one rewrite of a keyspace to a version, or its verification.
type Job struct {
	Keyspace state.Keyspace
	To       state.Version
	ID       string // names the checkpoint: a job of the same ID goes on where the last one of it stopped

	// Journal takes what may not come back, before it is written. Without one a rewrite is refused, before its first write,
	// unless every way that it is to take is proved exact, and so is whatever else may not come back once it is met.
	Journal Journal

	// Earlier is what the Journal took before this call, by a call that was interrupted, by Undo, or of another share. A unit
	// that was logged once is logged whenever the job writes it again.
	Earlier UndoLog

	// From are the classes that units are expected of: the ways from these are to be proved exact where there is no
	// Journal. Nil: of every version.
	From []state.Class

	// Unlogged lets a rewrite without a Journal lose what does not come back: for measurement, and for values that nobody
	// wants back.
	Unlogged bool

	// Winner is the version that every running release writes which writes the keyspace at all: it wins in a unit that mixes
	// it with another version (see transform.Programs.Resolve). Empty, or another version than To: mixed units fit no version
	// and stay as they are. It needs a Journal, which gets every such unit first.
	Winner state.Version

	// Compare reads and compares every unit, also where the server could convert it beside the data.
	Compare bool

	// Sound says that the last full pass found no unit that fits no version. Where the server converts units beside the
	// data it then looks only at what the migration touches and at what tells the versions apart.
	Sound bool

	// Hold is called before each call that writes, and lets the job go on when it returns: while it does not, the job pauses
	// at a key boundary and keeps its lease. What it returns ends the job. Nil: nothing holds it. It is called from several
	// goroutines.
	Hold func(context.Context) error

	// Share of the keys that are rewritten, chosen by their names alone, so that the same ones are chosen again; the
	// others are counted as they are. 0 means all.
	Share float64
}

// hold waits until the job may write.
func (j *Job) hold(ctx context.Context, store string) error {
	if j.Hold == nil {
		return nil
	}
	return classify(ctx, store, "waiting to go on", j.Hold(ctx))
}

// Outcome is what a rewrite or a verification came to. After an error it is what was done until then.
type Outcome struct {
	Scanned    int64 // units that the last full pass saw
	Rewritten  int64 // units written by this call
	Beside     int64 // of Rewritten: converted by the server, beside the data
	Already    int64 // units that needed no write when this call first saw them
	Unfit      int64 // units of the last full pass that cannot be brought to the version, left byte for byte
	Gone       int64 // units deleted or expired between read and write, and left gone
	Conflicts  int64 // writes refused because the unit had changed meanwhile; each was read again
	Logged     int64 // pre-images appended to the undo log; some more than were written
	Superseded int64 // of Rewritten: deleted because the application had written what they become itself
	Mixed      int64 // of Rewritten: mixed two versions, of which Job.Winner won
	Spared     int64 // units of the last full pass that are not of Job.Share, and left as they are

	Counts  []state.Count  // of the last full pass, by class, Unfit last
	Mixes   []state.Count  // of a verification: of the Unfit those that mix versions, by the class of these
	Samples []state.Sample // at most ten of the Unfit, by key, with the reason
}

// Clean tells whether every unit fits the version, but for those that fit none.
func (o Outcome) Clean(to state.Version) bool {
	for _, c := range o.Counts {
		if c.Class != state.Unfit && !c.Class.Has(to) {
			return false
		}
	}
	return true
}

// Progress is how far a job's current pass is.
type Progress struct {
	Scanned   int64 // units seen by the pass
	Rewritten int64 // units written by the job
	Conflicts int64 // by the job
	Unfit     int64 // seen by the pass
	Estimate  int64 // how many units the pass will see: the store's size, scaled by what was seen so far
}

// estimate scales the size of the store by the share of its keys that were units so far.
func estimate(storeKeys, looked, units int64) int64 {
	if looked == 0 {
		return storeKeys
	}
	return max(int64(float64(storeKeys)*float64(units)/float64(looked)), units)
}
