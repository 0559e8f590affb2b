package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Format is the number of the format that this program writes. It reads this one and older ones.
const Format = 1

// Kind says what an archive holds.
type Kind string

// The kinds of archives.
const (
	Backup Kind = "backup" // entries
	Undo   Kind = "undo"   // pre-images
)

const (
	magic        = "KEYSHIFT"
	headerBytes  = len(magic) + 4
	frameBytes   = 12
	payloadBytes = 1 << 30 // that a record may have at most: a string of Redis has 512 MiB
	sectorBytes  = 512     // that a disk writes wholly or not at all
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendHeader appends what a part starts with.
func appendHeader(to []byte, k Kind) []byte {
	to = append(to, magic...)
	return append(to, Format, k.letter(), 0, 0)
}

func (k Kind) letter() byte { return k[0] }

// checkHeader tells what is wrong with the start of a part.
func checkHeader(where string, header []byte, k Kind) error {
	switch {
	case string(header[:len(magic)]) != magic:
		return damaged(where, "it does not start as a part of an archive does")
	case header[len(magic)] > Format:
		return tooNew(where, int(header[len(magic)]))
	case header[len(magic)] == 0 || header[len(magic)+1] != k.letter() || header[len(magic)+2] != 0 || header[len(magic)+3] != 0:
		return damaged(where, "its first bytes are not those of a part of a %s", k)
	}
	return nil
}

func tooNew(where string, format int) error {
	return &Error{
		Reason: ArchiveTooNew, Where: where, Hint: "use a newer Keyshift",
		Err: fmt.Errorf("it has format %d, this program knows %d", format, Format),
	}
}

// beginRecord makes room for the frame of a record whose payload is appended next.
func beginRecord(to []byte) []byte { return append(to, make([]byte, frameBytes)...) }

// endRecord fills the frame of the record that begins at start and whose payload is the rest.
func endRecord(to []byte, start int) {
	frame, payload := to[start:start+frameBytes], to[start+frameBytes:]
	binary.LittleEndian.PutUint32(frame, uint32(len(payload)))
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(frame[:4], castagnoli))
	binary.LittleEndian.PutUint32(frame[8:], crc32.Checksum(payload, castagnoli))
}

// Why a record cannot be read.
var (
	errTorn  = errors.New("it ends in the middle of a record")
	errFrame = errors.New("the checksum of its length is wrong")
	errSum   = errors.New("its checksum is wrong")
)

// frameLength reads the length out of the frame of a record.
func frameLength(frame []byte) (int, error) {
	if crc32.Checksum(frame[:4], castagnoli) != binary.LittleEndian.Uint32(frame[4:]) {
		return 0, errFrame
	}
	n := binary.LittleEndian.Uint32(frame)
	if n > payloadBytes {
		return 0, errFrame
	}
	return int(n), nil
}

func checkPayload(frame, payload []byte) error {
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(frame[8:]) {
		return errSum
	}
	return nil
}

// records reads the records of a part as they come.
type records struct {
	from  io.Reader
	frame [frameBytes]byte
	buf   []byte
}

// next returns the payload of the next record, io.EOF behind the last one. It is good until the next call.
func (r *records) next() ([]byte, error) {
	switch _, err := io.ReadFull(r.from, r.frame[:]); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errTorn
	case err != nil:
		return nil, err
	}
	n, err := frameLength(r.frame[:])
	if err != nil {
		return nil, err
	}
	if err := r.fill(n); err != nil {
		return nil, err
	}
	return r.buf, checkPayload(r.frame[:], r.buf)
}

// fill reads n bytes. It asks for memory as they come: a length alone is no reason to trust it.
func (r *records) fill(n int) error {
	const step = 1 << 20
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		at := len(r.buf)
		take := min(n-at, max(step, at))
		if cap(r.buf) < at+take {
			grown := make([]byte, at, at+take)
			copy(grown, r.buf)
			r.buf = grown
		}
		r.buf = r.buf[:at+take]
		switch _, err := io.ReadFull(r.from, r.buf[at:]); {
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			return errTorn
		case err != nil:
			return err
		}
	}
	return nil
}
