package keyspace

import (
	"slices"
	"strings"
)

// sorter remembers how the fields of the last hash were put in order: those of the next are mostly the same.
type sorter[T any] struct {
	names  []string // as they came
	places []int    // where each goes
	spare  []T
}

// sort sorts fields by name, those of one name as they came.
func (o *sorter[T]) sort(fields []T, name func(*T) string) {
	if !o.holds(fields, name) {
		o.learn(fields, name)
	}
	o.spare = append(o.spare[:0], fields...)
	for i := range o.spare {
		fields[o.places[i]] = o.spare[i]
	}
}

func (o *sorter[T]) holds(fields []T, name func(*T) string) bool {
	if len(o.names) != len(fields) {
		return false
	}
	for i := range fields {
		if name(&fields[i]) != o.names[i] {
			return false
		}
	}
	return true
}

func (o *sorter[T]) learn(fields []T, name func(*T) string) {
	from := make([]int, len(fields))
	o.names, o.places = o.names[:0], slices.Grow(o.places[:0], len(fields))[:len(fields)]
	for i := range fields {
		from[i] = i
		o.names = append(o.names, strings.Clone(name(&fields[i])))
	}
	slices.SortStableFunc(from, func(a, b int) int { return strings.Compare(name(&fields[a]), name(&fields[b])) })
	for to, i := range from {
		o.places[i] = to
	}
}
