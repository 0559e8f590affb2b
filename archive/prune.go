package archive

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"
)

// LatestBackup returns the path of the newest finished backup of a place, and whether there is one. Of a place without
// an identity it is one of a store without.
func LatestBackup(ctx context.Context, s Storage, p Place) (string, bool, error) {
	all, err := Archives(ctx, s, p, Backup)
	for _, f := range slices.Backward(all) {
		if f.Finished {
			return f.Path, true, err
		}
	}
	return "", false, err
}

// Backups returns the finished backups that stores of a place's system and name have of its keyspace, whatever their
// identities are, by folder and time.
func Backups(ctx context.Context, s Storage, p Place) ([]Found, error) {
	all, err := List(ctx, s, escape(p.System))
	var out []Found
	for _, f := range all {
		store := path.Base(path.Dir(path.Dir(path.Dir(f.Path))))
		mine := store == escape(p.Store) || strings.HasPrefix(store, escape(p.Store)+"-") && len(store) == len(escape(p.Store))+1+identityBytes
		if f.Finished && f.Kind == Backup && mine && path.Base(path.Dir(path.Dir(f.Path))) == escape(p.Keyspace) {
			out = append(out, f)
		}
	}
	return out, err
}

// abandonedAfter is how long nobody can be writing one archive.
const abandonedAfter = 24 * time.Hour

// PrunePlace deletes what a place no longer needs: of its backups and of its undo logs each all but the newest few, those
// that needed names (a backup by its path, an undo log by its job), and backups that were made by hand. Archives that
// were not finished are left alone, because somebody may be writing them, unless a finished one was started a day later.
// It returns what it deleted.
func PrunePlace(ctx context.Context, s Storage, p Place, newest int, needed []string) ([]Found, error) {
	var gone []Found
	for _, kind := range []Kind{Backup, Undo} {
		all, err := Archives(ctx, s, p, kind)
		if err != nil {
			return gone, err
		}
		old, err := outdated(ctx, s, all, newest, needed)
		if err != nil {
			return gone, err
		}
		for _, f := range old {
			if err := remove(ctx, s, f.Path); err != nil {
				return gone, err
			}
			gone = append(gone, f)
		}
	}
	return gone, nil
}

// outdated returns those of the archives of one kind, which are in the order of time, that nothing needs.
func outdated(ctx context.Context, s Storage, all []Found, newest int, needed []string) ([]Found, error) {
	var out []Found
	kept := 0
	var finished time.Time // when the newest finished one was started
	for _, f := range slices.Backward(all) {
		byHand := false
		if f.Finished && f.Kind == Backup {
			m, err := ReadManifest(ctx, s, f.Path)
			if err != nil {
				return nil, err
			}
			byHand = m.ByHand
		}
		switch {
		case slices.Contains(needed, f.Path), f.Job() != "" && slices.Contains(needed, f.Job()), byHand:
		case !f.Finished && TimeOf(f.ID).Add(abandonedAfter).After(finished):
		case (f.Finished || f.Kind == Undo) && kept < newest: // an undo log is good without its end, too
			kept++
		default:
			out = append(out, f)
		}
		if f.Finished && finished.IsZero() {
			finished = TimeOf(f.ID)
		}
	}
	return out, nil
}
