package gitsource_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"keyshift.dev/gitsource"
	"keyshift.dev/testbed"
)

// fetch returns a commit that must be there.
func fetch(t *testing.T, s gitsource.Source, last string) gitsource.Snapshot {
	t.Helper()
	snap, err := gitsource.Fetch(t.Context(), s, last)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// refusal returns the error of a fetch that must fail, with its reason checked.
func refusal(t *testing.T, s gitsource.Source, reason gitsource.Reason) *gitsource.Error {
	t.Helper()
	_, err := gitsource.Fetch(t.Context(), s, "")
	var e *gitsource.Error
	if !errors.As(err, &e) || e.Reason != reason {
		t.Fatalf("error is %v, want one with reason %s", err, reason)
	}
	if e.Message == "" || e.Hint == "" || e.Where == "" {
		t.Errorf("error does not say where, what and what next: %#v", e)
	}
	return e
}

func content(t *testing.T, snap gitsource.Snapshot, name string) string {
	t.Helper()
	b, err := fs.ReadFile(snap.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFetchBranch(t *testing.T) {
	g := testbed.Git(t)
	first := g.Commit("first", map[string]string{"a.cue": "package a\n", "sub/deep/b.cue": "package b\n"})
	for _, s := range []gitsource.Source{{URL: g.URL}, {URL: g.URL, Branch: "main"}} {
		snap := fetch(t, s, "")
		if snap.Commit != first || snap.Revision != "main@sha1:"+first {
			t.Fatalf("got %s, %s; want %s on main", snap.Commit, snap.Revision, first)
		}
		if err := fstest.TestFS(snap.Files, "a.cue", "sub/deep/b.cue"); err != nil {
			t.Error(err)
		}
		if got := content(t, snap, "sub/deep/b.cue"); got != "package b\n" {
			t.Errorf("sub/deep/b.cue is %q", got)
		}
	}
}

func TestUnchangedCostsNoPack(t *testing.T) {
	g := testbed.Git(t)
	g.Commit("first", map[string]string{"a": "1"})
	g.Run("tag", "--annotate", "v1.0.0", "--message", "one")
	g.Push("v1.0.0")
	for _, s := range []gitsource.Source{{URL: g.URL, Branch: "main"}, {URL: g.URL, Tag: "v1.0.0"}, {URL: g.URL, Commit: g.Head()}} {
		held := fetch(t, s, "")
		packs := g.Packs()
		again, err := gitsource.Fetch(t.Context(), s, held.Revision)
		if !errors.Is(err, gitsource.ErrUnchanged) || again.Commit != held.Commit || again.Revision != held.Revision {
			t.Errorf("%+v: second fetch gives %+v, %v", s, again, err)
		}
		if got := g.Packs() - packs; got != 0 {
			t.Errorf("%+v: second fetch transferred %d packs", s, got)
		}
	}
	held := fetch(t, gitsource.Source{URL: g.URL}, "").Revision
	second := g.Commit("second", map[string]string{"a": "2"})
	if snap := fetch(t, gitsource.Source{URL: g.URL}, held); snap.Commit != second || content(t, snap, "a") != "2" {
		t.Errorf("a new commit gives %+v", snap)
	}
}

func TestForcePushToAnOlderCommit(t *testing.T) {
	g := testbed.Git(t)
	first := g.Commit("first", map[string]string{"a": "1"})
	g.Commit("second", map[string]string{"a": "2"})
	held := fetch(t, gitsource.Source{URL: g.URL}, "").Revision
	g.Run("reset", "--hard", "--quiet", first)
	g.Push("--force")
	if snap := fetch(t, gitsource.Source{URL: g.URL}, held); snap.Commit != first || content(t, snap, "a") != "1" {
		t.Errorf("got %+v, want %s", snap, first)
	}
}

func TestFetchTag(t *testing.T) {
	g := testbed.Git(t)
	first := g.Commit("first", map[string]string{"a": "1"})
	g.Run("tag", "light")
	g.Run("tag", "--annotate", "heavy", "--message", "heavy")
	g.Run("tag", "--annotate", "nested", "--message", "nested", "heavy")
	g.Push("light", "heavy", "nested")
	g.Commit("second", map[string]string{"a": "2"})
	for _, tag := range []string{"light", "heavy", "nested"} {
		snap := fetch(t, gitsource.Source{URL: g.URL, Tag: tag}, "")
		if snap.Commit != first || snap.Revision != tag+"@sha1:"+first || content(t, snap, "a") != "1" {
			t.Errorf("%s: got %+v, want %s", tag, snap, first)
		}
	}
}

// A commit is handed out alone where the server allows it, else found in the history of the branches.
func TestFetchCommit(t *testing.T) {
	g := testbed.Git(t)
	first := g.Commit("first", map[string]string{"a": "1"})
	g.Commit("second", map[string]string{"a": "2"})
	for _, allow := range []bool{true, false} {
		g.AllowAnyCommit(allow)
		for _, branch := range []string{"", "main"} {
			snap := fetch(t, gitsource.Source{URL: g.URL, Commit: first, Branch: branch}, "")
			if snap.Commit != first || content(t, snap, "a") != "1" {
				t.Errorf("allow %v, branch %q: got %+v", allow, branch, snap)
			}
		}
		refusal(t, gitsource.Source{URL: g.URL, Commit: strings.Repeat("ab", 20)}, gitsource.GitRefNotFound)
	}
}

func TestRefNotFound(t *testing.T) {
	g := testbed.Git(t)
	g.Commit("first", map[string]string{"a": "1"})
	for _, s := range []gitsource.Source{{URL: g.URL, Branch: "none"}, {URL: g.URL, Tag: "none"}} {
		if e := refusal(t, s, gitsource.GitRefNotFound); !strings.Contains(e.Error(), `"none"`) || !strings.Contains(e.Error(), g.URL) {
			t.Errorf("error does not name the ref and the repository: %v", e)
		}
	}
}

func TestEmptyRepository(t *testing.T) {
	refusal(t, gitsource.Source{URL: testbed.Git(t).URL}, gitsource.GitEmpty)
}

func TestAuthentication(t *testing.T) {
	g := testbed.Git(t)
	g.RequireAuth("ada", "s3cret-token")
	first := g.Commit("first", map[string]string{"a": "1"})
	if snap := fetch(t, gitsource.Source{URL: g.URL, Username: "ada", Password: "s3cret-token"}, ""); snap.Commit != first {
		t.Errorf("got %s, want %s", snap.Commit, first)
	}
	refusal(t, gitsource.Source{URL: g.URL}, gitsource.GitAuth)
	e := refusal(t, gitsource.Source{URL: g.URL, Username: "ada", Password: "wrong-token"}, gitsource.GitAuth)
	if strings.Contains(e.Error(), "wrong-token") {
		t.Errorf("the error tells the token: %v", e)
	}
}

func TestServerFaults(t *testing.T) {
	g := testbed.Git(t)
	g.Commit("first", map[string]string{"a": strings.Repeat("some text that compresses badly 1234567890", 3)})
	for fault, reason := range map[testbed.GitFault]gitsource.Reason{
		testbed.GitHangUp: gitsource.GitUnreachable, testbed.GitUnauthorized: gitsource.GitAuth,
		testbed.GitForbidden: gitsource.GitAuth, testbed.GitTruncate: gitsource.GitProtocol,
		testbed.GitBroken: gitsource.GitUnreachable,
	} {
		t.Run(string(fault), func(t *testing.T) {
			g.Fail(fault)
			refusal(t, gitsource.Source{URL: g.URL}, reason)
		})
	}
	g.Fail(testbed.GitHealthy)
	fetch(t, gitsource.Source{URL: g.URL}, "")
}

// A server that accepts and never answers must not hold a fetch longer than its context.
func TestStalledServer(t *testing.T) {
	g := testbed.Git(t)
	g.Commit("first", map[string]string{"a": "1"})
	for _, fault := range []testbed.GitFault{testbed.GitStall, testbed.GitStallInPack} {
		g.Fail(fault)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_, err := gitsource.Fetch(ctx, gitsource.Source{URL: g.URL}, "")
		var e *gitsource.Error
		if !errors.As(err, &e) || e.Reason != gitsource.GitUnreachable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: error is %v", fault, err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: took %s", fault, took)
		}
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	refusal(t, gitsource.Source{URL: "http://" + addr + "/repo.git"}, gitsource.GitUnreachable)
}

func TestRefusedEntries(t *testing.T) {
	tests := map[string]struct {
		path    string
		prepare func(t *testing.T, g *testbed.GitServer)
	}{
		"symbolic link": {"sub/link", func(t *testing.T, g *testbed.GitServer) {
			if err := os.Symlink("/etc/passwd", filepath.Join(g.Clone, "sub", "link")); err != nil {
				t.Fatal(err)
			}
		}},
		"submodule": {"vendored", func(t *testing.T, g *testbed.GitServer) {
			g.Run("update-index", "--add", "--cacheinfo", "160000,"+g.Head()+",vendored")
		}},
		"backslash": {`sub\\x`, func(t *testing.T, g *testbed.GitServer) {
			if err := os.WriteFile(filepath.Join(g.Clone, `sub\x`), []byte("1"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := testbed.Git(t)
			g.Commit("first", map[string]string{"sub/a": "1"})
			test.prepare(t, g)
			if name != "submodule" {
				g.Run("-c", "core.protectNTFS=false", "add", "--all")
			}
			g.Run("-c", "core.protectNTFS=false", "commit", "--quiet", "--message", "second")
			g.Push()
			if e := refusal(t, gitsource.Source{URL: g.URL}, gitsource.TreeRefused); !strings.Contains(e.Where, test.path) {
				t.Errorf("the error does not name %s: %v", test.path, e)
			}
		})
	}
}

func TestCaps(t *testing.T) {
	g := testbed.Git(t)
	g.Commit("first", map[string]string{"a": strings.Repeat("x", 2000), "b/c/d": "1", "b/e": "1"})
	for name, limits := range map[string]gitsource.Limits{
		"blob": {Blob: 1999}, "total": {Total: 2001}, "entries": {Entries: 4}, "depth": {Depth: 2}, "path": {Path: 4},
		"wire": {Wire: 300}, "objects": {Objects: 3}, "unpack": {Unpack: 2000},
	} {
		t.Run(name, func(t *testing.T) {
			refusal(t, gitsource.Source{URL: g.URL, Limits: limits}, gitsource.TreeTooLarge)
		})
	}
	fetch(t, gitsource.Source{URL: g.URL, Limits: gitsource.Limits{Blob: 2000, Total: 2002, Entries: 5, Depth: 3, Path: 5}}, "")
}
