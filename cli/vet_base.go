package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"keyshift.dev/diff"
	"keyshift.dev/gitsource"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// previous is the commit that vet holds the spec against.
type previous struct{ base string }

func (p *previous) bind(fs *pflag.FlagSet) {
	fs.StringVar(&p.base, "base", "", baseUsage)
}

// against returns what only the commit before shows of a spec, as it would be found where that commit is fully
// applied: as an error what apply would refuse, as warnings what it would refuse in some states of the store. The
// places are those of the spec's module. Where the base has no spec or a broken one, that is the only warning. An
// error that is no state.Diagnostics says that the base cannot be read.
func (p previous) against(ctx context.Context, s *source, head state.Desired) (warnings state.Diagnostics, err error) {
	if p.base == "" {
		return nil, nil
	}
	base, err := s.revision(ctx, p.base)
	switch {
	case unreadable(err):
		return nil, err
	case err != nil:
		ds := diagnose(err)
		return state.Diagnostics{{Code: "base-broken", Hint: "nothing to do here, if this commit mends it",
			Message: fmt.Sprintf("%s is broken itself, so it was not compared with: %s", p.base, ds[0].String())}}, nil
	case base.Empty:
		return state.Diagnostics{{Code: noSpec, Message: fmt.Sprintf("%s has no spec in %s, so there is nothing to compare with", p.base, s.given)}}, nil
	}
	errs, warnings := compared(base.desired, head)
	for i := range errs {
		errs[i].Message = sinceBase(errs[i].Message, p.base)
	}
	return warnings, errs.Err()
}

// unreadable tells whether an error is about reading a revision, not about what it holds.
func unreadable(err error) bool {
	e, ok := err.(*gitsource.Error)
	return ok && e.Reason != gitsource.TreeRefused && e.Reason != gitsource.TreeTooLarge
}

// sinceBase says by which commit something was applied.
func sinceBase(message, base string) string {
	return strings.Replace(message, "was applied", "is applied by "+base, 1)
}

// compared checks a spec against the commit before.
func compared(base, head state.Desired) (errs, warnings state.Diagnostics) {
	p, err := passageOf(base, head)
	if err != nil {
		errs = diagnose(err)
	}
	errs = append(errs, stranded(base, head, p.want)...)
	for _, b := range p.there.Blocked {
		if !explained(errs, b) {
			errs = append(errs, noOrder(base, head, b))
		}
	}
	if _, err := state.Union(head, base, state.Observed{}); err != nil {
		for _, d := range diagnose(err) {
			if !slices.ContainsFunc(errs, func(e state.Diagnostic) bool { return e.Path == d.Path && e.Code == d.Code }) {
				d.Hint = "keyshift apply refuses it while that is so; " + d.Hint
				warnings = append(warnings, d)
			}
		}
	}
	for _, v := range p.there.Broken {
		c, _ := head.FindComponent(v.Component)
		warnings = append(warnings, state.Diagnostic{Code: "unreadable-units", Pos: c.Pos, Path: "system.components." + v.Component,
			Message: fmt.Sprintf("as it is before this commit, %s", v), Hint: "no step of the plan adds to it; see keyshift plan --base"})
	}
	return errs.Sorted(), append(warnings, remade(base, head)...).Sorted()
}

// stranded finds keyspaces whose units, as the base has them, no migration leads on from.
func stranded(base, head, want state.Desired) state.Diagnostics {
	var out state.Diagnostics
	for _, then := range base.Keyspaces {
		now, ok := head.FindKeyspace(then.Name)
		both, _ := want.FindKeyspace(then.Name)
		if _, declared := now.FindShape(then.Version); !ok || declared || now.Policy.Strategy.Empties() {
			continue
		}
		class := diff.ClassesOf(both).Written(then.Version)
		if _, leads := diff.Route(both, class, now.Version); leads || class.Has(now.Version) {
			continue
		}
		out = append(out, state.Diagnostic{Code: "version-removed", Pos: now.Pos, Path: fmt.Sprintf("system.keyspaces.%s.versions.%q", now.Name, then.Version),
			Message: fmt.Sprintf("version %s, which units of %s have, is no longer declared, and no migration leads from it to %s", then.Version, now.Name, now.Version),
			Hint:    fmt.Sprintf(`keep version %s and declare a migration from it, or set policy: strategy: "discard" if its units may be lost`, then.Version)})
	}
	return out
}

