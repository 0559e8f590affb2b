package apply

import (
	"context"
	"errors"
	"slices"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Archives keep backups and undo logs on durable storage outside of the stores that they are of.
type Archives interface {
	// Check makes sure that the place is there and has some room, before the first step that needs it.
	Check(ctx context.Context) error

	// Prune deletes what is no longer needed of a keyspace's backups and undo logs. It keeps the newest few, those that
	// a ledger names, and whatever somebody made by hand.
	Prune(ctx context.Context, of Owner, named []string) error

	// Backup keeps every unit of a keyspace, reads back what it wrote and says what that is. Report, which may be nil, is
	// told how far it is. After an error there is no backup.
	Backup(ctx context.Context, of Owner, store *keyspace.Store, k state.Keyspace, report func(keyspace.Progress)) (BackedUp, error)

	// OpenLog opens an undo log for appending, and makes its name durable. A log that is there already is gone on with.
	OpenLog(ctx context.Context, of Owner, log string) (UndoLog, error)

	// ReadLog opens an undo log for reading; it need not have been closed. It tells whether there is one of that name.
	ReadLog(ctx context.Context, of Owner, log string) (keyspace.UndoLog, bool, error)
}

// Owner names what an archive is of.
type Owner struct {
	System   string
	Name     string // of the store
	Store    string // its identity: under one name there may be another store, elsewhere or later
	Keyspace string
}

// UndoLog is an undo log that is being written.
type UndoLog interface {
	keyspace.Journal
	// Close makes it complete. One that was not closed has all that was appended nevertheless.
	Close(ctx context.Context) error
}

// BackedUp is what a backup came to.
type BackedUp struct {
	Archive string `json:"archive"` // its name
	Keys    int64  `json:"keys"`
	Bytes   int64  `json:"bytes"` // as stored
}

// keeps tells whether a step needs a place for archives.
func keeps(s plan.Step) bool { return s.Kind == plan.Backup || s.Logs() }

// owner names a keyspace of the run for its archives.
func (r *run) owner(k state.Keyspace) Owner {
	o := Owner{System: r.book.system, Name: k.Store, Keyspace: k.Name}
	for _, s := range r.book.shelves {
		if s.store == k.Store {
			o.Store = s.stored.Identity
		}
	}
	return o
}

// openLog opens the undo log of a step that keeps one. That comes before the ledger names it, so that a log which a
// ledger names and nobody finds is one that was lost. Equal steps have logs of one name: if the ledger does not name it,
// what is in it is of another time, and a mark ends that.
func (r *run) openLog(ctx context.Context, step plan.Step) (err error) {
	if !step.Logs() {
		return nil
	}
	k, _ := r.want.FindKeyspace(step.Object)
	if r.log, err = r.edges.State.OpenLog(ctx, r.owner(k), string(step.Digest)); err != nil {
		return err
	}
	live, _ := r.have.FindLive(k.Name)
	if slices.ContainsFunc(live.Record.Undo, func(u state.UndoRecord) bool { return u.Log == string(step.Digest) }) {
		return nil
	}
	return r.log.Append(ctx, []keyspace.Preimage{begin})
}

// begin is the mark in an undo log before which all is of another time.
var begin = keyspace.Preimage{}

// errBegin ends the reading of a log at its mark.
var errBegin = errors.New("the beginning of the undo log")

// sinceBegin is an undo log without what is of another time: a unit that was taken back since, and written, must not
// become what it was then.
type sinceBegin struct{ log keyspace.UndoLog }

// Images calls take with the pre-images that are newer than the mark.
func (s sinceBegin) Images(ctx context.Context, take func([]keyspace.Preimage) error) error {
	err := s.log.Images(ctx, func(images []keyspace.Preimage) error {
		at := slices.IndexFunc(images, func(p keyspace.Preimage) bool { return p.Keyspace == "" })
		if at < 0 {
			return take(images)
		}
		if err := take(images[:at]); err != nil {
			return err
		}
		return errBegin
	})
	if errors.Is(err, errBegin) {
		return nil
	}
	return err
}

// closeLog closes the undo log of the step, if it has one, also after the run's context ended.
func (r *run) closeLog(ctx context.Context) error {
	if r.log == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	log := r.log
	r.log = nil
	return log.Close(ctx)
}

// journal returns the undo log of the step in the form that the engine takes, nil if it has none.
func (r *run) journal() keyspace.Journal {
	if r.log == nil {
		return nil
	}
	return r.log
}

// earlier returns what the undo log of the step has already, nil if it has none.
func (r *run) earlier(ctx context.Context, k state.Keyspace, step plan.Step) (keyspace.UndoLog, error) {
	if r.log == nil {
		return nil, nil
	}
	log, found, err := r.edges.State.ReadLog(ctx, r.owner(k), string(step.Digest))
	if err != nil || !found {
		return nil, err
	}
	return sinceBegin{log}, nil
}
