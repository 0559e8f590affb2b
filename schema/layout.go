package schema

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"

	"keyshift.dev/state"
)

// layout reads what a version says of Redis: the kind of data, its encodings and its TTL.
func (r *reader) layout(path []string, raw rawVersion, s *state.Shape) {
	s.Type = state.Redis(raw.Type)
	if raw.Map && raw.Type != string(state.Hash) {
		r.problem(sub(path, "map"), "map", "only a hash can be a map", `remove map, or write type: "hash"`)
	} else if raw.Map {
		s.Type = state.Map
	}
	r.encoding(path, raw, s)
	r.encodings(path, raw, s)
	s.TTL = r.ttl(sub(path, "ttl"), raw.TTL)
	if _, err := r.pattern(raw.Keys); err != nil {
		r.problem(sub(path, "keys"), "key-pattern", err.Error(), `write a literal prefix and segments: "session:<id>"`)
	}
}

// encoding reads the encoding of a version as a whole.
func (r *reader) encoding(path []string, raw rawVersion, s *state.Shape) {
	given := state.Encoding(raw.Encoding)
	at := sub(path, "encoding")
	switch s.Type {
	case state.String, state.List, state.Set:
		s.Encoding = given
		if given == state.Text {
			s.Encoding = "" // one spelling
		}
	case state.Document:
		if given != "" && given != state.JSON {
			r.problem(at, "encoding", "the type json holds JSON, not "+raw.Encoding, "remove encoding")
		}
	default:
		if given == "" || given == state.Text {
			return
		}
		part := map[state.Redis]string{state.Hash: "FIELD", state.Stream: "FIELD", state.SortedSet: "member", state.Map: "value"}[s.Type]
		r.problem(at, "encoding", "a "+raw.Type+" has no encoding as a whole", fmt.Sprintf("write encodings: %s: %q", part, raw.Encoding))
	}
}

// parts are the parts that the unit of a kind of data has; a Hash and a Stream have the fields of their #value.
var parts = map[state.Redis][]string{state.SortedSet: {"member", "score"}, state.Map: {"field", "value"}}

// encodings reads the encodings of single fields. That they name fields is checked when these are known.
func (r *reader) encodings(path []string, raw rawVersion, s *state.Shape) {
	at := sub(path, "encodings")
	if len(raw.Encodings) > 0 && !s.Type.Parts() {
		r.problem(at, "encodings", "a "+raw.Type+" has no fields with encodings of their own", `write encoding: "json" for the whole`)
		return
	}
	for _, field := range slices.Sorted(maps.Keys(raw.Encodings)) {
		e := state.Encoding(raw.Encodings[field])
		switch {
		case e == state.Text:
		case s.Type == state.SortedSet && field == "score":
			r.problem(sub(at, field), "encodings", "the score of a zset is a number", "remove it")
		case s.Type == state.Map && field == "field" && e != state.Raw:
			r.problem(sub(at, field), "encodings", "the names of a map's entries are text or raw", "remove it")
		default:
			s.Encodings = append(s.Encodings, state.FieldEncoding{Field: field, Encoding: e})
		}
	}
}

// shape compiles the #value of a version whose layout is read.
func (r *reader) shape(path []string, v cue.Value, s state.Shape) state.Type {
	before := len(r.problems)
	t := r.typ(path, v, 0)
	if len(r.problems) > before {
		return t
	}
	if !s.Type.Parts() {
		e := s.Encoding
		if s.Type == state.Document {
			e = state.JSON
		}
		r.encodable(path, r.places.at(path), t, e, `encoding: "json"`)
		return t
	}
	a, ok := single(t)
	if !ok {
		r.problem(path, "wrong-kind", "the #value of "+described[s.Type].what+" is one struct: "+described[s.Type].parts, "write #value: "+described[s.Type].example)
		return t
	}
	r.checkParts(path, s, a)
	for _, f := range a.Fields {
		if f.Forbidden || s.Type == state.SortedSet && f.Name == "score" {
			continue
		}
		r.encodable(sub(path, f.Name), f.Pos, f.Type, s.EncodingOf(f.Name), "encodings: "+printPath([]string{f.Name})+`: "json"`)
	}
	if a.Rest != nil {
		r.encodable(path, r.places.at(path), *a.Rest, state.Text, `a field of its own with an encoding`)
	}
	return t
}

