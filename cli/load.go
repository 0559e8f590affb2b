package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"keyshift.dev/gitsource"
	"keyshift.dev/sandbox"
	"keyshift.dev/state"
)

// location is a CUE package in a folder of this machine.
type location struct {
	root  string // folder of the module: the nearest one above with cue.mod
	dir   string // of the package in it, slash-separated
	shown string // how the root is named to people: a prefix for files, empty for the working folder
	given string // as the command line names the package's folder
}

// locate finds the module that a folder belongs to.
func locate(dir string) (location, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return location{}, err
	}
	info, err := os.Stat(start)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return location{}, trouble(noFolder, dir+" does not exist", "name the folder of the spec, or make one with: keyshift init "+quoted(dir), err)
	case err != nil:
		return location{}, err
	case !info.IsDir():
		return location{}, trouble(noFolder, dir+" is a file", "name the folder of the spec", nil)
	}
	for root := start; ; root = filepath.Dir(root) {
		if info, err := os.Stat(filepath.Join(root, "cue.mod")); err == nil && info.IsDir() {
			l, err := locationIn(root, start)
			l.given = dir
			return l, err
		}
		if root == filepath.Dir(root) {
			return location{}, trouble(noModule, dir+" is in no CUE module: there is no folder cue.mod in it or above it", "make one with: keyshift init "+quoted(dir), nil)
		}
	}
}

func locationIn(root, start string) (location, error) {
	rel, err := filepath.Rel(root, start)
	if err != nil {
		return location{}, err
	}
	l := location{root: root, dir: filepath.ToSlash(rel)}
	here, err := os.Getwd()
	if err != nil {
		return location{}, err
	}
	shown, err := filepath.Rel(here, root)
	if err != nil || shown == ".." || strings.HasPrefix(shown, ".."+string(filepath.Separator)) {
		shown = root
	}
	if shown != "." {
		l.shown = filepath.ToSlash(shown)
	}
	return l, nil
}

// source is the spec that a command works on.
type source struct {
	location
	timeout time.Duration
	files   fs.FS // of the module, once it is loaded
}

func (s *source) bind(fs *pflag.FlagSet) {
	fs.DurationVar(&s.timeout, "eval-timeout", 30*time.Second, "how long the evaluation of the spec may take")
}

// load evaluates the package in a folder, the current one if no argument names it, in a contained child process.
// The places in diagnostics are relative to the working folder, so that an editor can jump to them.
func (s *source) load(ctx context.Context, args []string) (state.Desired, error) {
	l, err := locate(oneDir(args))
	if err != nil {
		return state.Desired{}, err
	}
	s.location = l
	files, err := gitsource.ReadDir(l.root)
	if err != nil {
		return state.Desired{}, l.place(err)
	}
	s.files = files
	desired, err := sandbox.Evaluate(ctx, files, l.dir, sandbox.Limits{Wall: s.timeout})
	if err != nil {
		return state.Desired{}, l.place(err)
	}
	return desired, nil
}

// at is a place as people see it.
func (l location) at(p state.Pos) state.Pos {
	if p.File != "" && l.shown != "" {
		p.File = path.Join(l.shown, p.File)
	}
	return p
}

// place moves the places of an error from the module's root to the working folder.
func (l location) place(err error) error {
	var ds state.Diagnostics
	if errors.As(err, &ds) {
		moved := make(state.Diagnostics, len(ds))
		for i, d := range ds {
			d.Pos, d.Other = l.at(d.Pos), l.at(d.Other)
			if d.Code == noPackage { // it is about a folder, which has no lines
				d.Pos, d.Message = state.Pos{}, l.given+" holds no CUE file with a package clause"
				d.Hint = "name the folder of the spec, or start one with: keyshift init " + quoted(l.given)
			}
			moved[i] = d
		}
		return moved
	}
	var refused *gitsource.Error
	if errors.As(err, &refused) && l.shown != "" && (refused.Reason == gitsource.TreeRefused || refused.Reason == gitsource.TreeTooLarge) {
		e := *refused
		e.Where = path.Join(l.shown, e.Where)
		return &e
	}
	return err
}
