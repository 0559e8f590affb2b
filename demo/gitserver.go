package demo

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-billy/v5/memfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
	gitserver "github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/go-git/go-git/v5/storage/memory"
)

// maxRequest bounds what one request may bring.
const maxRequest = 64 << 20

// GitServer is a Git repository in memory behind Git's smart HTTP protocol, and a clone to commit and push
// from. Any Git client can clone it, fetch from it and push to it; there is no authentication, so it listens on
// loopback only. Its branch is main.
type GitServer struct {
	url  string
	http *http.Server

	mu    sync.Mutex // the memory store is not safe for concurrent use
	store *memory.Storage

	clone *git.Repository
}

// NewGitServer starts an empty repository on a free loopback port. Close stops it.
func NewGitServer() (*GitServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	g := &GitServer{store: memory.NewStorage(), url: "http://" + listener.Addr().String() + "/shop.git"}
	head := plumbing.NewSymbolicReference(plumbing.HEAD, plumbing.Main)
	if err := g.store.SetReference(head); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	g.clone, err = git.InitWithOptions(memory.NewStorage(), memfs.New(), git.InitOptions{DefaultBranch: plumbing.Main})
	if err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	if _, err := g.clone.CreateRemote(&config.RemoteConfig{Name: "origin", URLs: []string{g.url}}); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	g.http = &http.Server{Handler: g.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = g.http.Serve(listener) }() // ends with ErrServerClosed
	return g, nil
}

// URL is what a Delivery or `git clone` takes.
func (g *GitServer) URL() string { return g.url }

// Close stops the server.
func (g *GitServer) Close() error { return g.http.Close() }

// CommitFiles writes files (by slash-separated path) into the clone, commits, pushes over HTTP, and returns the
// commit's hash.
func (g *GitServer) CommitFiles(message string, files map[string]string) (string, error) {
	tree, err := g.clone.Worktree()
	if err != nil {
		return "", fmt.Errorf("git commit: %w", err)
	}
	for path, content := range files {
		if err := writeFile(tree, path, content); err != nil {
			return "", fmt.Errorf("git commit: %s: %w", path, err)
		}
	}
	hash, err := tree.Commit(message, &git.CommitOptions{Author: author(), AllowEmptyCommits: true})
	if err != nil {
		return "", fmt.Errorf("git commit: %w", err)
	}
	return hash.String(), g.push()
}

func writeFile(tree *git.Worktree, path, content string) error {
	f, err := tree.Filesystem.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, content); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = tree.Add(path)
	return err
}

// Revert does what `git revert HEAD` and `git push` do: a new commit with the files of the last commit's
// parent. It returns the new commit's hash.
func (g *GitServer) Revert() (string, error) {
	head, err := g.clone.Head()
	if err != nil {
		return "", fmt.Errorf("git revert: %w", err)
	}
	last, err := g.clone.CommitObject(head.Hash())
	if err != nil {
		return "", fmt.Errorf("git revert: %w", err)
	}
	parent, err := last.Parent(0)
	if err != nil {
		return "", fmt.Errorf("git revert: %w", err)
	}
	subject, _, _ := strings.Cut(last.Message, "\n")
	hash, err := g.commitTree(parent.TreeHash, last.Hash, fmt.Sprintf("Revert %q\n\nThis reverts commit %s.\n", subject, last.Hash))
	if err != nil {
		return "", fmt.Errorf("git revert: %w", err)
	}
	tree, err := g.clone.Worktree()
	if err != nil {
		return "", fmt.Errorf("git revert: %w", err)
	}
	if err := tree.Reset(&git.ResetOptions{Commit: hash, Mode: git.HardReset}); err != nil {
		return "", fmt.Errorf("git revert: %w", err)
	}
	return hash.String(), g.push()
}

// commitTree stores a commit of a tree that exists.
func (g *GitServer) commitTree(tree, parent plumbing.Hash, message string) (plumbing.Hash, error) {
	who := author()
	commit := object.Commit{Author: *who, Committer: *who, Message: message, TreeHash: tree, ParentHashes: []plumbing.Hash{parent}}
	encoded := g.clone.Storer.NewEncodedObject()
	if err := commit.Encode(encoded); err != nil {
		return plumbing.ZeroHash, err
	}
	return g.clone.Storer.SetEncodedObject(encoded)
}

func author() *object.Signature {
	return &object.Signature{Name: "Ada", Email: "ada@example.org", When: time.Now()}
}

func (g *GitServer) push() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	spec := config.RefSpec(plumbing.Main + ":" + plumbing.Main)
	if err := g.clone.PushContext(ctx, &git.PushOptions{RemoteName: "origin", RefSpecs: []config.RefSpec{spec}}); err != nil {
		return fmt.Errorf("git push: %w", err)
	}
	return nil
}

