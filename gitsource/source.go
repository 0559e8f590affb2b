package gitsource

import (
	"context"
	"fmt"
	"io/fs"
	"time"
)

// Source names a commit of a repository and how to reach it. With none of Branch, Tag and Commit the default
// branch is meant. Branch may stand beside Commit: it says where the commit is looked for if the server does
// not hand out single commits.
type Source struct {
	URL    string // https://, ssh://, or http:// to the loopback interface
	Branch string
	Tag    string
	Commit string // 40 hexadecimal digits, lower case

	Username  string // for https; "git" if empty and there is a password
	Password  string // a password or a token
	CABundle  []byte // PEM, trusted beside the system's authorities
	AllowHTTP bool   // permits http:// to any host, without credentials

	SSHKey      []byte // PEM; ssh needs it
	SSHPassword string // of the key, if it is encrypted
	KnownHosts  []byte // lines of a known_hosts file; ssh needs them

	Verify *Verify // nil: nobody need have signed it

	Timeout time.Duration // of the whole fetch; one minute if zero
	Limits  Limits
}

// Limits bounds what is taken from a repository or a folder. A zero field is its default.
type Limits struct {
	Blob    int64 // bytes of one file: 1 MiB
	Total   int64 // bytes of all files: 64 MiB
	Entries int   // files and folders: 10,000
	Depth   int   // folders inside each other: 32
	Path    int   // bytes of one path: 1,024
	Wire    int64 // bytes received: 64 MiB
	Objects int   // in the pack: 250,000
	Unpack  int64 // bytes of all objects of the pack: 256 MiB
}

func (l Limits) withDefaults() Limits {
	l.Blob = or(l.Blob, 1<<20)
	l.Total = or(l.Total, 64<<20)
	l.Entries = or(l.Entries, 10_000)
	l.Depth = or(l.Depth, 32)
	l.Path = or(l.Path, 1024)
	l.Wire = or(l.Wire, 64<<20)
	l.Objects = or(l.Objects, 250_000)
	l.Unpack = or(l.Unpack, 256<<20)
	return l
}

func or[T int | int64 | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Snapshot is one commit.
type Snapshot struct {
	Commit   string // 40 hexadecimal digits
	Revision string // "main@sha1:<commit>", "v1.2.0@sha1:<commit>", or "sha1:<commit>" if only a commit was asked for
	Signer   string // who signed it, as its Verify demands: a name and a key; empty without one
	Files    fs.FS  // its regular files; deterministic, immutable, safe for concurrent use
}

// Fetch returns the commit that s names. If its revision is last, it returns ErrUnchanged and a Snapshot without
// files, and no pack is transferred: nothing is verified then, so a caller whose Verify is another now names no last one.
// Any other error is an *Error, or the context's cause wrapped in one.
func Fetch(ctx context.Context, s Source, last string) (Snapshot, error) {
	addr, err := s.validate()
	if err != nil {
		return Snapshot{}, err
	}
	if held := s.fixedRevision(); held != "" && held == last {
		return Snapshot{Commit: s.Commit, Revision: held}, ErrUnchanged
	}
	s.Limits = s.Limits.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, or(s.Timeout, time.Minute),
		fmt.Errorf("no complete answer within %s", or(s.Timeout, time.Minute)))
	defer cancel()
	return fetch(ctx, s, addr, last)
}

// fixedRevision is the revision of a source that names a commit, empty otherwise.
func (s Source) fixedRevision() string {
	if s.Commit == "" {
		return ""
	}
	return revision(s.Branch, s.Commit)
}

// revision joins the name and the commit as Flux does.
func revision(name, commit string) string {
	if name == "" {
		return "sha1:" + commit
	}
	return name + "@sha1:" + commit
}
