package gitsource

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// collector builds a file system under caps, by the same rules for a commit and for a folder.
type collector struct {
	limits  Limits
	entries int
	total   int64
	seen    map[string]bool
	files   map[string][]byte
}

func newCollector(l Limits) *collector {
	return &collector{limits: l.withDefaults(), seen: map[string]bool{}, files: map[string][]byte{}}
}

// enter counts the entry of that name in the folder at, and returns its path. It refuses names that are not safe.
func (c *collector) enter(at, name string) (string, error) {
	path := name
	if at != "" {
		path = at + "/" + name
	}
	if why := unsafeName(name); why != "" {
		return "", refused(path, why, "rename it")
	}
	if c.seen[path] {
		return "", refused(path, "is there twice", "the commit is malformed: make it anew")
	}
	c.seen[path] = true
	if c.entries++; c.entries > c.limits.Entries {
		return "", tooLarge(path, fmt.Sprintf("there are more than %d files and folders", c.limits.Entries))
	}
	if len(path) > c.limits.Path {
		return "", tooLarge(path, fmt.Sprintf("the path is longer than %d bytes", c.limits.Path))
	}
	if strings.Count(path, "/") >= c.limits.Depth {
		return "", tooLarge(path, fmt.Sprintf("folders are nested more than %d deep", c.limits.Depth))
	}
	return path, nil
}

// fits tells whether a file is small enough by itself.
func (c *collector) fits(path string, size int64) error {
	if size > c.limits.Blob {
		return tooLarge(path, fmt.Sprintf("the file has %d bytes, more than %d", size, c.limits.Blob))
	}
	return nil
}

// reserve accounts for a file before its content is read.
func (c *collector) reserve(path string, size int64) error {
	if err := c.fits(path, size); err != nil {
		return err
	}
	if c.total += size; c.total > c.limits.Total {
		return tooLarge(path, fmt.Sprintf("the files have more than %d bytes together", c.limits.Total))
	}
	return nil
}

func (c *collector) add(path string, content []byte) { c.files[path] = content }

func (c *collector) done() fs.FS { return newFiles(c.files) }

// unsafeName says why a name cannot be an entry, or nothing. Names that some file system takes for .git are
// refused too (git's own core.protectNTFS and core.protectHFS).
func unsafeName(name string) string {
	switch {
	case name == "":
		return "has no name"
	case name == "." || name == "..":
		return "would leave its folder"
	case strings.ContainsAny(name, "/\\\x00"):
		return "has a slash, a backslash or a NUL in its name"
	case !utf8.ValidString(name):
		return "has a name that is not UTF-8"
	case strings.EqualFold(strings.TrimRight(withoutFormat(name), ". "), ".git"), strings.EqualFold(name, "git~1"):
		return "has the name of Git's own folder"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "has a control character in its name"
	}
	return ""
}

// withoutFormat drops the invisible characters that some file systems ignore in names.
func withoutFormat(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
}

func refused(path, message, hint string) error {
	return &Error{Reason: TreeRefused, Where: printable(path), Message: message, Hint: hint}
}

func tooLarge(path, message string) error {
	return &Error{Reason: TreeTooLarge, Where: printable(path), Message: message,
		Hint: "keep the specification in a repository or folder of its own"}
}

// printable shortens and escapes a path that came from outside.
func printable(path string) string {
	if len(path) > 200 {
		path = path[:200] + "..."
	}
	if q := fmt.Sprintf("%q", path); q[1:len(q)-1] != path {
		return q
	}
	return path
}
