package gitsource

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// ReadRevision returns the regular files that a local folder had in a commit, as ReadDir would have returned them
// then: read blob by blob out of the repository that the folder belongs to, under the same caps and refusals. Nothing
// is checked out, and what is not committed does not matter.
//
// The revision is a branch, a tag, a remote branch ("origin/main"), a commit or at least four digits of one, or HEAD;
// "~2" and "^1" behind any of them name ancestors. Sub is the folder's path in its repository, "." at the root, and
// commit the 40 digits of what was read.
//
// The error is an *Error that names the revision: of reason GitRefNotFound, GitShallow (a clone without the history
// that is asked for), NoRepository, NoFolder (the commit has no such folder), or of those of ReadDir.
func ReadRevision(dir, rev string) (files fs.FS, sub, commit string, err error) {
	return readRevision(dir, rev, Limits{})
}

func readRevision(dir, rev string, l Limits) (files fs.FS, sub, commit string, err error) {
	r, err := findRepository(dir)
	if err != nil {
		return nil, "", "", err
	}
	defer r.store.Close()
	defer func() { // a damaged pack has made decoders panic before; it must not end the process
		if p := recover(); p != nil {
			files, err = nil, r.missing(rev, fmt.Errorf("%w: %v", errCorruptPack, p))
		}
	}()
	c, err := r.resolve(rev)
	if err != nil {
		return nil, "", "", err
	}
	root, err := r.folder(rev, c)
	if err != nil {
		return nil, r.sub, c.Hash.String(), err
	}
	if files, err = walk(r.store, root, l); err != nil {
		err = r.missing(rev, err)
	}
	return files, r.sub, c.Hash.String(), err
}

// folder returns the tree of the repository's folder in a commit.
func (r repository) folder(rev string, c *object.Commit) (plumbing.Hash, error) {
	at := c.TreeHash
	if r.sub == "." {
		return at, nil
	}
	for name := range strings.SplitSeq(r.sub, "/") {
		tree, err := object.GetTree(r.store, at)
		if err != nil {
			return at, r.missing(rev, err)
		}
		e, err := tree.FindEntry(name)
		if err != nil || e.Mode != filemode.Dir {
			return at, &Error{Reason: NoFolder, Where: printable(rev), Message: fmt.Sprintf("has no folder %s", printable(r.sub)),
				Hint: "name a commit that has it"}
		}
		at = e.Hash
	}
	return at, nil
}

// ancestry is what may stand behind a name: "~", "~3", "^", "^2".
var ancestry = regexp.MustCompile(`^(.*?)((?:[~^][0-9]*)*)$`)

// resolve finds the commit that a revision names.
func (r repository) resolve(rev string) (*object.Commit, error) {
	parts := ancestry.FindStringSubmatch(rev)
	if parts == nil || parts[1] == "" || strings.HasPrefix(rev, "-") || strings.ContainsAny(parts[1], " :?*[\\^~") || strings.Contains(rev, "..") {
		return nil, &Error{Reason: RefRefused, Where: strconv.Quote(rev), Message: "is no revision",
			Hint: "name a branch, a tag or a commit, with ~1 behind it for the commit before"}
	}
	h, err := r.name(rev, parts[1])
	if err != nil {
		return nil, err
	}
	c, err := r.commit(rev, h)
	for steps := parts[2]; err == nil && steps != ""; {
		kind, rest := steps[0], steps[1:]
		end := strings.IndexAny(rest, "~^")
		if end < 0 {
			end = len(rest)
		}
		n := 1
		if end > 0 {
			if n, err = strconv.Atoi(rest[:end]); err != nil {
				return nil, r.unknown(rev)
			}
		}
		steps = rest[end:]
		c, err = r.ancestor(rev, c, kind, n)
	}
	return c, err
}

// ancestor goes n commits back along first parents (~), or to the nth parent (^).
func (r repository) ancestor(rev string, c *object.Commit, kind byte, n int) (*object.Commit, error) {
	if kind == '^' {
		if n == 0 {
			return c, nil
		}
		return r.parent(rev, c, n)
	}
	var err error
	for i := 0; i < n && err == nil; i++ {
		c, err = r.parent(rev, c, 1)
	}
	return c, err
}

