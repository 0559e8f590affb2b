package transform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
)

// Sample is one key of a store, or a part of one, as it was read to learn its shape. Fields are a hash's, an entry's
// of a stream, or member and score; a Map is one field of a hash that is too large to be read whole.
type Sample struct {
	Key    string
	Type   state.Redis
	Fields []Field
	Text   string
	TTL    int64 // milliseconds; 0: does not expire
}

// InferOptions say how to infer.
type InferOptions struct {
	Prefix string // literal text that every key begins with
	Values bool   // put constants into the shape where few values are seen; without it no value leaves the samples
}

// Inference is a shape that samples of one kind fit, and what was seen of them.
type Inference struct {
	Shape   state.Shape
	Notes   []Remark
	Samples int
	Keys    int
	Unfit   int // samples that the shape does not take, for want of a word for them
}

// Remark is something that was seen at a path of the value, of the whole if the path is empty. The elements of a list
// are at the name "*". It quotes no key and no value, but with InferOptions.Values.
type Remark struct {
	Path []string
	Text string
}

// Infer proposes a shape for each kind of data among samples, the most frequent first. Every sample fits the shape of
// its kind, but for those that are counted.
func Infer(samples []Sample, o InferOptions) []Inference {
	groups := map[sampleKind][]Sample{}
	isMap := slices.ContainsFunc(samples, func(s Sample) bool { return s.Type == state.Map }) || looksLikeMap(samples)
	for _, s := range samples {
		g := sampleKindOf(s)
		if isMap && g.redis == state.Hash {
			g.redis = state.Map
			for _, f := range s.Fields {
				groups[g] = append(groups[g], Sample{Key: s.Key, Type: state.Map, TTL: s.TTL, Fields: []Field{{"field", f.Name}, {"value", f.Value}}})
			}
			continue
		}
		groups[g] = append(groups[g], s)
	}
	var out []Inference
	for g, members := range groups {
		out = append(out, inferGroup(g, members, o))
	}
	slices.SortFunc(out, func(a, b Inference) int {
		return cmp.Or(cmp.Compare(b.Keys, a.Keys), cmp.Compare(a.Shape.Type, b.Shape.Type), cmp.Compare(a.Shape.Encoding, b.Shape.Encoding))
	})
	return out
}

// sampleKind is what samples must have in common to be of one shape.
type sampleKind struct {
	redis    state.Redis
	encoding state.Encoding
}

func sampleKindOf(s Sample) sampleKind {
	g := sampleKind{redis: s.Type}
	if s.Type == state.String || s.Type == state.List || s.Type == state.Set {
		g.encoding = encodingOf(s.Text)
	}
	return g
}

// encodingOf tells how bytes were probably encoded. A bare JSON scalar is taken for text, which it is, too.
func encodingOf(text string) state.Encoding {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if _, ok := decodeDocument(state.JSON, text); ok {
			return state.JSON
		}
	}
	if v, ok := decodeDocument(state.MsgPack, text); ok && (v.Kind == state.Struct || v.Kind == state.Array) {
		return state.MsgPack
	}
	if utf8.ValidString(text) {
		return state.Text
	}
	return state.Raw
}

// A hash is taken for a map if its fields have hardly a name in common, names that look like data, or are too many for
// anyone to have written them.
func looksLikeMap(samples []Sample) bool {
	hashes, total := 0, 0
	seen := map[string]int{}
	data := 0
	for _, s := range samples {
		if s.Type != state.Hash {
			continue
		}
		hashes++
		for _, f := range s.Fields {
			total++
			if seen[f.Name]++; seen[f.Name] == 1 && looksLikeData(f.Name) {
				data++
			}
		}
	}
	if hashes == 0 || len(seen) == 0 {
		return false
	}
	if data*2 > len(seen) || len(seen) > 64 || numbered(seen) {
		return true
	}
	average := float64(total) / float64(hashes)
	return hashes >= 3 && float64(len(seen)) > 4*average+8
}

// numbered tells whether most names differ from others in their digits alone: flag-1, flag-2.
func numbered(names map[string]int) bool {
	stems := map[string]bool{}
	for name := range names {
		stems[strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return '0'
			}
			return r
		}, name)] = true
	}
	return len(names) >= 8 && len(stems)*4 <= len(names)
}

