package transform

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// The type bytes of MessagePack (github.com/msgpack/msgpack, spec.md). The extension types are not read.
const (
	msgFixMap   = 0x80
	msgFixArray = 0x90
	msgFixStr   = 0xa0
	msgNil      = 0xc0
	msgFalse    = 0xc2
	msgTrue     = 0xc3
	msgBin8     = 0xc4
	msgBin32    = 0xc6
	msgFloat32  = 0xca
	msgFloat64  = 0xcb
	msgUint8    = 0xcc
	msgUint64   = 0xcf
	msgInt8     = 0xd0
	msgInt64    = 0xd3
	msgStr8     = 0xd9
	msgStr32    = 0xdb
	msgArray16  = 0xdc
	msgArray32  = 0xdd
	msgMap16    = 0xde
	msgMap32    = 0xdf
	msgNegative = 0xe0
)

// Reasons why bytes are not the MessagePack that units may hold.
var (
	errMsgTruncated = errors.New("is truncated MessagePack")
	errMsgTrailing  = errors.New("is MessagePack with bytes behind the value")
	errMsgExtension = errors.New("is MessagePack with an extension type")
	errMsgKey       = errors.New("is MessagePack with a map key that is not a UTF-8 string")
	errMsgDuplicate = errors.New("is MessagePack with a key twice in one map")
	errMsgDepth     = errors.New("is MessagePack nested deeper than 1000 levels")
)

// parseMsgPack reads one value of MessagePack whose maps have strings as keys, each once.
func parseMsgPack(text string, room []node) (document, error) {
	if len(text) > maxDocument {
		return document{}, errTooLong
	}
	p := msgParser{text: text, nodes: roomFor(room)}
	if _, err := p.value(0); err != nil {
		return document{nodes: p.nodes[:0]}, err
	}
	if p.at < len(text) {
		return document{nodes: p.nodes[:0]}, errMsgTrailing
	}
	return document{text: text, msgpack: true, nodes: p.nodes, deep: p.deep}, nil
}

type msgParser struct {
	text  string
	at    int
	deep  int
	nodes []node
}

func (p *msgParser) value(depth int) (int32, error) {
	if depth > maxDepth {
		return 0, errMsgDepth
	}
	p.deep = max(p.deep, depth)
	if p.at >= len(p.text) {
		return 0, errMsgTruncated
	}
	kind, head, size, err := msgHead(p.text[p.at:])
	if err != nil {
		return 0, err
	}
	i := int32(len(p.nodes))
	p.nodes = append(p.nodes, node{kind: kind, start: int32(p.at)})
	switch kind {
	case nodeArray, nodeStruct:
		p.at += head
		if err := p.children(i, depth, size); err != nil {
			return 0, err
		}
	default:
		if size > len(p.text)-p.at-head {
			return 0, errMsgTruncated
		}
		p.at += head + size
	}
	p.nodes[i].end = int32(p.at)
	if kind == nodeNumber && !isFinite(msgFloat(p.text[p.nodes[i].start:p.at])) {
		p.nodes[i].kind = nodeOther
	}
	return i, nil
}

func isFinite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func (p *msgParser) children(i int32, depth, size int) error {
	for last := int32(0); size > 0; size-- {
		nameStart, nameEnd := p.at, p.at
		if p.nodes[i].kind == nodeStruct {
			if err := p.key(); err != nil {
				return err
			}
			nameEnd = p.at
		}
		child, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		if nameEnd > nameStart {
			n := &p.nodes[child]
			n.nameStart, n.nameEnd = int32(nameStart), int32(nameEnd)
			n.name = payload(p.text[nameStart:nameEnd])
		}
		if last == 0 {
			p.nodes[i].first = child
		} else {
			p.nodes[last].next = child
		}
		last = child
	}
	if p.nodes[i].kind == nodeStruct && duplicate(p.nodes, i) {
		return errMsgDuplicate
	}
	return nil
}

// key reads the key of a member.
func (p *msgParser) key() error {
	if p.at >= len(p.text) {
		return errMsgTruncated
	}
	kind, head, size, err := msgHead(p.text[p.at:])
	switch {
	case err != nil:
		return err
	case kind != nodeStr:
		return errMsgKey
	case size > len(p.text)-p.at-head:
		return errMsgTruncated
	case !utf8.ValidString(p.text[p.at+head : p.at+head+size]):
		return errMsgKey
	}
	p.at += head + size
	return nil
}

