package keyspace

import (
	"strconv"
	"strings"

	"keyshift.dev/transform"
)

// encodeHash writes changes of hashes with fixed fields as the arguments of lua/hash.lua. Changes of one layout, which
// most of a batch are, name their fields once.
func encodeHash(_ string, changes []change, fading bool) (keys []string, args []any) {
	numbers := map[string]int{}
	var layouts, units []any
	keys = make([]string, 0, len(changes))
	for i := range changes {
		c := &changes[i]
		id := layoutID(c.edit)
		number, known := numbers[id]
		if !known {
			number = len(numbers) + 1
			numbers[id] = number
			layouts = c.appendLayout(layouts, fading)
		}
		keys = append(keys, c.key)
		units = append(units, strconv.Itoa(number))
		units = appendUnit(units, c.edit)
	}
	args = append(make([]any, 0, 1+len(layouts)+len(units)), strconv.Itoa(len(numbers)))
	return keys, append(append(args, layouts...), units...)
}

// layoutID is equal for edits of one layout only: each name stands behind its length.
func layoutID(e transform.Edit) string {
	var b strings.Builder
	name := func(kind byte, n string) {
		b.WriteByte(kind)
		b.WriteString(strconv.Itoa(len(n)))
		b.WriteByte(':')
		b.WriteString(n)
	}
	for _, x := range e.Compare {
		if x.Any {
			name('a', x.Name)
		} else {
			name('v', x.Name)
		}
	}
	for _, f := range e.Set {
		name('s', f.Name)
	}
	for _, n := range e.Delete {
		name('d', n)
	}
	return b.String()
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

func appendUnit(args []any, e transform.Edit) []any {
	for _, x := range e.Compare {
		if !x.Any {
			args = append(args, x.Value)
		}
	}
	for _, f := range e.Set {
		args = append(args, f.Value)
	}
	return args
}
