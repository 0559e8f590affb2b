package keyspace

import (
	"fmt"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// change is what is to be done to one unit: what it was, what it will be, and the compare-and-set between.
type change struct {
	target
	after transform.Unit
	edit  transform.Edit
}

// verdict is what a unit is and what follows from it.
type verdict struct {
	class  state.Class
	reason string  // why the unit cannot be brought to the target; empty if it can, or is there already
	change *change // nil if there is nothing to do
}

// classify tells the class of a unit that was read, and why if it has none.
func (r *route) classify(u unit) (state.Class, string) {
	if u.unfit != "" {
		return state.Unfit, u.unfit
	}
	return r.programs.Classify(u.Unit)
}

// decide tells what a unit needs to be of version to. It is pure.
func (r *route) decide(u unit, to state.Version) verdict {
	class, reason := r.classify(u)
	if class == state.Unfit || class.Has(to) {
		return verdict{class: class, reason: reason}
	}
	from, ok := r.programs.Source(class, to)
	if !ok {
		return verdict{class: class, reason: fmt.Sprintf("no migrations lead from %s to %s", class, to)}
	}
	after, err := r.programs.Convert(u.Unit, from, to)
	if err != nil {
		return verdict{class: class, reason: err.Error()}
	}
	if after.IsHash() != u.IsHash() {
		return verdict{class: class, reason: "a unit cannot change its Redis type in place"}
	}
	if reason := r.outgrown(u, after); reason != "" {
		return verdict{class: class, reason: reason}
	}
	edit := transform.Diff(u.Unit, after, r.programs.Reads(from, to))
	return verdict{class: class, change: &change{target: u.target, after: after, edit: edit}}
}
