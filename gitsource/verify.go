package gitsource

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// VerifyMode says what must be signed. The modes are those of Flux's GitRepository.
type VerifyMode string

// The modes of a Verify.
const (
	VerifyHEAD       VerifyMode = "HEAD"       // the commit
	VerifyTag        VerifyMode = "Tag"        // the annotated tag that the source names
	VerifyTagAndHEAD VerifyMode = "TagAndHEAD" // both
)

// Verify says what of a source must be signed, and by whom.
type Verify struct {
	Mode VerifyMode // VerifyHEAD if empty
	Keys Keys
}

// Digest is another one whenever what must be signed is, or by whom it may be; empty if nothing must.
func (v *Verify) Digest() string {
	if v == nil {
		return ""
	}
	return string(cmp.Or(v.Mode, VerifyHEAD)) + ":" + v.Keys.digest
}

func (v *Verify) commit() bool { return v != nil && v.Mode != VerifyTag }
func (v *Verify) tag() bool    { return v != nil && (v.Mode == VerifyTag || v.Mode == VerifyTagAndHEAD) }

// validate refuses what could not be verified, whatever the server has.
func (v *Verify) validate(s Source) error {
	refuse := func(message, hint string) error {
		return &Error{Reason: VerifyRefused, Where: redact(s.URL), Message: message, Hint: hint}
	}
	switch {
	case v == nil:
		return nil
	case v.Mode != "" && v.Mode != VerifyHEAD && v.Mode != VerifyTag && v.Mode != VerifyTagAndHEAD:
		return refuse(fmt.Sprintf("there is no verification mode %q", string(v.Mode)), "write HEAD, Tag or TagAndHEAD")
	case v.tag() && s.Tag == "":
		return refuse(fmt.Sprintf("the verification mode %s needs a tag, and the source names none", v.Mode),
			"name a tag as its ref (also to go back to an earlier one), or use the mode HEAD")
	case len(v.Keys.said) == 0:
		return refuse("there is no key to verify signatures with", "add the public keys of those who may sign")
	}
	return nil
}

// verify makes sure that what was fetched is signed as the source demands, and returns by whom; nobody if it demands nothing.
func verify(s Source, store *memory.Storage, want target, commit *object.Commit) (string, error) {
	v := s.Verify
	if v == nil {
		return "", nil
	}
	var byTag, byCommit string
	var err error
	if v.tag() {
		if byTag, err = v.verifyTag(store, want); err != nil {
			return "", err
		}
	}
	if v.commit() {
		what := "commit " + commit.Hash.String()[:12]
		if byCommit, err = v.verifyObject(what, "git commit --gpg-sign", commit.PGPSignature, "tree "+commit.TreeHash.String()+"\n", commit); err != nil {
			return "", err
		}
	}
	switch {
	case byTag == "" || byTag == byCommit:
		return byCommit, nil
	case byCommit == "":
		return byTag, nil
	}
	return "tag by " + byTag + ", commit by " + byCommit, nil
}

// verifyTag verifies the tag that the source names. It must call itself so: else a tag that somebody signed once could be
// served under any name.
func (v *Verify) verifyTag(store *memory.Storage, want target) (string, error) {
	what, sign := fmt.Sprintf("tag %s", printable(want.name)), "git tag --sign"
	tag, err := object.GetTag(store, want.objects[0])
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return "", v.unsigned(what+" is not an annotated tag, so that it is not signed", sign)
	}
	if err != nil {
		return "", err
	}
	by, err := v.verifyObject(what, sign, tag.PGPSignature, "object "+tag.Target.String()+"\n", tag)
	if err == nil && tag.Name != want.name {
		return "", &Error{Reason: SignatureInvalid, Message: fmt.Sprintf("%s was signed as tag %s: it is served under another name", what, printable(tag.Name)),
			Hint: "find out who moved it, and tag the commit anew"}
	}
	return by, err
}

// signed is what go-git has of a commit or tag that may be signed.
type signed interface {
	EncodeWithoutSignature(plumbing.EncodedObject) error
}

// verifyObject verifies one signature over an object. The payload has to begin as the object was read: what is signed and
// what is done are one text.
func (v *Verify) verifyObject(what, sign, signature, begins string, o signed) (string, error) {
	if strings.TrimSpace(signature) == "" {
		return "", v.unsigned(what+" is not signed", sign)
	}
	payload, err := payloadOf(o)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(string(payload), begins) {
		return "", v.invalid(what, errTwoWays)
	}
	by, err := v.Keys.check(payload, signature)
	if err != nil {
		return "", v.invalid(what, err)
	}
	return by, nil
}

// payloadOf returns the bytes that were signed: those of the object without its signature.
func payloadOf(o signed) (payload []byte, err error) {
	var to plumbing.MemoryObject
	if err := o.EncodeWithoutSignature(&to); err != nil {
		return nil, err
	}
	r, err := to.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}

func (v *Verify) unsigned(message, sign string) error {
	return &Error{Reason: SignatureMissing, Message: message,
		Hint: fmt.Sprintf("sign it (%s) with one of the keys that may sign: %s", sign, v.Keys.some())}
}

func (v *Verify) invalid(what string, err error) error {
	return &Error{Reason: SignatureInvalid, Message: what + ": " + err.Error(), Err: err,
		Hint: fmt.Sprintf("the keys that may sign are %s: have it signed with one of them, or add its key if its owner may", v.Keys.some())}
}
