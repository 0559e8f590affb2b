package gitsource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/memory"
)

var errCorruptPack = errors.New("the pack is corrupt")

// unpack decodes a pack into memory. Its objects are measured before any of them is held: a pack of 64 MiB can
// declare a thousand times as much.
func unpack(ctx context.Context, pack []byte, l Limits) (store *memory.Storage, err error) {
	defer func() { // a malformed pack has made decoders panic before; it must not end the process
		if r := recover(); r != nil {
			store, err = nil, fmt.Errorf("%w: %v", errCorruptPack, r)
		}
	}()
	scan := func() *packfile.Scanner {
		return packfile.NewScanner(contextReadSeeker{bytes.NewReader(pack), ctx})
	}
	if err := measure(scan(), l); err != nil {
		return nil, err
	}
	store = memory.NewStorage()
	parser, err := packfile.NewParserWithStorage(scan(), store)
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse(); err != nil {
		return nil, fmt.Errorf("%w: %w", errCorruptPack, err)
	}
	return store, nil
}

// measure adds up what the pack's objects will need. The size of a delta's result stands at its head, and the
// decoder holds every object to the size it declares.
func measure(s *packfile.Scanner, l Limits) error {
	_, count, err := s.Header()
	if err != nil {
		return fmt.Errorf("%w: %w", errCorruptPack, err)
	}
	if int64(count) > int64(l.Objects) {
		return tooLarge("", fmt.Sprintf("the pack has more than %d objects", l.Objects))
	}
	var total int64
	add := func(n int64) error {
		if n < 0 || n > l.Unpack-total {
			return tooLarge("", fmt.Sprintf("the pack's objects are larger than %d bytes", l.Unpack))
		}
		total += n
		return nil
	}
	for range count {
		h, err := s.NextObjectHeader()
		if err != nil {
			return fmt.Errorf("%w: %w", errCorruptPack, err)
		}
		if err := add(h.Length); err != nil {
			return err
		}
		var head prefix
		if _, _, err := s.NextObject(&head); err != nil {
			return fmt.Errorf("%w: %w", errCorruptPack, err)
		}
		if h.Type.IsDelta() {
			if err := add(resultSize(head)); err != nil {
				return err
			}
		}
	}
	return nil
}

// prefix keeps the first bytes written to it: enough for two numbers of ten bytes.
type prefix []byte

func (p *prefix) Write(b []byte) (int, error) {
	if room := 20 - len(*p); room > 0 {
		*p = append(*p, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// resultSize reads the second of the two base-128 numbers at the head of a delta (gitformat-pack), the size of
// its result. What does not fit is larger than any cap.
func resultSize(head []byte) int64 {
	r := bytes.NewReader(head)
	size := int64(0)
	for range 2 {
		size = 0
		for shift := 0; ; shift += 7 {
			c, err := r.ReadByte()
			if err == io.EOF || shift > 56 {
				return math.MaxInt64
			}
			size |= int64(c&0x7f) << shift
			if c&0x80 == 0 {
				break
			}
		}
	}
	return size
}
