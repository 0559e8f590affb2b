package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path"
	"slices"

	"keyshift.dev/keyspace"
)

// imagesBatch is how many pre-images, and imagesBytes about how many bytes of them, a reader gets at once.
const (
	imagesBatch = 2000
	imagesBytes = 8 << 20
)

// undoLog reads the undo log of a job: a keyspace.UndoLog.
type undoLog struct {
	storage Storage
	place   Place
	job     string
}

// UndoLog returns the undo log of a job at a place, to be read. One part of it is in memory at a time. A job that has
// none has an empty one.
func UndoLog(s Storage, p Place, job string) keyspace.UndoLog { return undoLog{s, p, job} }

// Images calls take with the pre-images, the newest first.
func (u undoLog) Images(ctx context.Context, take func([]keyspace.Preimage) error) error {
	logs, err := undoLogs(ctx, u.storage, u.place, u.job)
	if err != nil {
		return err
	}
	var buf []byte
	for _, f := range slices.Backward(logs) {
		sealed, err := sealedParts(ctx, u.storage, f)
		if err != nil {
			return err
		}
		names, err := partNames(ctx, u.storage, f.Path)
		if err != nil {
			return err
		}
		for name := range sealed {
			if !slices.Contains(names, name) {
				return &Error{Reason: ArchiveMissing, Where: where(u.storage, path.Join(f.Path, name)), Err: errors.New("the part is gone"), Hint: "bring it back from a copy"}
			}
		}
		for _, name := range slices.Backward(names) {
			if buf, err = u.part(ctx, path.Join(f.Path, name), sealed[name], buf, take); err != nil {
				return err
			}
		}
	}
	return nil
}

// sealedParts returns the parts that the manifest of a log vouches for, by name.
func sealedParts(ctx context.Context, s Storage, f Found) (map[string]*Part, error) {
	out := map[string]*Part{}
	if !f.Finished {
		return out, nil
	}
	m, err := ReadManifest(ctx, s, f.Path)
	if err != nil {
		return nil, err
	}
	for i := range m.Parts {
		out[m.Parts[i].Name] = &m.Parts[i]
	}
	return out, nil
}

// part reads one part from its end. The buffer is used again.
func (u undoLog) part(ctx context.Context, name string, sealed *Part, buf []byte, take func([]keyspace.Preimage) error) ([]byte, error) {
	at := where(u.storage, name)
	data, err := readPart(ctx, u.storage, name, buf)
	if err != nil {
		return buf, err
	}
	places, err := index(at, data, Undo, sealed == nil)
	if err != nil {
		return data, err
	}
	if sealed != nil {
		if err := sealed.check(at, data, len(places)); err != nil {
			return data, err
		}
	}
	var batch []keyspace.Preimage
	bytes := 0
	for i, p := range slices.Backward(places) {
		image, err := decodePreimage(data[p.start : p.start+p.length])
		if err != nil {
			return data, damaged(at, "record %d: %w", i+1, err)
		}
		batch, bytes = append(batch, image), bytes+p.length
		if len(batch) == imagesBatch || bytes >= imagesBytes || i == 0 {
			if err := take(batch); err != nil {
				return data, err
			}
			if ctx.Err() != nil {
				return data, context.Cause(ctx)
			}
			batch, bytes = nil, 0
		}
	}
	return data, nil
}

// check compares a whole part with what the manifest says of it.
func (p *Part) check(at string, data []byte, records int) error {
	sum := sha256.Sum256(data)
	if hex.EncodeToString(sum[:]) != p.SHA256 || int64(len(data)) != p.Bytes || int64(records) != p.Records {
		return damaged(at, "it is not the part that the manifest describes")
	}
	return nil
}

// payload is where the payload of a record is in its part.
type payload struct{ start, length int }

// index checks every record of a part and returns where they are. With torn the end may be missing: what was being
// written when the process, or the machine, ended. Records are written and flushed in order, so that whatever a broken
// end holds was never acknowledged, unless it is whole but for its checksum: then it is damaged.
func index(at string, data []byte, k Kind, torn bool) ([]payload, error) {
	if len(data) < headerBytes {
		if torn {
			return nil, nil
		}
		return nil, damaged(at, "it is shorter than the header of a part")
	}
	if torn && unwritten(data[:headerBytes]) {
		return nil, nil
	}
	if err := checkHeader(at, data[:headerBytes], k); err != nil {
		return nil, err
	}
	var out []payload
	for pos := headerBytes; pos < len(data); {
		length, err := recordAt(data[pos:])
		if err != nil && torn && (errors.Is(err, errTorn) || holed(data, pos)) {
			return out, nil
		}
		if err != nil {
			return nil, damaged(at, "record %d: %w", len(out)+1, err)
		}
		out = append(out, payload{pos + frameBytes, length})
		pos += frameBytes + length
	}
	return out, nil
}

// recordAt returns the length of the payload of the record that data starts with.
func recordAt(data []byte) (int, error) {
	if len(data) < frameBytes {
		return 0, errTorn
	}
	length, err := frameLength(data)
	if err != nil {
		return 0, err
	}
	if len(data)-frameBytes < length {
		return 0, errTorn
	}
	return length, checkPayload(data, data[frameBytes:frameBytes+length])
}

// holed tells whether a sector under the record at pos was never written: it reads as zeros. After a crash of the
// machine a file may have its new length and not all of its content.
func holed(data []byte, pos int) bool {
	end := min(pos+frameBytes, len(data))
	if length, err := frameLength(data[pos:end]); err == nil {
		end += length
	}
	for start := pos; start < end; {
		next := min((start/sectorBytes+1)*sectorBytes, len(data))
		if unwritten(data[start:next]) && (start > pos || next-start >= frameBytes) {
			return true
		}
		start = next
	}
	return false
}

func unwritten(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
