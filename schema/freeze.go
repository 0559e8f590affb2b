package schema

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"keyshift.dev/state"
)

// freezes checks the freezes of one level.
func (r *reader) freezes(path []string, in []state.Freeze) []state.Freeze {
	for i, f := range in {
		at := sub(path, strconv.Itoa(i))
		from, to := r.day(sub(at, "from"), f.From), r.day(sub(at, "to"), f.To)
		if from && to && f.To < f.From {
			r.problem(sub(at, "to"), "freeze", "the freeze ends on "+f.To+", before it begins on "+f.From, "write the first day as from and the last one as to")
		}
		r.zone(sub(at, "zone"), f.Zone)
	}
	return sortedFreezes(in)
}

// day tells whether a day exists, and says so if it does not. The definition has seen to its form.
func (r *reader) day(path []string, text string) bool {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		r.problem(path, "freeze", "there is no day "+text, "write a day that is in the calendar")
		return false
	}
	return true
}

func sortedFreezes(freezes ...[]state.Freeze) []state.Freeze {
	out := slices.Concat(freezes...)
	slices.SortFunc(out, func(a, b state.Freeze) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Risk, b.Risk), cmp.Compare(a.Reason, b.Reason))
	})
	return slices.Compact(out)
}
