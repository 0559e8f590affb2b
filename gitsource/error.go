package gitsource

import (
	"errors"
	"fmt"
)

// ErrUnchanged says that the ref still points to the revision the caller holds.
var ErrUnchanged = errors.New("the revision is unchanged")

// Reason is the machine-readable cause of an Error, fit for a condition of a Kubernetes object.
type Reason string

// The reasons of an Error.
const (
	URLRefused     Reason = "URLRefused"     // the address or its credentials break a rule; nothing was contacted
	RefRefused     Reason = "RefRefused"     // the branch, tag or commit is malformed; nothing was contacted
	GitUnreachable Reason = "GitUnreachable" // no answer, a stalled one, or no repository at the address
	GitAuth        Reason = "GitAuth"        // the server asks for other credentials, or its host key is not the known one
	GitEmpty       Reason = "GitEmpty"       // the repository has no commit
	GitRefNotFound Reason = "GitRefNotFound" // no such branch, tag or commit
	GitProtocol    Reason = "GitProtocol"    // the answer is not Git, or is cut off or corrupt
	GitShallow     Reason = "GitShallow"     // the local clone has not the history that is asked for
	NoRepository   Reason = "NoRepository"   // a local folder is in no Git repository that can be read
	NoFolder       Reason = "NoFolder"       // the commit has no such folder
	TreeRefused    Reason = "TreeRefused"    // an entry is not a regular file, or its name is not safe
	TreeTooLarge   Reason = "TreeTooLarge"   // a cap of Limits was reached

	VerifyRefused    Reason = "VerifyRefused"    // what is to be verified cannot be; nothing was contacted
	SignatureMissing Reason = "SignatureMissing" // the commit or the tag is not signed, and has to be
	SignatureInvalid Reason = "SignatureInvalid" // it is, but not by somebody who may, or it was changed since
)

// Error is why a commit's files could not be had. It never holds a credential or text sent by the server.
type Error struct {
	Reason  Reason
	Where   string // the address, or the entry's path in the tree
	Message string // what is wrong
	Hint    string // the next action
	Err     error  // the cause, for errors.Is; not printed if empty
}

// Error prints where, what, and what to do next.
func (e *Error) Error() string {
	s := e.Message
	if e.Where != "" {
		s = fmt.Sprintf("%s: %s", e.Where, s)
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