// described says what a #value is of each kind of data whose unit is a struct.
var described = map[state.Redis]struct{ what, parts, example string }{
	state.Hash:      {"a hash", "its fields", "{field: string, ...}"},
	state.Stream:    {"a stream", "the fields of one entry", "{field: string, ...}"},
	state.SortedSet: {"a zset", "one member and its score", "{member: string, score: number}"},
	state.Map:       {"a hash with map: true", "one field and its value", "{field: string, value: string}"},
}

// checkParts demands the parts that a kind of data has, and that encodings name declared ones.
func (r *reader) checkParts(path []string, s state.Shape, a state.Alt) {
	version := path[:len(path)-1]
	if want := parts[s.Type]; want != nil {
		names := make([]string, 0, len(a.Fields))
		for _, f := range a.Fields {
			names = append(names, f.Name)
			if f.Optional || f.Forbidden {
				names = append(names, f.Name) // twice: not as wanted
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, want) || a.Open {
			r.problem(path, "wrong-kind", "the #value of "+described[s.Type].what+" is "+strings.Join(want, " and ")+", nothing else", "write #value: "+described[s.Type].example)
			return
		}
	}
	if f, ok := find(a, "score"); ok && s.Type == state.SortedSet && !kindsOf(f.Type).within(kindNumber) {
		r.problemAt(f.Pos, sub(path, "score"), "wrong-kind", "the score of a zset is a number", "write score: number, or int if all are")
	}
	for _, e := range s.Encodings {
		if _, ok := find(a, e.Field); !ok {
			at := sub(version, "encodings", e.Field)
			r.problem(at, "unknown-field", "the #value declares no field "+strconv.Quote(e.Field)+" to have an encoding", suggest([]string{e.Field}, state.Type{Alts: []state.Alt{a}}))
		}
	}
}

// encodable says so if an encoding cannot hold a type.
func (r *reader) encodable(path []string, pos state.Pos, t state.Type, e state.Encoding, way string) {
	if t.IsAny() {
		return
	}
	for _, a := range t.Alts {
		switch {
		case (e == state.Text || e == "") && (a.Kind == state.Null || a.Kind == state.Bytes || a.Kind == state.Array || a.Kind == state.Struct):
			if a.Kind == state.Bytes {
				way = strings.Replace(way, "json", "raw", 1)
			}
			r.problemAt(pos, path, "encoding", fmt.Sprintf("text cannot hold %s: it is a string, a number or a bool", articled(a.Kind)), "add "+way+", or change the type")
			return
		case e == state.Raw && a.Kind != state.Bytes:
			r.problemAt(pos, path, "encoding", fmt.Sprintf("raw holds bytes, not %s", articled(a.Kind)), "write bytes, or give another encoding")
			return
		case e == state.JSON && a.Kind == state.Bytes:
			r.problemAt(pos, path, "encoding", "JSON has no bytes", `write string, or encode it in "msgpack"`)
			return
		}
		if e == state.JSON {
			r.encodableParts(path, a)
		}
	}
}

func (r *reader) encodableParts(path []string, a state.Alt) {
	for _, f := range a.Fields {
		if !f.Forbidden {
			r.encodable(sub(path, f.Name), f.Pos, f.Type, state.JSON, "")
		}
	}
	for _, t := range a.Items {
		r.encodable(path, r.places.at(path), t, state.JSON, "")
	}
	for _, t := range []*state.Type{a.Rest, a.Elem} {
		if t != nil {
			r.encodable(path, r.places.at(path), *t, state.JSON, "")
		}
	}
}

func articled(k state.Kind) string {
	switch k {
	case state.Null, state.Bytes:
		return string(k)
	case state.Int:
		return "an int"
	}
	return "a " + string(k)
}
