package diff

import (
	"cmp"
	"slices"

	"keyshift.dev/state"
)

// KeyspaceDiff is what one commit changes about a keyspace of another, whether its units have to move or not.
type KeyspaceDiff struct {
	Keyspace   string          `json:"keyspace"`
	Kind       Edited          `json:"kind"`
	From       state.Version   `json:"from,omitempty"`       // desired in the base, empty if Added
	To         state.Version   `json:"to,omitempty"`         // desired in the head, empty if Removed
	Settings   []Setting       `json:"settings,omitempty"`   // of the keyspace: store, strategy
	Versions   []VersionDiff   `json:"versions,omitempty"`   // the move from From to To first, then by version
	Migrations []state.Version `json:"migrations,omitempty"` // targets of migrations that both commits have, and not alike; sorted
	Releases   []ReleaseUse    `json:"releases,omitempty"`   // of both commits that use it, by component, in their order
}

// Edited says whether a thing is new, gone, or another.
type Edited string

// The ways in which a thing may differ between two commits.
const (
	Added   Edited = "added"
	Removed Edited = "removed"
	Changed Edited = "changed"
	Moved   Edited = "moved" // of a VersionDiff: the desired version is another
)

// Setting is something about a keyspace or a version that is not part of its value: keys, type, encoding, ttl.
type Setting struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// VersionDiff compares two shapes: those of two versions (Moved, or Added against the version that its migration
// starts from), or of one version in both commits (Changed). From is empty if there is nothing to compare with, To if
// the version is Removed.
type VersionDiff struct {
	Kind          Edited          `json:"kind"`
	From          state.Version   `json:"from,omitempty"`
	To            state.Version   `json:"to,omitempty"`
	Settings      []Setting       `json:"settings,omitempty"`
	Fields        []FieldDiff     `json:"fields,omitempty"` // in the order of the new shape, what is gone last
	Compatibility Compatibility   `json:"compatibility,omitempty"`
	Route         []state.Version `json:"route,omitempty"`    // of the migrations between the two, both included; none: no migration leads there
	Strategy      state.Strategy  `json:"strategy,omitempty"` // of a move that converts no unit
	Lost          []state.Loss    `json:"lost,omitempty"`     // what going back does not restore of From
	LostBack      []state.Loss    `json:"lostBack,omitempty"` // what going there again does not restore of To
}

// Exact tells whether every unit survives the way there and back.
func (v VersionDiff) Exact() bool { return len(v.Route) > 0 && len(v.Lost) == 0 }

// Compatibility says which readers read which units.
type Compatibility string

// The kinds of compatibility, proved by state.Subsumes.
const (
	FullyCompatible    Compatibility = "compatible" // readers of either read units of both
	BackwardCompatible Compatibility = "backward"   // readers of the new shape read units of the old one
	ForwardCompatible  Compatibility = "forward"    // readers of the old shape read units of the new one
	Breaking           Compatibility = "breaking"   // neither
)

// ReleaseUse is what a release does to the versions of a KeyspaceDiff.
type ReleaseUse struct {
	Component string          `json:"component"`
	Release   string          `json:"release"`
	Kind      Edited          `json:"kind,omitempty"`   // empty if both commits have it alike
	Before    bool            `json:"before,omitempty"` // desired in the base
	After     bool            `json:"after,omitempty"`  // desired in the head
	Reads     []state.Version `json:"reads,omitempty"`  // of From and To
	Writes    state.Version   `json:"writes,omitempty"`
}

// Schemas compares the keyspaces of two commits, sorted by name; those that are alike are left out. The shapes of the
// base are taken as applied: where a migration is known to one commit only, it counts.
func Schemas(base, head state.Desired) []KeyspaceDiff {
	var out []KeyspaceDiff
	for _, now := range head.Keyspaces {
		then, ok := base.FindKeyspace(now.Name)
		d := KeyspaceDiff{Keyspace: now.Name, Kind: Changed, From: then.Version, To: now.Version}
		if !ok {
			d.Kind = Added
		}
		d.compare(then, now)
		if d.Kind == Added || d.differs() {
			out = append(out, d)
		}
	}
	for _, then := range base.Keyspaces {
		if _, ok := head.FindKeyspace(then.Name); !ok {
			out = append(out, KeyspaceDiff{Keyspace: then.Name, Kind: Removed, From: then.Version})
		}
	}
	for i := range out {
		out[i].Releases = releaseUses(base, head, out[i])
	}
	slices.SortFunc(out, func(a, b KeyspaceDiff) int { return cmp.Compare(a.Keyspace, b.Keyspace) })
	return out
}

