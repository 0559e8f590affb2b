package transform

import (
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
	case state.JSON, state.MsgPack:
		if v, ok := decodeDocument(e, text); ok {
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

// decodeDocument reads JSON or MessagePack as the engine does. What that would not take for a unit is not of the encoding.
func decodeDocument(e state.Encoding, text string) (state.Value, bool) {
	parse := parseJSON
	if e == state.MsgPack {
		parse = parseMsgPack
	}
	d, err := parse(text, nil)
	if err != nil || slices.ContainsFunc(d.nodes, func(n node) bool { return n.kind == nodeOther }) {
		return state.Value{}, false
	}
	return d.sampled(0), true
}

// sampled returns a value of a document; a number of JSON that is integral is an int.
func (d *document) sampled(i int32) state.Value {
	n := d.nodes[i]
	switch n.kind {
	case nodeBool:
		return state.Value{Kind: state.Bool, Bool: d.isTrue(i)}
	case nodeInt, nodeNumber:
		text := d.number(i)
		if n.kind == nodeInt || !d.msgpack && integral(text) {
			return state.Value{Kind: state.Int, Text: text}
		}
		return state.Value{Kind: state.Number, Text: text}
	case nodeStr:
		return state.Value{Kind: state.Str, Text: strings.ToValidUTF8(d.str(i), "\uFFFD")}
	case nodeBytes:
		return state.Value{Kind: state.Bytes, Bytes: []byte(payload(d.raw(i)))}
	case nodeArray:
		out := state.Value{Kind: state.Array}
		for c := n.first; c != 0; c = d.nodes[c].next {
			out.List = append(out.List, d.sampled(c))
		}
		return out
	case nodeStruct:
		out := state.Value{Kind: state.Struct}
		for c := n.first; c != 0; c = d.nodes[c].next {
			out.Fields = append(out.Fields, state.FieldValue{Name: d.nodes[c].name, Value: d.sampled(c)})
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
