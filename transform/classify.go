package transform

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Classify returns the set of versions that a unit fits. For a unit that fits none it is state.Unfit and the reason
// says what keeps it from the nearest version; the reason holds no value of the unit.
func (p *Programs) Classify(u Unit) (class state.Class, reason string) {
	u = u.Sorted()
	d, err := read(u)
	if err != nil {
		return state.Unfit, p.unread(u, err)
	}
	var one state.Version
	var more []state.Version
	for _, s := range p.shapes {
		if (p.patterns && !s.pattern.Covers(u.Key)) || !s.fits(u, d) {
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
		return state.Unfit, p.explain(u, d)
	case more == nil:
		return state.Class(one), ""
	}
	return state.ClassOf(append(more, one)...), ""
}

// read parses the text of a string.
func read(u Unit) (document, error) {
	if u.IsHash() {
		return document{}, nil
	}
	return parseJSON(u.Text)
}

func (s *shape) fits(u Unit, d document) bool {
	if s.hash != u.IsHash() {
		return false
	}
	if s.hash {
		var room [maxSlots]int16
		_, _, ok := s.value.fitHash(u.Fields, room[:])
		return ok
	}
	return s.value.fitJSON(d, 0)
}

// unread explains a text that cannot be read.
func (p *Programs) unread(u Unit, err error) string {
	if slices.ContainsFunc(p.shapes, func(s *shape) bool { return !s.hash }) {
		return err.Error()
	}
	return p.explain(u, document{})
}

// explain says what keeps a unit from the version that it is nearest to, of equals the newest.
func (p *Programs) explain(u Unit, d document) string {
	var nearest *shape
	var faults []string
	for _, s := range p.shapes {
		f := p.faults(s, u, d)
		if nearest == nil || len(f) <= len(faults) {
			nearest, faults = s, f
		}
	}
	if nearest == nil {
		return "the keyspace declares no version"
	}
	if len(faults) == 0 {
		faults = []string{"does not fit it"}
	}
	return fmt.Sprintf("fits none of %s; nearest is %s: %s", p.known(), nearest.version, strings.Join(faults, ", "))
}

// faults lists what is wrong with a unit for one version, by its nearest alternative.
func (p *Programs) faults(s *shape, u Unit, d document) []string {
	switch {
	case s.hash && !u.IsHash():
		return []string{"is not a hash"}
	case !s.hash && u.IsHash():
		return []string{"is not a string"}
	case p.patterns && !s.pattern.Covers(u.Key):
		return []string{fmt.Sprintf("the key does not match %q", s.pattern)}
	case s.hash && len(u.Fields) > maxFields:
		return []string{fmt.Sprintf("has more than %d fields", maxFields)}
	}
	found, isObject := s.inspect(u, d)
	if !isObject {
		return []string{"is not " + s.value.String()}
	}
	var best []string
	for i, a := range s.value.alts {
		if a.kind != state.Struct {
			continue
		}
		if f := p.faultsOf(&a, found); best == nil || len(f) < len(best) || i == 0 {
			best = f
		}
	}
	return best
}

// inspect returns the fields of a unit, and for each whether a type takes its value; ok is false if it has none.
func (s *shape) inspect(u Unit, d document) (found map[string]func(*typ) bool, ok bool) {
	found = map[string]func(*typ) bool{}
	if s.hash {
		for _, f := range u.Fields {
			found[f.Name] = func(t *typ) bool { return t.fitText(f.Value) }
		}
		return found, true
	}
	if d.nodes[0].kind != state.Struct || !slices.ContainsFunc(s.value.alts, func(a alt) bool { return a.kind == state.Struct }) {
		return nil, false
	}
	for i := d.nodes[0].first; i != 0; i = d.nodes[i].next {
		found[d.nodes[i].name] = func(t *typ) bool { return t.fitJSON(d, i) }
	}
	return found, true
}

// faultsOf lists what is wrong with the fields found for one alternative, in the order of the declared fields.
func (p *Programs) faultsOf(a *alt, found map[string]func(*typ) bool) []string {
	var faults []string
	known := 0
	for _, f := range a.fields {
		fits, ok := found[f.name]
		if ok {
			known++
		}
		switch {
		case !ok && f.required:
			faults = append(faults, "lacks "+f.name)
		case ok && f.forbidden:
			faults = append(faults, "has "+f.name)
		case ok && !fits(f.typ):
			faults = append(faults, fmt.Sprintf("%s is not %s", f.name, f.typ))
		}
	}
	if a.open {
		return faults
	}
	for _, name := range p.vocabulary() {
		if _, ok := found[name]; ok && a.find(name) < 0 {
			faults = append(faults, "has "+name)
			known++
		}
	}
	if n := len(found) - known; n > 0 {
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
