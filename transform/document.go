package transform

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
)

// document is a JSON text or a MessagePack value and where its values stand in it. Nothing is decoded but the names
// of members.
type document struct {
	text    string
	msgpack bool
	escapes bool    // some text of JSON is spelled by code points
	deep    int     // the deepest nesting
	nodes   []node  // the root first; children after their parent, in order
	pays    *budget // for walking; nil: nobody
}

// walked charges so many values that were passed.
func (d *document) walked(n int) {
	if d.pays != nil {
		d.pays.steps += n / nodeCost
	}
}

// node is one value of a document.
type node struct {
	kind       nodeKind
	start, end int32 // of the value's bytes
	nameStart  int32 // of a member: of its name's token, which ends at nameEnd
	nameEnd    int32
	first      int32  // child, 0 if there is none
	next       int32  // sibling, 0 if there is none
	name       string // of a member: decoded
}

// nodeKind is the kind of a node. JSON has one kind of number.
type nodeKind uint8

const (
	nodeOther nodeKind = iota // not a number, infinite: fits nothing
	nodeNull
	nodeBool
	nodeInt // of MessagePack alone
	nodeNumber
	nodeStr
	nodeBytes
	nodeArray
	nodeStruct
)

// maxDepth bounds the nesting of lists and objects.
const maxDepth = 1000

// maxDocument bounds a document, so that places fit an int32. Redis holds no longer string.
const maxDocument = 512 << 20

// raw returns the bytes of a value.
func (d *document) raw(i int32) string { return d.text[d.nodes[i].start:d.nodes[i].end] }

// whole returns the text of a value, of the root with the white space around it.
func (d *document) whole(i int32) string {
	if i == 0 {
		return d.text
	}
	return d.raw(i)
}

// str returns the decoded text of a string.
func (d *document) str(i int32) string {
	if d.msgpack {
		return payload(d.raw(i))
	}
	return unquote(d.raw(i))
}

// isUnicode tells, without decoding it, whether a string is surely Unicode: one of JSON, whose text was checked, can
// still hold the escape of a surrogate without its other half.
func (d *document) isUnicode(i int32) bool {
	return !d.msgpack && !(d.escapes && strings.Contains(d.raw(i), `\u`))
}

// isTrue returns the value of a bool.
func (d *document) isTrue(i int32) bool {
	c := d.text[d.nodes[i].start]
	return c == 't' || c == msgTrue
}

// number returns the decimal text of a number: JSON's own, or the shortest of a MessagePack float, which always shows
// that it is one.
func (d *document) number(i int32) string {
	if !d.msgpack {
		return d.raw(i)
	}
	if d.nodes[i].kind == nodeInt {
		n, unsigned := msgInt(d.raw(i))
		if unsigned {
			return strconv.FormatUint(uint64(n), 10)
		}
		return strconv.FormatInt(n, 10)
	}
	return floatText(msgFloat(d.raw(i)))
}

// floatText is the shortest text of a finite double, with a point or an exponent.
func floatText(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e21 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// member returns the member of an object by name.
func (d *document) member(object int32, name string) (int32, bool) {
	n := 0
	for i := d.nodes[object].first; i != 0; i = d.nodes[i].next {
		if d.nodes[i].name == name {
			d.walked(n)
			return i, true
		}
		n++
	}
	d.walked(n)
	return 0, false
}

// size returns the number of children.
func (d *document) size(i int32) int {
	n := 0
	for i = d.nodes[i].first; i != 0; i = d.nodes[i].next {
		n++
	}
	d.walked(n)
	return n
}

// scalar reads a value as the first alternative that it fits; lists and objects stay nodes.
func (d *document) scalar(t *typ, i int32) (value, error) {
	n := &d.nodes[i]
	if n.kind != nodeArray && n.kind != nodeStruct {
		d.walked(int(n.end-n.start) / 4)
	}
	switch n.kind {
	case nodeNull:
		return value{}, nil
	case nodeBool:
		return boolean(d.isTrue(i)), nil
	case nodeStr:
		s := d.str(i)
		if !utf8.ValidString(s) {
			return value{}, errUTF8
		}
		return str(s), nil
	case nodeBytes:
		return value{kind: isBytes, s: payload(d.raw(i))}, nil
	case nodeInt, nodeNumber:
		v, ok := numberOf(d.number(i), d.numberKind(t, i))
		if !ok {
			return v, errHuge
		}
		return v, nil
	case nodeArray, nodeStruct:
		return value{kind: isNode, i: int64(i), doc: d, typ: t}, nil
	}
	return value{}, errKinds
}

// numberKind tells whether a number is an int: as its type says, or as it is spelled where nothing is declared.
func (d *document) numberKind(t *typ, i int32) state.Kind {
	if t != nil {
		if a := t.altOfNode(d, i); a != nil {
			return a.kind
		}
	}
	return state.Number
}

// duplicate tells whether two members of an object have one name.
func duplicate(nodes []node, object int32) bool {
	var seen map[string]bool
	n := 0
	for i := nodes[object].first; i != 0; i = nodes[i].next {
		if n++; n > few && seen == nil {
			seen = make(map[string]bool)
			for j := nodes[object].first; j != i; j = nodes[j].next {
				seen[nodes[j].name] = true
			}
		}
		if seen != nil {
			if seen[nodes[i].name] {
				return true
			}
			seen[nodes[i].name] = true
			continue
		}
		for j := nodes[object].first; j != i; j = nodes[j].next {
			if nodes[j].name == nodes[i].name {
				return true
			}
		}
	}
	return false
}

// few is how many names are compared with each other; more go through a map.
const few = 24

// integral tells whether the text of a JSON number is an integer: 5, 5.0 and 5e0 are.
func integral(text string) bool {
	if !strings.ContainsAny(text, ".eE") {
		return true
	}
	d, ok := state.ParseDecimal(text)
	return ok && d.Integral()
}
