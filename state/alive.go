package state

import "slices"

// runs tells whether a release of a recorded component may act: it was seen, or something that no release names
// was, or nobody looked.
func (u *union) runs(c Component, release string) bool {
	live, ok := u.have.FindRunning(c.Name)
	return !ok || len(live.Unknown) > 0 || live.Template == release || slices.Contains(live.Releases, release)
}

// alive tells whether units of a recorded version may exist, or may be written at any time.
func (u *union) alive(k Keyspace, v Version) bool {
	live, ok := u.have.FindLive(k.Name)
	if !ok || live.Record.Rewritten == v || u.written(k.Name, v) {
		return true
	}
	return slices.ContainsFunc(live.Record.Present, func(c Class) bool { return c.Has(v) }) ||
		slices.ContainsFunc(slices.Concat(live.Counts, live.Mixed), func(n Count) bool { return n.Units > 0 && n.Class.Has(v) })
}

// missed tells whether a recorded version is alive in units, writes or records that no version which the commit
// keeps speaks for. A unit of an optional field's version without that field is one of the version before as well.
func (u *union) missed(k, r Keyspace, v Version) bool {
	live, ok := u.have.FindLive(r.Name)
	if !ok || live.Record.Rewritten == v || u.written(r.Name, v) {
		return true
	}
	alone := func(c Class) bool { return c.Has(v) && !slices.ContainsFunc(c.Versions(), kept(k, r)) }
	return slices.ContainsFunc(live.Record.Present, alone) ||
		slices.ContainsFunc(slices.Concat(live.Counts, live.Mixed), func(n Count) bool { return n.Units > 0 && alone(n.Class) })
}

// kept returns what tells whether the commit declares a recorded version, as it was or wider.
func kept(k, r Keyspace) func(Version) bool {
	return func(v Version) bool {
		now, declared := k.FindShape(v)
		then, known := r.FindShape(v)
		return declared && known && Subsumes(now, then)
	}
}

// inhabited tells whether a recorded keyspace may have units of any kind.
func (u *union) inhabited(k Keyspace) bool {
	live, ok := u.have.FindLive(k.Name)
	return !ok || slices.ContainsFunc(live.Counts, func(n Count) bool { return n.Units > 0 }) ||
		slices.ContainsFunc(k.Shapes, func(s Shape) bool { return u.alive(k, s.Version) })
}

// written tells whether a running release writes a version. What runs may be of the commit already.
func (u *union) written(keyspace string, v Version) bool {
	for _, c := range u.recorded.Components {
		releases := c.Releases
		for _, now := range u.commit.Components {
			if sameWorkload(now, c) {
				releases = slices.Concat(releases, now.Releases)
			}
		}
		for _, r := range releases {
			if use, ok := r.FindUse(keyspace); ok && use.Writes == v && u.runs(c, r.Name) {
				return true
			}
		}
	}
	return false
}
