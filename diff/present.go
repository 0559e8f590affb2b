package diff

import (
	"slices"

	"keyshift.dev/state"
)

// Runs returns the releases of a component that may act now, sorted: of a workload those that have a pod or a
// template that may still start one, of an external component the one the spec pins. The template of a workload that
// Keyshift has stopped starts nothing before it is scaled back up.
func Runs(c state.Component, have state.Observed) []string {
	var out []string
	if live, ok := have.FindRunning(c.Name); ok {
		out = append(out, live.Releases...)
		if live.Template != "" && !live.Missing && !live.Stopped {
			out = append(out, live.Template)
		}
	}
	if c.External && !c.Removed {
		out = append(out, c.Release)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Writes returns the classes that running releases write to a keyspace, sorted.
func Writes(want state.Desired, have state.Observed, keyspace string, cs Classes) []state.Class {
	var out []state.Class
	for _, c := range want.Components {
		for _, name := range Runs(c, have) {
			r, _ := c.FindRelease(name)
			if u, ok := r.FindUse(keyspace); ok && u.Writes != "" {
				out = append(out, cs.Written(u.Writes))
			}
		}
	}
	slices.SortFunc(out, state.Class.Compare)
	return slices.Compact(out)
}

// Present returns the classes that may exist in a keyspace, as Classes.Least keeps them: what was counted, what
// the record still holds, what running releases write. Of a keyspace that was not observed every declared version
// may exist. Unfit is there only while it is counted, because no release writes it whole.
func Present(want state.Desired, have state.Observed, k state.Keyspace, cs Classes) []state.Class {
	all := Writes(want, have, k.Name, cs)
	live, ok := have.FindLive(k.Name)
	if !ok {
		for _, s := range k.Shapes {
			all = append(all, cs.Written(s.Version))
		}
	}
	for _, c := range live.Record.Present {
		if c != state.Unfit {
			all = append(all, c)
		}
	}
	return cs.Least(append(all, Counted(live, k)...))
}
