package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// Bounds of the search for a bridge: it is for people who wait for a plan that there is none of.
const (
	bridgeTries    = 300   // catalogues
	bridgeNodes    = 2_000 // visited in one of them
	bridgeAllNodes = 4_000 // and in all
	bridgeDrafts   = 16    // ways to write, of one component
	bridgeReads    = 512   // ways to read, of one release
)

// draft is a release that nobody has declared.
type draft struct {
	comp   int             // in the system
	keys   []int           // keyspaces that releases of its component use
	reads  []span          // by these
	writes []state.Version // by these; empty if it writes nothing
	silent bool            // it may leave out what other releases write
}

// span is a range of declared versions by their places, both included; nothing is read if high is before low.
type span struct{ low, high int }

var noSpan = span{0, -1}

func (s span) has(i int) bool { return s.low <= i && i <= s.high }

// drafter looks for releases that would make a safe order possible.
type drafter struct {
	want  state.Desired
	have  state.Observed
	tries int // left
	nodes int // left
}

// bridges returns the smallest set of releases that it finds with which a system that has no safe order has one: a single
// one if that is enough, and of several such the one that reads the fewest versions beyond what a declared release of
// its component reads, then the one that differs least from it. What it returns was planned with. It returns none if there
// is none, or none within bounds.
func bridges(want state.Desired, have state.Observed) []draft {
	d := &drafter{want, have, bridgeTries, bridgeAllNodes}
	if len(want.Components)+len(want.Keyspaces) > exactObjects {
		return nil
	}
	for _, silent := range []bool{false, true} { // a release that does not write is the last resort
		all := d.drafts(silent)
		if one, ok := d.single(all); ok {
			return []draft{one}
		}
		if some := d.several(all); len(some) > 0 {
			return some
		}
	}
	return nil
}

// single returns the smallest draft that is enough alone.
func (d *drafter) single(all []draft) (best draft, ok bool) {
	for _, one := range all {
		if _, found := d.search([]draft{one}); !found {
			continue
		}
		one = d.shrink([]draft{one}, 0)
		if !ok || d.compare(one, best) < 0 {
			best, ok = one, true
		}
	}
	return best, ok
}

// several returns drafts that are enough together, of which none can be left out.
func (d *drafter) several(all []draft) []draft {
	used, ok := d.search(all)
	if !ok {
		return nil
	}
	some := []draft{}
	for i := range all {
		if slices.Contains(used, i) {
			some = append(some, all[i])
		}
	}
	for i := len(some) - 1; i >= 0; i-- {
		if fewer := slices.Delete(slices.Clone(some), i, i+1); len(fewer) > 0 {
			if _, ok := d.search(fewer); ok {
				some = fewer
			}
		}
	}
	if _, ok := d.search(some); !ok {
		return nil
	}
	for i := range some {
		some[i] = d.shrink(some, i)
	}
	return some
}

// drafts returns for every component releases that read all that it ever reads a version of, one for each way to write
// that its releases have; and with those that are silent also for each way that leaves a keyspace out.
func (d *drafter) drafts(silent bool) (out []draft) {
	for ci, c := range d.want.Components {
		if c.External || c.Removed {
			continue
		}
		one := draft{comp: ci, silent: silent}
		var choices [][]state.Version
		ways := 1
		for ki, k := range d.want.Keyspaces {
			if writes, reads := writing(c, k, silent); len(writes) > 0 {
				span := noSpan
				if reads {
					span.high = len(k.Shapes) - 1
				}
				one.keys, one.reads, choices = append(one.keys, ki), append(one.reads, span), append(choices, writes)
				ways *= len(writes)
			}
		}
		if len(one.keys) == 0 || ways > bridgeDrafts {
			continue
		}
		for way := range ways {
			next := one
			next.writes = nil
			for _, writes := range choices {
				next.writes = append(next.writes, writes[way%len(writes)])
				way /= len(writes)
			}
			if d.excess(next).compare(noBase) < 0 {
				out = append(out, next)
			}
		}
	}
	return out
}

// writing returns what releases of a component write to a keyspace, the oldest first and nothing last, and whether any
// reads it; no choice if none uses it.
func writing(c state.Component, k state.Keyspace, silent bool) (writes []state.Version, reads bool) {
	for _, r := range c.Releases {
		if u, ok := r.FindUse(k.Name); ok {
			reads = reads || u.Reads != ""
			writes = append(writes, u.Writes)
		}
	}
	if silent && len(writes) > 0 {
		writes = append(writes, "")
	}
	slices.SortFunc(writes, func(a, b state.Version) int { return cmp.Or(lastIfEmpty(a, b), a.Compare(b)) })
	return slices.Compact(writes), reads
}

