package diff

import (
	"slices"

	"keyshift.dev/state"
)

// Mends tells whether a rewrite of a keyspace resolves units that mix two versions: some release writes single fields of
// it, so that there may be such units, and its units are converted while releases run. What it needs besides, a running
// release that writes the one version that wins, is known only then.
func Mends(want state.Desired, k state.Keyspace) bool {
	return !k.Policy.Strategy.Empties() && k.Policy.Strategy != state.StrategyStop && slices.ContainsFunc(want.Components, func(c state.Component) bool {
		return slices.ContainsFunc(c.Releases, func(r state.Release) bool {
			u, ok := r.FindUse(k.Name)
			return ok && u.Writes != "" && u.Updates == state.UpdatesFields && (!c.External || r.Name == c.Release)
		})
	})
}

// Mixed returns the classes of versions that units of a keyspace mix which a rewrite to its desired version resolves, and
// how many units of each. What was observed has mixed units only where Mends said so.
func Mixed(live state.Live, k state.Keyspace) []state.Count {
	return slices.DeleteFunc(slices.Clone(live.Mixed), func(n state.Count) bool { return n.Units == 0 || k.Version == "" || !n.Class.Has(k.Version) })
}

// MixedUnits returns how many of a keyspace's Unfit units those are.
func MixedUnits(live state.Live, k state.Keyspace) (units int64) {
	for _, n := range Mixed(live, k) {
		units += n.Units
	}
	return units
}

// Counted returns the classes of which units were counted. A unit that mixes versions and can be resolved is no reader's
// to count on, until it is: it stands for a unit of each of them, so that a rewrite to one of them is still to be done
// and no release starts meanwhile that reads less than all of them. It is Unfit only where nothing resolves it.
func Counted(live state.Live, k state.Keyspace) []state.Class {
	var out []state.Class
	mixed := MixedUnits(live, k)
	for _, n := range live.Counts {
		if n.Units > 0 && (n.Class != state.Unfit || n.Units > mixed) {
			out = append(out, n.Class)
		}
	}
	if mixed == 0 {
		return out
	}
	cs := ClassesOf(k)
	for _, n := range Mixed(live, k) {
		for _, v := range n.Class.Versions() {
			out = append(out, cs.Written(v))
		}
	}
	return out
}
