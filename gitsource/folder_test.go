package gitsource

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

func write(t *testing.T, dir string, contents map[string]string) {
	t.Helper()
	for name, content := range contents {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadDir(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.cue": "a", "b/c.cue": "c", ".git/config": "x", "b/.git": "gitdir: x"})
	files, err := ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(files, "a.cue", "b/c.cue"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{".git", "b/.git", "../x", "/a.cue"} {
		if _, err := fs.Stat(files, name); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}

func TestReadDirRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(dir string) error
		limits  Limits
		reason  Reason
		where   string
	}{
		"link to a file":   {func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "b", "x")) }, Limits{}, TreeRefused, "b/x"},
		"link to a folder": {func(dir string) error { return os.Symlink("/etc", filepath.Join(dir, "x")) }, Limits{}, TreeRefused, "x"},
		"odd case":         {func(dir string) error { return os.Mkdir(filepath.Join(dir, ".GIT"), 0o755) }, Limits{}, TreeRefused, ".GIT"},
		"big file":         {func(string) error { return nil }, Limits{Blob: 9}, TreeTooLarge, "b/big"},
		"many files":       {func(string) error { return nil }, Limits{Entries: 2}, TreeTooLarge, "b/big"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"a": "1", "b/big": "0123456789"})
			if err := test.prepare(dir); err != nil {
				t.Fatal(err)
			}
			_, err := readDir(dir, test.limits)
			var e *Error
			if !errors.As(err, &e) || e.Reason != test.reason || e.Where != test.where {
				t.Errorf("error is %v, want %s at %s", err, test.reason, test.where)
			}
		})
	}
}

func TestReadDirOfNothing(t *testing.T) {
	if _, err := ReadDir(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	files, err := ReadDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(files); err != nil {
		t.Error(err)
	}
}

// Whatever is written into a folder is read back, and nothing else.
func TestReadDirRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-d]{1,3}(/[e-h]{1,3}){0,3}\.[x-z]`), 0, 8, rapid.ID).Draw(rt, "names")
		want := map[string]string{}
		for _, name := range names {
			want[name] = rapid.String().Draw(rt, "content")
		}
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		write(t, dir, want)
		files, err := ReadDir(dir)
		if err != nil {
			rt.Fatal(err)
		}
		got := map[string]string{}
		if err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(files, path)
			got[path] = string(b)
			return err
		}); err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(want) {
			rt.Fatalf("got %d files, want %d", len(got), len(want))
		}
		for name := range want {
			if got[name] != want[name] {
				rt.Fatalf("%s is %q, want %q", name, got[name], want[name])
			}
		}
	})
}

func TestPrintable(t *testing.T) {
	for _, path := range []string{"a\nb", "a\x1b[31m", strings.Repeat("x", 1000)} {
		if got := printable(path); strings.ContainsAny(got, "\n\x1b") || len(got) > 300 {
			t.Errorf("printable(%q) = %q", path, got)
		}
	}
}
