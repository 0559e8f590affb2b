package demo

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"keyshift.dev/gitsource"
	"keyshift.dev/testbed"
)

func newGitServer(t *testing.T) *GitServer {
	t.Helper()
	g, err := NewGitServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// holds checks that the server's main is that commit, with exactly these files.
func holds(t *testing.T, g *GitServer, commit string, want map[string]string) {
	t.Helper()
	snap, err := gitsource.Fetch(t.Context(), gitsource.Source{URL: g.URL(), Branch: "main"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if snap.Commit != commit {
		t.Errorf("main is %s, want %s", snap.Commit, commit)
	}
	got := map[string]string{}
	if err := fs.WalkDir(snap.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(snap.Files, path)
		got[path] = string(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for path := range want {
		if got[path] != want[path] {
			t.Errorf("%s is %q, want %q", path, got[path], want[path])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCommitAndRevert(t *testing.T) {
	g := newGitServer(t)
	var empty *gitsource.Error
	if _, err := gitsource.Fetch(t.Context(), gitsource.Source{URL: g.URL()}, ""); !errors.As(err, &empty) || empty.Reason != gitsource.GitEmpty {
		t.Errorf("a new server gives %v, want GitEmpty", err)
	}
	old := map[string]string{"spec.cue": "version: 1\n", "cue.mod/module.cue": "module: \"x\"\n"}
	first, err := g.CommitFiles("first", old)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, g, first, old)
	second, err := g.CommitFiles("second", map[string]string{"spec.cue": "version: 2\n", "more.cue": "x: 1\n"})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, g, second, map[string]string{"spec.cue": "version: 2\n", "cue.mod/module.cue": "module: \"x\"\n", "more.cue": "x: 1\n"})
	third, err := g.Revert()
	if err != nil {
		t.Fatal(err)
	}
	if third == first || third == second {
		t.Errorf("the revert is no commit of its own: %s", third)
	}
	holds(t, g, third, old)
	fourth, err := g.CommitFiles("again", map[string]string{"spec.cue": "version: 3\n"})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, g, fourth, map[string]string{"spec.cue": "version: 3\n", "cue.mod/module.cue": "module: \"x\"\n"})
}

func TestFetchesWhileCommitting(t *testing.T) {
	g := newGitServer(t)
	if _, err := g.CommitFiles("first", map[string]string{"a": "0"}); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 10 {
				if _, err := gitsource.Fetch(t.Context(), gitsource.Source{URL: g.URL()}, ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		if _, err := g.CommitFiles("more", map[string]string{"a": "1"}); err != nil {
			t.Error(err)
		}
	}
	wait.Wait()
}

// The git program clones, pushes, fetches and is refused like with any other server.
func TestGitProgram(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		testbed.Missing(t, "git", "apt-get install git")
	}
	g := newGitServer(t)
	first, err := g.CommitFiles("first", map[string]string{"a": strings.Repeat("0123456789", 1000), "sub/b": "1"})
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	run := func(dir string, args ...string) (string, error) {
		cmd := exec.Command(git, args...)
		cmd.Dir = filepath.Join(home, dir)
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
			"GIT_AUTHOR_NAME=B", "GIT_AUTHOR_EMAIL=b@example.org", "GIT_COMMITTER_NAME=B", "GIT_COMMITTER_EMAIL=b@example.org"}
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	must := func(dir string, args ...string) string {
		t.Helper()
		out, err := run(dir, args...)
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return out
	}
	must("", "clone", "--quiet", g.URL(), "one")
	must("", "clone", "--quiet", g.URL(), "two")
	if got := must("one", "rev-parse", "HEAD"); got != first {
		t.Errorf("the clone is at %s, want %s", got, first)
	}
	if err := os.WriteFile(filepath.Join(home, "one", "sub", "b"), []byte("2"), 0o644); err != nil {
		t.Fatal(err)
	}
	must("one", "commit", "--quiet", "--all", "--message", "second")
	must("one", "push", "--quiet", "origin", "main")
	must("one", "revert", "--no-edit", "HEAD")
	must("one", "push", "--quiet", "origin", "main", "main:other")
	must("two", "pull", "--quiet", "--ff-only")
	if one, two := must("one", "rev-parse", "HEAD"), must("two", "rev-parse", "HEAD"); one != two {
		t.Errorf("the clones are at %s and %s", one, two)
	}
	must("two", "fsck", "--strict")
	must("one", "push", "--quiet", "origin", ":other")
	must("two", "commit", "--quiet", "--allow-empty", "--message", "two")
	must("one", "commit", "--quiet", "--allow-empty", "--message", "one")
	must("one", "push", "--quiet", "origin", "main")
	if out, err := run("two", "push", "origin", "main"); err == nil {
		t.Errorf("a push that would lose a commit went through: %s", out)
	}
}
