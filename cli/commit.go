package cli

import (
	"bytes"
	"errors"
	"io/fs"

	"keyshift.dev/gitsource"
)

// errDiffers ends the comparison of two folders.
var errDiffers = errors.New("the folders differ")

// commit names what was loaded, for the change streams: the newest commit of the repository that the folder is in, with
// "-dirty" behind it if the folder holds something else. It is empty where there is no repository or no commit.
func (s *source) commit() string {
	committed, _, commit, err := gitsource.ReadRevision(s.root, "HEAD")
	switch {
	case commit == "":
		return ""
	case err != nil || within(s.files, committed) != nil || within(committed, s.files) != nil:
		return commit + "-dirty"
	}
	return commit
}

// within makes sure that every file of a folder is in another one, byte for byte.
func within(a, b fs.FS) error {
	return fs.WalkDir(a, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		mine, err := fs.ReadFile(a, path)
		if err != nil {
			return err
		}
		theirs, err := fs.ReadFile(b, path)
		if err == nil && !bytes.Equal(mine, theirs) {
			err = errDiffers
		}
		return err
	})
}
