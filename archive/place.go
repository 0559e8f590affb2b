package archive

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// Place says what an archive is of. Two stores of one name, of staging and of production, have two identities, and so
// two places where they share a storage. A store that Keyshift never wrote to has none.
type Place struct{ System, Store, Identity, Keyspace string }

// folder is where the archives of a kind are.
func (p Place) folder(k Kind) string {
	store := escape(p.Store)
	if p.Identity != "" {
		store += "-" + escape(p.Identity[:min(len(p.Identity), identityBytes)])
	}
	return path.Join(escape(p.System), store, escape(p.Keyspace), string(k))
}

// identityBytes is how much of a store's identity names a folder.
const identityBytes = 8

// escape makes a name of anything, one that is safe in a path and in a bucket, and another one for each other thing.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		safe := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0 && i < len(s)-1
		if safe {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() == 0 {
		return "%"
	}
	return b.String()
}

// idTime is the part of an id that sorts by time.
const idTime = "20060102T150405.000Z"

// newID names an archive so that names sort by time.
func newID(now time.Time) string {
	return now.UTC().Format(idTime) + "-" + strings.ToLower(rand.Text()[:6])
}

// TimeOf returns when the archive of an id was started, the zero time if it is none.
func TimeOf(id string) time.Time {
	if len(id) < len(idTime) {
		return time.Time{}
	}
	t, err := time.Parse(idTime, id[:len(idTime)])
	if err != nil {
		return time.Time{}
	}
	return t
}

// jobOf returns the job, escaped, in the id of an undo log.
func jobOf(id string) string {
	rest := id[min(len(id), len(idTime)):]
	_, rest, _ = strings.Cut(rest, "-")
	_, job, _ := strings.Cut(rest, "-")
	return job
}

func partName(n int) string { return fmt.Sprintf("part-%08d", n) }

// partNumber returns the number of a part, if the name is that of one.
func partNumber(name string) (int, bool) {
	digits, found := strings.CutPrefix(name, "part-")
	n, err := strconv.Atoi(digits)
	return n, found && err == nil && n > 0 && partName(n) == name
}

// Found is one archive of a storage.
type Found struct {
	Path     string // in the storage
	Kind     Kind
	ID       string // sorts by time
	Bytes    int64  // of all its objects
	Finished bool   // it has a manifest
}

// List returns the archives of a place, or of all places below a folder of the storage ("" for all of it), sorted by
// path: those of one keyspace and kind by time.
func List(ctx context.Context, s Storage, folder string) ([]Found, error) {
	if folder == "" {
		folder = "."
	}
	var out []Found
	err := s.List(ctx, folder, func(o Object) error {
		dir, name := path.Split(o.Name)
		at := path.Clean(dir)
		kind, id := Kind(path.Base(path.Dir(at))), path.Base(at)
		_, isPart := partNumber(name)
		if kind != Backup && kind != Undo || TimeOf(id).IsZero() || !isPart && name != manifestName {
			return nil
		}
		if len(out) == 0 || out[len(out)-1].Path != at {
			out = append(out, Found{Path: at, Kind: kind, ID: id})
		}
		last := &out[len(out)-1]
		last.Bytes += o.Bytes
		last.Finished = last.Finished || name == manifestName
		return nil
	})
	return out, failed(where(s, folder), err)
}

// Archives returns the archives of a kind that a place has, by time.
func Archives(ctx context.Context, s Storage, p Place, k Kind) ([]Found, error) {
	return List(ctx, s, p.folder(k))
}

// Job returns the job of an undo log, empty of a backup.
func (f Found) Job() string {
	if f.Kind != Undo {
		return ""
	}
	job, err := url.PathUnescape(jobOf(f.ID))
	if err != nil || job == "%" {
		return ""
	}
	return job
}

// Prune deletes the archives that keep does not want, and returns them. The manifest of one goes first, so that one
// that was deleted in part is never taken for whole.
func Prune(ctx context.Context, s Storage, keep func(Found) bool) ([]Found, error) {
	all, err := List(ctx, s, "")
	if err != nil {
		return nil, err
	}
	var gone []Found
	for _, f := range all {
		if keep(f) {
			continue
		}
		if err := remove(ctx, s, f.Path); err != nil {
			return gone, err
		}
		gone = append(gone, f)
	}
	return gone, nil
}

func remove(ctx context.Context, s Storage, at string) error {
	names := []string{path.Join(at, manifestName)}
	err := s.List(ctx, at, func(o Object) error {
		if o.Name != names[0] {
			names = append(names, o.Name)
		}
		return nil
	})
	if err != nil {
		return failed(where(s, at), err)
	}
	for _, name := range names {
		if err := s.Delete(ctx, name); err != nil {
			return failed(where(s, name), err)
		}
	}
	return nil
}
