package plan

import (
	"slices"

	"keyshift.dev/state"
)

// batchSize is how many units a rewrite reads before it writes them.
const batchSize = 3

// rewrite converts or discards batch by batch, by compare-and-set, until a whole pass finds nothing to do.
func (w *world) rewrite(want state.Desired, k *stock, s Step, to int) ([]state.Count, error) {
	for range 12 {
		clean := true
		for first := 0; first < len(k.units); first += batchSize {
			read := slices.Clone(k.units[first:min(first+batchSize, len(k.units))])
			if err := w.tick(); err != nil {
				return nil, err
			}
			for i, u := range read {
				did, err := w.convert(want, k, s, first+i, u, to)
				if err != nil {
					return nil, err
				}
				clean = clean && !did
				if err := w.tick(); err != nil {
					return nil, err
				}
			}
		}
		if clean {
			counts, mixed, err := w.count(k)
			if err == nil && s.Mixes && len(mixed) > 0 {
				return nil, errHeld // they have no winner, and count as unfit
			}
			return counts, err
		}
	}
	return nil, flawed("the rewrite of %s to %s does not end", k.def.Name, s.To)
}

// convert brings one unit, as it was read, to a version, and tells whether there was anything to do.
func (w *world) convert(want state.Desired, k *stock, s Step, key int, read unit, to int) (bool, error) {
	mixed := read.mixes&(1<<to) != 0 && s.Mixes && w.wins(want, k, to)
	if read.gone || read.fits&(1<<to) != 0 || read.fits == 0 && !mixed {
		return false, nil
	}
	now := k.units[key]
	if now.id != read.id {
		if w.off != forgetsToCompare {
			return true, nil // a conflict: it is read again
		}
		return true, flawed("a write of the application to unit %d of %s is lost", key, k.def.Name)
	}
	if err := w.unused(want, k); err != nil {
		return false, err
	}
	next := unit{fits: w.value(k, to)}
	if s.Strategy == state.StrategyDiscard {
		next = unit{gone: true}
	}
	if s.Logs() {
		k.logged[read.id] = true
	}
	if err := w.recoverable(k, s, read, to); err != nil {
		return false, err
	}
	w.set(k, key, next, read.born)
	return true, nil
}

// unused makes sure that no pod uses a keyspace that is to be rewritten while nobody does.
func (w *world) unused(want state.Desired, k *stock) error {
	if def, _ := want.FindKeyspace(k.def.Name); def.Policy.Strategy != state.StrategyStop {
		return nil
	}
	for _, c := range w.comps {
		for _, p := range c.pods {
			r, _ := c.def.FindRelease(p.release)
			if _, uses := r.FindUse(k.def.Name); uses {
				return flawed("%s is rewritten beside a pod of %s %s, which uses it", k.def.Name, c.def.Name, p.release)
			}
		}
	}
	return nil
}

// wins tells whether every pod that writes a keyspace writes one version.
func (w *world) wins(want state.Desired, k *stock, to int) bool {
	some := false
	for _, c := range w.comps {
		for _, name := range append(c.releases(), c.template) {
			r, _ := c.def.FindRelease(name)
			if u, ok := r.FindUse(k.def.Name); ok && u.Writes != "" {
				if k.index[u.Writes] != to {
					return false
				}
				some = true
			}
		}
	}
	return some && mends(want, k.def.Name)
}

func (c *workload) releases() (out []string) {
	for _, p := range c.pods {
		out = append(out, p.release)
	}
	return out
}

// recoverable makes sure that a unit which is to be changed is kept: one that loses something or is deleted in the undo
// log, and in a backup if the policy wants one. Of a unit of which a release of another version wrote a single field since,
// the backup holds an earlier state.
func (w *world) recoverable(k *stock, s Step, u unit, to int) error {
	lossy := s.Strategy == state.StrategyDiscard || u.mixes != 0
	if !lossy {
		loses, ok := k.way(u.fits, to)
		if !ok {
			return flawed("unit of %s in %s has no way to %s", k.class(u), k.def.Name, s.To)
		}
		lossy = loses
	}
	if lossy && !k.logged[u.id] {
		return flawed("a unit of %s in %s is changed for good and is not in the undo log", k.class(u), k.def.Name)
	}
	backup := k.def.Policy.Backup
	if u.touched || u.mixes != 0 || backup == state.BackupNever || backup == state.BackupLossy && !lossy {
		return nil
	}
	if !slices.ContainsFunc(k.archives, func(held map[int]bool) bool { return held[u.id] }) {
		return flawed("a unit of %s in %s is changed and in no backup", k.class(u), k.def.Name)
	}
	return nil
}

// way tells whether migrations lead from a unit to a version, and whether the shortest of them lose something. Of several
// that are as short the one from the newest version counts.
func (k *stock) way(fits uint8, to int) (lossy, ok bool) {
	type at struct {
		version int
		lossy   bool
	}
	var now []at
	for v := range k.wider {
		if fits&(1<<v) != 0 {
			now = append(now, at{v, false})
		}
	}
	for range k.wider {
		var next []at
		for _, a := range slices.Backward(now) {
			if a.version == to {
				return a.lossy, true
			}
		}
		for _, a := range now {
			for _, m := range k.def.Migrations {
				from, up := k.index[m.From], k.index[m.To]
				switch a.version {
				case from:
					next = append(next, at{up, a.lossy || len(m.Up.Losses) > 0})
				case up:
					next = append(next, at{from, a.lossy || len(m.Down.Losses) > 0})
				}
			}
		}
		now = next
	}
	return false, false
}

// mayStart makes sure that a rollout to a release that reads less than every pod of its component is not the first to
// meet what fits no version.
func (w *world) mayStart(s Step) error {
	if s.Kind != Rollout {
		return nil
	}
	c := w.workload(s.Object)
	r, _ := c.def.FindRelease(s.To)
	runs := append(c.releases(), c.template)
	if slices.Contains(runs, s.To) {
		return nil
	}
	for _, u := range r.Uses {
		k := w.find(u.Keyspace)
		reads, common, some := k.mask(u.Reads.Contains), uint8(0xff), uint8(0)
		for _, name := range runs {
			old, _ := c.def.FindRelease(name)
			v, _ := old.FindUse(u.Keyspace)
			common &= k.mask(v.Reads.Contains)
			some |= k.mask(v.Reads.Contains)
		}
		if u.Reads == "" || some != 0 && common&^reads == 0 {
			continue
		}
		for key, x := range k.units {
			if !x.gone && x.fits == 0 && !k.readsMixed(x, reads) {
				return flawed("%s %s reads less of %s than what runs, and would be the first to meet unit %d, which fits no version", c.def.Name, r.Name, k.def.Name, key)
			}
		}
	}
	return nil
}

// readsMixed tells whether a release reads the units of each version that a unit mixes.
func (k *stock) readsMixed(u unit, reads uint8) bool {
	for v, wide := range k.wider {
		if u.mixes&(1<<v) != 0 && wide&reads == 0 {
			return false
		}
	}
	return u.mixes != 0
}
