package state

import (
	"fmt"
	"slices"
)

func (u *union) keyspaces() []Keyspace {
	var now, then []Keyspace
	for _, k := range u.commit.Keyspaces {
		if r, ok := u.recorded.FindKeyspace(k.Name); ok {
			k = u.keyspace(k, r)
		}
		now = append(now, k)
	}
	for _, r := range u.recorded.Keyspaces {
		if _, ok := u.commit.FindKeyspace(r.Name); !ok && u.keeps(r) {
			then = append(then, r.retired(u.commit.Policy))
		}
	}
	return merge(now, then, Keyspace.id)
}

// keeps tells whether a keyspace that only the ledger knows stays. Where its keys are those of a keyspace of the
// commit now, the two would count and rewrite the same units: it must be gone.
func (u *union) keeps(r Keyspace) bool {
	i := slices.IndexFunc(u.commit.Keyspaces, func(k Keyspace) bool { return u.sameStore(k, r) && k.SharesKeys(r) })
	if i < 0 {
		return true
	}
	if !u.inhabited(r) {
		u.drop(r.Name, r.Shapes...)
		return false
	}
	k := u.commit.Keyspaces[i]
	u.problem(Diagnostic{
		Code: "renamed-keyspace", Pos: k.Pos, Path: "system.keyspaces." + k.Name,
		Message: fmt.Sprintf("a key of keyspace %s may be one of keyspace %s, which was applied and may still have units", k.Name, r.Name),
		Hint:    fmt.Sprintf("keep the name %s, or give %s other keys; the name is free once no unit is left and no running release writes one", r.Name, k.Name),
	})
	return true
}

// SharesKeys tells whether some key may belong to both keyspaces, in any of their versions.
func (k Keyspace) SharesKeys(o Keyspace) bool {
	return slices.ContainsFunc(k.Shapes, func(x Shape) bool {
		return slices.ContainsFunc(o.Shapes, func(y Shape) bool { return keysMayOverlap(x, y) })
	})
}

// sameStore tells whether a keyspace of the commit is in the store of a recorded one, by name or by place.
func (u *union) sameStore(k, r Keyspace) bool {
	return k.Store == r.Store || u.commit.place(k.Store) != "" && u.commit.place(k.Store) == u.recorded.place(r.Store)
}

// place says where the store of a name is, "" if it is not declared.
func (d Desired) place(store string) string {
	i := slices.IndexFunc(d.Stores, func(s Store) bool { return s.Name == store })
	if i < 0 {
		return ""
	}
	switch s := d.Stores[i]; {
	case s.Sentinel != nil:
		return fmt.Sprint("sentinel ", s.Sentinel.Master, s.Sentinel.Addresses, s.Database)
	case s.Cluster != nil:
		return fmt.Sprint("cluster ", s.Cluster.Addresses)
	default:
		return fmt.Sprint(s.Address, " ", s.Database)
	}
}

func (u *union) drop(keyspace string, shapes ...Shape) {
	for _, s := range shapes {
		u.dropped = append(u.dropped, written{keyspace, s.Version})
	}
}

// keyspace unites a keyspace of the commit with the recorded one of its name.
func (u *union) keyspace(k, r Keyspace) Keyspace {
	if !u.sameStore(k, r) {
		if !u.inhabited(r) {
			u.drop(r.Name, only(r.Shapes, k)...)
			return k
		}
		u.problem(Diagnostic{
			Code: "keyspace-moved", Pos: k.Pos, Path: "system.keyspaces." + k.Name + ".store",
			Message: fmt.Sprintf("keyspace %s was applied in store %s and may still have units there; moving a keyspace to another store is not supported yet", k.Name, r.Store),
			Hint:    fmt.Sprintf("keep it in store %s, or give the keyspace in store %s another name", r.Store, k.Store),
		})
	}
	for _, now := range k.Shapes {
		then, ok := r.FindShape(now.Version)
		then.Retired = now.Retired
		if ok && u.alive(r, now.Version) && !sameDefinition(now, then) && !Subsumes(now, then) {
			u.problem(Diagnostic{
				Code: "version-changed", Pos: now.Pos,
				Path:    fmt.Sprintf("system.keyspaces.%s.versions.%q", k.Name, now.Version),
				Message: fmt.Sprintf("version %s of keyspace %s was applied with another shape and may exist, and the new one does not take all its units", now.Version, k.Name),
				Hint:    "restore the applied shape and add a new version with a migration",
			})
		}
	}
	u.migrations(k, r)
	return u.versions(k, r)
}

