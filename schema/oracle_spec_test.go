package schema_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// genVersion is one version of a generated keyspace.
type genVersion struct {
	keys, redis, encoding string
	isMap                 bool
	encodings             map[string]string
	t                     *genType
	w                     wires
}

// genMigration is a keyspace of two versions, drawn from a seed.
type genMigration struct {
	seed           uint64
	name           string
	source, target genVersion
	up, down       string
	drop           []string
	drain          bool
}

// segmentTypes are the named parts of a key pattern, and whether they are integers.
var segmentTypes = regexp.MustCompile(`<([a-z_]+)( int|[.]{3})?>`)

func drawMigration(seed uint64) genMigration {
	d := dice{rand.New(rand.NewPCG(seed, 20))}
	m := genMigration{seed: seed, name: fmt.Sprintf("k%d", seed)}
	m.source.keys = m.name + d.of(":<id>", ":<org>:<n int>", ":{<org>}:<id>")
	m.target.keys = m.source.keys
	d.layout(&m)
	if m.source.w.nested && m.source.redis == m.target.redis && (m.source.redis == "string" || m.source.redis == "json") && d.one(4) {
		m.target.keys = "r" + m.source.keys // a re-key
	}
	if m.up == "" {
		up := d.scope("#old", m.source)
		m.up = up.body(m.source.t, m.target.t, "")
		m.drop = vanished(m.source.t, "", up.used)
	}
	if m.down == "" {
		m.down = d.scope("#new", m.target).body(m.target.t, m.source.t, "")
	}
	return m
}

func (d dice) scope(name string, from genVersion) *exprs {
	e := &exprs{dice: d, used: map[string]bool{}}
	e.enter(term{text: name, t: from.t, source: true})
	for _, s := range segmentTypes.FindAllStringSubmatch(from.keys, -1) {
		t := &genType{kind: aString}
		if s[2] == " int" {
			t.kind = anInt
		}
		e.scope = append(e.scope, term{text: "#key." + s[1], t: t})
	}
	return e
}

// layout draws what the versions are in Redis, and their types.
func (d dice) layout(m *genMigration) {
	s, t := &m.source, &m.target
	switch n := d.IntN(26); {
	case n < 9:
		s.redis, s.encoding, s.w = "string", "json", wires{nested: true, null: true, big: true}
	case n < 13:
		s.redis = "hash"
	case n < 16:
		s.redis, s.encoding, s.w = "string", "msgpack", wires{nested: true, null: true, bytes: true}
	case n < 17:
		s.redis, s.w = "json", wires{nested: true, null: true, big: true}
	case n < 19:
		s.redis, s.encoding, s.w = d.of("list", "set"), "json", wires{nested: true, null: true}
	case n < 20:
		s.redis, m.drain = "stream", true
	case n < 22:
		d.pair(m)
		return
	case n < 24:
		d.rekeyed(m)
		return
	default:
		s.redis, t.redis, t.encoding, t.w = "hash", "string", "json", wires{nested: true, null: true}
		if d.one(2) {
			*s, *t = genVersion{keys: s.keys, redis: t.redis, encoding: t.encoding, w: t.w}, genVersion{keys: t.keys, redis: s.redis}
		}
		d.structs(s, t)
		return
	}
	keys := t.keys
	*t = *s
	t.keys = keys
	d.structs(s, t)
}

// structs draws the types of two versions that are structs.
func (d dice) structs(s, t *genVersion) {
	s.t = d.structType(s.w, 2, 6)
	if s.w.nested && d.one(8) {
		s.t.open = true
	}
	d.encode(s)
	t.t = &genType{kind: aStruct, open: s.t.open, fields: []genField{{name: "v", t: &genType{kind: anEnum, words: []string{"2"}}}}}
	if t.redis == "hash" || t.redis == "stream" {
		t.encodings = maps.Clone(s.encodings)
	}
	for _, f := range s.t.fields {
		if !t.w.nested && s.w.nested && (f.t.nested() || f.t.kind == aUnion) || t.encoding == "json" && strings.Contains(f.t.String(), aBytes) {
			continue
		}
		switch d.IntN(8) {
		case 0: // it vanishes
			continue
		case 1:
			if t.encodings[strings.Trim(f.name, `"`)] == "" {
				f.t = d.scalar(t.w)
			}
		case 2:
			f.t = d.changed(f.t, t.w)
		}
		f.optional = f.optional != d.one(6)
		t.t.fields = append(t.t.fields, f)
	}
	if s.t.open { // what tells an open shape apart
		s.t.fields = append(slices.Clone(s.t.fields), genField{"v", &genType{kind: never}, true})
	}
	for _, n := range []string{"x", "y", "z"}[:1+d.IntN(3)] {
		t.t.fields = append(t.t.fields, genField{n, d.typed(t.w, 1), d.one(4)})
	}
	for i := range t.t.fields {
		if !t.t.fields[i].optional {
			t.t.fields[i].t = d.withDefault(t.t.fields[i].t)
		}
	}
}

