package gitsource

import (
	"errors"
	"io"
	"io/fs"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// walk reads the regular blobs of a tree and of the trees below it.
func walk(store storer.EncodedObjectStorer, root plumbing.Hash, l Limits) (fs.FS, error) {
	w := walker{store: store, files: newCollector(l)}
	if err := w.tree("", root); err != nil {
		return nil, err
	}
	return w.files.done(), nil
}

type walker struct {
	store storer.EncodedObjectStorer
	files *collector
}

func (w walker) tree(at string, h plumbing.Hash) error {
	t, err := object.GetTree(w.store, h)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		path, err := w.files.enter(at, e.Name)
		if err != nil {
			return err
		}
		if err := w.entry(path, e); err != nil {
			return err
		}
	}
	return nil
}

func (w walker) entry(path string, e object.TreeEntry) error {
	switch e.Mode {
	case filemode.Dir:
		return w.tree(path, e.Hash)
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		return w.blob(path, e.Hash)
	case filemode.Symlink:
		return refused(path, "is a symbolic link", "put a regular file in its place, or keep the specification in a repository of its own: links could lead out of it")
	case filemode.Submodule:
		return refused(path, "is a submodule", "put its files into this repository: other repositories are not fetched")
	}
	return refused(path, "is not a regular file", "remove it")
}

func (w walker) blob(path string, h plumbing.Hash) error {
	size, err := w.store.EncodedObjectSize(h) // before its content is unpacked
	if err == nil {
		err = w.files.fits(path, size)
	}
	if err != nil && !errors.Is(err, plumbing.ErrObjectNotFound) {
		return err
	}
	b, err := object.GetBlob(w.store, h)
	if err != nil {
		return err
	}
	if err := w.files.reserve(path, b.Size); err != nil {
		return err
	}
	r, err := b.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	w.files.add(path, content)
	return nil
}
