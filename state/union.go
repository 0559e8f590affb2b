package state

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// Union returns the commit's system with everything in it that a ledger still knows: versions, migrations,
// releases, components, keyspaces and stores that were deleted from the spec but may be the way back. What is
// desired comes from the commit alone: a component that only the ledger knows is Removed and has no desired
// release, a keyspace that only the ledger knows has no desired version and is kept as it is.
//
// An applied definition does not change. A shape may be widened (Subsumes); any other difference between the
// commit's and the recorded definition of a version or a release is in the Diagnostics returned.
func Union(commit, recorded Desired) (Desired, error) {
	out := commit
	var ds Diagnostics
	out.Stores = merge(commit.Stores, recorded.Stores, Store.id, func(s, _ Store) Store { return s })
	out.Keyspaces = merge(commit.Keyspaces, retired(recorded.Keyspaces), Keyspace.id, func(c, r Keyspace) Keyspace {
		return uniteKeyspace(c, r, &ds)
	})
	out.Components = merge(commit.Components, removed(recorded.Components), Component.id, func(c, r Component) Component {
		return uniteComponent(c, r, &ds)
	})
	return out, ds.Sorted().Err()
}

func (s Store) id() string     { return s.Name }
func (k Keyspace) id() string  { return k.Name }
func (c Component) id() string { return c.Name }
func (r Release) id() string   { return r.Name }
func (s Shape) id() string     { return string(s.Version) }
func (m Migration) id() string { return string(m.To) }

// merge unites two lists by name; unite makes one of what both have. Names are in semver order, and those that
// are no versions follow by name.
func merge[T any](commit, recorded []T, id func(T) string, unite func(commit, recorded T) T) []T {
	var out []T
	for _, c := range commit {
		i := slices.IndexFunc(recorded, func(r T) bool { return id(r) == id(c) })
		if i >= 0 {
			c = unite(c, recorded[i])
		}
		out = append(out, c)
	}
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

func retired(ks []Keyspace) []Keyspace {
	out := slices.Clone(ks)
	for i := range out {
		out[i].Version = ""
	}
	return out
}

func removed(cs []Component) []Component {
	out := slices.Clone(cs)
	for i := range out {
		out[i].Release, out[i].Removed = "", true
	}
	return out
}

func uniteKeyspace(c, r Keyspace, ds *Diagnostics) Keyspace {
	c.Shapes = merge(c.Shapes, r.Shapes, Shape.id, func(now, then Shape) Shape {
		if !sameDefinition(now, then) && !Subsumes(now, then) {
			*ds = append(*ds, Diagnostic{
				Code: "version-changed", Pos: now.Pos,
				Path:    fmt.Sprintf("system.keyspaces.%s.versions.%q", c.Name, now.Version),
				Message: fmt.Sprintf("version %s of keyspace %s was applied with another shape, and the new one does not take all its units", now.Version, c.Name),
				Hint:    "restore the applied shape and add a new version with a migration",
			})
		}
		return now
	})
	c.Migrations = merge(c.Migrations, r.Migrations, Migration.id, func(now, _ Migration) Migration { return now })
	return c
}

func uniteComponent(c, r Component, ds *Diagnostics) Component {
	c.Releases = merge(c.Releases, r.Releases, Release.id, func(now, then Release) Release {
		if !sameDefinition(now, then) {
			*ds = append(*ds, Diagnostic{
				Code: "release-changed", Pos: now.Pos,
				Path:    fmt.Sprintf("system.components.%s.releases.%q", c.Name, now.Name),
				Message: fmt.Sprintf("release %s of component %s was applied with other images or uses", now.Name, c.Name),
				Hint:    "restore the applied release and give the new one its own name",
			})
		}
		return now
	})
	return c
}

// sameDefinition compares two definitions without the places they stand at.
func sameDefinition(a, b any) bool { return bytes.Equal(definition(a), definition(b)) }

// DefinitionDigest names a definition by its content without the places it stands at: reformatting a spec
// changes no digest.
func DefinitionDigest(v any) Digest { return DigestOf(json.RawMessage(definition(v))) }

func definition(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("state: a definition that JSON cannot hold: " + err.Error())
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		panic("state: a definition that JSON cannot read back: " + err.Error())
	}
	dropPositions(tree)
	out, err := json.Marshal(tree)
	if err != nil {
		panic("state: a definition that JSON cannot hold: " + err.Error())
	}
	return out
}

// dropPositions deletes every "pos" of a decoded definition. Names that users choose are values in it, never keys
// (but for Test.Key, which no catalogue compares).
func dropPositions(tree any) {
	switch t := tree.(type) {
	case map[string]any:
		delete(t, "pos")
		for _, v := range t {
			dropPositions(v)
		}
	case []any:
		for _, v := range t {
			dropPositions(v)
		}
	}
}
