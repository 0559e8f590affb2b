package apply

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// defaultMaxInvalid is the share of unfit units that a rewrite steps over where the policy names none.
const defaultMaxInvalid = "1%"

// tally returns how many units were counted, and how many of them fit no version.
func tally(counts []state.Count) (units, unfit int64) {
	for _, c := range counts {
		units += c.Units
		if c.Class == state.Unfit {
			unfit += c.Units
		}
	}
	return units, unfit
}

// allowance returns how many unfit units a policy steps over, of so many observed before the first write.
// A share is rounded up, so that a small keyspace may have one.
func allowance(p state.Policy, units int64) (int64, error) {
	if p.Invalid == state.InvalidFail {
		return 0, nil
	}
	limit := p.MaxInvalid
	if limit == "" {
		limit = defaultMaxInvalid
	}
	text, percent := strings.CutSuffix(limit, "%")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("policy maxInvalid %q is neither a number nor a share such as \"1%%\"", limit)
	}
	if percent {
		n = n * float64(units) / 100
	}
	return int64(math.Ceil(n)), nil
}

// canary returns the share of the keys that a rewrite starts with, 0 if it starts with all: where the policy names none,
// and where nothing is converted. The first pass tells of all units whether they can be converted, before more than this
// share of them is.
func canary(p state.Policy, step plan.Step) (float64, error) {
	if p.Canary == "" || step.Strategy.Empties() {
		return 0, nil
	}
	text, found := strings.CutSuffix(p.Canary, "%")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !found || !(n > 0 && n <= 100) {
		return 0, fmt.Errorf("policy canary %q is no share such as \"1%%\"", p.Canary)
	}
	if n == 100 {
		return 0, nil
	}
	return n / 100, nil
}

// notReady holds a rewrite beside pods that are not ready. A rollout that ended without a ready pod may have to be
// taken back, and that is cheaper before the data has moved. It is nil if every component is ready that runs a release
// which uses the keyspace.
func notReady(want state.Desired, have state.Observed, keyspace string) error {
	for _, c := range want.Components {
		r, observed := have.FindRunning(c.Name)
		if c.External || !observed || r.Ready >= r.Desired || !usedBy(c, r, keyspace) {
			continue
		}
		return hold(NotReady, "mend the pods, or revert",
			"%d of %d pods of component %s are ready, and keyspace %s is not rewritten beside pods that may have to be rolled back", r.Ready, r.Desired, c.Name, keyspace)
	}
	return nil
}

// usedBy tells whether a running release of a component uses a keyspace.
func usedBy(c state.Component, r state.Running, keyspace string) bool {
	return slices.ContainsFunc(r.Releases, func(name string) bool {
		release, _ := c.FindRelease(name)
		_, uses := release.FindUse(keyspace)
		return uses
	})
}

// unfitError holds a rewrite that meets more unfit units than its policy allows.
func unfitError(k state.Keyspace, unfit, allowed int64, samples []state.Sample) *HoldError {
	return hold(UnfitUnits, "mend or delete them, declare a version that they fit, or raise policy.maxInvalid",
		"%d units of keyspace %s fit no version or cannot be converted, and its policy allows %d%s", unfit, k.Name, allowed, among(samples))
}

// unconvertible holds after a rewrite that had to leave units at an old version.
func unconvertible(k state.Keyspace, to state.Version, o keyspace.Outcome) *HoldError {
	return hold(UnfitUnits, "mend or delete them, or make the migration total",
		"%d units of keyspace %s cannot be brought to %s%s", o.Unfit, k.Name, to, among(o.Samples))
}

// among names a few units and why they do not fit. Samples hold keys, never values.
func among(samples []state.Sample) string {
	var names []string
	for _, s := range samples[:min(len(samples), 3)] {
		names = append(names, fmt.Sprintf("%q (%s)", s.Key, s.Reason))
	}
	if len(names) == 0 {
		return ""
	}
	return ", among them " + strings.Join(names, ", ")
}