// encode gives fields of a hash values that are no text, and their encodings.
func (d dice) encode(s *genVersion) {
	if s.redis != "hash" {
		return
	}
	s.encodings = map[string]string{}
	for i, f := range s.t.fields {
		if d.one(3) {
			e := d.of("json", "json", "msgpack", "raw")
			s.encodings[strings.Trim(f.name, `"`)] = e
			s.t.fields[i].t = d.typed(wires{nested: true, null: true, bytes: e == "msgpack"}, 2)
			if e == "raw" {
				s.t.fields[i].t = &genType{kind: aBytes}
			}
		}
	}
}

func (t *genType) nested() bool {
	return t.kind == aList || t.kind == aStruct || t.kind == aMapping || t.kind == aTuple || t.kind == aBytes
}

// changed returns a struct with other fields, or the type.
func (d dice) changed(t *genType, w wires) *genType {
	if t.kind != aStruct {
		return t
	}
	c := *t
	c.fields = append(slices.Clone(t.fields), genField{"w", d.scalar(w), d.one(3)})
	if len(t.fields) > 1 && d.one(2) {
		c.fields = c.fields[1:]
	}
	return &c
}

// pair draws versions of a zset or a map.
func (d dice) pair(m *genMigration) {
	s, t := &m.source, &m.target
	text := &genType{kind: aString}
	digits := &genType{kind: aString, narrow: `=~"^[0-9]+$"`, fits: []string{`"0"`, `"007"`, `"42"`}}
	marked := &genType{kind: aString, narrow: `=~"^u:"`, fits: []string{`"u:"`, `"u:é"`, `"u:7"`}}
	score := &genType{kind: aNumber, narrow: ">=-1e9 & <=1e9", fits: []string{"0", "1.5", "-7", "1000000"}}
	struct2 := func(a string, x *genType, b string, y *genType) *genType {
		return &genType{kind: aStruct, fields: []genField{{a, x, false}, {b, y, false}}}
	}
	if d.one(2) {
		s.redis, t.redis = "zset", "zset"
		s.t, t.t = struct2("member", digits, "score", score), struct2("member", marked, "score", score)
		m.up, m.down = `{member: "u:\(#old.member)"`, `{member: strings.TrimPrefix(#new.member, "u:")`
		if d.one(2) {
			m.up, m.down = m.up+", score: -#old.score", m.down+", score: 2*#new.score - 1"
		}
		m.up, m.down = m.up+"}", m.down+"}"
		return
	}
	s.redis, t.redis, s.isMap, t.isMap = "hash", "hash", true, true
	if d.one(2) {
		s.t, t.t = struct2("field", text, "value", digits), struct2("field", text, "value", marked)
		up, down := d.scope("#old", *s), d.scope("#new", *t)
		m.up = `{value: "u:\(` + up.expr(text, 2) + `)"}`
		m.down = `{field: ` + down.expr(text, 2) + `, value: strconv.FormatInt(` + down.expr(&genType{kind: anInt, narrow: ">=0", fits: []string{"0", "12"}}, 0) + `, 10)}`
		m.drop = vanished(s.t, "", map[string]bool{"field": true, "value": up.used["value"] || up.used[""]})
		return
	}
	s.encodings, t.encodings = map[string]string{"value": "json"}, map[string]string{"value": "json"}
	inner, outer := genVersion{w: wires{nested: true, null: true}, redis: "string"}, genVersion{w: wires{nested: true, null: true}, redis: "string"}
	d.structs(&inner, &outer)
	s.t, t.t = struct2("field", text, "value", inner.t), struct2("field", text, "value", outer.t)
}

// rekeyed draws versions that only their keys tell apart.
func (d dice) rekeyed(m *genMigration) {
	s, t := &m.source, &m.target
	w := wires{}
	s.redis, s.encoding = "string", d.of("text", "text", "json", "msgpack", "raw")
	if s.encoding == "json" || s.encoding == "msgpack" {
		w = wires{nested: true}
	}
	keys := "r" + s.keys
	*t = *s
	t.keys = keys
	s.t, t.t = d.typed(w, 2), d.typed(w, 2)
	s.w, t.w = w, w
	if s.encoding == "raw" {
		s.t, t.t = &genType{kind: aBytes}, &genType{kind: aBytes}
	}
	for _, v := range []*genVersion{s, t} {
		if v.encoding == "text" && d.one(3) {
			v.encoding, v.t = "", d.scalar(w)
		}
	}
}
