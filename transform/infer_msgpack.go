package transform

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
)

// packedSample reads MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) for a look at samples: what has
// extensions, or keys that are no strings, is not read.
type packedSample struct {
	rest string
	ok   bool
}

func decodeMsgPack(text string) (state.Value, bool) {
	p := packedSample{text, true}
	v := p.value(0)
	return v, p.ok && p.rest == ""
}

// take cuts n bytes off.
func (p *packedSample) take(n uint64) string {
	if n > uint64(len(p.rest)) {
		p.ok = false
		return ""
	}
	out := p.rest[:n]
	p.rest = p.rest[n:]
	return out
}

// uint reads an unsigned number of n bytes.
func (p *packedSample) uint(n uint64) uint64 {
	raw := p.take(n)
	if !p.ok {
		return 0
	}
	var wide [8]byte
	copy(wide[8-len(raw):], raw)
	return binary.BigEndian.Uint64(wide[:])
}

func (p *packedSample) value(depth int) state.Value {
	if depth > maxSampleDepth {
		p.ok = false
	}
	head := p.uint(1)
	if !p.ok {
		return state.Value{}
	}
	switch {
	case head < 0x80:
		return sampledInt(strconv.FormatUint(head, 10))
	case head < 0x90:
		return p.fields(head&0xf, depth)
	case head < 0xa0:
		return p.list(head&0xf, depth)
	case head < 0xc0:
		return p.text(head & 0x1f)
	case head >= 0xe0:
		return sampledInt(strconv.FormatInt(int64(int8(head)), 10))
	}
	return p.marked(head, depth)
}

// marked reads a value whose first byte says only its kind.
func (p *packedSample) marked(head uint64, depth int) state.Value {
	switch head {
	case 0xc0:
		return state.Value{Kind: state.Null}
	case 0xc2, 0xc3:
		return state.Value{Kind: state.Bool, Bool: head == 0xc3}
	case 0xc4, 0xc5, 0xc6:
		return state.Value{Kind: state.Bytes, Bytes: []byte(p.take(p.uint(1 << (head - 0xc4))))}
	case 0xca:
		return p.float(float64(math.Float32frombits(uint32(p.uint(4)))))
	case 0xcb:
		return p.float(math.Float64frombits(p.uint(8)))
	case 0xcc, 0xcd, 0xce, 0xcf:
		return sampledInt(strconv.FormatUint(p.uint(1<<(head-0xcc)), 10))
	case 0xd0, 0xd1, 0xd2, 0xd3:
		size := uint64(1) << (head - 0xd0)
		shift := 64 - 8*size
		return sampledInt(strconv.FormatInt(int64(p.uint(size)<<shift)>>shift, 10))
	case 0xd9, 0xda, 0xdb:
		return p.text(p.uint(1 << (head - 0xd9)))
	case 0xdc, 0xdd:
		return p.list(p.uint(2<<(head-0xdc)), depth)
	case 0xde, 0xdf:
		return p.fields(p.uint(2<<(head-0xde)), depth)
	}
	p.ok = false
	return state.Value{}
}

func sampledInt(text string) state.Value { return state.Value{Kind: state.Int, Text: text} }

// float is a number that text can hold.
func (p *packedSample) float(f float64) state.Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		p.ok = false
		return state.Value{}
	}
	return state.Value{Kind: state.Number, Text: strconv.FormatFloat(f, 'g', -1, 64)}
}

func (p *packedSample) text(n uint64) state.Value {
	s := p.take(n)
	if !utf8.ValidString(s) {
		p.ok = false
	}
	return state.Value{Kind: state.Str, Text: s}
}

func (p *packedSample) list(n uint64, depth int) state.Value {
	out := state.Value{Kind: state.Array}
	for i := uint64(0); i < n && p.ok; i++ {
		out.List = append(out.List, p.value(depth+1))
	}
	return out
}

func (p *packedSample) fields(n uint64, depth int) state.Value {
	out := state.Value{Kind: state.Struct}
	for i := uint64(0); i < n && p.ok; i++ {
		key := p.value(depth + 1)
		if key.Kind != state.Str {
			p.ok = false
			return out
		}
		out.Fields = append(out.Fields, state.FieldValue{Name: key.Text, Value: p.value(depth + 1)})
	}
	slices.SortFunc(out.Fields, func(a, b state.FieldValue) int { return strings.Compare(a.Name, b.Name) })
	return out
}
