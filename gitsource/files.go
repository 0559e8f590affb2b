package gitsource

import (
	"bytes"
	"cmp"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"
)

// files is an immutable file system in memory: files are 0444, folders 0555, times are zero, and listings are
// sorted by name, so that equal contents are equal to every reader.
type files struct {
	nodes map[string]*node // by path; "." is the root
}

// node is one file or folder, its own directory entry and its own information.
type node struct {
	name    string
	dir     bool
	content []byte
	entries []fs.DirEntry // of a folder, sorted by name
}

// newFiles takes valid paths and their contents, which nobody may change any more.
func newFiles(contents map[string][]byte) *files {
	f := &files{nodes: map[string]*node{".": {name: ".", dir: true}}}
	for p, content := range contents {
		n := &node{name: path.Base(p), content: content}
		f.nodes[p] = n
		f.link(p, n)
	}
	for _, n := range f.nodes {
		slices.SortFunc(n.entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	}
	return f
}

// link enters a node into its folder, which is made if it is not there.
func (f *files) link(p string, n *node) {
	parent := path.Dir(p)
	dir, ok := f.nodes[parent]
	if !ok {
		dir = &node{name: path.Base(parent), dir: true}
		f.nodes[parent] = dir
		f.link(parent, dir)
	}
	dir.entries = append(dir.entries, n)
}

func (f *files) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, ok := f.nodes[name]
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Open implements fs.FS.
func (f *files) Open(name string) (fs.File, error) {
	n, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return &openDir{node: n}, nil
	}
	return &openFile{node: n, Reader: bytes.NewReader(n.content)}, nil
}

// ReadFile implements fs.ReadFileFS. The caller may change what it gets.
func (f *files) ReadFile(name string) ([]byte, error) {
	n, err := f.find("read", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	return bytes.Clone(n.content), nil
}

// ReadDir implements fs.ReadDirFS.
func (f *files) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	return slices.Clone(n.entries), nil
}

// Stat implements fs.StatFS.
func (f *files) Stat(name string) (fs.FileInfo, error) {
	n, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (n *node) Name() string               { return n.name }
func (n *node) IsDir() bool                { return n.dir }
func (n *node) Size() int64                { return int64(len(n.content)) }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) Sys() any                   { return nil }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }

func (n *node) Mode() fs.FileMode {
	if n.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// openFile is a file being read.
type openFile struct {
	*node
	*bytes.Reader
}

func (o *openFile) Stat() (fs.FileInfo, error) { return o.node, nil }
func (o *openFile) Size() int64                { return o.node.Size() }
func (o *openFile) Close() error               { return nil }

// openDir is a folder being listed.
type openDir struct {
	*node
	at int
}

func (o *openDir) Stat() (fs.FileInfo, error) { return o.node, nil }
func (o *openDir) Close() error               { return nil }

func (o *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: o.name, Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (o *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := o.entries[o.at:]
	if n <= 0 {
		o.at = len(o.entries)
		return slices.Clone(rest), nil
	}
	if len(rest) == 0 {
		return nil, io.EOF
	}
	rest = rest[:min(n, len(rest))]
	o.at += len(rest)
	return slices.Clone(rest), nil
}
