package state

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Version names a version of a keyspace: three numbers of a semantic version, "2.0.0".
type Version string

// numbers splits a version; ok is false if it is not three decimal numbers without leading zeros.
func (v Version) numbers() (n [3]uint64, ok bool) {
	rest := string(v)
	for i := range n {
		part, after, more := strings.Cut(rest, ".")
		if more != (i < len(n)-1) || len(part) > 1 && part[0] == '0' || strings.HasPrefix(part, "+") {
			return n, false
		}
		u, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return n, false
		}
		n[i], rest = u, after
	}
	return n, true
}

// Valid tells whether v is three decimal numbers without leading zeros.
func (v Version) Valid() bool { _, ok := v.numbers(); return ok }

// Compare orders versions by semantic versioning; what is not a version comes after what is, by name.
func (v Version) Compare(w Version) int {
	a, aok := v.numbers()
	b, bok := w.numbers()
	if !aok || !bok {
		if aok != bok {
			if aok {
				return -1
			}
			return 1
		}
		return cmp.Compare(v, w)
	}
	return slices.Compare(a[:], b[:])
}

// Range is the versions a release reads: space-joined comparators that must all hold,
// ">=1.0.0 <3.0.0". A bare version means exactly that one. The empty range holds for none.
type Range string

// comparators are tried in this order, so that ">=" is not read as ">".
var comparators = []struct {
	sign string
	ok   func(c int) bool
}{
	{">=", func(c int) bool { return c >= 0 }},
	{"<=", func(c int) bool { return c <= 0 }},
	{">", func(c int) bool { return c > 0 }},
	{"<", func(c int) bool { return c < 0 }},
	{"=", func(c int) bool { return c == 0 }},
	{"", func(c int) bool { return c == 0 }},
}

// Contains tells whether v satisfies every comparator. A malformed comparator holds for nothing.
func (r Range) Contains(v Version) bool {
	fields := strings.Fields(string(r))
	for _, f := range fields {
		if !holds(f, v) {
			return false
		}
	}
	return len(fields) > 0
}

func holds(comparator string, v Version) bool {
	for _, c := range comparators {
		if rest, found := strings.CutPrefix(comparator, c.sign); found {
			w := Version(rest)
			return w.Valid() && v.Valid() && c.ok(v.Compare(w))
		}
	}
	return false
}

// Validate tells what is wrong with the range, nil if nothing.
func (r Range) Validate() error {
	for _, f := range strings.Fields(string(r)) {
		if !Version(strings.TrimLeft(f, "<>=")).Valid() {
			return fmt.Errorf("comparator %q of range %q is not a version behind >=, <=, >, < or =", f, r)
		}
	}
	return nil
}

// Class is the set of versions a unit fits, joined by "|" in semver order ("1.0.0|1.1.0"), or Unfit.
type Class string

// Unfit is the class of a unit that fits no version.
const Unfit Class = "?"

// ClassOf returns the class of a unit that fits exactly the given versions.
func ClassOf(versions ...Version) Class {
	if len(versions) == 0 {
		return Unfit
	}
	vs := slices.Clone(versions)
	slices.SortFunc(vs, Version.Compare)
	vs = slices.Compact(vs)
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = string(v)
	}
	return Class(strings.Join(parts, "|"))
}

// Versions returns the versions of the class in semver order, none for Unfit.
func (c Class) Versions() []Version {
	if c == Unfit || c == "" {
		return nil
	}
	parts := strings.Split(string(c), "|")
	vs := make([]Version, len(parts))
	for i, p := range parts {
		vs[i] = Version(p)
	}
	return vs
}

// Has tells whether a unit of this class fits v.
func (c Class) Has(v Version) bool {
	if c == Unfit {
		return false
	}
	for rest, more := string(c), c != ""; more; {
		var one string
		if one, rest, more = strings.Cut(rest, "|"); one == string(v) {
			return true
		}
	}
	return false
}

// Compare orders classes by their versions; Unfit comes last.
func (c Class) Compare(d Class) int {
	if c == Unfit || d == Unfit {
		return cmp.Compare(b2i(c == Unfit), b2i(d == Unfit))
	}
	return slices.CompareFunc(c.Versions(), d.Versions(), Version.Compare)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