// looksLikeData tells a name that a program makes of its data from one that a person gave.
func looksLikeData(name string) bool {
	digits, run := 0, 0
	for _, r := range name {
		if r >= '0' && r <= '9' {
			digits++
			run++
			if run >= 4 {
				return true
			}
			continue
		}
		run = 0
	}
	return name == "" || len(name) > 64 || !utf8.ValidString(name) || strings.ContainsAny(name, "@:/ ") || digits*2 > len(name)
}

// inferGroup proposes the shape of samples of one kind.
func inferGroup(g sampleKind, samples []Sample, o InferOptions) Inference {
	p := portrait{options: o}
	shape := state.Shape{Version: "1.0.0", Type: g.redis, Encoding: g.encoding}
	keys := keysOf(samples)
	shape.Keys = inferKeys(keys, o.Prefix)
	p.ttl(&shape, samples)
	values := make([]state.Value, 0, len(samples))
	if g.redis.Parts() {
		shape.Encodings = inferEncodings(g.redis, samples)
	}
	seen := &seen{}
	for _, s := range samples {
		v := valueOf(shape, s)
		values = append(values, v)
		seen.add(v, 0)
	}
	shape.Value = p.typ(nil, seen, wireText(shape))
	p.fixed(&shape, seen)
	out := Inference{Shape: shape, Notes: p.remarks, Samples: len(samples), Keys: len(keys)}
	for _, v := range values {
		if !shape.Fits(v) {
			out.Unfit++
		}
	}
	return out
}

// keysOf lists the keys of samples, each once, sorted.
func keysOf(samples []Sample) []string {
	keys := make([]string, len(samples))
	for i, s := range samples {
		keys[i] = s.Key
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// portrait gathers what is to be said of a shape.
type portrait struct {
	options InferOptions
	remarks []Remark
}

func (p *portrait) say(path []string, format string, args ...any) {
	p.remarks = append(p.remarks, Remark{slices.Clone(path), fmt.Sprintf(format, args...)})
}

// ttl proposes a rule if every key expires: the next round time above the longest that is left.
func (p *portrait) ttl(s *state.Shape, samples []Sample) {
	left := map[string]int64{}
	for _, x := range samples {
		left[x.Key] = x.TTL
	}
	expiring, longest := 0, int64(0)
	for _, ms := range left {
		if ms > 0 {
			expiring++
			longest = max(longest, ms)
		}
	}
	switch {
	case expiring == 0:
		p.say(nil, "no key expires")
	case expiring < len(left):
		p.say(nil, "%d of %d keys expire; a ttl rule would leave the others out", expiring, len(left))
	default:
		s.TTL = &state.TTL{Max: roundTime(longest)}
		p.say(nil, "all %d keys expire; max of ttl is the next round time above the longest that is left", len(left))
	}
}

// roundTime returns the next time that a person would set, in milliseconds.
func roundTime(ms int64) int64 {
	const minute, hour = int64(60_000), int64(3_600_000)
	for _, round := range []int64{minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 6 * hour, 12 * hour,
		24 * hour, 48 * hour, 7 * 24 * hour, 14 * 24 * hour, 30 * 24 * hour, 90 * 24 * hour, 365 * 24 * hour} {
		if ms <= round {
			return round
		}
	}
	return (ms/(24*hour) + 1) * 24 * hour
}

// fixed puts the parts of a kind that has named ones into their order, and into the kinds they must have.
func (p *portrait) fixed(s *state.Shape, seen *seen) {
	names := map[state.Redis][]string{state.Map: {"field", "value"}, state.SortedSet: {"member", "score"}}[s.Type]
	if len(names) == 0 || len(s.Value.Alts) != 1 {
		return
	}
	fields := make([]state.Field, len(names))
	for i, name := range names {
		fields[i] = state.Field{Name: name, Type: state.Type{Alts: []state.Alt{{Kind: state.Str}}}}
		for _, f := range s.Value.Alts[0].Fields {
			if f.Name == name && name != "field" {
				fields[i].Type = f.Type
			}
		}
	}
	if s.Type == state.SortedSet {
		fields[1].Type = state.Type{Alts: []state.Alt{{Kind: state.Number}}}
	}
	if s.Type == state.Map {
		p.say(nil, "a hash whose fields are entries: %d were seen", seen.n)
	}
	s.Value.Alts[0].Fields = fields
}