// explained tells whether an error about one of a plan's blocked keyspaces was found already.
func explained(errs state.Diagnostics, b plan.Blocked) bool {
	return slices.ContainsFunc(errs, func(d state.Diagnostic) bool {
		return slices.ContainsFunc(b.Keyspaces, func(k string) bool {
			path := "system.keyspaces." + k
			return d.Path == path || strings.HasPrefix(d.Path, path+".")
		})
	})
}

// noOrder is a blocked part of a plan, at the place in the spec that makes it so: how the release that would have to
// be rolled out uses the keyspace, else the keyspace.
func noOrder(base, head state.Desired, b plan.Blocked) state.Diagnostic {
	d := state.Diagnostic{Code: kebab(string(b.Code)), Message: b.Reason, Hint: b.WayOut}
	for _, name := range byMention(b.Components, b.Reason) {
		c, ok := head.FindComponent(name)
		then, _ := base.FindComponent(name)
		if !ok || c.Release == then.Release {
			continue
		}
		r, _ := c.FindRelease(c.Release)
		d.Pos, d.Path = r.Pos, fmt.Sprintf("system.components.%s.releases.%q", name, r.Name)
		for _, k := range byMention(b.Keyspaces, b.Reason) {
			if use, ok := r.FindUse(k); ok {
				d.Pos, d.Path = use.Pos, d.Path+".uses."+k
				break
			}
		}
		return d
	}
	for _, name := range byMention(b.Keyspaces, b.Reason) {
		k, ok := head.FindKeyspace(name)
		if then, _ := base.FindKeyspace(name); ok && then.Version != k.Version {
			d.Pos, d.Path = k.Pos, "system.keyspaces."+name+".version"
			return d
		}
	}
	d.Message = strings.Join(slices.Concat(b.Components, b.Keyspaces), ", ") + ": " + d.Message
	return d
}

// byMention sorts names by where a text first mentions them; those that it does not mention follow.
func byMention(names []string, text string) []string {
	at := func(name string) int {
		if i := strings.Index(text, name); i >= 0 {
			return i
		}
		return len(text)
	}
	out := slices.Clone(names)
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(at(a), at(b)) })
	return out
}

// kebab writes the code of a plan as those of vet are: no-safe-order.
func kebab(code string) string {
	var b strings.Builder
	for i, r := range code {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// remade warns of what changes beside data that is written already: a migration that has run, and a keyspace that goes
// from the spec and stays in the store.
func remade(base, head state.Desired) state.Diagnostics {
	var out state.Diagnostics
	for _, then := range base.Keyspaces {
		now, ok := head.FindKeyspace(then.Name)
		renamed := slices.ContainsFunc(head.Keyspaces, func(k state.Keyspace) bool { return k.Store == then.Store && k.SharesKeys(then) })
		switch {
		case !ok && renamed: // an error already
			continue
		case !ok:
			out = append(out, state.Diagnostic{Code: "keyspace-removed", Path: "system.keyspaces." + then.Name,
				Message: fmt.Sprintf("keyspace %s is no longer declared; its units stay in the store as they are", then.Name)})
			continue
		}
		for _, m := range now.Migrations {
			old, had := then.FindMigration(m.To)
			if !had || m.To.Compare(then.Version) > 0 || state.DefinitionDigest(old) == state.DefinitionDigest(m) {
				continue
			}
			out = append(out, state.Diagnostic{Code: "migration-changed", Pos: m.Pos, Path: fmt.Sprintf("system.keyspaces.%s.migrations.%q", now.Name, m.To),
				Message: fmt.Sprintf("the migration to %s is another than it was, and units may have passed it already: they stay as it made them", m.To),
				Hint:    "add a new version if they have to change, too"})
		}
	}
	return out
}
