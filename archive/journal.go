package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"sync"
	"time"

	"keyshift.dev/keyspace"
)

// partLimit is how large a part of an archive becomes before the next is started.
const partLimit = 64 << 20

// appendTimeout is how long a storage may take for one append.
const appendTimeout = 2 * time.Minute

// Journal is an undo log that is being written: a keyspace.Journal. Callers that append at the same time share one
// write and one flush. It is safe for concurrent use.
type Journal struct {
	storage Storage
	place   Place
	job     string
	path    string // of the archive in the storage
	limit   int64

	mu   sync.Mutex
	next *group // joined by whoever appends now

	committing sync.Mutex // guards what follows
	spare      []byte
	started    time.Time
	number     int  // of the last part
	open       File // nil if the next write starts a part
	hash       hash.Hash
	parts      []Part // of this process; the last may be open
	failed     error
}

// group is what is written and flushed at once.
type group struct {
	buf     []byte
	records int64
	led     bool // somebody will write it
	done    chan struct{}
	err     error
}

// OpenJournal opens the undo log of a job at a place. Calling again for the same job goes on with it, in new parts:
// what a killed process left is never written to.
func OpenJournal(ctx context.Context, s Storage, p Place, job string) (*Journal, error) {
	j := &Journal{storage: s, place: p, job: job, limit: partLimit, started: time.Now().UTC(), hash: sha256.New()}
	logs, err := undoLogs(ctx, s, p, job)
	if err != nil {
		return nil, err
	}
	if len(logs) == 0 {
		j.path = path.Join(p.folder(Undo), newID(j.started)+"-"+escape(job))
	} else {
		j.path = logs[len(logs)-1].Path
		j.started = TimeOf(logs[len(logs)-1].ID)
	}
	if j.number, err = lastPart(ctx, s, j.path); err != nil {
		return nil, err
	}
	j.next = newGroup(nil)
	return j, nil
}

// undoLogs returns the logs of a job, by time. There are several if two processes opened the first at the same time.
func undoLogs(ctx context.Context, s Storage, p Place, job string) ([]Found, error) {
	all, err := Archives(ctx, s, p, Undo)
	if err != nil {
		return nil, err
	}
	var out []Found
	for _, f := range all {
		if jobOf(f.ID) == escape(job) {
			out = append(out, f)
		}
	}
	return out, nil
}

// lastPart returns the highest number of a part at a path, 0 if there is none.
func lastPart(ctx context.Context, s Storage, at string) (int, error) {
	last := 0
	err := s.List(ctx, at, func(o Object) error {
		if n, ok := partNumber(path.Base(o.Name)); ok {
			last = max(last, n)
		}
		return nil
	})
	return last, failed(where(s, at), err)
}

func newGroup(buf []byte) *group { return &group{buf: buf[:0], done: make(chan struct{})} }

// Path returns where the log is in its storage.
func (j *Journal) Path() string { return j.path }

// Place returns what the log is of.
func (j *Journal) Place() Place { return j.place }

// Append returns once the pre-images are on the disk, or acknowledged by the bucket. After an error, which is an *Error
// or wraps ctx's, they count as not logged, and so does whatever is appended later: open the journal again.
func (j *Journal) Append(ctx context.Context, images []keyspace.Preimage) error {
	if len(images) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("appending to the undo log: %w", context.Cause(ctx))
	}
	g, leads := j.join(images)
	if !leads {
		select {
		case <-g.done:
			return g.err
		case <-ctx.Done():
			return fmt.Errorf("appending to the undo log: %w", context.Cause(ctx))
		}
	}
	j.committing.Lock()
	defer j.committing.Unlock()
	j.mu.Lock()
	j.next, j.spare = newGroup(j.spare), nil
	j.mu.Unlock()
	g.err = j.commit(ctx, g)
	j.spare = g.buf
	g.buf = nil
	close(g.done)
	return g.err
}

// join adds pre-images to the group that is written next, and tells whether it is upon the caller to write it.
func (j *Journal) join(images []keyspace.Preimage) (*group, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.next
	for i := range images {
		start := len(g.buf)
		g.buf = appendPreimage(beginRecord(g.buf), &images[i])
		endRecord(g.buf[start:], 0)
	}
	g.records += int64(len(images))
	leads := !g.led
	g.led = true
	return g, leads
}

// commit writes a group and flushes it. Once that failed nothing more is written: after a failed flush a later one may
// succeed although the disk has lost what came before.
func (j *Journal) commit(ctx context.Context, g *group) error {
	if j.failed != nil {
		return j.failed
	}
	// Others wait for this write, too: it does not end with its leader.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	var err error
	if j.storage.Grows() {
		err = j.grow(ctx, g)
	} else {
		err = j.put(ctx, g)
	}
	if err != nil {
		j.failed = failed(where(j.storage, j.path), err)
	}
	return j.failed
}

// grow appends a group to the open part, or to a new one.
func (j *Journal) grow(ctx context.Context, g *group) error {
	if j.open != nil && j.parts[len(j.parts)-1].Bytes >= j.limit {
		if err := j.closePart(); err != nil {
			return err
		}
	}
	if j.open == nil {
		if err := j.startPart(ctx); err != nil {
			return err
		}
	}
	if _, err := j.open.Write(g.buf); err != nil {
		return err
	}
	if err := j.open.Sync(); err != nil {
		return err
	}
	j.count(g)
	return nil
}