func lastIfEmpty(a, b state.Version) int {
	switch {
	case (a == "") == (b == ""):
		return 0
	case a == "":
		return 1
	}
	return -1
}

// search plans with drafts in the catalogue. It returns the places of those that the order rolls to, and whether there
// is an order.
func (d *drafter) search(some []draft) (used []int, ok bool) {
	if d.tries--; d.tries < 0 || d.nodes <= 0 {
		return nil, false
	}
	want := d.want
	want.Components = slices.Clone(want.Components)
	of := map[move]int{}
	for i, s := range some {
		c := &want.Components[s.comp]
		of[move{moveRollout, s.comp, len(c.Releases)}] = i
		c.Releases = append(slices.Clip(c.Releases), s.release(want))
	}
	b := builder{Index: diff.NewIndex(want, d.have), want: want}
	b.finish()
	m := newModel(b.Index, want)
	m.bound = min(bridgeNodes, d.nodes)
	f := m.search()
	d.nodes -= f.visited
	for _, by := range f.moves {
		if i, hypothetical := of[by]; hypothetical {
			used = append(used, i)
		}
	}
	return used, f.ok
}

// release is the draft as the catalogue would have it.
func (s draft) release(want state.Desired) state.Release {
	r := state.Release{Name: "bridge"}
	for i, ki := range s.keys {
		k := want.Keyspaces[ki]
		if s.reads[i] != noSpan || s.writes[i] != "" {
			r.Uses = append(r.Uses, state.Use{Keyspace: k.Name, Reads: s.reads[i].of(k), Writes: s.writes[i], Updates: state.UpdatesValue})
		}
	}
	return r
}

// of returns the range that has the versions of a keyspace which are in the span, and no other.
func (s span) of(k state.Keyspace) state.Range {
	switch {
	case s == noSpan:
		return ""
	case s.low == s.high:
		return state.Range(k.Shapes[s.low].Version)
	}
	return state.Range(fmt.Sprintf(">=%s <=%s", k.Shapes[s.low].Version, k.Shapes[s.high].Version))
}

// text says what to declare.
func (s draft) text(want state.Desired) string {
	var uses []string
	for i, ki := range s.keys {
		k, reads, writes := want.Keyspaces[ki], s.reads[i], s.writes[i]
		if reads == noSpan {
			if writes != "" {
				uses = append(uses, fmt.Sprintf("writes %s %s", k.Name, writes))
			}
			continue
		}
		text := fmt.Sprintf("reads %s %s", k.Name, reads.of(k))
		if reads.low < reads.high {
			var versions []string
			for _, shape := range k.Shapes[reads.low : reads.high+1] {
				versions = append(versions, string(shape.Version))
			}
			text += " (" + strings.Join(versions, " and ") + ")"
		}
		uses = append(uses, text+" and writes "+cmp.Or(string(writes), "nothing"))
	}
	if len(uses) == 0 {
		uses = []string{"uses nothing"}
	}
	return fmt.Sprintf("a release of %s that %s", want.Components[s.comp].Name, strings.Join(uses, ", "))
}

// bridged says which releases to declare for a safe order, and which units to mend if these stand in the way of any;
// empty if none was found.
func bridged(want state.Desired, have state.Observed) string {
	if text := bridging(want, bridges(want, have)); text != "" {
		return text
	}
	clean, unfit := mended(have)
	if len(unfit) == 0 {
		return ""
	}
	text := bridging(want, bridges(want, clean))
	if text == "" {
		return ""
	}
	return fmt.Sprintf("mend or delete the units of %s that fit no version, and %s", strings.Join(unfit, " and "), text)
}

// mended returns what would be observed if no unit were unfit, and the keyspaces that have such units.
func mended(have state.Observed) (clean state.Observed, unfit []string) {
	clean = have
	clean.Keyspaces = slices.Clone(have.Keyspaces)
	for i, live := range have.Keyspaces {
		l := &clean.Keyspaces[i]
		l.Counts = slices.DeleteFunc(slices.Clone(live.Counts), func(n state.Count) bool { return n.Class == state.Unfit })
		l.Record.Present = slices.DeleteFunc(slices.Clone(live.Record.Present), func(c state.Class) bool { return c == state.Unfit })
		if len(l.Counts) < len(live.Counts) {
			unfit = append(unfit, live.Keyspace)
		}
	}
	return clean, unfit
}

// bridging says to declare releases, empty if there are none.
func bridging(want state.Desired, some []draft) string {
	var texts []string
	for _, s := range some {
		texts = append(texts, s.text(want))
	}
	switch len(texts) {
	case 0:
		return ""
	case 1:
		return "declare " + texts[0] + ", and roll over it"
	}
	return "declare " + strings.Join(texts, "; ") + "; and roll over them"
}
