package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// The reasons of an Error, machine-readable.
const (
	StateInvalid      = "StateInvalid"      // not the name of a storage
	StateUnreachable  = "StateUnreachable"  // or it refuses us
	StateFull         = "StateFull"         // no room, or less than is needed
	ArchiveMissing    = "ArchiveMissing"    // or a part of it
	ArchiveIncomplete = "ArchiveIncomplete" // it was never finished
	ArchiveDamaged    = "ArchiveDamaged"    // it is not what was written
	ArchiveTooNew     = "ArchiveTooNew"     // written by a newer program
	ArchiveForeign    = "ArchiveForeign"    // of another kind, keyspace or store than is asked for
)

// Error is what went wrong with an archive or its storage, in terms of what to do about it. It never holds a value of
// the application nor a credential.
type Error struct {
	Reason string // one of the constants
	Where  string // the storage and the object in it, as people write it
	Hint   string // what to do next
	Err    error
}

// Error says what happened, where, and what to do next.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Where, e.Err)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text + " (" + e.Reason + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// errExists tells that an object of that name is there already.
var errExists = errors.New("it is there already")

// errMissing tells that no object has that name.
var errMissing = errors.New("it is not there")

// failed says what a storage answered to something it was to do.
func failed(where string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	e := &Error{Reason: StateUnreachable, Where: where, Err: err, Hint: "check that it is there and that it may be written and read"}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Reason, e.Err, e.Hint = StateFull, fmt.Errorf("the disk is full: %w", bare(err)), "make room there, or name another place with --state, and run it again"
	case errors.Is(err, errMissing):
		e.Reason, e.Hint = ArchiveMissing, "see what is there"
	}
	return e
}

// bare takes the path off an error of a file: the place is named already.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// damaged says that something in an archive is not what was written.
func damaged(where string, format string, args ...any) error {
	return &Error{
		Reason: ArchiveDamaged, Where: where, Err: fmt.Errorf(format, args...),
		Hint: "take another copy of it, or another archive",
	}
}
