package cli

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyshift.dev/diff"
	"keyshift.dev/gitsource"
	"keyshift.dev/plan"
	"keyshift.dev/sandbox"
	"keyshift.dev/state"
)

// noSpec is the code of a revision that has no spec in the folder.
const noSpec = "no-spec"

// revisions are the two commits that a command compares.
type revisions struct {
	base, head string
}

const (
	baseUsage = "compare with this branch, tag or commit of the local repository: main, origin/main, HEAD~1"
	headUsage = "what to compare with the base: a branch, tag or commit; the folder as it is, if not given"
)

func (r *revisions) bind(fs *pflag.FlagSet) {
	fs.StringVar(&r.base, "base", "", baseUsage)
	fs.StringVar(&r.head, "head", "", headUsage)
}

// side is one of two systems that are compared.
type side struct {
	Revision string        `json:"revision"`         // as the command line names it, empty for the folder as it is
	Commit   string        `json:"commit,omitempty"` // 40 digits
	Empty    bool          `json:"empty,omitempty"`  // it has no spec in this folder
	desired  state.Desired // zero if Empty
}

// String names the side for people: "main (1a2b3c4d5e6f)", "this folder".
func (s side) String() string {
	switch {
	case s.Revision == "":
		return "this folder"
	case s.Revision == s.Commit:
		return s.Commit[:12]
	}
	return s.Revision + " (" + s.Commit[:12] + ")"
}

// place moves the places of an error from a module's root to where people find them: a file of a commit is named as
// git names it, main:spec/shop.cue.
func (s side) place(l location, err error) error {
	if s.Revision == "" {
		return l.place(err)
	}
	var refused *gitsource.Error
	if errors.As(err, &refused) {
		return err
	}
	var ds state.Diagnostics
	if errors.As(l.place(err), &ds) {
		for i := range ds {
			for _, p := range []*state.Pos{&ds[i].Pos, &ds[i].Other} {
				if p.File != "" {
					p.File = s.Revision + ":" + p.File
				}
			}
		}
		return ds
	}
	return err
}

// sides evaluates the base and the head. The base may have no spec; one that is broken is an error that says so.
func (s *source) sides(ctx context.Context, r revisions, args []string) (base, head side, err error) {
	if head, err = s.headSide(ctx, r.head, args); err != nil {
		return base, head, err
	}
	base, err = s.revision(ctx, r.base)
	return base, head, err
}

// headSide evaluates what is compared with a base: the folder as it is, or a commit. A commit of a bare repository
// has no folder to find the module by, so the whole tree is the module.
func (s *source) headSide(ctx context.Context, rev string, args []string) (side, error) {
	if rev == "" {
		desired, err := s.load(ctx, args)
		return side{desired: desired}, err
	}
	l, err := locate(oneDir(args))
	if p, ok := errors.AsType[*problem](err); ok && p.code == noModule {
		l, err = location{root: oneDir(args), dir: ".", given: oneDir(args)}, nil
	}
	if err != nil {
		return side{}, err
	}
	s.location = l
	head, err := s.revision(ctx, rev)
	if err == nil && head.Empty {
		err = trouble(noSpec, rev+" has no spec in "+l.given, "name a commit that has one", nil)
	}
	return head, err
}

// revision evaluates the located package as it was in a commit.
func (s *source) revision(ctx context.Context, rev string) (side, error) {
	files, _, commit, err := gitsource.ReadRevision(s.root, rev)
	out := side{Revision: rev, Commit: commit}
	if e, ok := errors.AsType[*gitsource.Error](err); ok {
		switch e.Reason {
		case gitsource.NoFolder:
			out.Empty = true
			return out, nil
		case gitsource.TreeRefused, gitsource.TreeTooLarge:
			at := *e
			at.Where = rev + ":" + path.Join(s.shown, e.Where)
			return out, &at
		case gitsource.NoRepository:
			at := *e
			at.Where = s.given
			return out, &at
		}
	}
	if err != nil {
		return out, err
	}
	if out.Empty = !hasSpec(files, s.dir); out.Empty {
		return out, nil
	}
	out.desired, err = sandbox.Evaluate(ctx, files, s.dir, sandbox.Limits{Wall: s.timeout})
	return out, out.place(s.location, err)
}

// hasSpec tells whether there is a module and a CUE file of the package in a tree.
func hasSpec(files fs.FS, dir string) bool {
	if _, err := fs.Stat(files, "cue.mod/module.cue"); err != nil {
		return false
	}
	found, err := fs.Glob(files, path.Join(dir, "*.cue"))
	return err == nil && len(found) > 0
}

// passage is the way from a commit that is fully applied to another one, and back.
type passage struct {
	want  state.Desired // the head's, united with the base's
	there plan.Plan
	back  *plan.Plan // nil if there is no way there, or the base's definitions stand in the way of going back
}

// passageOf plans between two commits. Nothing is looked at: what the base asks for is taken to be there. The error is
// state.Diagnostics if the head changes what the base has applied.
func passageOf(base, head state.Desired) (passage, error) {
	want, err := state.Union(head, base, diff.Applied(base, base))
	p := passage{want: want, there: planBetween(want, base)}
	if err != nil || len(p.there.Blocked) > 0 {
		return p, err
	}
	if again, err := state.Union(base, want, diff.Applied(want, head)); err == nil {
		back := planBetween(again, head)
		p.back = &back
	}
	return p, nil
}

// planBetween plans to a united catalogue from a commit that is fully applied.
func planBetween(want, from state.Desired) plan.Plan {
	have := diff.Applied(want, from)
	return plan.Make(want, have, diff.Compute(want, have))
}

// newcomers are the components that are taken to run although the base does not know them.
func newcomers(base, head state.Desired) []string {
	var out []string
	for _, c := range head.Components {
		if _, ok := base.FindComponent(c.Name); !ok && !c.External {
			out = append(out, c.Name)
		}
	}
	return out
}

// comparison makes a command compare two commits, and print text, JSON or markdown.
func comparison(c *cobra.Command, o *reviewOutput, s *source, run func(ctx context.Context, args []string) error) *cobra.Command {
	c = specCommand(c, &o.output, s, run)
	o.extend(c)
	return c
}

// reviewOutput is an output that may also be markdown, for a comment on a pull request, or of other forms.
type reviewOutput struct {
	output
	forms    []string // others that the command has
	markdown bool
	other    string // one of them; empty if it is none
}

// extend lets a command that has an output print its other forms.
func (o *reviewOutput) extend(c *cobra.Command) {
	forms := append([]string{"text", "json", "markdown"}, o.forms...)
	last := len(forms) - 1
	named := strings.Join(forms[:last], ", ") + " or " + forms[last]
	c.Flags().Lookup("output").Usage = "form of the result: " + named
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case o.format == "markdown":
			o.markdown, o.format = true, "text"
		case slices.Contains(o.forms, o.format):
			o.other, o.format = o.format, "text"
		case !slices.Contains(forms, o.format):
			return trouble(misuse, "-o "+o.format+": write "+named, "", nil)
		}
		return run(c, args)
	}
}
