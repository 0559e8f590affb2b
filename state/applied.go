package state

import (
	"maps"
	"slices"
	"strings"
)

// Goals are what is wanted of a system, without the definitions of it.
type Goals struct {
	Components map[string]string  `json:"components,omitempty"` // release by component; empty once it is removed
	Keyspaces  map[string]Version `json:"keyspaces,omitempty"`  // version by keyspace; empty once it is removed
}

// Applied is a revision for which nothing was left to do.
type Applied struct {
	Revision string `json:"revision,omitempty"` // of the spec; empty if nobody named one
	At       string `json:"at"`                 // when that was observed first, RFC 3339 in UTC

	// Goals are those that are other than before it; of the oldest revision, all.
	Goals
}

// MaxApplied is how many applied revisions a ledger keeps.
const MaxApplied = 10

// GoalsOf returns what a system wants, without what Keyshift does not roll out. Of what is removed from it that is nothing,
// and not what was wanted of it once.
func GoalsOf(d Desired) Goals {
	g := Goals{map[string]string{}, map[string]Version{}}
	for _, c := range d.Components {
		switch {
		case c.External:
		case c.Removed:
			g.Components[c.Name] = ""
		default:
			g.Components[c.Name] = c.Release
		}
	}
	for _, k := range d.Keyspaces {
		g.Keyspaces[k.Name] = k.Version
	}
	return g
}

// GoalsAt returns everything that was applied once the revision at an index was.
func GoalsAt(list []Applied, index int) Goals {
	g := Goals{map[string]string{}, map[string]Version{}}
	for _, a := range list[:index+1] {
		maps.Copy(g.Components, a.Components)
		maps.Copy(g.Keyspaces, a.Keyspaces)
	}
	return g
}

// WithApplied adds to the applied revisions, the oldest first, one with what is applied now, and tells whether that is
// news: not if it is what was applied before, by a revision of any name. Of more than MaxApplied the two oldest become one.
func WithApplied(list []Applied, revision, at string, now Goals) (with []Applied, news bool) {
	before := Goals{}
	if len(list) > 0 {
		before = GoalsAt(list, len(list)-1)
	}
	next := Applied{Revision: revision, At: at, Goals: Goals{others(before.Components, now.Components), others(before.Keyspaces, now.Keyspaces)}}
	out := slices.Clone(list)
	if len(next.Components)+len(next.Keyspaces) == 0 {
		if len(out) == 0 || out[len(out)-1].Revision != "" || revision == "" {
			return list, false
		}
		out[len(out)-1].Revision, out[len(out)-1].At = revision, at
		return out, true
	}
	out = append(out, next)
	if len(out) > MaxApplied {
		out[1].Goals = GoalsAt(out, 1)
		out = out[1:]
	}
	return out, true
}

// others returns the goals that are new or other than before.
func others[T comparable](before, now map[string]T) map[string]T {
	out := map[string]T{}
	for name, goal := range now {
		if have, found := before[name]; !found || have != goal {
			out[name] = goal
		}
	}
	return out
}

// FindApplied returns the index of the newest applied revision of that name, or of a commit whose hash begins with it, and
// whether there is one.
func FindApplied(list []Applied, revision string) (int, bool) {
	for i := len(list) - 1; i >= 0; i-- {
		_, hash, _ := strings.Cut(list[i].Revision, ":")
		if revision != "" && (list[i].Revision == revision || hash != "" && len(revision) >= 7 && strings.HasPrefix(hash, revision)) {
			return i, true
		}
	}
	return 0, false
}
