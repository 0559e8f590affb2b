package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"
)

// fetch asks for the refs, decides what to want, transfers one pack and reads the commit's tree out of it.
func fetch(ctx context.Context, s Source, addr address, last string) (Snapshot, error) {
	b := newBudget(s.Limits.Wire)
	explain := func(err error) error { return explain(ctx, addr, b, err) }
	session, release, err := open(ctx, s, addr.endpoint, b)
	if err != nil {
		return Snapshot{}, explain(err)
	}
	defer release()
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return Snapshot{}, explain(err)
	}
	want, err := resolve(s, refs)
	if err != nil {
		return Snapshot{}, explain(err)
	}
	if want.unchanged(last) {
		return Snapshot{Commit: want.commit.String(), Revision: last}, ErrUnchanged
	}
	store, err := download(ctx, session, refs.Capabilities, want, s.Limits)
	if err != nil {
		return Snapshot{}, explain(err)
	}
	snap, err := read(s, store, want)
	if err != nil {
		return Snapshot{}, explain(err)
	}
	if snap.Revision == last {
		return Snapshot{Commit: snap.Commit, Revision: last}, ErrUnchanged
	}
	return snap, nil
}

// open starts a session on transports of its own. Git's other transports, that for local folders among them,
// are not linked into this package at all.
func open(ctx context.Context, s Source, ep *transport.Endpoint, b *budget) (transport.UploadPackSession, func(), error) {
	if ep.Protocol == "ssh" {
		session, free, err := openSSH(ctx, s, ep, b)
		if err != nil {
			return nil, nil, err
		}
		return session, func() { session.Close(); free() }, nil
	}
	client, release := newHTTPClient(s, b)
	var auth transport.AuthMethod
	if s.Username != "" || s.Password != "" {
		user := s.Username
		if user == "" {
			user = "git"
		}
		auth = &githttp.BasicAuth{Username: user, Password: s.Password}
	}
	session, err := githttp.NewClient(client).NewUploadPackSession(ep, auth)
	if err != nil {
		release()
		return nil, nil, err
	}
	return session, func() { session.Close(); release() }, nil
}

// download transfers a pack with what is wanted into memory: the tip alone where it is known and the server
// offers shallow packs, else with its history.
func download(ctx context.Context, session transport.UploadPackSession, caps *capability.List, want target, l Limits) (*memory.Storage, error) {
	req := packp.NewUploadPackRequestFromCapabilities(caps)
	req.Wants = want.objects
	if want.tip && caps.Supports(capability.Shallow) {
		req.Depth = packp.DepthCommits(1)
		if err := req.Capabilities.Set(capability.Shallow); err != nil {
			return nil, err
		}
	}
	if caps.Supports(capability.NoProgress) {
		if err := req.Capabilities.Set(capability.NoProgress); err != nil {
			return nil, err
		}
	}
	res, err := session.UploadPack(ctx, req)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	pack, err := io.ReadAll(demultiplex(req.Capabilities, res))
	if err != nil {
		return nil, err
	}
	return unpack(ctx, pack, l)
}

func demultiplex(caps *capability.List, r io.Reader) io.Reader {
	switch {
	case caps.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, r)
	case caps.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, r)
	}
	return r
}

// read follows the wanted object to its commit, verifies who signed it, and takes the commit's files. Objects are looked up
// by the hash of their content, so what is read is what was asked for.
func read(s Source, store *memory.Storage, want target) (Snapshot, error) {
	h, err := want.peel(store, s.Tag != "")
	if err != nil {
		return Snapshot{}, err
	}
	commit, err := object.GetCommit(store, h)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return Snapshot{}, notFound("commit " + h.String() + " is not among what the server hands out")
	}
	if err != nil {
		return Snapshot{}, err
	}
	signer, err := verify(s, store, want, commit)
	if err != nil {
		return Snapshot{}, err
	}
	files, err := walk(store, commit.TreeHash, s.Limits)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{Commit: h.String(), Revision: revision(want.name, h.String()), Signer: signer, Files: files}, nil
}

// peel returns the commit that is wanted. What a tag names is what the tag itself says: the server may say that it names another
// commit, and a signature of the tag would be taken for one of that.
func (t target) peel(store storer.EncodedObjectStorer, tagged bool) (plumbing.Hash, error) {
	if !tagged {
		return t.commit, nil
	}
	h, err := peel(store, t.objects[0])
	if err == nil && !t.commit.IsZero() && h != t.commit {
		return h, &Error{Reason: GitProtocol, Message: fmt.Sprintf("the server says that tag %s names commit %s, and the tag itself names %s", printable(t.name), t.commit, h),
			Hint: "find out who changed the server's answer; nothing of it is believed"}
	}
	return h, err
}

// peel follows annotated tags, also of tags, to what they name.
func peel(store storer.EncodedObjectStorer, h plumbing.Hash) (plumbing.Hash, error) {
	for range 8 {
		tag, err := object.GetTag(store, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return h, nil
		}
		if err != nil {
			return h, err
		}
		h = tag.Target
	}
	return h, notFound("the tag names a tag that names a tag, and so on")
}
