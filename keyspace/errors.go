package keyspace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The reasons of an Error, machine-readable.
const (
	AddressInvalid   = "AddressInvalid"
	StoreUnreachable = "StoreUnreachable" // down, timed out, or its primary or cluster is
	StoreLoading     = "StoreLoading"     // reads its data set from disk
	StoreReadOnly    = "StoreReadOnly"    // a replica, or too few replicas to write
	StoreFull        = "StoreFull"        // out of memory
	StoreDenied      = "StoreDenied"      // by password or ACL
	StoreFailing     = "StoreFailing"     // cannot persist and refuses writes
	StoreBusy        = "StoreBusy"        // runs somebody's long script
	StoreUnsupported = "StoreUnsupported" // lacks a command we need
	StoreRestarted   = "StoreRestarted"   // in the middle of every pass we tried
	StoreChanged     = "StoreChanged"     // not the store the ledger describes
	StoreOwned       = "StoreOwned"       // another system owns some of the keys
	StoreRefused     = "StoreRefused"     // any other error answer
	LeaseLost        = "LeaseLost"        // expired, or taken over
	LedgerTooNew     = "LedgerTooNew"     // written by a newer program
	LedgerUnreadable = "LedgerUnreadable" // not a ledger
	NotConverging    = "NotConverging"    // something keeps writing the old version
	ReplicasBehind   = "ReplicasBehind"   // did not acknowledge in time
	TransformRefused = "TransformRefused" // the shapes or migrations of keyspaces cannot be compiled, or their keys overlap
	SecretInvalid    = "SecretInvalid"    // a Secret of the store lacks what it must hold
	MigrationMissing = "MigrationMissing" // no version, or no path to it
	JournalFailed    = "JournalFailed"    // the undo log could not be written
	StateMissing     = "StateMissing"     // something may not come back, and there is no undo log
)

// Error is what a store answered, or failed to answer, in terms of what to do about it. It never holds a
// value of the application nor a password; keys in it are quoted.
type Error struct {
	Reason string // one of the constants
	Wait   bool   // it may pass by itself: try again later
	Store  string // name in the spec
	Hint   string // what to do next
	Err    error
}

// Error says what happened, where, and what to do next.
func (e *Error) Error() string {
	text := fmt.Sprintf("store %q: %v", e.Store, e.Err)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text + " (" + e.Reason + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// HeldError tells that somebody else holds the lease of a keyspace.
type HeldError struct {
	Keyspace string
	Holder   string        // as the holder calls itself
	Expires  time.Duration // from now, unless the holder renews it
}

// Error names the holder and when its lease expires.
func (e *HeldError) Error() string {
	return fmt.Sprintf("keyspace %q is held by %q; its lease expires in %s unless it is renewed",
		e.Keyspace, e.Holder, e.Expires.Round(time.Second))
}

// ErrLedgerMoved tells that the ledger is not the one the caller read: read it again and decide again.
var ErrLedgerMoved = errors.New("the ledger was changed by somebody else")

// answer is one row of what Redis may answer: the first word of an error, and what it means.
type answer struct {
	word, reason string
	wait         bool
	text, hint   string
}

// answers holds the error words of Redis 6.2 to 8 and Valkey that mean something to us (src/server.c,
// src/script.c). Anything else is StoreRefused.
var answers = []answer{
	{"LOADING", StoreLoading, true, "it is loading its data set", "wait until it has loaded"},
	{"READONLY", StoreReadOnly, true, "it is a read-only replica", "point the address at the primary, or wait for the failover"},
	{"NOREPLICAS", StoreReadOnly, true, "it has too few replicas to accept writes (min-replicas-to-write)", "bring the replicas back"},
	{"OOM", StoreFull, true, "it is full: memory is above maxmemory", "raise maxmemory or free memory"},
	{"NOAUTH", StoreDenied, false, "it asks for a password", "name a secret with the password in the store's auth"},
	{"WRONGPASS", StoreDenied, false, "it refuses this user name and password", "correct the secret of the store's auth"},
	{"NOPERM", StoreDenied, false, "its ACL refuses a command or key we need", "grant the user the commands and keys of this system"},
	{"MISCONF", StoreFailing, true, "it cannot save to disk and refuses writes", "mend its disk"},
	{"BUSY", StoreBusy, true, "it is busy with a long script", "wait until that script ends"},
	{"MASTERDOWN", StoreUnreachable, true, "it is a replica that lost its primary", "wait for the failover"},
	{"CLUSTERDOWN", StoreUnreachable, true, "its cluster is down", "wait until all slots are served"},
	{"TRYAGAIN", StoreUnreachable, true, "its cluster is moving slots", "wait until the slots have moved"},
}

// classify turns what a Redis call returned into an Error; nil and the caller's own cancellation stay as they
// are. Only the first word of the server's text is used: the rest may quote arguments, which are values.
func classify(ctx context.Context, store, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("store %q: %s: %w", store, doing, context.Cause(ctx))
	}
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	server, answered := errors.AsType[redis.Error](err)
	if !answered || errors.Is(err, redis.Nil) {
		return &Error{
			Reason: StoreUnreachable, Wait: true, Store: store, Err: fmt.Errorf("%s: %w", doing, err),
			Hint: "check its address and that it is up",
		}
	}
	return classifyAnswer(store, doing, server.Error())
}

// scriptDenied is how Redis 7.0 says inside a script what it says as NOPERM elsewhere (src/script.c).
const scriptDenied = "The user executing the script can't"

// passwordUnasked is how a server without a password answers one (src/acl.c).
const passwordUnasked = "without any password configured"

// classifyAnswer turns the text of an error answer, or its first word, into an Error.
func classifyAnswer(store, doing, text string) *Error {
	word, _, _ := strings.Cut(text, " ")
	switch {
	case strings.Contains(text, scriptDenied):
		word = "NOPERM"
	case strings.Contains(text, passwordUnasked):
		word = "WRONGPASS"
	}
	for _, a := range answers {
		if a.word == word {
			said := a.text
			if command := refusedCommand(text); command != "" {
				said += ": " + command
			}
			return &Error{Reason: a.reason, Wait: a.wait, Store: store, Hint: a.hint, Err: fmt.Errorf("%s: %s", doing, said)}
		}
	}
	if strings.Contains(text, "unknown command") || strings.Contains(text, "unknown subcommand") {
		return &Error{
			Reason: StoreUnsupported, Store: store, Err: fmt.Errorf("%s: the server does not know the command", doing),
			Hint: "Redis 6.2 or newer, or Valkey, is needed",
		}
	}
	return &Error{Reason: StoreRefused, Store: store, Err: fmt.Errorf("%s: the server answered an error %q", doing, word), Hint: "see the server's log"}
}

// refusedCommand cuts the command's name out of "NOPERM … no permissions to run the 'scan' command".
func refusedCommand(text string) string {
	_, rest, found := strings.Cut(text, "run the '")
	if !found {
		return ""
	}
	name, _, _ := strings.Cut(rest, "'")
	return name
}

// unknown tells that a command may or may not have been executed: the server did not answer.
func unknown(err error) bool {
	_, answered := errors.AsType[redis.Error](err)
	return err != nil && !answered
}
