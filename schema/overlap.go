package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// pattern is the key pattern of one version.
type pattern struct {
	keyspace state.Keyspace
	shape    state.Shape
	keys     state.Pattern
}

// checkOverlap refuses two keyspaces of one store that could both own a key. Two patterns may meet only if the literal
// prefix of one begins with that of the other: in the order of the prefixes, these are the ones still open.
func (c checker) checkOverlap() {
	all := c.patterns()
	said := map[[2]string]bool{}
	var open []pattern
	for _, p := range all {
		for len(open) > 0 && !p.within(open[len(open)-1]) {
			open = open[:len(open)-1]
		}
		for _, o := range open {
			a, b := o, p
			if b.keyspace.Name < a.keyspace.Name {
				a, b = p, o
			}
			pair := [2]string{a.keyspace.Name, b.keyspace.Name}
			if pair[0] == pair[1] || said[pair] || !state.Overlap(a.keys, b.keys) {
				continue
			}
			said[pair] = true
			c.problem(sub(versionPath(b.keyspace, b.shape.Version), "keys"), "overlap",
				fmt.Sprintf("a key may match both %q of keyspace %s and %q of keyspace %s", a.shape.Keys, pair[0], b.shape.Keys, pair[1]),
				"give the keyspaces different prefixes, or put them into different stores")
		}
		open = append(open, p)
	}
}

// patterns returns those of all keyspaces, each once, by store and prefix.
func (c checker) patterns() []pattern {
	var out []pattern
	for _, k := range c.desired.Keyspaces {
		for i, s := range k.Shapes {
			if slices.ContainsFunc(k.Shapes[:i], func(o state.Shape) bool { return o.Keys == s.Keys }) {
				continue
			}
			if p, err := c.pattern(s.Keys); err == nil {
				out = append(out, pattern{k, s, p})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(a.keyspace.Store, b.keyspace.Store), cmp.Compare(a.keys.Prefix(), b.keys.Prefix()))
	})
	return out
}

// within tells whether the patterns are of one store, and the prefix of p begins with that of o.
func (p pattern) within(o pattern) bool {
	return p.keyspace.Store == o.keyspace.Store && strings.HasPrefix(p.keys.Prefix(), o.keys.Prefix())
}