// msgHead reads the head of a value: how long it is, and how many bytes or children follow it. Of a number the head is
// the type byte, and its bytes follow.
func msgHead(s string) (kind nodeKind, head, size int, err error) {
	c := s[0]
	switch {
	case c < msgFixMap || c >= msgNegative:
		return nodeInt, 1, 0, nil
	case c < msgFixArray:
		return nodeStruct, 1, int(c & 0x0f), nil
	case c < msgFixStr:
		return nodeArray, 1, int(c & 0x0f), nil
	case c < msgNil:
		return nodeStr, 1, int(c & 0x1f), nil
	case c == msgNil:
		return nodeNull, 1, 0, nil
	case c == msgFalse || c == msgTrue:
		return nodeBool, 1, 0, nil
	case c == msgFloat32 || c == msgFloat64:
		return nodeNumber, 1, 4 << (c - msgFloat32), nil
	case c >= msgUint8 && c <= msgUint64:
		return nodeInt, 1, 1 << (c - msgUint8), nil
	case c >= msgInt8 && c <= msgInt64:
		return nodeInt, 1, 1 << (c - msgInt8), nil
	case c >= msgBin8 && c <= msgBin32:
		return msgLong(nodeBytes, s, 1<<(c-msgBin8))
	case c >= msgStr8 && c <= msgStr32:
		return msgLong(nodeStr, s, 1<<(c-msgStr8))
	case c == msgArray16 || c == msgArray32:
		return msgLong(nodeArray, s, 2<<(c-msgArray16))
	case c == msgMap16 || c == msgMap32:
		return msgLong(nodeStruct, s, 2<<(c-msgMap16))
	}
	return nodeOther, 0, 0, errMsgExtension
}

// msgLong reads a length of width bytes behind the type byte.
func msgLong(kind nodeKind, s string, width int) (nodeKind, int, int, error) {
	if len(s) < 1+width {
		return kind, 0, 0, errMsgTruncated
	}
	return kind, 1 + width, int(bigEndian(s[1 : 1+width])), nil
}

// bigEndian reads an unsigned integer of 1, 2, 4 or 8 bytes.
func bigEndian(s string) uint64 {
	var n uint64
	for i := range len(s) {
		n = n<<8 | uint64(s[i])
	}
	return n
}

// payload returns the bytes of a string or binary that was read before.
func payload(raw string) string {
	if raw == "" {
		return ""
	}
	_, head, _, _ := msgHead(raw)
	return raw[head:]
}

// msgInt returns an integer that was read before; it is a uint64 if unsigned.
func msgInt(raw string) (n int64, unsigned bool) {
	c := raw[0]
	switch {
	case c < msgFixMap || c >= msgNegative:
		return int64(int8(c)), false
	case c < msgInt8:
		u := bigEndian(raw[1:])
		return int64(u), u > math.MaxInt64
	}
	shift := 64 - 8*(len(raw)-1)
	return int64(bigEndian(raw[1:])<<shift) >> shift, false
}

func msgFloat(raw string) float64 {
	if len(raw) == 5 {
		return float64(math.Float32frombits(uint32(bigEndian(raw[1:]))))
	}
	return math.Float64frombits(bigEndian(raw[1:]))
}

// The writer uses the shortest form of each value, and a double for every number that is not an integer.

func appendMsgInt(b []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendMsgUint(b, uint64(n))
	case n >= -32:
		return append(b, byte(n))
	case n >= math.MinInt8:
		return append(b, msgInt8, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, msgInt8+1), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, msgInt8+2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, msgInt64), uint64(n))
}

func appendMsgUint(b []byte, n uint64) []byte {
	if n < msgFixMap {
		return append(b, byte(n))
	}
	return appendMsgLength(b, msgUint8, n)
}

func appendMsgFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, msgFloat64), math.Float64bits(f))
}

func appendMsgStr(b []byte, s string) []byte {
	if len(s) < 32 {
		return append(append(b, msgFixStr|byte(len(s))), s...)
	}
	return append(appendMsgLength(b, msgStr8, uint64(len(s))), s...)
}

func appendMsgBytes(b []byte, s string) []byte {
	return append(appendMsgLength(b, msgBin8, uint64(len(s))), s...)
}

// appendMsgChildren appends the head of an array or a map.
func appendMsgChildren(b []byte, isMap bool, n int) []byte {
	fix, long := byte(msgFixArray), byte(msgArray16)
	if isMap {
		fix, long = msgFixMap, msgMap16
	}
	switch {
	case n < 16:
		return append(b, fix|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, long+1), uint32(n))
}

// appendMsgLength appends a type byte and a number in the fewest bytes; the type byte is that of one byte.
func appendMsgLength(b []byte, first byte, n uint64) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(b, first, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, first+1), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, first+2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, first+3), n)
}
