package transform

import (
	"unicode/utf8"

	"keyshift.dev/state"
)

// settler gives the result of a program the form that it will have on the wire: what the program only carries keeps
// its bytes; an object or list that takes the place of one in the source is that one, edited.
type settler struct {
	room *Room
	at   []string // the place in the source of what is being settled
	in   int      // how many lists and structs stand around it
}

// settle returns a value as an encoding holds it. own is what the source has in its place in the same encoding, nil if
// there is nothing.
func (w *settler) settle(v value, encoding state.Encoding, own *value) (value, error) {
	switch encoding {
	case state.JSON, state.MsgPack:
		return w.document(v, encoding == state.MsgPack, own)
	case state.Raw:
		v, err := v.scalar()
		if err == nil && v.kind != isBytes {
			err = errKinds
		}
		return v, err
	}
	return settleText(v)
}

// settleText returns a scalar as text.
func settleText(v value) (value, error) {
	if v.kind == isText {
		return v, nil
	}
	if v.kind == isDigits && v.typ == nil {
		return value{kind: isText, s: v.s}, nil // as it is spelled
	}
	if v.kind == isNode && !v.doc.msgpack && v.doc.nodes[v.i].kind == nodeNumber && v.doc.numberKind(v.typ, int32(v.i)) == state.Number {
		return value{kind: isText, s: v.doc.raw(int32(v.i))}, nil // as it is spelled
	}
	x, err := v.scalar()
	if err != nil {
		return x, err
	}
	text, ok := x.text()
	if !ok || x.kind == isBytes {
		return x, errKinds
	}
	return value{kind: isText, s: text}, nil
}

// document returns a value as JSON or MessagePack holds it.
func (w *settler) document(v value, msgpack bool, own *value) (value, error) {
	if v.kind == isNode && v.doc.msgpack == msgpack {
		if w.in+v.doc.deep > maxDepth {
			return v, errDepth
		}
		return v, nil
	}
	if isMap, ok := v.isComposite(); ok {
		if w.in++; w.in > maxDepth {
			return v, errDepth
		}
		t, err := w.composite(v, isMap, msgpack, own)
		w.in--
		return value{kind: v.composed(isMap), tree: t}, err
	}
	x, err := v.scalar()
	if err != nil {
		return x, err
	}
	if own != nil {
		if y, err := own.untyped().scalar(); err == nil && x.equal(y) && sameForm(x, y, msgpack) {
			return *own, nil
		}
	}
	return settleScalar(x, v, msgpack)
}

// sameForm tells whether equal numbers are of one kind where the wire tells the kinds apart.
func sameForm(x, y value, msgpack bool) bool {
	return !msgpack || (x.kind == isDec) == (y.kind == isDec)
}

// untyped forgets what a shape says of a value: a number is as it is spelled.
func (v value) untyped() value {
	v.typ = nil
	if v.kind == isText {
		v.typ = untyped
	}
	return v
}

func (v value) composed(isMap bool) kind {
	if isMap {
		return isStruct
	}
	return isList
}

// settleScalar returns a scalar x, which v stands for, as JSON or MessagePack holds it.
func settleScalar(x, v value, msgpack bool) (value, error) {
	switch x.kind {
	case isStr:
		if !utf8.ValidString(x.s) {
			return x, errKinds
		}
	case isBytes:
		if !msgpack {
			return x, errKinds
		}
	case isBig:
		if msgpack && (x.num.big.Sign() < 0 || !x.num.big.IsUint64()) {
			return x, errMsgInt
		}
	case isDec:
		if !msgpack && (v.kind == isText || v.kind == isDigits || v.kind == isFloat) {
			return value{kind: isDigits, s: v.s}, nil // as it is spelled
		}
		if !msgpack {
			return value{kind: isDigits, s: x.num.dec.String()}, nil
		}
		f, err := x.double()
		return value{kind: isFloat, s: floatText(f)}, err
	}
	x.typ = nil
	return x, nil
}

// composite settles what is in a list or struct.
func (w *settler) composite(v value, isMap, msgpack bool, own *value) (*tree, error) {
	if own != nil {
		if ownMap, ok := own.isComposite(); !ok || ownMap != isMap {
			own = nil
		}
	}
	t := v.tree
	if v.kind == isNode {
		t = v.spread()
	}
	switch {
	case !isMap && own != nil:
		return w.elements(t, v, own.spread(), msgpack)
	case !isMap:
		return w.elements(t, v, nil, msgpack)
	case own != nil:
		return w.object(t, v, *own, msgpack)
	}
	out := w.room.tree(len(t.members))
	for i := range t.members {
		x, err := w.document(v.memberOf(t, i), msgpack, nil)
		if err != nil {
			return out, err
		}
		if !utf8.ValidString(t.members[i].name) {
			return out, errKinds
		}
		out.add(member{name: t.members[i].name, value: x})
	}
	return out, nil
}

// memberOf returns the value of a member of t, which is v or v spread.
func (v value) memberOf(t *tree, i int) value {
	if v.kind == isNode {
		return t.members[i].value
	}
	return v.typedMember(i)
}

// elements settles a list, each element in the place of the one that the source has there.
func (w *settler) elements(t *tree, v value, source *tree, msgpack bool) (*tree, error) {
	out := w.room.tree(len(t.members))
	out.members = out.members[:len(t.members)]
	if source != nil && (len(t.members) > 0) == (len(source.members) > 0) {
		out.open, out.close = source.open, source.close
	}
	path := w.at
	w.at = nil // a place in a list has no path
	defer func() { w.at = path }()
	for i := range t.members {
		m := &out.members[i]
		var own *value
		if source != nil && i < len(source.members) {
			own, m.sep = &source.members[i].value, source.members[i].sep
		} else if i > 1 {
			m.sep = out.members[i-1].sep
		}
		x, err := w.document(v.memberOf(t, i), msgpack, own)
		if err != nil {
			return out, err
		}
		m.value = x
	}
	return out, nil
}
