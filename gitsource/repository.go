package gitsource

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// repository is a Git repository of this machine, opened to read its references and objects and nothing else: no
// hook runs, no setting of it is followed, and its work tree is never written.
type repository struct {
	store *filesystem.Storage
	sub   string // of the folder that it was found from, slash-separated; "." is its root
}

// findRepository opens the repository that a folder belongs to: with a .git folder in it or above it, with a .git
// file (a linked work tree, a submodule), or a bare one.
func findRepository(dir string) (repository, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return repository{}, err
	}
	if start, err = filepath.EvalSymlinks(start); err != nil {
		return repository{}, err
	}
	for at := start; ; at = filepath.Dir(at) {
		control, err := controlFolder(at)
		if err != nil {
			return repository{}, err
		}
		if control == "" {
			if at == filepath.Dir(at) {
				return repository{}, &Error{Reason: NoRepository, Where: printable(dir), Message: "is in no Git repository",
					Hint: "name a folder of a clone; a commit can be compared with nothing else"}
			}
			continue
		}
		sub, err := filepath.Rel(at, start)
		if err != nil {
			return repository{}, err
		}
		return openRepository(control, filepath.ToSlash(sub))
	}
}

// controlFolder returns where the repository at a folder keeps its objects, empty if there is none at this folder.
func controlFolder(at string) (string, error) {
	dot := filepath.Join(at, ".git")
	info, err := os.Stat(dot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if isControl(at) {
			return at, nil
		}
		return "", nil
	case err != nil:
		return "", err
	case info.IsDir() && isControl(dot):
		return dot, nil
	case info.IsDir():
		return "", nil // an empty .git, which git passes over
	}
	content, err := os.ReadFile(dot)
	if err != nil {
		return "", err
	}
	target, ok := strings.CutPrefix(string(content), "gitdir: ")
	if !ok {
		return "", &Error{Reason: NoRepository, Where: printable(dot), Message: "does not say where the repository is", Hint: "clone it anew"}
	}
	target = joined(at, strings.TrimSpace(target))
	if !isControl(target) {
		return "", &Error{Reason: NoRepository, Where: printable(dot), Message: "names a folder that is no Git repository",
			Hint: "repair it with: git worktree repair"}
	}
	return target, nil
}

// isControl tells whether a folder is what git calls a git directory: HEAD, and references and objects here or in
// the common folder.
func isControl(dir string) bool {
	if info, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil || info.IsDir() {
		return false
	}
	if _, err := os.Stat(filepath.Join(dir, "commondir")); err == nil {
		return true
	}
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

func openRepository(control, sub string) (repository, error) {
	own := osfs.New(control)
	tree := dotgit.NewRepositoryFilesystem(own, nil)
	if content, err := os.ReadFile(filepath.Join(control, "commondir")); err == nil {
		tree = dotgit.NewRepositoryFilesystem(own, osfs.New(joined(control, strings.TrimSpace(string(content)))))
	}
	store := filesystem.NewStorageWithOptions(tree, cache.NewObjectLRU(16*cache.MiByte),
		filesystem.Options{AlternatesFS: osfs.New("/")})
	config, err := store.Config()
	if err != nil {
		return repository{}, fmt.Errorf("the repository's settings cannot be read: %w", err)
	}
	extensions := config.Raw.Section("extensions")
	for key, known := range map[string]string{"objectformat": "sha1", "refstorage": "files"} {
		if value := extensions.Option(key); value != "" && value != known {
			return repository{}, &Error{Reason: NoRepository, Where: printable(control),
				Message: fmt.Sprintf("keeps its data as %s, and only %s can be read", printable(value), known), Hint: "use a clone in Git's ordinary format"}
		}
	}
	return repository{store, sub}, nil
}

// joined is a path that may be relative to a folder.
func joined(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
