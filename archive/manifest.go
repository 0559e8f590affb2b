package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"keyshift.dev/state"
)

// manifestName is the object that makes an archive whole.
const manifestName = "manifest.json"

// Manifest says what an archive holds. It is written last.
type Manifest struct {
	Format   int       `json:"format"`
	Kind     Kind      `json:"kind"`
	System   string    `json:"system"`
	Store    string    `json:"store"`              // its name in the spec
	Identity string    `json:"identity,omitempty"` // of the store, empty if it had none
	Keyspace string    `json:"keyspace"`
	Job      string    `json:"job,omitempty"` // of an undo log
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	ByHand   bool      `json:"byHand,omitempty"` // somebody asked for it: it is never pruned

	Keys    int64         `json:"keys"`             // of a backup
	Records int64         `json:"records"`          // a key that is too large for one has several
	Bytes   int64         `json:"bytes"`            // of all parts
	Counts  []state.Count `json:"counts,omitempty"` // units by class, where they are known
	Parts   []Part        `json:"parts"`            // in their order

	Encryption string `json:"encryption,omitempty"` // how the parts are encrypted; this program knows none
}

// Part is one numbered object of an archive.
type Part struct {
	Name    string `json:"name"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"` // in hexadecimal
}

// ReadManifest returns the manifest of the archive at a path of a storage. One that has none is an *Error of reason
// ArchiveIncomplete.
func ReadManifest(ctx context.Context, s Storage, path string) (Manifest, error) {
	name := path + "/" + manifestName
	data, err := readAll(ctx, s, name, manifestBytes)
	if errors.Is(err, errMissing) {
		return Manifest{}, &Error{
			Reason: ArchiveIncomplete, Where: where(s, path), Err: errors.New("there is no archive that was finished"),
			Hint: "name the folder of an archive; one that has no " + manifestName + " was interrupted and cannot be used",
		}
	}
	if err != nil {
		return Manifest{}, failed(where(s, name), err)
	}
	return decodeManifest(where(s, name), data)
}

// manifestBytes is how large a manifest may be: that of a million parts is smaller.
const manifestBytes = 256 << 20

func decodeManifest(where string, data []byte) (Manifest, error) {
	var head struct {
		Format     int    `json:"format"`
		Encryption string `json:"encryption"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Manifest{}, damaged(where, "it is no manifest: %w", err)
	}
	if head.Format > Format {
		return Manifest{}, tooNew(where, head.Format)
	}
	if head.Encryption != "" {
		return Manifest{}, &Error{
			Reason: ArchiveTooNew, Where: where, Hint: "use a newer Keyshift",
			Err: fmt.Errorf("it is encrypted (%.40q), which this program cannot read", head.Encryption),
		}
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, damaged(where, "it is no manifest: %w", err)
	}
	return m, m.check(where)
}

// check tells what a manifest says that cannot be.
func (m Manifest) check(where string) error {
	if m.Format < 1 || m.Kind != Backup && m.Kind != Undo {
		return damaged(where, "it is no manifest of an archive")
	}
	var records, bytes int64
	for i, p := range m.Parts {
		if _, ok := partNumber(p.Name); !ok || i > 0 && p.Name <= m.Parts[i-1].Name || len(p.SHA256) != 64 || p.Records < 0 || p.Bytes < int64(headerBytes) {
			return damaged(where, "its part %d makes no sense", i+1)
		}
		records, bytes = records+p.Records, bytes+p.Bytes
	}
	if records != m.Records || bytes != m.Bytes || m.Kind == Backup && m.Keys > m.Records {
		return damaged(where, "its sums are not those of its parts")
	}
	return nil
}

// write makes the archive whole.
func (m Manifest) write(ctx context.Context, s Storage, path string, replace bool) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the manifest: %w", err)
	}
	name := path + "/" + manifestName
	return failed(where(s, name), s.Put(ctx, name, append(data, '\n'), replace))
}

// readAll reads an object of at most limit bytes.
func readAll(ctx context.Context, s Storage, name string, limit int64) ([]byte, error) {
	r, _, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return data, err
}

// where names an object of a storage for people.
func where(s Storage, name string) string { return s.String() + "/" + name }
