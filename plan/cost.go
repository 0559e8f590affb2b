package plan

import "math"

// cost counts lossy rewrites, then rewrites, then rollouts: the first difference decides.
type cost uint64

const (
	perRollout cost = 1
	perRewrite cost = 1 << 20
	perLossy   cost = 1 << 40
	never      cost = math.MaxUint64
)

// plus adds costs; what can never be done stays so.
func (c cost) plus(d cost) cost {
	if c == never || d == never {
		return never
	}
	return c + d
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
