package gitsource

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// git runs git in a folder, without the settings of whoever runs the test, and returns what it prints.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// history makes a repository of three commits on main, each with its number in spec/n, the second tagged.
func history(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "main")
	for n := 1; n <= 3; n++ {
		write(t, dir, map[string]string{"spec/n": fmt.Sprint(n), "other": "x", fmt.Sprintf("only%d/f", n): "x"})
		git(t, dir, "add", ".")
		git(t, dir, "commit", "-q", "-m", fmt.Sprint(n))
		if n == 2 {
			git(t, dir, "tag", "light")
			git(t, dir, "tag", "-a", "-m", "two", "v2")
			git(t, dir, "tag", "-a", "-m", "two", "v2-again", "v2")
		}
	}
	git(t, dir, "branch", "topic/a", "HEAD~2")
	git(t, dir, "update-ref", "refs/remotes/origin/main", "HEAD~1")
	write(t, dir, map[string]string{"spec/n": "dirty"})
	return dir
}

// numberAt reads spec/n of a revision.
func numberAt(t *testing.T, dir, rev string) string {
	t.Helper()
	files, sub, commit, err := ReadRevision(filepath.Join(dir, "spec"), rev)
	if err != nil {
		t.Fatalf("%s: %v", rev, err)
	}
	if sub != "spec" || len(commit) != 40 {
		t.Errorf("%s: sub %q, commit %q", rev, sub, commit)
	}
	content, err := fs.ReadFile(files, "n")
	if err != nil {
		t.Fatalf("%s: %v", rev, err)
	}
	return string(content)
}

func TestReadRevision(t *testing.T) {
	dir := history(t)
	second := git(t, dir, "rev-parse", "HEAD~1")
	for _, packed := range []bool{false, true} {
		if packed {
			git(t, dir, "gc", "-q")
		}
		for rev, want := range map[string]string{
			"HEAD": "3", "@": "3", "main": "3", "heads/main": "3", "refs/heads/main": "3", "HEAD~0": "3", "main^0": "3",
			"HEAD~": "2", "HEAD~1": "2", "HEAD^": "2", "light": "2", "v2": "2", "v2-again": "2", "v2^{}": "", "origin/main": "2", "origin/main~1": "1",
			second: "2", second[:7]: "2", second[:4]: "2", strings.ToUpper(second[:9]): "2", second[:8] + "^": "1", "main~1^1": "1", "topic/a": "1", "HEAD~2": "1",
		} {
			if want == "" {
				continue
			}
			if got := numberAt(t, dir, rev); got != want {
				t.Errorf("packed %t: %s is %s, want %s", packed, rev, got, want)
			}
		}
	}
	whole, sub, commit, err := ReadRevision(dir, "light")
	if err != nil || sub != "." || commit != second {
		t.Fatalf("the root: %q %q %v", sub, commit, err)
	}
	if _, err := fs.Stat(whole, "only3/f"); err == nil {
		t.Error("a file of a later commit")
	}
	if _, err := fs.Stat(whole, "only2/f"); err != nil {
		t.Error(err)
	}
}

