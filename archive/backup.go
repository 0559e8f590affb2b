package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"path"
	"time"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// BackupOf says what is backed up, and where.
type BackupOf struct {
	System   string
	Keyspace state.Keyspace
	Counts   []state.Count // units by class, if they are known
	ByHand   bool          // somebody asked for it: it is never pruned
}

// MakeBackup reads every key of a keyspace into an archive, finishes it, and reads it back from its storage before it
// returns: what it returns is verified. It returns the archive's path, too. If the store restarts meanwhile it starts
// over, three times in all.
func MakeBackup(ctx context.Context, store *keyspace.Store, s Storage, of BackupOf, report func(keyspace.Progress)) (Manifest, string, error) {
	for try := 1; ; try++ {
		m, at, err := makeBackup(ctx, store, s, of, report)
		refused, ok := errors.AsType[*keyspace.Error](err)
		if err != nil {
			_ = remove(context.WithoutCancel(ctx), s, at) // it has no manifest, and is never used
		}
		if !ok || refused.Reason != keyspace.StoreRestarted || try == 3 {
			return m, at, err
		}
	}
}

func makeBackup(ctx context.Context, store *keyspace.Store, s Storage, of BackupOf, report func(keyspace.Progress)) (Manifest, string, error) {
	identity, err := store.Identity(ctx)
	place := Place{System: of.System, Store: store.Name(), Identity: identity, Keyspace: of.Keyspace.Name}
	m := Manifest{
		Format: Format, Kind: Backup, System: place.System, Store: place.Store, Identity: identity, Keyspace: place.Keyspace,
		Started: time.Now().UTC(), Counts: of.Counts, ByHand: of.ByHand,
	}
	at := path.Join(place.folder(Backup), newID(m.Started))
	if err != nil {
		return m, at, err
	}
	w := &writer{storage: s, path: at, manifest: &m, hash: sha256.New()}
	if err := store.Dump(ctx, of.Keyspace, report, func(page []keyspace.Entry) error { return w.add(ctx, page) }); err != nil {
		w.abort()
		return m, at, err
	}
	if err := w.close(); err != nil {
		return m, at, err
	}
	m.Ended = time.Now().UTC()
	if err := m.write(ctx, s, at, false); err != nil {
		return m, at, err
	}
	return m, at, Verify(ctx, s, at)
}

// writer writes the parts of a backup.
type writer struct {
	storage  Storage
	path     string
	manifest *Manifest
	open     File
	out      *bufio.Writer
	hash     hash.Hash
	buf      []byte
}

// add writes entries to the open part, or to a new one.
func (w *writer) add(ctx context.Context, page []keyspace.Entry) error {
	m := w.manifest
	for i := range page {
		if w.open != nil && m.Parts[len(m.Parts)-1].Bytes >= partLimit {
			if err := w.close(); err != nil {
				return err
			}
		}
		if w.open == nil {
			if err := w.start(ctx); err != nil {
				return err
			}
		}
		w.buf = appendEntry(beginRecord(w.buf[:0]), &page[i])
		endRecord(w.buf, 0)
		if err := w.write(w.buf); err != nil {
			return err
		}
		m.Parts[len(m.Parts)-1].Records++
		m.Records++
		if !page[i].Continues {
			m.Keys++
		}
	}
	return nil
}

func (w *writer) start(ctx context.Context) error {
	name := partName(len(w.manifest.Parts) + 1)
	f, err := w.storage.Create(ctx, path.Join(w.path, name))
	if err != nil {
		return failed(where(w.storage, path.Join(w.path, name)), err)
	}
	w.open, w.out = f, bufio.NewWriterSize(f, 1<<20)
	w.hash.Reset()
	w.manifest.Parts = append(w.manifest.Parts, Part{Name: name})
	return w.write(appendHeader(nil, Backup))
}

func (w *writer) write(b []byte) error {
	w.hash.Write(b)
	p := &w.manifest.Parts[len(w.manifest.Parts)-1]
	p.Bytes += int64(len(b))
	w.manifest.Bytes += int64(len(b))
	_, err := w.out.Write(b)
	return failed(where(w.storage, path.Join(w.path, p.Name)), err)
}

// close ends the open part.
func (w *writer) close() error {
	if w.open == nil {
		return nil
	}
	p := &w.manifest.Parts[len(w.manifest.Parts)-1]
	p.SHA256 = hex.EncodeToString(w.hash.Sum(nil))
	err := w.out.Flush()
	if err != nil {
		w.open.Abort()
	} else {
		err = w.open.Close()
	}
	w.open = nil
	return failed(where(w.storage, path.Join(w.path, p.Name)), err)
}

