package diff

import (
	"slices"

	"keyshift.dev/state"
)

// Classes knows which versions of one keyspace take each other's units.
type Classes struct {
	written map[state.Version]state.Class
	closed  map[state.Class]bool // the written ones
}

// ClassesOf compares the shapes of a keyspace.
func ClassesOf(k state.Keyspace) Classes {
	written := make(map[state.Version]state.Class, len(k.Shapes))
	for _, narrow := range k.Shapes {
		versions := []state.Version{narrow.Version}
		for _, wide := range k.Shapes {
			if wide.Version != narrow.Version && state.Subsumes(wide, narrow) {
				versions = append(versions, wide.Version)
			}
		}
		written[narrow.Version] = state.ClassOf(versions...)
	}
	closed := make(map[state.Class]bool, len(written))
	for _, c := range written {
		closed[c] = true
	}
	return Classes{written, closed}
}

// Written returns the class that a writer of v is sure to make: every version whose shape subsumes v's.
func (cs Classes) Written(v state.Version) state.Class {
	if c, ok := cs.written[v]; ok {
		return c
	}
	return state.ClassOf(v)
}

// close adds to a class the versions that take whatever fits it. A class recorded before a wider version was
// declared needs that.
func (cs Classes) close(c state.Class) state.Class {
	if cs.closed[c] || c == state.Unfit {
		return c
	}
	versions := c.Versions()
	for _, v := range versions {
		versions = append(versions, cs.Written(v).Versions()...)
	}
	return state.ClassOf(versions...)
}

// Least closes the classes and keeps those that promise least: a class that has all versions of another is as
// readable as that one, and is left out. The result is sorted, Unfit last if it is there.
func (cs Classes) Least(classes []state.Class) []state.Class {
	if len(classes) == 0 {
		return nil
	}
	closed := make([]state.Class, len(classes))
	for i, c := range classes {
		closed[i] = cs.close(c)
	}
	slices.SortFunc(closed, state.Class.Compare)
	closed = slices.Compact(closed)
	return slices.DeleteFunc(slices.Clone(closed), func(c state.Class) bool {
		return slices.ContainsFunc(closed, func(d state.Class) bool { return d != c && Covers(d, c) })
	})
}

// Covers tells whether every version of promise is among those of c: who reads units of promise reads units of c.
// Unfit is covered by Unfit alone.
func Covers(promise, c state.Class) bool {
	if promise == state.Unfit || c == state.Unfit {
		return promise == c
	}
	has := c.Versions()
	return !slices.ContainsFunc(promise.Versions(), func(v state.Version) bool { return !slices.Contains(has, v) })
}

// CoversAll tells whether each class is covered by one of the promises.
func CoversAll(promises, classes []state.Class) bool {
	return !slices.ContainsFunc(classes, func(c state.Class) bool {
		return !slices.ContainsFunc(promises, func(p state.Class) bool { return Covers(p, c) })
	})
}