// differs tells whether anything was found.
func (d KeyspaceDiff) differs() bool {
	return d.From != d.To || len(d.Settings)+len(d.Versions)+len(d.Migrations) > 0
}

// Move returns the comparison of the two desired versions, and whether they are two.
func (d KeyspaceDiff) Move() (VersionDiff, bool) {
	if len(d.Versions) > 0 && d.Versions[0].Kind == Moved {
		return d.Versions[0], true
	}
	return VersionDiff{}, false
}

// compare fills in what differs between a keyspace then and now; then is zero if there was none.
func (d *KeyspaceDiff) compare(then, now state.Keyspace) {
	if d.Kind == Changed {
		d.Settings = settings("store", then.Store, now.Store, "strategy", strategy(then), strategy(now))
	}
	both := joint(then, now)
	var covered []state.Version
	if from, ok := then.FindShape(then.Version); ok && d.From != d.To {
		to, _ := now.FindShape(now.Version)
		move := between(both, from, to)
		move.Kind = Moved
		if now.Policy.Strategy.Empties() {
			move.Strategy = now.Policy.Strategy
		}
		d.Versions, covered = append(d.Versions, move), move.Route
	}
	for _, s := range now.Shapes {
		old, had := then.FindShape(s.Version)
		if !had && slices.Contains(covered, s.Version) {
			continue
		}
		if v, ok := version1(both, s, old, had); ok {
			d.Versions = append(d.Versions, v)
		}
	}
	for _, s := range then.Shapes {
		if _, kept := now.FindShape(s.Version); !kept {
			d.Versions = append(d.Versions, VersionDiff{Kind: Removed, From: s.Version})
		}
	}
	for _, m := range now.Migrations {
		if old, ok := then.FindMigration(m.To); ok && state.DefinitionDigest(old) != state.DefinitionDigest(m) {
			d.Migrations = append(d.Migrations, m.To)
		}
	}
}

// version1 compares one version of the head with what it was in the base, or with what it migrates from.
func version1(both state.Keyspace, now, then state.Shape, had bool) (VersionDiff, bool) {
	if had {
		if state.DefinitionDigest(then) == state.DefinitionDigest(now) {
			return VersionDiff{}, false
		}
		v := compareShapes(then, now, nil)
		v.Kind = Changed
		return v, true
	}
	m, ok := both.FindMigration(now.Version)
	from, declared := both.FindShape(m.From)
	if !ok || !declared {
		v := compareShapes(state.Shape{}, now, nil)
		v.Kind, v.Compatibility = Added, ""
		return v, true
	}
	v := between(both, from, now)
	v.Kind = Added
	return v, true
}

// joint is a keyspace with the shapes and migrations of both commits, those of the head first.
func joint(then, now state.Keyspace) state.Keyspace {
	out := now
	out.Shapes, out.Migrations = slices.Clone(now.Shapes), slices.Clone(now.Migrations)
	for _, s := range then.Shapes {
		if _, ok := now.FindShape(s.Version); !ok {
			out.Shapes = append(out.Shapes, s)
		}
	}
	for _, m := range then.Migrations {
		if _, ok := now.FindMigration(m.To); !ok {
			out.Migrations = append(out.Migrations, m)
		}
	}
	return out
}

// between compares two versions of a keyspace, along the migrations that lead from one to the other.
func between(k state.Keyspace, from, to state.Shape) VersionDiff {
	there, ok := Path(k, from.Version, to.Version)
	back, _ := Path(k, to.Version, from.Version)
	v := compareShapes(from, to, there)
	if !ok {
		return v
	}
	v.Route = []state.Version{from.Version}
	for _, h := range there {
		v.Route = append(v.Route, h.To)
	}
	v.Lost, v.LostBack = Losses(there), Losses(back)
	return v
}

func strategy(k state.Keyspace) string {
	return string(cmp.Or(k.Policy.Strategy, state.StrategyOnline))
}

// settings takes triples of a name, what was and what is, and returns those that differ.
func settings(triples ...string) []Setting {
	var out []Setting
	for t := range slices.Chunk(triples, 3) {
		if t[1] != t[2] {
			out = append(out, Setting{t[0], t[1], t[2]})
		}
	}
	return out
}
