package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/diff"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

type schemaDiffOptions struct {
	reviewOutput
	source
	revisions
}

// review is what a reviewer wants to know of a commit.
type review struct {
	System    string            `json:"system"`
	Base      side              `json:"base"`
	Head      side              `json:"head"`
	Keyspaces []keyspaceReview  `json:"keyspaces"` // that differ
	Plan      *plan.Plan        `json:"plan,omitempty"`
	Back      *plan.Plan        `json:"back,omitempty"`
	Errors    state.Diagnostics `json:"errors,omitempty"` // why there is no plan: the head changes what the base has applied

	passage passage
}

// keyspaceReview is what differs in one keyspace, with an example of what a lossy migration loses.
type keyspaceReview struct {
	diff.KeyspaceDiff
	Example *example `json:"example,omitempty"`
}

func newSchemaDiff() *cobra.Command {
	var o schemaDiffOptions
	c := comparison(&cobra.Command{
		Use:   "diff [DIR] --base REV",
		Short: "Compare the schemas of a commit with the folder, for a review",
		Long: `Diff evaluates the spec in DIR as it was in a commit of the local Git repository and as it is now (or in the commit
--head), and says for each keyspace what was added, removed, retyped or renamed, whether it is compatible or breaking,
exact or lossy, which releases read and write what, and in what order things would happen. It needs no cluster and no
Redis. What it prints with -o markdown is made for a comment on a pull request.

Exit code 0, whether there are differences or not: to refuse a commit is what keyshift vet --base is for.`,
		Example: "  keyshift schema diff --base origin/main\n  keyshift schema diff spec --base HEAD~1 --head HEAD -o markdown",
	}, &o.reviewOutput, &o.source, o.run)
	o.revisions.bind(c.Flags())
	return c
}

func (o *schemaDiffOptions) run(ctx context.Context, args []string) error {
	if o.base == "" {
		return o.fail(trouble(misuse, "schema diff compares with a commit, and none is given", "name it: --base origin/main, or --base HEAD for what is not committed yet", nil))
	}
	base, head, err := o.sides(ctx, o.revisions, args)
	if err != nil {
		return o.fail(err)
	}
	if base.Empty {
		o.note("%s has no spec in %s: everything is new", base.Revision, o.given)
	}
	r := reviewOf(base, head, o.location)
	switch {
	case o.json():
		return o.value(r)
	case o.markdown:
		o.printf("%s", r.markdown())
	default:
		o.printf("%s", r.text())
	}
	return nil
}

// reviewOf compares two commits. Nothing is planned where the base has no spec.
func reviewOf(base, head side, l location) review {
	r := review{System: head.desired.System, Base: base, Head: head, Keyspaces: []keyspaceReview{}}
	if !base.Empty {
		p, err := passageOf(base.desired, head.desired)
		r.passage = p
		if _ = errors.As(head.place(l, err), &r.Errors); err == nil {
			r.Plan, r.Back = &p.there, p.back
		}
	}
	for _, d := range diff.Schemas(base.desired, head.desired) {
		r.Keyspaces = append(r.Keyspaces, keyspaceReview{d, r.exampleOf(d)})
	}
	return r
}

// exampleOf invents a value that does not survive the way there and back, nil if none is found.
func (r review) exampleOf(d diff.KeyspaceDiff) *example {
	v, moves := d.Move()
	k, ok := r.passage.want.FindKeyspace(d.Keyspace)
	if !moves || !ok || len(v.Route) == 0 || v.Exact() || v.Strategy != "" {
		return nil
	}
	return counterexample(k, v.From, v.To)
}

// removedText says what becomes of a keyspace that is no longer declared.
const removedText = "its units stay in the store as they are, and nothing looks after them"

// headline says in a few words what a change of a keyspace means: "breaking, lossy".
func headline(d diff.KeyspaceDiff) []string {
	switch d.Kind {
	case diff.Added:
		return []string{"new"}
	case diff.Removed:
		return []string{"removed"}
	}
	var words []string
	v, moves := d.Move()
	if !moves {
		for _, x := range d.Versions {
			if x.Kind == diff.Changed && x.Compatibility != diff.FullyCompatible && x.Compatibility != diff.BackwardCompatible {
				words = append(words, "changes version "+string(x.To))
			}
		}
		return append(words, "desired version stays")
	}
	words = append(words, compatibilityWord(v.Compatibility))
	switch {
	case v.Strategy != "":
		words = append(words, string(v.Strategy))
	case len(v.Route) == 0:
		words = append(words, "no migration")
	case v.Exact():
		words = append(words, "exact")
	default:
		words = append(words, "lossy")
	}
	return words
}

