package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path"
	"strings"
	"sync"

	"keyshift.dev/archive"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// Storage keeps archives in a folder or a bucket. It is opened when it is first needed, so that a plan that is only
// shown makes no folder. It is safe for concurrent use; Close it in the end.
type Storage struct {
	Address string // see archive.Open

	mu   sync.Mutex
	open archive.Storage
}

// roomAtLeast is what must be free for a run to start; how much it will take is not known before.
const roomAtLeast = 16 << 20

// Check makes sure that the storage is there and has room to begin with.
func (s *Storage) Check(ctx context.Context) error {
	storage, err := s.storage(ctx)
	if err != nil {
		return err
	}
	return archive.CheckRoom(ctx, storage, roomAtLeast)
}

// Room returns the free bytes of a folder, also of one that is not there yet, and 0 of what does not tell. It makes none.
func (s *Storage) Room(context.Context) (int64, error) {
	free, known, err := archive.RoomAt(s.Address)
	if err != nil || !known {
		return 0, err
	}
	return max(free, 1), nil // a full one does tell
}

func (s *Storage) storage(ctx context.Context) (archive.Storage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		return s.open, nil
	}
	opened, err := archive.Open(ctx, s.Address)
	if err == nil {
		s.open = opened
	}
	return opened, err
}

// Close gives back what the storage holds of this process.
func (s *Storage) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return nil
	}
	err := s.open.Close()
	s.open = nil
	return err
}

// place is where the archives of an owner are.
func (o Owner) place() archive.Place {
	return archive.Place{System: o.System, Store: o.Name, Identity: o.Store, Keyspace: o.Keyspace}
}

// OpenLog opens the undo log of a rewrite, and leaves a mark that it was opened: a log without a pre-image is no object
// of its own, and must not look like one that was lost.
func (s *Storage) OpenLog(ctx context.Context, of Owner, log string) (UndoLog, error) {
	storage, err := s.storage(ctx)
	if err != nil {
		return nil, err
	}
	journal, err := archive.OpenJournal(ctx, storage, of.place(), log)
	if err != nil {
		return nil, err
	}
	if err := storage.Put(ctx, mark(journal.Path(), log), nil, true); err != nil {
		return nil, err
	}
	return journal, nil
}

// mark names the object that tells that a log was opened, beside the logs of its place.
func mark(at, log string) string {
	sum := sha256.Sum256([]byte(log))
	return path.Join(path.Dir(at), hex.EncodeToString(sum[:8])+".opened")
}

// ReadLog opens an undo log for reading, and tells whether there ever was one of that name.
func (s *Storage) ReadLog(ctx context.Context, of Owner, log string) (keyspace.UndoLog, bool, error) {
	storage, err := s.storage(ctx)
	if err != nil {
		return nil, false, err
	}
	journal, err := archive.OpenJournal(ctx, storage, of.place(), log) // writes nothing
	if err != nil {
		return nil, false, err
	}
	found, name := false, mark(journal.Path(), log)
	err = storage.List(ctx, path.Dir(name), func(o archive.Object) error {
		found = found || o.Name == name || strings.HasPrefix(o.Name, journal.Path()+"/")
		return nil
	})
	return archive.UndoLog(storage, of.place(), log), found, err
}

// keptArchives is how many backups, and how many undo logs, of a keyspace are kept although no ledger names them.
const keptArchives = 3

// Prune deletes older backups and undo logs of a keyspace. Of a log the mark goes, too: should an older ledger name it
// once more, it must look like one that was lost and not like one that is empty.
func (s *Storage) Prune(ctx context.Context, of Owner, named []string) error {
	storage, err := s.storage(ctx)
	if err != nil {
		return err
	}
	gone, err := archive.PrunePlace(ctx, storage, of.place(), keptArchives, named)
	for _, f := range gone {
		if f.Kind == archive.Undo {
			err = errors.Join(err, storage.Delete(ctx, mark(f.Path, f.Job())))
		}
	}
	return err
}

// Backup keeps every key of a keyspace and reads back what it wrote.
func (s *Storage) Backup(ctx context.Context, of Owner, store *keyspace.Store, k state.Keyspace, report func(keyspace.Progress)) (BackedUp, error) {
	storage, err := s.storage(ctx)
	if err != nil {
		return BackedUp{}, err
	}
	m, at, err := archive.MakeBackup(ctx, store, storage, archive.BackupOf{System: of.System, Keyspace: k}, report)
	return BackedUp{Archive: at, Keys: m.Keys, Bytes: m.Bytes}, err
}
