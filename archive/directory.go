package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// directory is a storage in a folder. Whatever is durable there was flushed with its folder. Names that start with a
// dot are files in the making.
type directory struct {
	path string
	root *os.Root
}

func openDirectory(dir string) (Storage, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(abs, 0o700)
	}
	if err != nil {
		return nil, failed(dir, err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, failed(dir, err)
	}
	return &directory{path: abs, root: root}, nil
}

func (d *directory) String() string { return d.path }

func (d *directory) Grows() bool { return true }

func (d *directory) Close() error { return d.root.Close() }

// Put writes a temporary file, flushes it, and gives it its name.
func (d *directory) Put(_ context.Context, name string, data []byte, replace bool) error {
	folder := path.Dir(name)
	if err := d.makeFolder(folder); err != nil {
		return err
	}
	temporary := path.Join(folder, ".new-"+rand.Text())
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = d.root.Remove(temporary) }() // gone if it was renamed
	_, err = io.Copy(f, bytes.NewReader(data))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if replace {
		err = d.root.Rename(temporary, name)
	} else {
		err = d.root.Link(temporary, name) // a rename would replace
	}
	if errors.Is(err, fs.ErrExist) {
		return errExists
	}
	if err != nil {
		return err
	}
	return d.flushFolder(folder)
}

func (d *directory) Create(_ context.Context, name string) (File, error) {
	folder := path.Dir(name)
	if err := d.makeFolder(folder); err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, errExists
	}
	if err != nil {
		return nil, err
	}
	if err := d.flushFolder(folder); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return diskFile{f}, nil
}

// diskFile is a file that is being written.
type diskFile struct{ *os.File }

func (f diskFile) Close() error { return errors.Join(f.Sync(), f.File.Close()) }

func (f diskFile) Abort() { _ = f.File.Close() } // what is there of it is not used

// makeFolder makes a folder and those above it, durably.
func (d *directory) makeFolder(folder string) error {
	if _, err := d.root.Stat(folder); err == nil {
		return nil
	}
	if err := d.root.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for f := path.Dir(folder); ; f = path.Dir(f) {
		if err := d.flushFolder(f); err != nil {
			return err
		}
		if f == "." || f == "/" {
			return nil
		}
	}
}

func (d *directory) flushFolder(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d *directory) Get(_ context.Context, name string) (io.ReadCloser, int64, error) {
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, errMissing
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err != nil {
		_ = f.Close() // nothing was read
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (d *directory) List(ctx context.Context, folder string, each func(Object) error) error {
	err := fs.WalkDir(d.root.FS(), folder, func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case p != "." && strings.HasPrefix(e.Name(), "."):
			return skip(e)
		case !e.Type().IsRegular():
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		return each(Object{Name: p, Bytes: info.Size()})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func skip(e fs.DirEntry) error {
	if e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func (d *directory) Delete(_ context.Context, name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		if d.root.Remove(folder) != nil { // it holds more
			return nil
		}
	}
	return nil
}

func (d *directory) Room(context.Context) (int64, bool, error) {
	free, known, err := freeBytes(d.path)
	if err != nil {
		return 0, false, fmt.Errorf("asking for free space: %w", err)
	}
	return free, known, nil
}