func (w *writer) abort() {
	if w.open != nil {
		w.open.Abort()
	}
}

// Verify reads a whole backup and compares it with its manifest: every checksum, every count, the order.
func Verify(ctx context.Context, s Storage, at string) error {
	_, entries, err := ReadBackup(ctx, s, at)
	if err != nil {
		return err
	}
	for _, err := range entries {
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadBackup returns the manifest of a finished backup and its entries. An entry is given before the checksum of its
// whole part is known, but never with a wrong one of its own; the last one comes with an error if any part or sum is
// not what the manifest says.
func ReadBackup(ctx context.Context, s Storage, at string) (Manifest, iter.Seq2[keyspace.Entry, error], error) {
	m, err := ReadManifest(ctx, s, at)
	if err != nil {
		return m, nil, err
	}
	if m.Kind != Backup {
		return m, nil, &Error{Reason: ArchiveForeign, Where: where(s, at), Err: fmt.Errorf("it is an archive of kind %q, no backup", m.Kind), Hint: "name the folder of a backup"}
	}
	return m, func(yield func(keyspace.Entry, error) bool) {
		r := reader{storage: s, path: at, yield: yield}
		for _, p := range m.Parts {
			if err := r.part(ctx, p); err != nil {
				if !r.stopped {
					yield(keyspace.Entry{}, err)
				}
				return
			}
		}
		if r.keys != m.Keys {
			yield(keyspace.Entry{}, damaged(where(s, at), "it holds %d keys, its manifest says %d", r.keys, m.Keys))
		}
	}, nil
}

// reader reads the parts of a backup.
type reader struct {
	storage Storage
	path    string
	yield   func(keyspace.Entry, error) bool
	stopped bool
	keys    int64
	before  keyspace.Entry // its key and type
}

var errStopped = errors.New("the reader has enough")

func (r *reader) part(ctx context.Context, p Part) error {
	name := path.Join(r.path, p.Name)
	at := where(r.storage, name)
	from, size, err := r.storage.Get(ctx, name)
	if err != nil {
		return failed(at, err)
	}
	defer from.Close()
	if size != p.Bytes {
		return damaged(at, "it has %d bytes, the manifest says %d", size, p.Bytes)
	}
	sum := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(from, sum), 1<<20)
	header := make([]byte, headerBytes)
	if _, err := io.ReadFull(in, header); err != nil {
		return damaged(at, "its header cannot be read: %w", err)
	}
	if err := checkHeader(at, header, Backup); err != nil {
		return err
	}
	if err := r.records(ctx, at, p, records{from: in}); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
		return damaged(at, "it is not the part that the manifest describes")
	}
	return nil
}

func (r *reader) records(ctx context.Context, at string, p Part, from records) error {
	n := int64(0)
	for {
		data, err := from.next()
		if errors.Is(err, io.EOF) {
			break
		}
		n++
		if ctx.Err() != nil {
			return fmt.Errorf("%s: reading: %w", at, context.Cause(ctx))
		}
		if err != nil {
			return damaged(at, "record %d: %w", n, err)
		}
		e, err := decodeEntry(data)
		if err != nil {
			return damaged(at, "record %d: %w", n, err)
		}
		if e.Continues && (e.Key != r.before.Key || e.Type != r.before.Type) {
			return damaged(at, "record %d continues a key that is not before it", n)
		}
		if r.before = (keyspace.Entry{Key: e.Key, Type: e.Type}); !e.Continues {
			r.keys++
		}
		if !r.yield(e, nil) {
			r.stopped = true
			return errStopped
		}
	}
	if n != p.Records {
		return damaged(at, "it holds %d records, the manifest says %d", n, p.Records)
	}
	return nil
}

// RestoreBackup verifies a backup, whole, and then brings its keys back under a lease of the keyspace.
func RestoreBackup(ctx context.Context, s Storage, at string, store *keyspace.Store, l *keyspace.Lease, k state.Keyspace, o keyspace.RestoreOptions, report func(keyspace.RestoreOutcome)) (keyspace.RestoreOutcome, error) {
	if err := Verify(ctx, s, at); err != nil {
		return keyspace.RestoreOutcome{}, err
	}
	m, entries, err := ReadBackup(ctx, s, at)
	if err != nil {
		return keyspace.RestoreOutcome{}, err
	}
	if m.Keyspace != k.Name {
		return keyspace.RestoreOutcome{}, &Error{
			Reason: ArchiveForeign, Where: where(s, at), Hint: "name a backup of the keyspace",
			Err: fmt.Errorf("it is a backup of keyspace %q, not of %q", m.Keyspace, k.Name),
		}
	}
	return store.Restore(ctx, l, k, entries, o, report)
}
