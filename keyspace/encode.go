package keyspace

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/transform"
)

// layout is what changes have in common that compare, set and delete the same fields.
type layout struct {
	changes []*change
	sets    []string // what each field that is set gets, as lua/hash.lua says
	brought []int    // places of those that differ from unit to unit
}

// encodeHash writes changes of hashes with fixed fields as the arguments of lua/hash.lua. What crosses into Lua is what
// it costs: changes of one layout, which most of a batch are, name their fields once, expected values go as one argument
// a unit, and what only moves, or is the same for all, is not sent at all. Values go as pointers: the client takes them,
// and none is boxed.
func encodeHash(to *scriptCall, changes []change, fading bool) {
	layouts, numbers := arrange(changes, fading)
	for i := range changes {
		to.keys = append(to.keys, changes[i].key)
	}
	separator := separate(changes)
	joined := join(changes, separator)
	args := append(to.args, separator, strconv.Itoa(len(layouts)))
	for _, l := range layouts {
		args = l.append(args, fading)
	}
	for i := range changes {
		n := numbers[i]
		if i == 0 || n != numbers[i-1] {
			run := 1
			for i+run < len(changes) && numbers[i+run] == n {
				run++
			}
			args = append(args, strconv.Itoa(n+1), strconv.Itoa(run))
		}
		args = append(args, &joined[i])
		for _, at := range layouts[n].brought {
			args = append(args, &changes[i].edit.Set[at].Value)
		}
	}
	to.args = args
}

// arrange finds the layouts of changes, and which each of them has.
func arrange(changes []change, fading bool) (layouts []*layout, numbers []int) {
	numbers = make([]int, len(changes))
	last := -1
	for i := range changes {
		c := &changes[i]
		if last < 0 || !sameLayout(layouts[last].changes[0], c, fading) {
			last = slices.IndexFunc(layouts, func(l *layout) bool { return sameLayout(l.changes[0], c, fading) })
			if last < 0 {
				last = len(layouts)
				layouts = append(layouts, &layout{changes: make([]*change, 0, len(changes)-i)})
			}
		}
		layouts[last].changes = append(layouts[last].changes, c)
		numbers[i] = last
	}
	for _, l := range layouts {
		l.sets = make([]string, len(l.changes[0].edit.Set))
		for at := range l.sets {
			if l.sets[at] = l.how(at); l.sets[at] == "" {
				l.brought = append(l.brought, at)
			}
		}
	}
	return layouts, numbers
}

// how tells what a field that is set gets in all units of a layout; empty if each brings its own.
func (l *layout) how(at int) string {
	value := func(c *change) string { return c.edit.Set[at].Value }
	first := l.changes[0]
	for from, x := range first.edit.Compare {
		if x.Value == value(first) && l.all(func(c *change) bool { return c.edit.Compare[from].Value == value(c) }) {
			return "<" + strconv.Itoa(from+1)
		}
	}
	if l.all(func(c *change) bool { return value(c) == value(first) }) {
		return "=" + value(first)
	}
	return ""
}

func (l *layout) all(holds func(*change) bool) bool {
	for _, c := range l.changes {
		if !holds(c) {
			return false
		}
	}
	return true
}

// sameLayout tells whether two changes compare, set and delete the same fields, and where fields may expire by themselves,
// whether they take that from the same ones.
func sameLayout(x, y *change, fading bool) bool {
	a, b := &x.edit, &y.edit
	if fading {
		for _, f := range a.Set {
			if x.source(f.Name) != y.source(f.Name) {
				return false
			}
		}
	}
	return a.Fields == b.Fields && sameNames(a.Compare, b.Compare) && sameNames(a.Set, b.Set) &&
		slices.Equal(a.Absent, b.Absent) && slices.Equal(a.Delete, b.Delete)
}

func sameNames(a, b []transform.Field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

func (l *layout) append(args []any, fading bool) []any {
	c := l.changes[0]
	e := &c.edit
	for _, n := range []int{e.Fields, len(e.Compare), len(e.Absent), len(e.Set), len(e.Delete)} {
		args = append(args, strconv.Itoa(n))
	}
	for _, x := range e.Compare {
		args = append(args, x.Name)
	}
	for _, n := range e.Absent {
		args = append(args, n)
	}
	for i, f := range e.Set {
		args = append(args, f.Name, l.sets[i])
	}
	for _, n := range e.Delete {
		args = append(args, n)
	}
	if fading {
		for _, f := range e.Set {
			args = append(args, c.source(f.Name))
		}
	}
	return args
}

// join joins the expected values of each change. As the separator is in none of them, what the hash has, joined in the
// same way, is equal only if every value is.
func join(changes []change, separator string) []string {
	out, ends, size := make([]string, len(changes)), make([]int, len(changes)), 0
	for i := range changes {
		for _, x := range changes[i].edit.Compare {
			size += len(x.Value) + len(separator)
		}
	}
	var all strings.Builder
	all.Grow(size)
	for i := range changes {
		for j, x := range changes[i].edit.Compare {
			if j > 0 {
				all.WriteString(separator)
			}
			all.WriteString(x.Value)
		}
		ends[i] = all.Len()
	}
	text, start := all.String(), 0
	for i, end := range ends {
		out[i], start = text[start:end], end
	}
	return out
}

// separate returns a string that is in no expected value. It begins with a byte that it has only once, so that it
// cannot overlap itself either.
func separate(changes []change) string {
	separator := "\x00"
	for contain(changes, separator) {
		b := []byte{0, 0, 0, 0, 0}
		for i := 1; i < len(b); i++ {
			b[i] = byte(1 + rand.N(255)) // nobody can prepare a value for it
		}
		separator = string(b)
	}
	return separator
}

func contain(changes []change, text string) bool {
	for i := range changes {
		for _, x := range changes[i].edit.Compare {
			if strings.Contains(x.Value, text) {
				return true
			}
		}
	}
	return false
}
