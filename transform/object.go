package transform

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// editor makes an object of the source into the one that a program wants.
type editor struct {
	*settler
	msgpack    bool
	want       *tree
	done       []bool // of want
	source     *tree
	out        *tree
	sep, colon string // as the source spells them
}

// object edits the source's object: its members stay in their order as far as they stay, and what is new follows.
func (w *settler) object(want *tree, v value, source *tree, msgpack bool) (*tree, error) {
	e := editor{settler: w, msgpack: msgpack, want: want, source: source,
		done: make([]bool, len(want.members)),
		out:  &tree{open: source.open, close: source.close, members: make([]member, 0, len(want.members))}}
	if len(source.members) > 0 {
		e.colon = source.members[0].colon
	}
	for i := range source.members {
		m := &source.members[i]
		if i > 0 {
			e.sep = m.sep
		}
		if err := e.member(v, m); err != nil {
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
	if len(e.out.members) == 0 && len(source.members) > 0 && !msgpack {
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
	i := e.replacement(m.name, func(x *member) bool { return x.carried })
	if i < 0 {
		i = e.replacement(m.name, func(x *member) bool { return !x.carried && !x.filled })
	}
	if i < 0 || e.source.find(e.want.members[i].name) >= 0 {
		return nil
	}
	return e.write(v, i, nil, member{colon: m.colon})
}

// replacement returns the first member that is taken or computed from the source's member of that name, which
// vanishes, -1 if there is none. It takes its place, so that a way there and back restores the order.
func (e *editor) replacement(name string, is func(*member) bool) int {
	n := len(e.at)
	return slices.IndexFunc(e.want.members, func(m member) bool {
		return len(m.origin) == n+1 && m.origin[n] == name && slices.Equal(m.origin[:n], e.at) && is(&m) && !e.isDone(m.name)
	})
}

func (e *editor) isDone(name string) bool { return e.done[e.want.find(name)] }

// write settles and appends a member, in the spelling that is given.
func (e *editor) write(v value, i int, own *value, m member) error {
	e.done[i] = true
	m.name, m.sep = e.want.members[i].name, e.sep
	if !utf8.ValidString(m.name) {
		return errKinds
	}
	place := e.at
	if place != nil {
		e.at = append(slices.Clip(place), m.name)
	}
	x, err := e.document(v.memberOf(e.want, i), e.msgpack, own)
	e.at = place
	m.value = x
	e.out.add(m)
	return err
}
