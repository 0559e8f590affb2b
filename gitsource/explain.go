package gitsource

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/crypto/ssh/knownhosts"
)

// explanations maps causes to what a user can do about them, first match first.
var explanations = []struct {
	cause   error
	reason  Reason
	message string
	hint    string
}{
	{transport.ErrEmptyRemoteRepository, GitEmpty, "the repository has no commit", "push a commit"},
	{transport.ErrAuthenticationRequired, GitAuth, "the server asks for credentials", "add a user name and a token to the source"},
	{transport.ErrAuthorizationFailed, GitAuth, "the server refuses these credentials", "check the token and its rights to read this repository"},
	{transport.ErrRepositoryNotFound, GitUnreachable, "there is no repository at this address, or not for these credentials", "check the address and the token's rights"},
	{errCrossHost, URLRefused, "the server redirects to another host, and the source has credentials", "give the address it redirects to, if you trust it"},
	{errLinkLocal, URLRefused, "the host has a link-local address", "give the address of a Git server"},
	{errCorruptPack, GitProtocol, "the server sent a pack that cannot be read", "try again; if it stays so, run git fsck on the server"},
	{packfile.ErrEmptyPackfile, GitProtocol, "the server sent an empty pack", "try again"},
	{io.EOF, GitUnreachable, "the server closed the connection without an answer", "check the server and the network"},
	{io.ErrUnexpectedEOF, GitProtocol, "the server's answer broke off", "try again"},
}

// explain turns any failure of a fetch into an *Error. Text from the server is dropped: it may be long, and it
// may repeat what it was sent.
func explain(ctx context.Context, addr address, b *budget, err error) error {
	var own *Error
	if errors.As(err, &own) {
		if own.Where != "" {
			return own
		}
		e := *own
		e.Where = addr.text
		return &e
	}
	where, err := addr.text, unwrapGit(err)
	if b.spent() {
		return &Error{Reason: TreeTooLarge, Where: where, Message: "the server sent more bytes than are accepted",
			Hint: "keep the specification in a repository of its own", Err: errTooManyBytes}
	}
	if ctx.Err() != nil {
		return &Error{Reason: GitUnreachable, Where: where, Message: fmt.Sprintf("the server did not answer in time: %v", context.Cause(ctx)),
			Hint: "check the server and the network", Err: ctx.Err()}
	}
	for _, x := range explanations {
		if errors.Is(err, x.cause) {
			return &Error{Reason: x.reason, Where: where, Message: x.message, Hint: x.hint, Err: x.cause}
		}
	}
	return explainRest(where, err)
}

// unwrapGit opens go-git's two wrappers, which do not unwrap.
func unwrapGit(err error) error {
	var unexpected *plumbing.UnexpectedError
	if errors.As(err, &unexpected) {
		return unexpected.Err
	}
	var permanent *plumbing.PermanentError
	if errors.As(err, &permanent) {
		return permanent.Err
	}
	return err
}

func explainRest(where string, err error) error {
	var key *knownhosts.KeyError
	var op *net.OpError
	switch {
	case errors.As(err, &key):
		return &Error{Reason: GitAuth, Where: where, Message: "the server's host key is not in known_hosts",
			Hint: "compare the key, then add the output of ssh-keyscan to the source", Err: err}
	case strings.Contains(err.Error(), "ssh: unable to authenticate"):
		return &Error{Reason: GitAuth, Where: where, Message: "the server refuses the ssh key", Hint: "add the public key to the server"}
	case strings.Contains(err.Error(), "not our ref"):
		return &Error{Reason: GitRefNotFound, Where: where, Message: "the server has no such commit", Hint: "check that it was pushed"}
	case errors.As(err, &op):
		return &Error{Reason: GitUnreachable, Where: where, Message: "the server cannot be reached: " + op.Err.Error(),
			Hint: "check the address, the server and the network", Err: op.Err}
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return &Error{Reason: GitUnreachable, Where: where, Message: "the server's certificate is not trusted",
			Hint: "add its authority to the source's CA bundle", Err: err}
	}
	var status *githttp.Err
	if errors.As(err, &status) {
		return &Error{Reason: GitUnreachable, Where: where, Message: fmt.Sprintf("the server answers with HTTP status %d", status.StatusCode()),
			Hint: "check the address and the server", Err: err}
	}
	return &Error{Reason: GitProtocol, Where: where, Message: "the server's answer is not what a Git server sends",
		Hint: "check that the address is that of a Git repository", Err: err}
}
