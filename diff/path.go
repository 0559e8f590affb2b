package diff

import (
	"slices"

	"keyshift.dev/state"
)

// Hop is one program on the way from a version to another.
type Hop struct {
	From, To state.Version
	Program  state.Program
}

// Path returns the programs that lead from one version to another, the fewest that do, and whether there is a way.
func Path(k state.Keyspace, from, to state.Version) ([]Hop, bool) {
	came := map[state.Version]Hop{}
	queue := []state.Version{from}
	for len(queue) > 0 && queue[0] != to {
		at := queue[0]
		queue = queue[1:]
		for _, h := range hops(k, at) {
			if _, seen := came[h.To]; !seen && h.To != from {
				came[h.To] = h
				queue = append(queue, h.To)
			}
		}
	}
	if len(queue) == 0 {
		return nil, false
	}
	var path []Hop
	for at := to; at != from; at = came[at].From {
		path = append(path, came[at])
	}
	slices.Reverse(path)
	return path, true
}

// hops returns the single steps that leave a version, sorted by where they lead.
func hops(k state.Keyspace, at state.Version) []Hop {
	var out []Hop
	for _, m := range k.Migrations {
		if m.From == at {
			out = append(out, Hop{at, m.To, m.Up})
		}
		if m.To == at {
			out = append(out, Hop{at, m.From, m.Down})
		}
	}
	slices.SortFunc(out, func(a, b Hop) int { return a.To.Compare(b.To) })
	return out
}

// Route returns the shortest path from a class to a version: from the version of the class that has the fewest
// hops to go, the highest of several.
func Route(k state.Keyspace, from state.Class, to state.Version) (best []Hop, ok bool) {
	for _, v := range from.Versions() {
		if path, found := Path(k, v, to); found && (!ok || len(path) <= len(best)) {
			best, ok = path, true
		}
	}
	return best, ok
}

// Losses returns what the programs of a path lose, in their order, equal ones once.
func Losses(path []Hop) []state.Loss {
	var out []state.Loss
	for _, h := range path {
		for _, l := range h.Program.Losses {
			if !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	return out
}
