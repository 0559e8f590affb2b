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
	patterns []pattern
	limit    int64 // bytes that a unit may have
	ruled    bool  // a version has a rule for the time to live
}

// pattern is a key pattern and how its keys are read.
type pattern struct {
	state.Pattern
	modes []mode // of the versions that have it, each once
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
		for j := range routes[:i] {
			if p, q, overlap := r.overlaps(&routes[j]); overlap {
				return nil, s.sharedKeys(k.Name, p, routes[j].keyspace.Name, q)
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
		r.add(p, kinds[shape.Type].mode)
		r.ruled = r.ruled || shape.TTL != nil
	}
	return r, nil
}

// add notes that keys of a pattern may be read in a way.
func (r *route) add(p state.Pattern, m mode) {
	i := slices.IndexFunc(r.patterns, func(q pattern) bool { return q.String() == p.String() })
	if i < 0 {
		i, r.patterns = len(r.patterns), append(r.patterns, pattern{Pattern: p})
	}
	if q := &r.patterns[i]; !slices.Contains(q.modes, m) {
		q.modes = append(q.modes, m)
	}
}

// mode tells how a key is read: readType where it may be of several kinds.
func (r *route) mode(key string) mode {
	if len(r.patterns) == 1 && len(r.patterns[0].modes) == 1 {
		return r.patterns[0].modes[0]
	}
	found := readType
	for _, p := range r.patterns {
		if !p.Covers(key) {
			continue
		}
		if len(p.modes) > 1 || found != readType && found != p.modes[0] {
			return readType
		}
		found = p.modes[0]
	}
	return found
}

// typed tells how a key is read that TYPE calls so.
func (r *route) typed(redis string) mode {
	if redis == "none" {
		return vanished
	}
	for _, p := range r.patterns {
		for _, m := range p.modes {
			if kindOf[m].redis == redis {
				return m
			}
		}
	}
	return mistyped
}

// overlaps returns two patterns that some key matches both of.
func (r *route) overlaps(other *route) (p, q state.Pattern, overlap bool) {
	for _, p := range r.patterns {
		for _, q := range other.patterns {
			if state.Overlap(p.Pattern, q.Pattern) {
				return p.Pattern, q.Pattern, true
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

func (r *route) matches(key string) bool {
	return slices.ContainsFunc(r.patterns, func(p pattern) bool { return p.Covers(key) })
}

// find returns the place of the keyspace that a key belongs to, -1 if to none. Keys of our own record belong
// to none, whatever a pattern says. Patterns of two keyspaces do not overlap (see newRoutes).
func find(routes []route, key string) int {
	if strings.HasPrefix(key, Prefix) {
		return -1
	}
	for i := range routes {
		if routes[i].matches(key) {
			return i
		}
	}
	return -1
}
