package schema

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue/errors"

	"keyshift.dev/state"
)

// rounds bounds how often a spec with mistakes is evaluated.
const rounds = 6

// salvage finds out of a spec that CUE refuses which mistakes are its author's and which only follow from others, and
// makes our own checks on what CUE finds nothing wrong with. It cuts out the parts that are wrong, first those that
// others refer to, and evaluates the rest again: what is gone then, followed.
type salvage struct {
	files  fs.FS
	dir    string
	places places
	first  state.Pos

	cuts   cuts
	named  map[string]bool // the last names of what was cut
	helped bool            // whether a helper was cut
	said   []complaint     // to report
	found  state.Diagnostics
}

func (s *salvage) run(wrong error) state.Diagnostics {
	now := takeAllApart(wrong)
	s.said = now
	for range rounds {
		if !s.cutNext(now) {
			break
		}
		r, ok, again := s.evaluate()
		if !ok {
			break
		}
		now = takeAllApart(again)
		s.forget(now)
		if again == nil {
			s.found = slices.DeleteFunc(r.problems, s.followsDiagnostic)
			break
		}
	}
	return append(s.places.describe(s.said, s.first), s.found...).Sorted()
}

// evaluate evaluates what is left. ok is false if it cannot be loaded: it is not told what CUE says of it.
func (s *salvage) evaluate() (r *reader, ok bool, wrong error) {
	inst, problems := load(s.files, s.dir, s.cuts)
	if len(problems) > 0 {
		return nil, false, nil
	}
	r = newReader(inst)
	wrong = r.evaluate(inst)
	if wrong == nil && len(r.problems) == 0 {
		r.read()
	}
	return r, true, wrong
}

// cutNext cuts out the wrong parts of the lowest level. It returns false if there is none that can be cut.
func (s *salvage) cutNext(now []complaint) bool {
	next := cuts{}
	lowest := components
	for _, c := range now {
		part, l := partOf(c.path)
		switch {
		case part == nil || s.isCut(part):
			return false
		case l < lowest:
			next, lowest = cuts{}, l
		case l > lowest:
			continue
		}
		next[join(part)] = stub(part, l)
	}
	for key, c := range next {
		s.cuts[key] = c
		s.named[c.path[len(c.path)-1]] = true
		s.helped = s.helped || c.path[0] != "system"
	}
	return len(next) > 0
}

func (s *salvage) isCut(part []string) bool {
	_, is := s.cuts[join(part)]
	return is
}

// forget drops the complaints that are gone after a cut, and adds those that were hidden until then.
func (s *salvage) forget(now []complaint) {
	still := map[string]bool{}
	for _, c := range now {
		still[c.key()] = true
	}
	known := map[string]bool{}
	s.said = slices.DeleteFunc(slices.Clone(s.said), func(c complaint) bool {
		known[c.key()] = true
		part, _ := partOf(c.path)
		return !s.isCut(part) && !still[c.key()]
	})
	for _, c := range now {
		if !known[c.key()] && !s.follows(c) {
			s.said = append(s.said, c)
		}
	}
}

func (c complaint) key() string { return join(c.path) + "\x00" + c.message }

// follows tells whether a complaint may be about what was cut. What refers to a helper need not name it.
func (s *salvage) follows(c complaint) bool {
	return s.helped || strings.Contains(c.message, "call to or") || s.mentions(strings.Join(c.path, " ")+" "+c.message)
}

// followsDiagnostic tells whether a check may have failed for want of what was cut.
func (s *salvage) followsDiagnostic(d state.Diagnostic) bool {
	return strings.HasPrefix(d.Code, "unused") || s.mentions(d.Path+" "+d.Message)
}

var word = regexp.MustCompile(`[\w.-]*\w`)

// mentions tells whether a text has the name of a part that was cut, as a word or within a path.
func (s *salvage) mentions(text string) bool {
	for _, w := range word.FindAllString(text, -1) {
		if s.named[w] || slices.ContainsFunc(strings.Split(w, "."), func(n string) bool { return s.named[n] }) {
			return true
		}
	}
	return false
}

// takeAllApart takes CUE's errors apart, in their order.
func takeAllApart(err error) []complaint {
	var out []complaint
	for _, e := range errors.Errors(err) {
		out = append(out, takeApart(e))
	}
	return out
}
