package cli

import (
	"regexp"
	"strings"
)

// The codes of what is wrong with a command line or with the place it names.
const (
	noFolder  = "no-folder"
	noModule  = "no-module"  // also of the schema: a folder cue.mod without module.cue
	noPackage = "no-package" // of the schema
	noStore   = "no-store"
	noState   = "no-state" // the folder for the copy of the ledgers cannot be used
	misuse    = "usage"

	interrupted = "Interrupted"
)

// problem is an error of the command line itself: what happened, what to do, and its code for programs.
type problem struct {
	code, message, hint string
	err                 error // may be nil
}

func trouble(code, message, hint string, err error) *problem {
	return &problem{code, message, hint, err}
}

// Error says what happened and what to do.
func (p *problem) Error() string {
	if p.hint == "" {
		return p.message
	}
	return p.message + "; " + p.hint
}

// Unwrap returns the cause.
func (p *problem) Unwrap() error { return p.err }

var plainWord = regexp.MustCompile(`^[\pL\pN_@%+=:,./-]+$`)

// quoted writes a word so that a shell takes it as one.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
