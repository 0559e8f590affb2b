package transform

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
)

// maxSampleDepth bounds the nesting of a sampled value that is looked into.
const maxSampleDepth = 32

// wireText tells whether the parts of a shape are text, on which numbers and bools are strings.
func wireText(s state.Shape) bool {
	return s.Type.Parts() || s.Type != state.Document && (s.Encoding == state.Text || s.Encoding == "")
}

// valueOf decodes a sample as its shape says.
func valueOf(s state.Shape, x Sample) state.Value {
	if s.Type.Parts() {
		v := state.Value{Kind: state.Struct}
		for _, f := range x.Fields {
			v.Fields = append(v.Fields, state.FieldValue{Name: f.Name, Value: decodePart(s.EncodingOf(f.Name), f.Value)})
		}
		slices.SortFunc(v.Fields, func(a, b state.FieldValue) int { return strings.Compare(a.Name, b.Name) })
		return v
	}
	if s.Type == state.Document {
		return decodePart(state.JSON, x.Text)
	}
	return decodePart(s.Encoding, x.Text)
}

func decodePart(e state.Encoding, text string) state.Value {
	switch e {
	case state.JSON:
		if v, ok := decodeJSON(text); ok {
			return v
		}
	case state.MsgPack:
		if v, ok := decodeMsgPack(text); ok {
			return v
		}
	case state.Raw:
		return state.Value{Kind: state.Bytes, Bytes: []byte(text)}
	}
	if !utf8.ValidString(text) {
		return state.Value{Kind: state.Bytes, Bytes: []byte(text)}
	}
	return state.Value{Kind: state.Str, Text: text}
}

// decodeJSON reads one JSON value and nothing after it.
func decodeJSON(text string) (state.Value, bool) {
	if !utf8.ValidString(text) {
		return state.Value{}, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return state.Value{}, false
	}
	if _, err := d.Token(); err != io.EOF {
		return state.Value{}, false
	}
	return plainValue(v, 0), true
}

func plainValue(v any, depth int) state.Value {
	switch v := v.(type) {
	case bool:
		return state.Value{Kind: state.Bool, Bool: v}
	case json.Number:
		if d, ok := state.ParseDecimal(v.String()); ok && d.Integral() {
			return state.Value{Kind: state.Int, Text: v.String()}
		}
		return state.Value{Kind: state.Number, Text: v.String()}
	case string:
		return state.Value{Kind: state.Str, Text: v}
	case []any:
		out := state.Value{Kind: state.Array}
		for _, e := range v {
			out.List = append(out.List, plainValue(e, depth+1))
		}
		return out
	case map[string]any:
		out := state.Value{Kind: state.Struct}
		for name, e := range v {
			out.Fields = append(out.Fields, state.FieldValue{Name: name, Value: plainValue(e, depth+1)})
		}
		slices.SortFunc(out.Fields, func(a, b state.FieldValue) int { return strings.Compare(a.Name, b.Name) })
		return out
	}
	return state.Value{Kind: state.Null}
}

// inferEncodings finds the named parts that are no text in every sample that has them.
func inferEncodings(redis state.Redis, samples []Sample) []state.FieldEncoding {
	seen := map[string]map[state.Encoding]bool{}
	for _, s := range samples {
		for _, f := range s.Fields {
			if redis == state.Map && f.Name == "field" || redis == state.SortedSet && f.Name == "score" {
				continue
			}
			if seen[f.Name] == nil {
				seen[f.Name] = map[state.Encoding]bool{}
			}
			seen[f.Name][encodingOf(f.Value)] = true
		}
	}
	var out []state.FieldEncoding
	for name, encodings := range seen {
		e := state.Raw
		for only := range encodings {
			e = only
		}
		switch {
		case len(encodings) > 1 && !encodings[state.Raw] && !encodings[state.MsgPack], e == state.Text && len(encodings) == 1:
			continue // JSON is text, too
		case len(encodings) > 1:
			e = state.Raw
		}
		out = append(out, state.FieldEncoding{Field: name, Encoding: e})
	}
	slices.SortFunc(out, func(a, b state.FieldEncoding) int { return strings.Compare(a.Field, b.Field) })
	return out
}