// routes are the three requests of the smart protocol (gitprotocol-http), in its first version.
func (g *GitServer) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop.git/info/refs", g.answering(g.advertise))
	mux.HandleFunc("POST /shop.git/git-upload-pack", g.answering(g.uploadPack))
	mux.HandleFunc("POST /shop.git/git-receive-pack", g.answering(g.receivePack))
	return mux
}

// answering runs one request alone and sends its answer only once it is whole.
func (g *GitServer) answering(f func(r *http.Request, body io.Reader, out io.Writer) (contentType string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		body, err := requestBody(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var out bytes.Buffer
		contentType, err := f(r, body, &out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(out.Bytes()) // a client that is gone hears nothing
	}
}

// requestBody undoes the compression that git uses for long requests.
func requestBody(w http.ResponseWriter, r *http.Request) (io.Reader, error) {
	body := http.MaxBytesReader(w, r.Body, maxRequest)
	if r.Header.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	z, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	return io.LimitReader(z, maxRequest), nil
}

func (g *GitServer) transport() (transport.Transport, *transport.Endpoint) {
	ep := &transport.Endpoint{Protocol: "memory", Path: "shop.git"}
	return gitserver.NewServer(gitserver.MapLoader{ep.String(): g.store}), ep
}

func (g *GitServer) advertise(r *http.Request, _ io.Reader, out io.Writer) (string, error) {
	service := r.URL.Query().Get("service")
	refs, err := g.references(r.Context(), service)
	if err != nil {
		return "", err
	}
	refs.Prefix = [][]byte{[]byte("# service=" + service), pktline.Flush}
	return "application/x-" + service + "-advertisement", refs.Encode(out)
}

func (g *GitServer) references(ctx context.Context, service string) (*packp.AdvRefs, error) {
	t, ep := g.transport()
	switch service {
	case transport.UploadPackServiceName:
		s, err := t.NewUploadPackSession(ep, nil)
		if err != nil {
			return nil, err
		}
		return s.AdvertisedReferencesContext(ctx)
	case transport.ReceivePackServiceName:
		s, err := t.NewReceivePackSession(ep, nil)
		if err != nil {
			return nil, err
		}
		refs, err := s.AdvertisedReferencesContext(ctx)
		if err != nil {
			return nil, err
		}
		return refs, refs.Capabilities.Set(capability.Capability("no-thin"))
	}
	return nil, fmt.Errorf("service %q is not git-upload-pack or git-receive-pack: this is a Git server of the smart protocol", service)
}

// uploadPack answers a fetch. What the client has already is not looked at: it gets a whole pack once it is done
// telling.
func (g *GitServer) uploadPack(r *http.Request, body io.Reader, out io.Writer) (string, error) {
	const contentType = "application/x-git-upload-pack-result"
	t, ep := g.transport()
	session, err := t.NewUploadPackSession(ep, nil)
	if err != nil {
		return "", err
	}
	req := packp.NewUploadPackRequest()
	if err := req.UploadRequest.Decode(body); err != nil {
		return "", err
	}
	done, err := toldAll(body)
	if err != nil {
		return "", err
	}
	if !done {
		return contentType, pktline.NewEncoder(out).EncodeString("NAK\n")
	}
	res, err := session.UploadPack(r.Context(), req)
	if err != nil {
		return "", err
	}
	return contentType, res.Encode(out)
}

// toldAll reads the "have" lines up to the end, and tells whether the last one is "done".
func toldAll(body io.Reader) (bool, error) {
	lines := pktline.NewScanner(body)
	done := false
	for lines.Scan() {
		done = strings.TrimSpace(string(lines.Bytes())) == "done"
	}
	return done, lines.Err()
}

// receivePack answers a push. A branch moves only from the commit that the client saw there.
func (g *GitServer) receivePack(r *http.Request, body io.Reader, out io.Writer) (string, error) {
	t, ep := g.transport()
	session, err := t.NewReceivePackSession(ep, nil)
	if err != nil {
		return "", err
	}
	req := packp.NewReferenceUpdateRequest()
	if err := req.Decode(body); err != nil {
		return "", err
	}
	for _, c := range req.Commands {
		if ref, err := g.store.Reference(c.Name); err == nil && ref.Hash() != c.Old {
			return "", fmt.Errorf("%s moved meanwhile: fetch and push again", c.Name)
		}
		if c.Action() == packp.Delete {
			req.Packfile = nil // a deletion alone brings no pack
		}
	}
	report, err := session.ReceivePack(r.Context(), req)
	if report == nil {
		return "application/x-git-receive-pack-result", err
	}
	return "application/x-git-receive-pack-result", report.Encode(out)
}
