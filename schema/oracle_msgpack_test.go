package schema_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

var errShort = errors.New("msgpack ends too soon")

// readMsgPack reads one value and returns what follows it.
func readMsgPack(b []byte) (v any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errShort
	}
	c, b := b[0], b[1:]
	switch {
	case c < 0x80 || c >= 0xe0:
		return number(strconv.Itoa(int(int8(c)))), b, nil
	case c < 0x90:
		return readMsgPackMap(b, int(c&0x0f))
	case c < 0xa0:
		return readMsgPackArray(b, int(c&0x0f))
	case c < 0xc0:
		return readMsgPackText(b, int(c&0x1f), false)
	case c == 0xc0:
		return nil, b, nil
	case c == 0xc2 || c == 0xc3:
		return c == 0xc3, b, nil
	}
	return readMsgPackWide(c, b)
}

// msgPackSizes are the widths of what follows a wide head, in bytes.
var msgPackSizes = map[byte]int{
	0xc4: 1, 0xc5: 2, 0xc6: 4, 0xca: 4, 0xcb: 8, 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8, 0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8,
	0xd9: 1, 0xda: 2, 0xdb: 4, 0xdc: 2, 0xdd: 4, 0xde: 2, 0xdf: 4,
}

func readMsgPackWide(c byte, b []byte) (any, []byte, error) {
	size, ok := msgPackSizes[c]
	if !ok || len(b) < size {
		return nil, nil, fmt.Errorf("msgpack head %#x: %w", c, errShort)
	}
	var wide [8]byte
	copy(wide[8-size:], b[:size])
	n, b := binary.BigEndian.Uint64(wide[:]), b[size:]
	switch {
	case c <= 0xc6:
		return readMsgPackText(b, int(n), true)
	case c == 0xca:
		return number(strconv.FormatFloat(float64(math.Float32frombits(uint32(n))), 'g', -1, 32)), b, nil
	case c == 0xcb:
		return number(strconv.FormatFloat(math.Float64frombits(n), 'g', -1, 64)), b, nil
	case c <= 0xcf:
		return number(strconv.FormatUint(n, 10)), b, nil
	case c <= 0xd3:
		shift := 64 - 8*size
		return number(strconv.FormatInt(int64(n<<shift)>>shift, 10)), b, nil
	case c <= 0xdb:
		return readMsgPackText(b, int(n), false)
	case c <= 0xdd:
		return readMsgPackArray(b, int(n))
	}
	return readMsgPackMap(b, int(n))
}

func readMsgPackText(b []byte, n int, binary bool) (any, []byte, error) {
	if len(b) < n {
		return nil, nil, errShort
	}
	if binary {
		return append([]byte{}, b[:n]...), b[n:], nil
	}
	return string(b[:n]), b[n:], nil
}

func readMsgPackArray(b []byte, n int) (any, []byte, error) {
	out := []any{}
	for range n {
		v, rest, err := readMsgPack(b)
		if err != nil {
			return nil, nil, err
		}
		out, b = append(out, v), rest
	}
	return out, b, nil
}

func readMsgPackMap(b []byte, n int) (any, []byte, error) {
	out := map[string]any{}
	for range n {
		k, rest, err := readMsgPack(b)
		name, ok := k.(string)
		if err != nil || !ok {
			return nil, nil, fmt.Errorf("msgpack key %v: %w", k, errShort)
		}
		v, rest, err := readMsgPack(rest)
		if err != nil {
			return nil, nil, err
		}
		out[name], b = v, rest
	}
	return out, b, nil
}
