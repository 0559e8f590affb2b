package transform

import "strings"

// Room is memory in which units are converted one after another, so that a unit costs little more than what is computed of
// it. The fields of what Bring and Diff answer are in it until Reset; their texts are not, and stay. The zero Room is
// ready. It is not safe for concurrent use.
type Room struct {
	fields slab[Field]
	words  slab[string]
	texts  strings.Builder // of several answers

	// Of one unit: what reads it and what computes with it.
	reading   reading
	documents [2]parsed // JSON, MessagePack
	nodes     [2][]node
	env       env
	slots     [maxSlots]int16
	vars      []value
	trees     slab[tree]
	members   slab[member]
	done      slab[bool]
	place     [4]string
	encoded   []byte
}

// Reset gives back the fields of every answer: they must not be used any more.
func (m *Room) Reset() {
	m.fields.reset()
	m.words.reset()
	m.begin()
	for i := range m.nodes {
		m.documents[i] = parsed{}
		clear(m.nodes[i][:cap(m.nodes[i])])
		if cap(m.nodes[i]) > slabMost {
			m.nodes[i] = nil
		}
	}
	m.reading, m.env = reading{}, env{}
	clear(m.vars)
	clear(m.place[:])
	if cap(m.encoded) > textsMost {
		m.encoded = nil
	}
}

// begin gives back what the unit before was computed with.
func (m *Room) begin() {
	m.trees.reset()
	m.members.reset()
	m.done.reset()
}

// read begins with a unit. The one before must not be read any more.
func (m *Room) read(u Unit) *reading {
	m.begin()
	m.reading = reading{room: m, unit: u, redis: u.redis(), parts: m.reading.parts[:0]}
	return &m.reading
}

// variables returns n variables.
func (m *Room) variables(n int) []value {
	if n > len(m.vars) {
		m.vars = make([]value, n)
	}
	clear(m.vars)
	return m.vars[:n]
}

// tree returns a tree that has room for n members.
func (m *Room) tree(n int) *tree {
	t := &m.trees.take(1)[:1][0]
	t.members = m.members.take(n)
	return t
}

const (
	textsRoom = 32 << 10 // bytes of texts that are kept together
	textsMost = 1 << 20
)

// keep returns a text for good. Small ones are kept many together.
func (m *Room) keep(text []byte) string {
	if len(text) > textsRoom/16 {
		return string(text)
	}
	if m.texts.Cap()-m.texts.Len() < len(text) {
		next := max(len(text), min(2*m.texts.Cap(), textsRoom))
		m.texts.Reset() // whoever has its texts keeps them
		m.texts.Grow(next)
	}
	at := m.texts.Len()
	m.texts.Write(text)
	return m.texts.String()[at:]
}

// slab is a slice that is handed out piece by piece.
type slab[T any] struct{ all []T }

// slabMost is up to how many elements a slab keeps.
const slabMost = 1 << 14

// take returns an empty slice with room for n elements, which are zero.
func (s *slab[T]) take(n int) []T {
	if cap(s.all)-len(s.all) < n {
		s.all = make([]T, 0, max(n, min(2*cap(s.all), slabMost))) // what was handed out stays with those who have it
	}
	at := len(s.all)
	s.all = s.all[:at+n]
	return s.all[at : at : at+n]
}

// reset takes everything back.
func (s *slab[T]) reset() {
	if cap(s.all) > slabMost {
		s.all = nil
		return
	}
	clear(s.all)
	s.all = s.all[:0]
}