// migrations warns of those that differ from what was applied while units of both their versions may exist.
func (u *union) migrations(k, r Keyspace) {
	for _, now := range k.Migrations {
		then, ok := r.FindMigration(now.To)
		then.Derived = now.Derived
		if !ok || sameDefinition(now, then) || !u.alive(r, then.From) || !u.alive(r, then.To) {
			continue
		}
		u.warnings = append(u.warnings, Diagnostic{
			Code: "migration-changed", Pos: now.Pos,
			Path:    fmt.Sprintf("system.keyspaces.%s.migrations.%q", k.Name, now.To),
			Message: fmt.Sprintf("the migration of keyspace %s to %s was applied with another definition, and units that it made may exist", k.Name, now.To),
			Hint:    "units that are there already stay as they are: if they must change, too, restore the migration and add a new version",
		})
	}
}

// only returns the recorded shapes of versions that the commit does not declare.
func only(shapes []Shape, k Keyspace) []Shape {
	return slices.DeleteFunc(slices.Clone(shapes), func(s Shape) bool {
		_, ok := k.FindShape(s.Version)
		return ok
	})
}

// versions adds the versions that only the ledger knows. The versions of a commit are told apart by vet; one that
// it does not see must be told from them as well, or a unit at the one passes for the other, is taken to be done,
// and the other's migration never runs.
func (u *union) versions(k, r Keyspace) Keyspace {
	all := k
	all.Shapes = merge(k.Shapes, r.Shapes, Shape.id)
	all.Migrations = merge(k.Migrations, r.Migrations, Migration.id)
	var gone []Version
	for _, then := range only(r.Shapes, k) {
		for _, now := range k.Shapes {
			overlap, apart := ToldApart(all, now.Version, then.Version)
			if apart {
				continue
			}
			if !u.needed(k, r, then.Version) {
				u.drop(k.Name, then)
				gone = append(gone, then.Version)
				break
			}
			u.problem(Diagnostic{
				Code: "not-told-apart", Pos: now.Pos,
				Path:    fmt.Sprintf("system.keyspaces.%s.versions.%q", k.Name, now.Version),
				Message: fmt.Sprintf("%s cannot be told from %s, which was applied and may still exist: %s", now.Version, then.Version, overlap),
				Hint:    fmt.Sprintf("add a required field to %s that %s does not have, for example a constant v: 2, or go back from %s first", now.Version, then.Version, then.Version),
			})
		}
	}
	left := func(v Version) bool { return !slices.Contains(gone, v) }
	all.Shapes = slices.DeleteFunc(all.Shapes, func(s Shape) bool { return !left(s.Version) })
	all.Migrations = slices.DeleteFunc(all.Migrations, func(m Migration) bool { return !left(m.From) || !left(m.To) })
	for i, s := range all.Shapes {
		if _, ok := k.FindShape(s.Version); !ok {
			all.Shapes[i].Retired = true
		}
	}
	return all
}

// needed tells whether a version that only the ledger knows is missed, or on the way back from one that is.
func (u *union) needed(k, r Keyspace, v Version) bool {
	if u.missed(k, r, v) {
		return true
	}
	return slices.ContainsFunc(r.Migrations, func(m Migration) bool {
		_, declared := k.FindShape(m.To)
		return m.From == v && m.To.Compare(v) > 0 && !declared && u.needed(k, r, m.To)
	})
}
