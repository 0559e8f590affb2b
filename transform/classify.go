package transform

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keyshift.dev/state"
)

// Classify returns the set of versions that a unit fits. For a unit that fits none it is state.Unfit and the reason
// says what keeps it from the nearest version; the reason holds no value of the unit.
func (p *Programs) Classify(u Unit) (class state.Class, reason string) {
	return p.classify(read(u.Sorted()))
}

func (p *Programs) classify(r *reading) (class state.Class, reason string) {
	var one state.Version
	var more []state.Version
	for _, s := range p.shapes {
		if (p.patterns && !s.pattern.Covers(r.unit.Key)) || !s.fits(r) {
			continue
		}
		if one == "" {
			one = s.version
		} else {
			more = append(more, s.version)
		}
	}
	switch {
	case one == "":
		return state.Unfit, p.explain(r)
	case more == nil:
		return state.Class(one), ""
	}
	return state.ClassOf(append(more, one)...), ""
}

// explain says what keeps a unit from the version that it is nearest to, of equals the newest.
func (p *Programs) explain(r *reading) string {
	var nearest *shape
	var faults []string
	unread := true
	for _, s := range p.shapes {
		f := p.faults(s, r)
		_, err := s.read(r)
		unread = unread && err != nil
		if nearest == nil || len(f) <= len(faults) {
			nearest, faults = s, f
		}
	}
	switch {
	case nearest == nil:
		return "the keyspace declares no version"
	case unread && len(faults) == 1:
		return faults[0] // it is said of the bytes, not of a version
	case len(faults) == 0:
		faults = []string{"does not fit it"}
	}
	return fmt.Sprintf("fits none of %s; nearest is %s: %s", p.known(), nearest.version, strings.Join(faults, ", "))
}

// read reads a unit whose bytes may not be of the shape's encoding.
func (s *shape) read(r *reading) (value, error) {
	if s.redis != r.redis {
		return value{}, nil
	}
	return s.root(r)
}

// articles names the kinds of Redis for messages.
var articles = map[state.Redis]string{
	state.String: "a string", state.Hash: "a hash", state.Document: "a JSON document", state.Map: "an entry of a map",
	state.List: "an element of a list", state.Set: "an element of a set", state.SortedSet: "a member of a sorted set",
	state.Stream: "an entry of a stream",
}

// faults lists what is wrong with a unit for one version, by its nearest alternative.
func (p *Programs) faults(s *shape, r *reading) []string {
	switch {
	case s.redis != r.redis:
		return []string{"is not " + articles[s.redis]}
	case p.patterns && !s.pattern.Covers(r.unit.Key):
		return []string{fmt.Sprintf("the key does not match %q", s.pattern)}
	case s.isParts() && len(r.unit.Fields) > maxFields:
		return []string{fmt.Sprintf("has more than %d fields", maxFields)}
	}
	faults := s.ttlFaults(r.unit.TTL)
	root, err := s.root(r)
	if err != nil {
		return append(faults, err.Error())
	}
	if s.value.altOf(root) != nil {
		return faults
	}
	isMap, ok := root.isComposite()
	if !ok || !isMap || !slices.ContainsFunc(s.value.alts, func(a alt) bool { return a.kind == state.Struct }) {
		return append(faults, "is not "+s.value.String())
	}
	var best []string
	for i := range s.value.alts {
		if a := &s.value.alts[i]; a.kind == state.Struct {
			if f := p.faultsOf(a, root); best == nil || len(f) < len(best) {
				best = f
			}
		}
	}
	return append(faults, best...)
}

func (s *shape) ttlFaults(ttl int64) []string {
	switch rule := s.source.TTL; {
	case s.fitsTTL(ttl):
		return nil
	case ttl <= 0:
		return []string{"does not expire"}
	default:
		return []string{fmt.Sprintf("lives longer than %s", time.Duration(rule.Max)*time.Millisecond)}
	}
}

// faultsOf lists what is wrong with the fields of a struct for one alternative, in the order of the declared fields.
func (p *Programs) faultsOf(a *alt, root value) []string {
	var faults []string
	known := 0
	for _, f := range a.fields {
		v, ok := root.field(f.name)
		if ok {
			known++
		}
		switch {
		case !ok && f.required:
			faults = append(faults, "lacks "+f.name)
		case ok && f.forbidden:
			faults = append(faults, "has "+f.name)
		case ok && f.typ.altOf(v) == nil:
			faults = append(faults, fmt.Sprintf("%s is not %s", f.name, f.typ))
		}
	}
	if a.open {
		if a.rest != nil && len(faults) == 0 {
			faults = append(faults, "has an undeclared field that is not "+a.rest.String())
		}
		return faults
	}
	for _, name := range p.vocabulary() {
		if _, ok := root.field(name); ok && a.find(name) < 0 {
			faults = append(faults, "has "+name)
			known++
		}
	}
	if n := root.size() - known; n > 0 {
		faults = append(faults, fmt.Sprintf("has fields that no version declares (%d)", n))
	}
	return faults
}

// vocabulary returns every field name that some version declares, sorted. Only these stand in messages: the other
// names are the application's data.
func (p *Programs) vocabulary() []string {
	var names []string
	for _, s := range p.shapes {
		for _, a := range s.value.alts {
			for _, f := range a.fields {
				names = append(names, f.name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
