package plan

import (
	"math"
	"slices"
)

// cost counts downtimes, that is how often a component is stopped, then rollouts that spread what is unreadable, then
// lossy rewrites, then rewrites, then rollouts: the first difference decides. A component that is scaled back up counts
// like one that is rolled out. There is room for 4095 of each, far more than a search within its bounds takes.
//
// A rollout spreads if the release that comes writes a class that another running release, the replaced one
// included, reads the keyspace of and cannot read. Invariant 1 forbids that unless the pair is there already (the
// rule of repair: first adoption, a failed canary), and then every new writer makes more units that the old pods
// fail on. So a plan goes over a bridge if there is one, whatever else that costs, and spreads only where nothing
// else leads on.
//
// A release that runs already spreads nothing, whether its rollout was begun by a plan or by hand, which cannot be
// told apart. Were it charged, a plan would change in the middle of its own rollout, when the last pod of a release
// is gone that stood in the way of another order (invariant 6). All of it is read off the running releases of the
// present, nothing off the way there.
type cost uint64

const (
	perRollout cost = 1
	perRewrite cost = 1 << 12
	perLossy   cost = 1 << 24
	perSpread  cost = 1 << 36
	perDown    cost = 1 << 48
	never      cost = math.MaxUint64
)

// plus adds costs; what can never be done stays so.
func (c cost) plus(d cost) cost {
	if c == never || d == never {
		return never
	}
	return c + d
}

// rolling returns what one rollout costs that is safe. That of a stopped component starts no writer.
func (m *model) rolling(n node, comp, to int) cost {
	if _, stopped := n.haltedAt(comp); stopped || slices.Contains(m.running(n, comp), to) {
		return perRollout
	}
	return m.joining(n, comp, to)
}

// joining returns what it costs that a release of a component begins to run.
func (m *model) joining(n node, comp, to int) cost {
	for _, u := range m.comps[comp].releases[to].uses {
		if u.writes >= 0 && len(m.unreadable(n, u.key, setOf(u.writes))) > 0 {
			return perSpread + perRollout
		}
	}
	return perRollout
}

// measure computes for each version the least that rewrites of the keyspace alone cost from there to the goal.
// It is a lower bound for the search, whatever components allow.
func (k *keyspace) measure() {
	for i := range k.to {
		k.to[i].rest = never
		if k.fits.has(k.to[i].written) {
			k.to[i].rest = 0
		}
	}
	for range k.to {
		for i := range k.to {
			from := setOf(k.to[i].written)
			k.to[i].rest = min(k.to[i].rest, k.least(from))
		}
	}
}

// least returns the least that rewrites of the keyspace cost from there to the goal.
func (k *keyspace) least(present set) cost {
	if present.within(k.fits) {
		return 0
	}
	best := never
	for i := range k.to {
		best = min(best, k.rewriting(present, i).plus(k.to[i].rest))
	}
	return best
}

// rewriting returns what one rewrite costs, never if nothing is to be done or some class has no path.
func (k *keyspace) rewriting(present set, to int) cost {
	t := &k.to[to]
	lacking := present.without(t.has)
	switch {
	case lacking.empty() || !lacking.within(t.routes):
		return never
	case lacking.overlaps(t.lossy):
		return perLossy + perRewrite
	}
	return perRewrite
}
