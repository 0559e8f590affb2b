package schema

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// writer is a release that writes a version of a keyspace, by fields or whole.
type writer struct {
	component, release string
	use                state.Use
}

// checkMixes refuses releases whose writes of single fields could change a unit of another version without a trace.
//
// A release that writes single fields writes those of its version also onto a unit that has become another one: while
// it runs beside a writer of that version. Where the unit then fits no version, or says by a field of its own whose
// write it was, the side is known. It is not where both versions have a field of that name that the migration changes,
// and where the other version is open and admits the field as something it does not know.
func (c checker) checkMixes() {
	writers := map[string][]writer{}
	for _, x := range c.desired.Components {
		for _, rel := range x.Releases {
			for _, u := range rel.Uses {
				if u.Writes != "" {
					writers[u.Keyspace] = append(writers[u.Keyspace], writer{x.Name, rel.Name, u})
				}
			}
		}
	}
	for _, k := range c.desired.Keyspaces {
		said := map[[2]state.Version]bool{}
		for _, w := range writers[k.Name] {
			if w.use.Updates != state.UpdatesFields || c.broken[k.Name] {
				continue
			}
			for _, other := range writers[k.Name] {
				pair := [2]state.Version{w.use.Writes, other.use.Writes}
				if pair[0] != pair[1] && !said[pair] {
					said[pair] = c.checkMix(k, w, other.use.Writes)
				}
			}
		}
	}
}

// checkMix checks the fields of a writer's version against another; said tells whether it found something.
func (c checker) checkMix(k state.Keyspace, w writer, other state.Version) (said bool) {
	path := []string{"system", "components", w.component, "releases", w.release, "uses", k.Name, "updates"}
	mine, _ := k.FindShape(w.use.Writes)
	theirs, _ := k.FindShape(other)
	a, okA := single(mine.Value)
	b, okB := single(theirs.Value)
	switch {
	case mine.Type != state.Hash:
		c.problem(path, "updates", fmt.Sprintf("a %s has no fields that a release could write one by one", redisType(mine.Type)), `remove updates, or write updates: "value"`)
		return true
	case theirs.Type != state.Hash || mine.Keys != theirs.Keys || !okA || !okB:
		return false // a write by fields fails, or goes to another key
	}
	var shared, unseen []string
	for _, f := range a.Fields {
		g, declared := findAny(b, f.Name)
		switch {
		case f.Forbidden, g.Forbidden, carriesTo(k, w.use.Writes, other, f.Name):
		case declared && state.Mixes(mine, theirs, f.Name):
			shared = append(shared, f.Name)
		case !declared && b.Open:
			unseen = append(unseen, f.Name)
		}
	}
	if len(shared) > 0 {
		c.problem(path, "mixed-fields", fmt.Sprintf("the release writes single fields of %s, and %s has %s with another meaning: on a unit of %s nobody could tell whose write it was",
			mine.Version, other, strings.Join(shared, ", "), other), fmt.Sprintf("give changed fields of %s new names, or let the release write whole values", newerOf(mine.Version, other)))
	}
	if len(unseen) > 0 {
		c.problem(path, "mixed-fields", fmt.Sprintf("the release writes single fields of %s, and %s is open: on a unit of %s a write of %s would be lost without a trace",
			mine.Version, other, other, strings.Join(unseen, ", ")), fmt.Sprintf("forbid them in %s (%s?: _|_), close it, or let the release write whole values", other, unseen[0]))
	}
	return len(shared)+len(unseen) > 0
}

func newerOf(a, b state.Version) state.Version {
	if a.Compare(b) > 0 {
		return a
	}
	return b
}

func findAny(a state.Alt, name string) (state.Field, bool) {
	i := slices.IndexFunc(a.Fields, func(f state.Field) bool { return f.Name == name })
	if i < 0 {
		return state.Field{}, false
	}
	return a.Fields[i], true
}

// carriesTo tells whether the migrations from one version to another carry a field as it is. Without a way between
// them, nothing is known of it.
func carriesTo(k state.Keyspace, from, to state.Version, name string) bool {
	if from.Compare(to) > 0 {
		from, to = to, from
	}
	for from != to {
		m, ok := k.FindMigration(to)
		if !ok || m.From.Compare(from) < 0 || m.From.Compare(to) >= 0 || !carries(m.Up, name) || !carries(m.Down, name) {
			return false
		}
		to = m.From
	}
	return true
}

func carries(p state.Program, name string) bool {
	if p.Body.Op == state.OpPath {
		return len(p.Body.Path) == 0
	}
	for _, f := range p.Body.Fields {
		if f.Key != nil || f.Name == name && (len(f.If)+len(f.Clauses) > 0 || f.Value.Op != state.OpPath || !slices.Equal(f.Value.Path, []string{name})) {
			return false
		}
	}
	return slices.ContainsFunc(p.Body.Fields, func(f state.FieldExpr) bool { return f.Name == name })
}