func compatibilityWord(c diff.Compatibility) string {
	switch c {
	case diff.BackwardCompatible:
		return "backward compatible"
	case diff.ForwardCompatible:
		return "forward compatible"
	}
	return string(c)
}

// compatibilityText says what a kind of compatibility means to readers of two shapes.
func compatibilityText(v diff.VersionDiff) string {
	from, to := string(v.From), string(v.To)
	if v.Kind == diff.Changed {
		from, to = "the old shape", "the new one"
	}
	switch v.Compatibility {
	case diff.FullyCompatible:
		return fmt.Sprintf("readers of %s and of %s read units of both", from, to)
	case diff.BackwardCompatible:
		return fmt.Sprintf("readers of %s read units of %s, but not the other way round", to, from)
	case diff.ForwardCompatible:
		return fmt.Sprintf("readers of %s read units of %s, but not the other way round", from, to)
	case diff.Breaking:
		return fmt.Sprintf("readers of %s and of %s do not read each other's units", from, to)
	}
	return ""
}

// survival says whether units survive the way there and back.
func survival(v diff.VersionDiff) string {
	switch {
	case v.Strategy == state.StrategyDrain:
		return "drain: no unit is converted; old ones are consumed or expire"
	case v.Strategy == state.StrategyDiscard:
		return "discard: no unit is converted; old ones are deleted"
	case v.From == "" || v.Kind == diff.Changed || v.To == "":
		return ""
	case len(v.Route) == 0:
		return fmt.Sprintf("no migration leads from %s to %s", v.From, v.To)
	case v.Exact() && len(v.LostBack) == 0:
		return "exact: every unit survives the way there and back, and back and there"
	case v.Exact():
		return fmt.Sprintf("exact: every unit of %s survives the way there and back", v.From)
	}
	return fmt.Sprintf("lossy: a unit of %s may not survive the way there and back", v.From)
}

// title names a keyspace's change: "1.0.0 → 2.0.0".
func title(d diff.KeyspaceDiff) string {
	switch {
	case d.From == d.To || d.From == "":
		return string(d.To)
	case d.To == "":
		return string(d.From)
	}
	return string(d.From) + " → " + string(d.To)
}

// versionTitle names one comparison within a keyspace.
func versionTitle(v diff.VersionDiff) string {
	switch {
	case v.Kind == diff.Moved && len(v.Route) > 2:
		parts := make([]string, len(v.Route))
		for i, x := range v.Route {
			parts[i] = string(x)
		}
		return "through " + strings.Join(parts, " → ")
	case v.Kind == diff.Moved:
		return ""
	case v.Kind == diff.Removed:
		return "version " + string(v.From) + " is no longer declared"
	case v.Kind == diff.Changed:
		return "version " + string(v.To) + " is another than it was"
	case v.From == "":
		return "version " + string(v.To) + " is new"
	}
	return fmt.Sprintf("version %s is new, made of %s", v.To, v.From)
}

// readsText says which of the versions concerned a release reads.
func readsText(u diff.ReleaseUse, d diff.KeyspaceDiff) string {
	concerned := slices.DeleteFunc(slices.Compact([]state.Version{d.From, d.To}), func(v state.Version) bool { return v == "" })
	switch {
	case len(u.Reads) == 0 && len(concerned) == 2:
		return "neither"
	case len(u.Reads) == 0:
		return "nothing"
	case len(u.Reads) == 2:
		return "both"
	case len(concerned) == 2:
		return "only " + string(u.Reads[0])
	}
	return string(u.Reads[0])
}

// roleText says where a release stands: what runs before, after, or may be a bridge between.
func roleText(u diff.ReleaseUse, p *plan.Plan) string {
	var words []string
	switch {
	case u.Before && u.After:
		words = append(words, "before and after")
	case u.Before:
		words = append(words, "before")
	case u.After:
		words = append(words, "after")
	case p != nil && slices.ContainsFunc(p.Steps, func(s plan.Step) bool {
		return s.Kind == plan.Rollout && s.Object == u.Component && s.To == u.Release
	}):
		words = append(words, "a bridge between")
	}
	switch u.Kind {
	case diff.Added:
		words = append(words, "new")
	case diff.Removed:
		words = append(words, "no longer declared")
	case diff.Changed:
		words = append(words, "changed")
	}
	return strings.Join(words, ", ")
}