func (r repository) parent(rev string, c *object.Commit, n int) (*object.Commit, error) {
	if n > len(c.ParentHashes) {
		return nil, &Error{Reason: GitRefNotFound, Where: printable(rev), Hint: "name a commit that exists",
			Message: fmt.Sprintf("commit %.12s has %d parents", c.Hash, len(c.ParentHashes))}
	}
	return r.commit(rev, c.ParentHashes[n-1])
}

// name finds what a name stands for: a reference by git's own rules, else an object.
func (r repository) name(rev, name string) (plumbing.Hash, error) {
	if name == "@" {
		name = "HEAD"
	}
	for _, rule := range plumbing.RefRevParseRules {
		ref, err := storer.ResolveReference(r.store, plumbing.ReferenceName(fmt.Sprintf(rule, name)))
		if err == nil {
			return ref.Hash(), nil
		}
	}
	if name == "HEAD" {
		return plumbing.ZeroHash, &Error{Reason: GitEmpty, Where: printable(rev), Message: "the repository has no commit", Hint: "commit the spec"}
	}
	return r.object(rev, strings.ToLower(name))
}

// object finds a commit or tag by at least four digits of its name.
func (r repository) object(rev, digits string) (plumbing.Hash, error) {
	if plumbing.IsHash(digits) {
		return plumbing.NewHash(digits), nil
	}
	if len(digits) < 4 || len(digits) > 40 || strings.Trim(digits, "0123456789abcdef") != "" {
		return plumbing.ZeroHash, r.unknown(rev)
	}
	whole, err := hex.DecodeString(digits[:len(digits)&^1])
	if err != nil {
		return plumbing.ZeroHash, r.unknown(rev)
	}
	candidates, err := r.store.HashesWithPrefix(whole)
	if err != nil {
		return plumbing.ZeroHash, r.missing(rev, err)
	}
	var found []plumbing.Hash
	for _, h := range candidates {
		if !strings.HasPrefix(h.String(), digits) {
			continue
		}
		if o, err := r.store.EncodedObject(plumbing.AnyObject, h); err == nil && (o.Type() == plumbing.CommitObject || o.Type() == plumbing.TagObject) {
			found = append(found, h)
		}
	}
	switch len(found) {
	case 0:
		return plumbing.ZeroHash, r.unknown(rev)
	case 1:
		return found[0], nil
	}
	return plumbing.ZeroHash, &Error{Reason: RefRefused, Where: printable(rev), Message: fmt.Sprintf("begins the names of %d commits", len(found)),
		Hint: "write more digits"}
}

// commit reads a commit, through the tags that may lead to it.
func (r repository) commit(rev string, h plumbing.Hash) (*object.Commit, error) {
	h, err := peel(r.store, h)
	if err != nil {
		return nil, r.missing(rev, err)
	}
	c, err := object.GetCommit(r.store, h)
	switch {
	case err == nil:
		return c, nil
	case !errors.Is(err, plumbing.ErrObjectNotFound):
		return nil, r.missing(rev, err)
	}
	return nil, r.unknown(rev)
}

// unknown says that there is no such commit here, and how it comes.
func (r repository) unknown(rev string) error {
	if r.shallow() {
		return &Error{Reason: GitShallow, Where: printable(rev), Message: "is not in this clone, which is shallow: it has only the newest commits",
			Hint: "fetch the history: fetch-depth: 0 for actions/checkout, or git fetch --unshallow"}
	}
	return &Error{Reason: GitRefNotFound, Where: printable(rev), Message: "there is no such branch, tag or commit in this repository",
		Hint: "git fetch it, and see git branch --all and git tag for what is there"}
}

// missing says that something which a commit needs is not there or cannot be read. What is an *Error stays as it is.
func (r repository) missing(rev string, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		if r.shallow() {
			return r.unknown(rev)
		}
		return &Error{Reason: GitRefNotFound, Where: printable(rev), Message: "some of its files are not in this clone",
			Hint: "if it is a partial clone: git fetch --refetch --no-filter; else see git fsck", Err: err}
	}
	return &Error{Reason: GitProtocol, Where: printable(rev), Message: "the repository cannot be read", Hint: "see what git fsck says", Err: err}
}

func (r repository) shallow() bool {
	hashes, err := r.store.Shallow()
	return err == nil && len(hashes) > 0
}
