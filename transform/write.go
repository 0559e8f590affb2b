package transform

import (
	"slices"
	"strconv"

	"keyshift.dev/state"
)

// appendJSON appends the JSON text of a settled value.
func (v value) appendJSON(b []byte) []byte {
	switch v.kind {
	case isNull:
		return append(b, "null"...)
	case isNode:
		return append(b, v.doc.whole(int32(v.i))...)
	case isStr:
		return appendQuoted(b, v.s)
	case isList, isStruct:
		return v.tree.appendJSON(b, v.kind == isStruct)
	case isInt:
		return strconv.AppendInt(b, v.i, 10)
	}
	s, _ := v.text()
	return append(b, s...)
}

func (t *tree) appendJSON(b []byte, isMap bool) []byte {
	open, end := "[", "]"
	if isMap {
		open, end = "{", "}"
	}
	b = append(b, or(t.open, open)...)
	for i := range t.members {
		m := &t.members[i]
		if i > 0 {
			b = append(b, or(m.sep, ",")...)
		}
		if isMap && m.token == "" {
			b = appendQuoted(b, m.name)
		}
		if isMap {
			b = append(append(b, m.token...), or(m.colon, ":")...)
		}
		b = m.value.appendJSON(b)
	}
	return append(b, or(t.close, end)...)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// appendMsgPack appends the MessagePack form of a settled value.
func (v value) appendMsgPack(b []byte) []byte {
	switch v.kind {
	case isNode:
		return append(b, v.doc.raw(int32(v.i))...)
	case isBool:
		return append(b, msgFalse+byte(v.i))
	case isInt:
		return appendMsgInt(b, v.i)
	case isBig:
		return appendMsgUint(b, v.bigInt().Uint64())
	case isFloat:
		f, _ := strconv.ParseFloat(v.s, 64)
		return appendMsgFloat(b, f)
	case isStr:
		return appendMsgStr(b, v.s)
	case isBytes:
		return appendMsgBytes(b, v.s)
	case isList, isStruct:
		return v.tree.appendMsgPack(b, v.kind == isStruct)
	}
	return append(b, msgNil)
}

func (t *tree) appendMsgPack(b []byte, isMap bool) []byte {
	same := false
	if t.open != "" {
		_, _, n, err := msgHead(t.open)
		same = err == nil && n == len(t.members)
	}
	if same {
		b = append(b, t.open...)
	} else {
		b = appendMsgChildren(b, isMap, len(t.members))
	}
	for i := range t.members {
		m := &t.members[i]
		switch {
		case m.token != "":
			b = append(b, m.token...)
		case isMap:
			b = appendMsgStr(b, m.name)
		}
		b = m.value.appendMsgPack(b)
	}
	return b
}

// encode returns the bytes of a settled value.
func (v value) encode(encoding state.Encoding, room *Room) string {
	switch encoding {
	case state.JSON:
		room.encoded = v.appendJSON(room.encoded[:0])
	case state.MsgPack:
		room.encoded = v.appendMsgPack(room.encoded[:0])
	default:
		return v.s
	}
	return room.keep(room.encoded)
}

// write returns the unit of a settled result, without its key.
func (s *shape) write(v value, source Unit, room *Room) (Unit, error) {
	u := Unit{TTL: source.TTL}
	if !s.isParts() {
		u.Text = v.encode(s.encoding, room)
		return u, nil
	}
	if v.kind != isStruct || len(v.tree.members) == 0 {
		return u, ErrNoFields
	}
	u.Fields = room.fields.take(len(v.tree.members))
	for i := range v.tree.members {
		m := &v.tree.members[i]
		u.Fields = append(u.Fields, Field{Name: m.name, Value: m.value.encode(s.encodingOf(m.name), room)})
	}
	slices.SortFunc(u.Fields, byName)
	return u, nil
}

// encodingOf returns the encoding of a named part.
func (s *shape) encodingOf(name string) state.Encoding {
	if s.flat || len(s.source.Encodings) == 0 {
		return state.Text
	}
	return s.source.EncodingOf(name)
}
