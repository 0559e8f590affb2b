package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyshift.dev/gitsource"
)

// The change streams name what was loaded.
func TestCommit(t *testing.T) {
	dir := t.TempDir()
	spec := filepath.Join(dir, "shop", "spec.cue")
	write := func(content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(spec), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(spec, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=ada", "-c", "user.email=ada@example.org"}, args...)...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	loaded := func() string {
		t.Helper()
		files, err := gitsource.ReadDir(filepath.Dir(spec))
		if err != nil {
			t.Fatal(err)
		}
		return (&source{location: location{root: filepath.Dir(spec)}, files: files}).commit()
	}
	write("package shop\n")
	if got := loaded(); got != "" {
		t.Errorf("in no repository: %q", got)
	}
	git("init", "-q")
	if got := loaded(); got != "" {
		t.Errorf("without a commit: %q", got)
	}
	git("add", ".")
	git("commit", "-q", "-m", "shop")
	head := git("rev-parse", "HEAD")
	if got := loaded(); got != head {
		t.Errorf("as committed: %q, want %s", got, head)
	}
	write("package shop // another\n")
	if got := loaded(); got != head+"-dirty" {
		t.Errorf("changed: %q", got)
	}
	git("checkout", "-q", ".")
	if err := os.WriteFile(filepath.Join(dir, "shop", "new.cue"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := loaded(); got != head+"-dirty" {
		t.Errorf("with another file: %q", got)
	}
}
