package keyspace

import (
	"slices"
	"strconv"

	"keyshift.dev/transform"
)

// encodeHash writes changes of hashes with fixed fields as the arguments of lua/hash.lua. Changes of one layout, which
// most of a batch are, name their fields once. Values go as pointers: the client takes them, and none is boxed.
func encodeHash(_ string, changes []change, fading bool) (keys []string, args []any) {
	var shown []*change // the first of each layout
	var layouts []any
	keys = make([]string, 0, len(changes)+1)
	units := make([]any, 0, len(changes)*(1+len(changes[0].edit.Compare)+len(changes[0].edit.Set)))
	number, numeral := 0, ""
	for i := range changes {
		c := &changes[i]
		if number == 0 || !sameLayout(&shown[number-1].edit, &c.edit) {
			number = slices.IndexFunc(shown, func(other *change) bool { return sameLayout(&other.edit, &c.edit) }) + 1
			if number == 0 {
				shown, layouts = append(shown, c), c.appendLayout(layouts, fading)
				number = len(shown)
			}
			numeral = strconv.Itoa(number)
		}
		keys = append(keys, c.key)
		units = append(units, numeral)
		units = appendUnit(units, &c.edit)
	}
	args = append(make([]any, 0, 1+len(layouts)+len(units)), strconv.Itoa(len(shown)))
	return keys, append(append(args, layouts...), units...)
}

// sameLayout tells whether two edits compare, set and delete the same fields.
func sameLayout(a, b *transform.Edit) bool {
	if len(a.Compare) != len(b.Compare) || len(a.Set) != len(b.Set) || len(a.Delete) != len(b.Delete) {
		return false
	}
	for i := range a.Compare {
		if a.Compare[i].Name != b.Compare[i].Name || a.Compare[i].Any != b.Compare[i].Any {
			return false
		}
	}
	for i := range a.Set {
		if a.Set[i].Name != b.Set[i].Name {
			return false
		}
	}
	return slices.Equal(a.Delete, b.Delete)
}

func (c *change) appendLayout(args []any, fading bool) []any {
	e := c.edit
	var valued, carried []any
	for _, x := range e.Compare {
		if x.Any {
			carried = append(carried, x.Name)
		} else {
			valued = append(valued, x.Name)
		}
	}
	args = append(args, strconv.Itoa(len(valued)), strconv.Itoa(len(carried)), strconv.Itoa(len(e.Set)), strconv.Itoa(len(e.Delete)))
	args = append(append(args, valued...), carried...)
	for _, f := range e.Set {
		args = append(args, f.Name)
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

func appendUnit(args []any, e *transform.Edit) []any {
	for i := range e.Compare {
		if !e.Compare[i].Any {
			args = append(args, &e.Compare[i].Value)
		}
	}
	for i := range e.Set {
		args = append(args, &e.Set[i].Value)
	}
	return args
}
