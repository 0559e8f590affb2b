package gitsource

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ReadDir returns the regular files of a local folder as Fetch would return them had the folder been committed:
// under the same caps, with symbolic links and special files refused by name. Folders named .git are left out.
// The error is an *Error if the folder breaks a rule, else what the operating system says.
func ReadDir(dir string) (fs.FS, error) { return readDir(dir, Limits{}) }

func readDir(dir string, l Limits) (fs.FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f := folder{root: root, files: newCollector(l)}
	if err := f.walk(""); err != nil {
		return nil, err
	}
	return f.files.done(), nil
}

type folder struct {
	root  *os.Root
	files *collector
}

func (f folder) walk(at string) error {
	name := at
	if name == "" {
		name = "."
	}
	entries, err := fs.ReadDir(f.root.FS(), name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == ".git" {
			continue
		}
		path, err := f.files.enter(at, e.Name())
		if err != nil {
			return err
		}
		if err := f.entry(path, e.Type()); err != nil {
			return err
		}
	}
	return nil
}

func (f folder) entry(path string, t fs.FileMode) error {
	switch {
	case t.IsDir():
		return f.walk(path)
	case t.IsRegular():
		return f.file(path)
	case t&fs.ModeSymlink != 0:
		return refused(path, "is a symbolic link", "put a regular file in its place, or keep the specification in a folder of its own: links could lead out of it")
	}
	return refused(path, "is not a regular file", "remove it")
}

func (f folder) file(path string) error {
	r, err := f.root.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	if err := f.files.reserve(path, info.Size()); err != nil {
		return err
	}
	content, err := io.ReadAll(io.LimitReader(r, info.Size()+1))
	if err != nil {
		return err
	}
	if int64(len(content)) != info.Size() {
		return fmt.Errorf("%s: changed while it was read", path)
	}
	f.files.add(path, content)
	return nil
}
