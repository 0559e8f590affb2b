package state

import (
	"cmp"
	"slices"
)

// Union returns the commit's system with everything in it that a ledger still knows: versions, migrations,
// releases, components, keyspaces and stores that were deleted from the spec but may be the way back. What is
// desired comes from the commit alone: a component that only the ledger knows is Removed and has no desired
// release, a keyspace that only the ledger knows has no desired version and RetireOf says what becomes of it, a version that only
// the ledger knows is Retired.
//
// Have is what was observed by the recorded definitions. A version is alive if units of it may exist or a running
// release writes it, a release if it runs; what was not observed is alive, so that the zero Observed doubts nothing.
// What is alive does not change: a shape may be widened (Subsumes), a release may read more; any other difference
// is in the Diagnostics returned. What is not alive may be mended in the spec, and leaves the catalogue where it
// stands in the way of the commit: a version that cannot be told from one of the commit's, a keyspace whose keys
// are another's now.
//
// A migration may always be mended, since units that fail it could be helped in no other way. Where units of both its
// versions may exist, what the one before has made stands beside what this one makes: that is one of the Warnings.
//
// With Diagnostics the system is returned too, with both of what is in conflict.
func Union(commit, recorded Desired, have Observed) (Desired, error) {
	u := union{commit: commit, recorded: recorded, have: have}
	out := commit
	out.Stores = merge(commit.Stores, recorded.Stores, Store.id)
	out.Keyspaces = u.keyspaces()
	out.Components = u.components()
	out.Warnings = slices.Concat(commit.Warnings, u.warnings).Sorted()
	return out, u.problems.Sorted().Err()
}

// union is one Union under way.
type union struct {
	commit, recorded Desired
	have             Observed
	dropped          []written // recorded versions that are left out
	problems         Diagnostics
	warnings         Diagnostics
}

// written names a version of a keyspace.
type written struct {
	keyspace string
	version  Version
}

func (s Store) id() string     { return s.Name }
func (k Keyspace) id() string  { return k.Name }
func (c Component) id() string { return c.Name }
func (r Release) id() string   { return r.Name }
func (s Shape) id() string     { return string(s.Version) }
func (m Migration) id() string { return string(m.To) }

// merge returns the commit's list and what only the recorded one has, by name. Names are in semver order, and
// those that are no versions follow by name.
func merge[T any](commit, recorded []T, id func(T) string) []T {
	out := slices.Clone(commit)
	for _, r := range recorded {
		if !slices.ContainsFunc(commit, func(c T) bool { return id(c) == id(r) }) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b T) int {
		return cmp.Or(Version(id(a)).Compare(Version(id(b))), cmp.Compare(id(a), id(b)))
	})
	return out
}

func (u *union) problem(d Diagnostic) { u.problems = append(u.problems, d) }
