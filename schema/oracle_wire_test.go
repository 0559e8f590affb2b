package schema_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// pack writes a value as a unit of a shape; r, if there is one, draws among the spellings that mean the same.
func pack(s state.Shape, key string, v any, r *rand.Rand) (transform.Unit, error) {
	u := transform.Unit{Key: key, Type: s.Type}
	if !s.Type.Parts() {
		e := s.Encoding
		if s.Type == state.Document {
			e = state.JSON
		}
		text, err := encode(e, v, s.Value, r)
		u.Text = text
		return u, err
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return u, fmt.Errorf("%s is not a struct", cueText(v))
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text, err := encode(s.EncodingOf(name), fields[name], partOf(s.Value, name), r)
		if err != nil {
			return u, err
		}
		u.Fields = append(u.Fields, transform.Field{Name: name, Value: text})
	}
	return u, nil
}

// unpack reads a unit. Text says nothing of kinds, so that want, the value that CUE made, lends its own.
func unpack(s state.Shape, u transform.Unit, want any) (any, error) {
	if !s.Type.Parts() {
		e := s.Encoding
		if s.Type == state.Document {
			e = state.JSON
		}
		return decode(e, u.Text, want)
	}
	wanted, _ := want.(map[string]any)
	out := map[string]any{}
	for _, f := range u.Fields {
		v, err := decode(s.EncodingOf(f.Name), f.Value, wanted[f.Name])
		if err != nil {
			return nil, err
		}
		out[f.Name] = v
	}
	return out, nil
}

func encode(e state.Encoding, v any, t state.Type, r *rand.Rand) (string, error) {
	switch e {
	case state.JSON:
		return jsonText(v, t, r), nil
	case state.MsgPack:
		return string(appendMsgPack(nil, v)), nil
	case state.Raw:
		b, ok := v.([]byte)
		if !ok {
			return "", fmt.Errorf("%s is not bytes", cueText(v))
		}
		return string(b), nil
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case number:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("%s has no text", cueText(v))
}

func decode(e state.Encoding, text string, want any) (any, error) {
	switch e {
	case state.JSON:
		return fromJSON(text)
	case state.MsgPack:
		v, rest, err := readMsgPack([]byte(text))
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("%d bytes too many", len(rest))
		}
		return v, err
	case state.Raw:
		return []byte(text), nil
	}
	switch want.(type) {
	case number:
		return number(text), nil
	case bool:
		return text == "true", nil
	}
	return text, nil
}

// jsonText writes JSON. With r it draws escapes, white space and an order of declared members; that of others shows
// in what json.Marshal makes of them, in CUE and here.
func jsonText(v any, t state.Type, r *rand.Rand) string {
	space := func() string {
		if r == nil || r.IntN(6) > 0 {
			return ""
		}
		return []string{" ", "\n", "\t ", "\r\n"}[r.IntN(4)]
	}
	switch v := v.(type) {
	case string:
		return jsonString(v, r)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = space() + jsonText(v[i], elementOf(t, i), r) + space()
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if r != nil && !slices.ContainsFunc(keys, func(k string) bool { return !isDeclared(t, k) }) {
			r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		}
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = space() + jsonString(k, r) + space() + ":" + space() + jsonText(v[k], partOf(t, k), r)
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return cueText(v) // null, true, 1.5
}

func isDeclared(t state.Type, name string) bool {
	return slices.ContainsFunc(t.Alts, func(a state.Alt) bool {
		return slices.ContainsFunc(a.Fields, func(f state.Field) bool { return f.Name == name })
	})
}

// partOf returns the type of a field, elementOf that of an element; what is not known has none.
func partOf(t state.Type, name string) state.Type {
	for _, a := range t.Alts {
		for _, f := range a.Fields {
			if f.Name == name {
				return f.Type
			}
		}
		if a.Rest != nil {
			return *a.Rest
		}
	}
	return state.Type{}
}

func elementOf(t state.Type, i int) state.Type {
	for _, a := range t.Alts {
		switch {
		case i < len(a.Items):
			return a.Items[i]
		case a.Elem != nil:
			return *a.Elem
		}
	}
	return state.Type{}
}

func jsonString(s string, r *rand.Rand) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		escape := r != nil && r.IntN(8) == 0
		switch {
		case escape && c > 0xffff:
			x, y := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04X`, x, y)
		case escape || c < ' ':
			fmt.Fprintf(&b, `\u%04x`, c)
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + `"`
}

// appendMsgPack writes msgpack in its shortest forms; a number that is no integer is a float64.
func appendMsgPack(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 0xc0)
	case bool:
		if v {
			return append(b, 0xc3)
		}
		return append(b, 0xc2)
	case number:
		return appendMsgPackNumber(b, string(v))
	case string:
		if len(v) < 32 {
			return append(append(b, 0xa0|byte(len(v))), v...)
		}
		return append(binary.BigEndian.AppendUint16(append(b, 0xda), uint16(len(v))), v...)
	case []byte:
		return append(binary.BigEndian.AppendUint16(append(b, 0xc5), uint16(len(v))), v...)
	case []any:
		b = binary.BigEndian.AppendUint16(append(b, 0xdc), uint16(len(v)))
		for _, x := range v {
			b = appendMsgPack(b, x)
		}
	case map[string]any:
		b = append(b, 0x80|byte(len(v)))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b = appendMsgPack(appendMsgPack(b, k), v[k])
		}
	}
	return b
}

func appendMsgPackNumber(b []byte, text string) []byte {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		if i >= -32 && i < 128 {
			return append(b, byte(i))
		}
		return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(i))
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return binary.BigEndian.AppendUint64(append(b, 0xcf), u)
	}
	f, _ := strconv.ParseFloat(text, 64)
	return binary.BigEndian.AppendUint64(append(b, 0xcb), math.Float64bits(f))
}
