package plan

import (
	"cmp"
	"slices"
)

// excess is how far a draft is from a declared release: versions that it reads and that one does not, then keyspaces to
// which it writes something else.
type excess struct{ beyond, differs int }

func (a excess) compare(b excess) int {
	return cmp.Or(cmp.Compare(a.beyond, b.beyond), cmp.Compare(a.differs, b.differs))
}

// compare puts the smaller draft first, and of equal ones that of the first component.
func (d *drafter) compare(a, b draft) int {
	return cmp.Or(d.excess(a).compare(d.excess(b)), cmp.Compare(a.comp, b.comp))
}

// excess compares a draft with the nearest of the declared releases that it could be made from: the draft reads all that
// such a release reads, and writes where it writes, unless it is silent. It has none if it could be made from none.
func (d *drafter) excess(s draft) (least excess) {
	least = noBase
	for _, r := range d.want.Components[s.comp].Releases {
		e := excess{}
		for i, ki := range s.keys {
			k := d.want.Keyspaces[ki]
			u, _ := r.FindUse(k.Name)
			if u.Writes != s.writes[i] {
				e.differs++
			}
			if u.Writes == "" && s.writes[i] != "" || u.Writes != "" && s.writes[i] == "" && !s.silent {
				e = noBase
				break
			}
			for v, shape := range k.Shapes {
				switch declared := u.Reads.Contains(shape.Version); {
				case s.reads[i].has(v) && !declared:
					e.beyond++
				case declared && !s.reads[i].has(v):
					e.beyond = noBase.beyond
				}
			}
		}
		if e.beyond < noBase.beyond && e.compare(least) < 0 {
			least = e
		}
	}
	return least
}

// noBase is more than any draft has that could be made from a declared release.
var noBase = excess{beyond: 1 << 20}

// shrink returns one of some drafts with as few reads as will do beside the others: the least of all if there are not
// too many to try, else one of which neither end of any range can be left out.
func (d *drafter) shrink(some []draft, at int) draft {
	enough := func(s draft) bool {
		with := slices.Clone(some)
		with[at] = s
		_, ok := d.search(with)
		return ok
	}
	best := some[at]
	for _, s := range d.readings(best) {
		if d.excess(s).compare(d.excess(best)) >= 0 || d.tries < bridgeTries/4 {
			break
		}
		if enough(s) {
			return s
		}
	}
	for again := true; again; {
		again = false
		for i := range best.keys {
			for _, less := range best.reads[i].less() {
				s := best.reading(i, less)
				if d.sensible(s, i) && d.excess(s).compare(d.excess(best)) < 0 && enough(s) {
					best, again = s, true
				}
			}
		}
	}
	return best
}

func (s draft) reading(i int, reads span) draft {
	s.reads = slices.Clone(s.reads)
	s.reads[i] = reads
	return s
}

// less returns a span without one of its ends.
func (s span) less() []span {
	switch {
	case s == noSpan:
		return nil
	case s.low == s.high:
		return []span{noSpan}
	}
	return []span{{s.low + 1, s.high}, {s.low, s.high - 1}}
}

// sensible tells whether a release that reads a keyspace reads what it writes there.
func (d *drafter) sensible(s draft, i int) bool {
	if s.reads[i] == noSpan || s.writes[i] == "" {
		return true
	}
	for v, shape := range d.want.Keyspaces[s.keys[i]].Shapes {
		if shape.Version == s.writes[i] {
			return s.reads[i].has(v)
		}
	}
	return true
}

// readings returns every way to read that a draft has, the smallest first; none if there are too many.
func (d *drafter) readings(s draft) []draft {
	out := []draft{s}
	for i, ki := range s.keys {
		if s.reads[i] == noSpan {
			continue
		}
		versions := len(d.want.Keyspaces[ki].Shapes)
		var next []draft
		for _, t := range out {
			next = append(next, t.reading(i, noSpan))
			for low := range versions {
				for high := low; high < versions; high++ {
					if u := t.reading(i, span{low, high}); d.sensible(u, i) {
						next = append(next, u)
					}
				}
			}
		}
		if out = next; len(out) > bridgeReads {
			return nil
		}
	}
	slices.SortStableFunc(out, d.compare)
	return out
}
