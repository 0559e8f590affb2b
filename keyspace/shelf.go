package keyspace

import (
	"sync"

	"keyshift.dev/transform"
)

// shelf keeps what pages were made of for the pages that follow: they are too large to be made, cleared and collected
// anew for each. What was given back must not be used any more.
type shelf struct {
	units   spares[unit]
	fields  spares[transform.Field]
	changes spares[change]
	images  spares[Preimage]

	entries     spares[Entry]
	entryFields spares[EntryField]

	rooms sync.Pool // *transform.Room: what changes are made of
}

// room takes a room for the changes of a page.
func (s *shelf) room() *transform.Room {
	if m, ok := s.rooms.Get().(*transform.Room); ok {
		return m
	}
	return new(transform.Room)
}

// giveRoom takes a room back.
func (s *shelf) giveRoom(m *transform.Room) {
	m.Reset()
	s.rooms.Put(m)
}

// spares are slices of one type.
type spares[T any] struct{ pool sync.Pool }

// A slice is kept that has room for so many elements.
const (
	spareLeast = 1 << 4
	spareMost  = 1 << 14
)

// take returns an empty slice with room for n.
func (s *spares[T]) take(n int) []T {
	if kept, ok := s.pool.Get().(*[]T); ok && cap(*kept) >= n {
		return *kept
	}
	return make([]T, 0, n)
}

// give takes a slice back.
func (s *spares[T]) give(v []T) {
	if cap(v) < spareLeast || cap(v) > spareMost {
		return
	}
	clear(v) // what it held is not to be kept
	v = v[:0]
	s.pool.Put(&v)
}