// Every kind of clone reads the same.
func TestReadRevisionOfClones(t *testing.T) {
	dir := history(t)
	for name, args := range map[string][]string{
		"clone":     {"clone", "-q", dir, "there"},
		"shared":    {"clone", "-q", "--shared", dir, "there"},
		"work tree": {"-C", dir, "worktree", "add", "-q", "THERE", "topic/a"},
		"separate":  {"clone", "-q", "--separate-git-dir", "GIT", dir, "there"},
	} {
		t.Run(name, func(t *testing.T) {
			at := t.TempDir()
			for i, a := range args {
				args[i] = strings.NewReplacer("THERE", filepath.Join(at, "there"), "GIT", filepath.Join(at, "git")).Replace(a)
			}
			git(t, at, args...)
			if got := numberAt(t, filepath.Join(at, "there"), "v2"); got != "2" {
				t.Errorf("v2 is %s", got)
			}
			want := "3"
			if name == "work tree" {
				want = "1"
			}
			if got := numberAt(t, filepath.Join(at, "there"), "HEAD"); got != want {
				t.Errorf("HEAD is %s, want %s", got, want)
			}
		})
	}
	bare := filepath.Join(t.TempDir(), "bare.git")
	git(t, dir, "clone", "-q", "--bare", dir, bare)
	files, sub, _, err := ReadRevision(bare, "main~1")
	if err != nil || sub != "." {
		t.Fatal(sub, err)
	}
	if content, err := fs.ReadFile(files, "spec/n"); err != nil || string(content) != "2" {
		t.Errorf("bare: %q %v", content, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if got := numberAt(t, link, "HEAD~1"); got != "2" {
		t.Errorf("through a link: %s", got)
	}
}

func TestReadRevisionRefuses(t *testing.T) {
	dir := history(t)
	shallow := filepath.Join(t.TempDir(), "shallow")
	git(t, dir, "clone", "-q", "--depth", "1", "file://"+dir, shallow)
	empty := t.TempDir()
	git(t, empty, "init", "-q", "-b", "main")
	hashed := t.TempDir()
	git(t, hashed, "init", "-q", "--object-format=sha256")
	blob := git(t, dir, "rev-parse", "HEAD:other")
	broken := t.TempDir()
	write(t, broken, map[string]string{".git": "gitdir: ../nowhere"})
	for _, test := range []struct {
		name, dir, rev string
		reason         Reason
		says           []string
	}{
		{"unknown", dir, "nope", GitRefNotFound, []string{"nope", "git fetch"}},
		{"unknown commit", dir, "0123456789012345678901234567890123456789", GitRefNotFound, []string{"0123456789"}},
		{"a file's name", dir, blob[:8], GitRefNotFound, nil},
		{"a file's full name", dir, blob, GitRefNotFound, nil},
		{"too far back", dir, "HEAD~7", GitRefNotFound, []string{"HEAD~7", "0 parents"}},
		{"second parent", dir, "HEAD^2", GitRefNotFound, []string{"1 parents"}},
		{"range", dir, "main..HEAD", RefRefused, []string{`"main..HEAD"`}},
		{"option", dir, "--help", RefRefused, nil},
		{"nothing", dir, "", RefRefused, nil},
		{"only steps", dir, "~1", RefRefused, nil},
		{"huge step", dir, "HEAD~99999999999999999999", GitRefNotFound, nil},
		{"shallow", shallow, "HEAD~1", GitShallow, []string{"HEAD~1", "fetch-depth: 0"}},
		{"shallow, unknown", shallow, "origin/topic/a", GitShallow, []string{"origin/topic/a", "fetch-depth: 0"}},
		{"no commit", empty, "HEAD", GitEmpty, []string{"no commit"}},
		{"no repository", t.TempDir(), "HEAD", NoRepository, []string{"is in no Git repository"}},
		{"another format", hashed, "HEAD", NoRepository, []string{"sha256"}},
		{"lost work tree", broken, "HEAD", NoRepository, []string{"git worktree repair"}},
		{"no such folder then", filepath.Join(dir, "only3"), "HEAD~1", NoFolder, []string{"HEAD~1", "only3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, _, err := ReadRevision(test.dir, test.rev)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Reason != test.reason {
				t.Errorf("reason %s, want %s: %v", e.Reason, test.reason, e)
			}
			for _, s := range test.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if e.Hint == "" {
				t.Errorf("%q says nothing to do", err)
			}
		})
	}
}

// The rules of a tree hold for every commit of the past, within the folder that is read and not beside it.
func TestReadRevisionKeepsTheRules(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	write(t, dir, map[string]string{"spec/a": "1", "spec/big": strings.Repeat("x", 100), "beside/huge": strings.Repeat("y", 5000)})
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "beside", "link")); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-q", "-m", "1")
	git(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+git(t, dir, "rev-parse", "HEAD")+",mod/sub")
	git(t, dir, "commit", "-q", "-m", "2")
	for _, packed := range []bool{false, true} {
		if packed {
			git(t, dir, "gc", "-q")
		}
		if _, _, _, err := ReadRevision(filepath.Join(dir, "spec"), "HEAD"); err != nil {
			t.Errorf("packed %t: what stands beside the folder: %v", packed, err)
		}
		for _, test := range []struct {
			dir, where string
			limits     Limits
			reason     Reason
		}{
			{".", "beside/link", Limits{}, TreeRefused},
			{"mod", "sub", Limits{}, TreeRefused},
			{"spec", "big", Limits{Blob: 99}, TreeTooLarge},
			{"spec", "big", Limits{Total: 100}, TreeTooLarge},
			{"spec", "big", Limits{Entries: 1}, TreeTooLarge},
		} {
			at := filepath.Join(dir, test.dir)
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			_, _, _, err := readRevision(at, "HEAD", test.limits)
			var e *Error
			if !errors.As(err, &e) || e.Reason != test.reason || e.Where != test.where {
				t.Errorf("packed %t: %s: got %v, want %s at %s", packed, test.dir, err, test.reason, test.where)
			}
		}
	}
}

// A pack that is damaged gives an error, whatever byte it is.
func TestReadRevisionOfADamagedRepository(t *testing.T) {
	dir := history(t)
	git(t, dir, "gc", "-q")
	packs, err := filepath.Glob(filepath.Join(dir, ".git/objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	good, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(packs[0], 0o644); err != nil {
		t.Fatal(err)
	}
	for i := 12; i < len(good); i += 7 {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x5a
		if err := os.WriteFile(packs[0], bad, 0o644); err != nil {
			t.Fatal(err)
		}
		var e *Error
		if _, _, _, err := ReadRevision(dir, "HEAD~1"); err != nil && !errors.As(err, &e) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}
