package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"keyshift.dev/gitsource"
	"keyshift.dev/sandbox"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

type suggestOptions struct {
	output
	source
	dryRun bool
}

// suggestedMigration is one migration that was written, for programs.
type suggestedMigration struct {
	Keyspace  string        `json:"keyspace"`
	From      state.Version `json:"from,omitempty"`
	To        state.Version `json:"to"`
	File      string        `json:"file,omitempty"` // empty: nothing to write
	Notes     []string      `json:"notes,omitempty"`
	Questions []string      `json:"questions,omitempty"`
}

// suggestResult is the result of keyshift schema suggest for programs.
type suggestResult struct {
	Migrations []suggestedMigration `json:"migrations"`
	Diff       string               `json:"diff,omitempty"` // with --dry-run
	Open       state.Diagnostics    `json:"open,omitempty"` // what keyshift vet says then
}

func newSchemaSuggest() *cobra.Command {
	var o suggestOptions
	c := &cobra.Command{
		Use:   "suggest [DIR] [KEYSPACE [VERSION]]",
		Short: "Write the skeleton of a migration into the spec",
		Long: `Suggest compares a version of a keyspace with the one before it and writes the migration into the spec's own
file: renamed and converted fields both ways, the fields that vanish, and a first test with invented values.
What it cannot know it asks in a comment that begins with QUESTION; what it took for likely it says so beside.
Of a migration that is there already it adds what is open. Without KEYSPACE it does so for all of them.`,
		Example: "  keyshift schema suggest . session 2.0.0 --dry-run\n  keyshift schema suggest",
		Args:    cobra.MaximumNArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.open(c); err != nil {
				return err
			}
			return o.run(c.Context(), args)
		},
	}
	o.output.bind(c.Flags())
	o.source.bind(c.Flags())
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the difference and write nothing")
	return c
}

// dirFirst splits a folder off the arguments, if the first one is one.
func dirFirst(args []string) (dir string, rest []string) {
	if len(args) > 0 {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() || strings.HasPrefix(args[0], ".") || strings.Contains(args[0], "/") {
			return args[0], args[1:]
		}
	}
	return ".", args
}

func (o *suggestOptions) run(ctx context.Context, args []string) error {
	dir, names := dirFirst(args)
	if len(names) > 2 {
		return o.fail(trouble(misuse, "suggest takes a folder, a keyspace and a version, in this order", "name a folder that exists", nil))
	}
	if err := o.evaluable(ctx, dir); err != nil {
		return o.fail(err)
	}
	files, err := gitsource.ReadDir(o.root)
	if err != nil {
		return o.fail(o.place(err))
	}
	changed := overlay{FS: files, changed: map[string][]byte{}}
	result, err := o.suggest(changed, names)
	if err != nil {
		return o.fail(o.place(err))
	}
	if len(changed.changed) > 0 {
		result.Open = o.still(ctx, changed)
	}
	for name, content := range changed.changed {
		if !o.dryRun {
			if err := rewriteFile(filepath.Join(o.root, filepath.FromSlash(name)), content); err != nil {
				return o.fail(err)
			}
			continue
		}
		before, err := fs.ReadFile(files, name)
		if err != nil {
			return o.fail(err)
		}
		shown := o.at(state.Pos{File: name}).File
		result.Diff += string(diff.Diff("a/"+shown, before, "b/"+shown, content))
	}
	return o.print(result)
}

// evaluable evaluates the spec in a child process, so that one that takes too long is stopped there; what is wrong with
// it otherwise is what suggest is for.
func (o *suggestOptions) evaluable(ctx context.Context, dir string) error {
	_, err := o.load(ctx, []string{dir})
	var ds state.Diagnostics
	if errors.As(err, &ds) && !slices.ContainsFunc(ds, func(d state.Diagnostic) bool { return strings.HasPrefix(d.Code, "eval-") || d.Code == "cue-panic" }) {
		return nil
	}
	return err
}

// suggest writes the migrations that are asked for into the overlay.
func (o *suggestOptions) suggest(files overlay, names []string) (suggestResult, error) {
	result := suggestResult{Migrations: []suggestedMigration{}}
	keyspaces, err := schema.Versions(files, o.dir)
	if err != nil {
		return result, err
	}
	if len(names) > 0 && !slices.ContainsFunc(keyspaces, func(k state.Keyspace) bool { return k.Name == names[0] }) {
		_, err := schema.Suggest(files, o.dir, names[0], "")
		return result, err
	}
	for _, k := range keyspaces {
		if len(names) > 0 && k.Name != names[0] {
			continue
		}
		var versions []state.Version
		for _, s := range k.Shapes[min(1, len(k.Shapes)):] {
			versions = append(versions, s.Version)
		}
		if len(names) == 2 {
			versions = []state.Version{state.Version(names[1])}
		}
		for _, v := range versions {
			s, err := schema.Suggest(files, o.dir, k.Name, v)
			if err != nil {
				return result, err
			}
			if s.File != "" {
				files.changed[s.File] = s.Content
			}
			result.Migrations = append(result.Migrations, suggestedMigration{
				Keyspace: k.Name, From: s.From, To: s.To, File: o.at(state.Pos{File: s.File}).File, Notes: s.Notes, Questions: s.Questions})
		}
	}
	return result, nil
}

// still evaluates the spec as it was written and runs its tests.
func (o *suggestOptions) still(ctx context.Context, files fs.FS) state.Diagnostics {
	desired, err := sandbox.Evaluate(ctx, files, o.dir, sandbox.Limits{Wall: o.timeout})
	if err == nil {
		err = vetTests(desired)
	}
	if err == nil {
		return nil
	}
	return diagnose(o.place(err))
}

func (o *suggestOptions) print(r suggestResult) error {
	if o.json() {
		return o.value(r)
	}
	o.printf("%s", r.Diff)
	wrote := 0
	for _, m := range r.Migrations {
		at := m.Keyspace + " " + string(m.To)
		switch {
		case m.File == "" && len(m.Questions) > 0:
			o.printf("%s: nothing to add, %s still open\n", at, count(len(m.Questions), "question"))
		case m.File != "":
			wrote++
			verb := "written into"
			if o.dryRun {
				verb = "to be written into"
			}
			o.printf("%s: the migration from %s, %s %s\n", at, m.From, verb, m.File)
		case len(m.Notes) == 0:
			o.printf("%s: nothing to add\n", at)
		}
		for _, n := range m.Notes {
			o.printf("%s: %s\n", at, n)
		}
		for _, q := range m.Questions {
			o.printf("  question: %s\n", q)
		}
	}
	switch {
	case wrote == 0:
		o.printf("Nothing to do.\n")
	case len(r.Open) == 0:
		o.printf("The spec holds, and its tests pass. Read what is marked as a guess.\n")
	default:
		o.printf("What keyshift vet says then:\n")
		for _, d := range r.Open {
			o.printf("  %s\n", d)
		}
	}
	return nil
}

// overlay is a tree with files that were changed.
type overlay struct {
	fs.FS
	changed map[string][]byte
}

// ReadFile reads a file as it was changed.
func (o overlay) ReadFile(name string) ([]byte, error) {
	if content, ok := o.changed[path.Clean(name)]; ok {
		return slices.Clone(content), nil
	}
	return fs.ReadFile(o.FS, name)
}

// rewriteFile replaces a file that is there, whole or not at all.
func rewriteFile(name string, content []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".keyshift-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone if all went well
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}
