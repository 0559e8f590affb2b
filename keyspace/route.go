package keyspace

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// Prefix is what the keys of Keyshift's own record start with.
const Prefix = "keyshift:"

// route is one keyspace as a pass sees it: which keys are its units, how they are read, what they become.
type route struct {
	keyspace state.Keyspace
	programs *transform.Programs
	patterns []state.Pattern
	hash     bool  // a version is a hash
	text     bool  // a version is a string
	limit    int64 // bytes that a unit may have
}

// newRoutes compiles keyspaces for a pass. No key may be one of two keyspaces: each would have its own idea of what
// the key should be.
func (s *Store) newRoutes(keyspaces []state.Keyspace) ([]route, error) {
	routes := make([]route, len(keyspaces))
	for i, k := range keyspaces {
		r, err := newRoute(k)
		if err != nil {
			return nil, &Error{
				Reason: TransformRefused, Store: s.name, Err: fmt.Errorf("keyspace %q: %w", k.Name, err),
				Hint: "correct its versions and migrations",
			}
		}
		for _, other := range routes[:i] {
			if p, q, overlap := r.overlaps(other); overlap {
				return nil, s.sharedKeys(k.Name, p, other.keyspace.Name, q)
			}
		}
		r.limit = s.options.MaxValue
		routes[i] = r
	}
	return routes, nil
}

func newRoute(k state.Keyspace) (route, error) {
	programs, err := transform.Compile(k)
	if err != nil {
		return route{}, err
	}
	r := route{keyspace: k, programs: programs}
	for _, shape := range k.Shapes {
		p, err := state.ParsePattern(shape.Keys)
		if err != nil {
			return route{}, err
		}
		if !slices.ContainsFunc(r.patterns, func(q state.Pattern) bool { return q.String() == p.String() }) {
			r.patterns = append(r.patterns, p)
		}
		r.hash = r.hash || shape.Type == state.Hash
		r.text = r.text || shape.Type == state.String
	}
	return r, nil
}

// overlaps returns two patterns that some key matches both of.
func (r route) overlaps(other route) (p, q state.Pattern, overlap bool) {
	for _, p := range r.patterns {
		for _, q := range other.patterns {
			if state.Overlap(p, q) {
				return p, q, true
			}
		}
	}
	return p, q, false
}

func (s *Store) sharedKeys(name string, p state.Pattern, other string, q state.Pattern) error {
	return &Error{
		Reason: TransformRefused, Store: s.name, Hint: "give the keys to one of the two keyspaces",
		Err: fmt.Errorf("keys %q of keyspace %q may be keys %q of keyspace %q", p, name, q, other),
	}
}

func (r route) matches(key string) bool {
	return slices.ContainsFunc(r.patterns, func(p state.Pattern) bool {
		_, ok := p.Match(key)
		return ok
	})
}

// find returns the place of the keyspace that a key belongs to, -1 if to none. Keys of our own record belong
// to none, whatever a pattern says. Patterns of two keyspaces do not overlap (see newRoutes).
func find(routes []route, key string) int {
	if strings.HasPrefix(key, Prefix) {
		return -1
	}
	return slices.IndexFunc(routes, func(r route) bool { return r.matches(key) })
}
