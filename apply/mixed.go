package apply

import (
	"slices"

	"keyshift.dev/diff"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// winner returns the version that wins in units which mix it with another, empty if none does: the one that everything
// writes which runs now and writes the keyspace. Where something runs of which nobody knows what it writes, or nothing
// that writes, no write of a single field can be attributed to it.
func winner(want state.Desired, have state.Observed, k state.Keyspace) state.Version {
	if !diff.Mends(want, k) {
		return ""
	}
	var wins []state.Version
	for _, c := range want.Components {
		if live, _ := have.FindRunning(c.Name); len(live.Unknown) > 0 {
			return ""
		}
		for _, name := range diff.Runs(c, have) {
			r, known := c.FindRelease(name)
			if u, uses := r.FindUse(k.Name); uses && u.Writes != "" {
				wins = append(wins, u.Writes)
			} else if !known {
				return ""
			}
		}
	}
	slices.Sort(wins)
	if wins = slices.Compact(wins); len(wins) != 1 {
		return ""
	}
	return wins[0]
}

// misfits returns how many units were observed, and how many of them fit no version and mix none that a rewrite resolves.
func misfits(live state.Live, k state.Keyspace) (units, unfit int64) {
	units, unfit = tally(live.Counts)
	return units, max(unfit-diff.MixedUnits(live, k), 0)
}

// mixes lets a job resolve mixed units, where one version wins in them.
func (r *run) mixes(job keyspace.Job) keyspace.Job {
	if w := winner(r.want, r.have, job.Keyspace); w == job.To {
		job.Winner = w
	}
	return job
}
