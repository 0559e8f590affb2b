package plan

import (
	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// undone returns the undo logs that are left once a rewrite was verified: those of what it changed back are done with.
func (know knowledge) undone(k state.Keyspace) (left []state.UndoRecord) {
	for _, u := range know.undo {
		if whole, _ := TakesBack(k, u, know.rewritten); !whole {
			left = append(left, u)
		}
	}
	return left
}

// TakesBack tells whether a rewrite to a version takes back the one that an undo log is of: whole, if it leads to a version
// that this one started from, or past that to one before it; in part, if it leads to one between, too.
func TakesBack(k state.Keyspace, u state.UndoRecord, to state.Version) (whole, part bool) {
	back, ok := diff.Path(k, u.To, to)
	for _, c := range u.From {
		from, known := diff.Route(k, c, to)
		there, _ := diff.Route(k, c, u.To)
		whole = whole || c.Has(to) || ok && known && len(from) < len(back)
		part = part || ok && known && len(from) < len(there)+len(back)
	}
	return whole, whole || part
}