// startPart creates the next part that nobody has. Its first records go with its header to the disk.
func (j *Journal) startPart(ctx context.Context) error {
	for {
		j.number++
		name := partName(j.number)
		f, err := j.storage.Create(ctx, path.Join(j.path, name))
		if errors.Is(err, errExists) { // another process goes on with the same job
			continue
		}
		if err != nil {
			return err
		}
		header := j.beginPart(name)
		if _, err := f.Write(header); err != nil {
			f.Abort()
			return err
		}
		j.open = f
		return nil
	}
}

// beginPart notes a part and returns its header.
func (j *Journal) beginPart(name string) []byte {
	header := appendHeader(nil, Undo)
	j.hash.Reset()
	j.hash.Write(header)
	j.parts = append(j.parts, Part{Name: name, Bytes: int64(len(header))})
	return header
}

// count adds a group to the last part.
func (j *Journal) count(g *group) {
	j.hash.Write(g.buf)
	p := &j.parts[len(j.parts)-1]
	p.Records += g.records
	p.Bytes += int64(len(g.buf))
	p.SHA256 = ""
}

func (j *Journal) closePart() error {
	err := j.open.Close()
	j.open = nil
	j.parts[len(j.parts)-1].SHA256 = hex.EncodeToString(j.hash.Sum(nil))
	return err
}

// put makes one part of a group.
func (j *Journal) put(ctx context.Context, g *group) error {
	for {
		j.number++
		name := partName(j.number)
		data := append(appendHeader(make([]byte, 0, headerBytes+len(g.buf)), Undo), g.buf...)
		err := j.storage.Put(ctx, path.Join(j.path, name), data, false)
		if errors.Is(err, errExists) {
			if same, readErr := j.holds(ctx, name, data); readErr != nil || !same {
				err = readErr
				if err == nil {
					continue // another process goes on with the same job
				}
			} else {
				err = nil // it was this write, sent twice by the cloud's library
			}
		}
		if err != nil {
			return err
		}
		j.beginPart(name)
		j.count(g)
		j.parts[len(j.parts)-1].SHA256 = hex.EncodeToString(j.hash.Sum(nil))
		return nil
	}
}

func (j *Journal) holds(ctx context.Context, name string, data []byte) (bool, error) {
	there, err := readAll(ctx, j.storage, path.Join(j.path, name), int64(len(data)))
	return bytes.Equal(there, data), err
}

// Close ends the log and writes its manifest. A log that failed, or that is empty, has none from it.
func (j *Journal) Close(ctx context.Context) error {
	j.committing.Lock()
	defer j.committing.Unlock()
	if j.open != nil {
		if err := j.closePart(); err != nil && j.failed == nil {
			j.failed = failed(where(j.storage, j.path), err)
		}
	}
	if j.failed != nil || len(j.parts) == 0 {
		return nil
	}
	j.failed = &Error{Reason: StateInvalid, Where: where(j.storage, j.path), Err: errors.New("the journal is closed"), Hint: "open it again"}
	return j.seal(ctx)
}

// seal writes the manifest over all parts, those of earlier processes included.
func (j *Journal) seal(ctx context.Context) error {
	m := Manifest{
		Format: Format, Kind: Undo, System: j.place.System, Store: j.place.Store, Identity: j.place.Identity, Keyspace: j.place.Keyspace,
		Job: j.job, Started: j.started, Ended: time.Now().UTC(),
	}
	mine := map[string]Part{}
	for _, p := range j.parts {
		mine[p.Name] = p
	}
	names, err := partNames(ctx, j.storage, j.path)
	if err != nil {
		return err
	}
	for _, name := range names {
		p, ok := mine[name]
		if !ok {
			whole := false
			if p, whole, err = j.describe(ctx, name); err != nil {
				return err
			}
			if !whole {
				return nil // its end is torn: the log stays one without a manifest
			}
		}
		m.Parts = append(m.Parts, p)
		m.Records, m.Bytes = m.Records+p.Records, m.Bytes+p.Bytes
	}
	return m.write(ctx, j.storage, j.path, true)
}

// describe reads a part of an earlier process.
func (j *Journal) describe(ctx context.Context, name string) (Part, bool, error) {
	data, err := readPart(ctx, j.storage, path.Join(j.path, name), nil)
	if err != nil {
		return Part{}, false, err
	}
	at := where(j.storage, path.Join(j.path, name))
	places, err := index(at, data, Undo, true)
	if err != nil {
		return Part{}, false, err
	}
	sum := sha256.Sum256(data)
	end := headerBytes
	if len(places) > 0 {
		last := places[len(places)-1]
		end = last.start + last.length
	}
	p := Part{Name: name, Records: int64(len(places)), Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	return p, end == len(data), nil
}

// partNames returns the parts at a path, by number.
func partNames(ctx context.Context, s Storage, at string) ([]string, error) {
	var names []string
	err := s.List(ctx, at, func(o Object) error {
		name := path.Base(o.Name)
		if _, ok := partNumber(name); ok && path.Dir(o.Name) == at {
			names = append(names, name)
		}
		return nil
	})
	return names, failed(where(s, at), err)
}

// readPart reads a whole part into buf, which grows as needed.
func readPart(ctx context.Context, s Storage, name string, buf []byte) ([]byte, error) {
	r, size, err := s.Get(ctx, name)
	if err != nil {
		return nil, failed(where(s, name), err)
	}
	defer r.Close()
	b := bytes.NewBuffer(buf[:0])
	b.Grow(int(min(size, 2*partLimit)) + bytes.MinRead)
	if _, err := io.Copy(b, r); err != nil {
		return nil, failed(where(s, name), err)
	}
	return b.Bytes(), nil
}
