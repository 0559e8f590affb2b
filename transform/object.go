package transform

import (
	"slices"
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
)

// editor makes an object of the source into the one that a program wants.
type editor struct {
	*settler
	msgpack    bool
	want       *tree
	done       []bool // of want
	source     value
	out        *tree
	sep, colon string // as the source spells them
}

// object edits the source's object: its members stay in their order as far as they stay, and what is new follows.
func (w *settler) object(want *tree, v value, own value, msgpack bool) (*tree, error) {
	e := editor{settler: w, msgpack: msgpack, want: want, source: own,
		done: w.room.done.take(len(want.members))[:len(want.members)],
		out:  w.room.tree(len(want.members))}
	e.out.open, e.out.close = own.ends()
	first := true
	var m member
	for walk := (walker{value: own}); walk.next(&m); {
		if first {
			e.colon, first = m.colon, false
		} else {
			e.sep = m.sep
		}
		if err := e.member(v, &m); err != nil {
			return nil, err
		}
	}
	for i := range want.members {
		if e.done[i] {
			continue
		}
		if err := e.write(v, i, nil, member{colon: e.colon}); err != nil {
			return nil, err
		}
	}
	if len(e.out.members) == 0 && !first && !msgpack {
		bracket := max(strings.LastIndexByte(e.out.close, '}'), 0)
		e.out.open += e.out.close[:bracket]
		e.out.close = e.out.close[bracket:]
	}
	return e.out, nil
}

// member writes one member of the source, or what takes its place, or nothing.
func (e *editor) member(v value, m *member) error {
	if i := e.want.find(m.name); i >= 0 {
		return e.write(v, i, &m.value, member{token: m.token, colon: m.colon})
	}
	if e.at == nil {
		return nil
	}
	i := e.replacement(m.name, true)
	if i < 0 {
		i = e.replacement(m.name, false)
	}
	if i < 0 {
		return nil
	}
	if _, taken := e.source.field(e.want.members[i].name); taken {
		return nil
	}
	return e.write(v, i, nil, member{colon: m.colon})
}

// replacement returns the first member that is taken as it is, or computed, from the source's member of that name,
// which vanishes, -1 if there is none. It takes its place, so that a way there and back restores the order.
func (e *editor) replacement(name string, carried bool) int {
	n := len(e.at)
	for i := range e.want.members {
		m := &e.want.members[i]
		if m.from == nil || m.filled || e.done[i] || (m.from.op == state.OpPath) != carried {
			continue
		}
		if o := m.from.origin; len(o) == n+1 && o[n] == name && slices.Equal(o[:n], e.at) {
			return i
		}
	}
	return -1
}

// write settles and appends a member, in the spelling that is given.
func (e *editor) write(v value, i int, own *value, m member) error {
	e.done[i] = true
	m.name, m.sep = e.want.members[i].name, e.sep
	if !utf8.ValidString(m.name) {
		return errKinds
	}
	place := e.at
	if place != nil {
		e.at = append(place, m.name) // the room behind is free again when it returns
	}
	x, err := e.document(v.memberOf(e.want, i), e.msgpack, own)
	e.at = place
	m.value = x
	e.out.add(m)
	return err
}
