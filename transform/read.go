package transform

import "keyshift.dev/state"

// reading is a unit whose documents are parsed once, when a shape first asks for them.
type reading struct {
	room  *Room // see memory
	unit  Unit
	redis state.Redis
	json  *parsed
	msg   *parsed
	parts []part
}

type parsed struct {
	document
	err error
}

// part is the document of one field.
type part struct {
	field   int
	msgpack bool
	*parsed
}

func read(u Unit) *reading { return &reading{unit: u, redis: u.redis()} }

// memory is where the unit is read and converted.
func (r *reading) memory() *Room {
	if r.room == nil {
		r.room = new(Room)
	}
	return r.room
}

// text returns the unit's text as a document.
func (r *reading) text(msgpack bool) (*document, error) {
	at, which := &r.json, 0
	if msgpack {
		at, which = &r.msg, 1
	}
	if *at == nil {
		room := r.memory()
		*at = &room.documents[which]
		**at = parse(r.unit.Text, msgpack, room.nodes[which])
		room.nodes[which] = (*at).nodes
	}
	return &(*at).document, (*at).err
}

// parse reads a document. Its nodes are in room, if that is enough.
func parse(text string, msgpack bool, room []node) (p parsed) {
	if msgpack {
		p.document, p.err = parseMsgPack(text, room)
	} else {
		p.document, p.err = parseJSON(text, room)
	}
	return p
}

// part returns a field's text as a document.
func (r *reading) part(field int, msgpack bool) (*document, error) {
	for _, p := range r.parts {
		if p.field == field && p.msgpack == msgpack {
			return &p.document, p.err
		}
	}
	p := parse(r.unit.Fields[field].Value, msgpack, nil)
	r.parts = append(r.parts, part{field: field, msgpack: msgpack, parsed: &p})
	return &p.document, p.err
}

// charge lets a budget pay for the reading of the documents, and returns how long the unit is.
func (r *reading) charge(b *budget) int {
	for _, p := range []*parsed{r.json, r.msg} {
		if p != nil {
			p.pays = b
		}
	}
	size := len(r.unit.Text)
	for _, p := range r.parts {
		p.pays = b
	}
	for _, f := range r.unit.Fields {
		size += len(f.Name) + len(f.Value)
	}
	return size
}

// rootOf returns the value of a unit that is one text. The type says what it is.
func (s *shape) rootOf(r *reading) (value, error) {
	switch s.encoding {
	case state.JSON, state.MsgPack:
		d, err := r.text(s.encoding == state.MsgPack)
		return value{kind: isNode, doc: d, typ: s.value}, err
	case state.Raw:
		return value{kind: isBytes, s: r.unit.Text, typ: s.value}, nil
	}
	return value{kind: isText, s: r.unit.Text, typ: s.value}, nil
}

// valueOf returns the value of a field.
func (s *shape) valueOf(r *reading, i int) (value, error) {
	f := &r.unit.Fields[i]
	if s.score && f.Name == scoreField {
		return value{kind: isDigits, s: f.Value}, nil
	}
	switch e := s.encodingOf(f.Name); e {
	case state.JSON, state.MsgPack:
		d, err := r.part(i, e == state.MsgPack)
		return value{kind: isNode, doc: d}, err
	case state.Raw:
		return value{kind: isBytes, s: f.Value}, nil
	}
	return value{kind: isText, s: f.Value}, nil
}

// scoreField is the part of a SortedSet's unit that Redis keeps as a double.
const scoreField = "score"

// root returns the value of a unit that fits the shape.
func (s *shape) root(r *reading) (value, error) {
	if !s.isParts() {
		return s.rootOf(r)
	}
	t := r.memory().tree(len(r.unit.Fields))
	for i, f := range r.unit.Fields {
		v, err := s.valueOf(r, i)
		if err != nil {
			return v, err
		}
		t.add(member{name: f.Name, value: v})
	}
	return value{kind: isStruct, tree: t, typ: s.value}, nil
}

// fits tells whether a unit fits the shape, structure before values.
func (s *shape) fits(r *reading) bool {
	switch {
	case s.redis != r.redis || !s.fitsTTL(r.unit.TTL):
		return false
	case s.flat:
		var room [maxSlots]int16
		_, _, ok := s.value.fitHash(r.unit.Fields, room[:])
		return ok
	case s.isParts():
		return s.fitsParts(r)
	case s.encoding == state.Text:
		return s.value.fitText(r.unit.Text)
	}
	v, err := s.rootOf(r)
	return err == nil && s.value.altOf(v) != nil
}

// fitsParts compares with every alternative the fields of a unit that are not all text.
func (s *shape) fitsParts(r *reading) bool {
	fields := r.unit.Fields
	if len(fields) == 0 || len(fields) > maxFields {
		return false
	}
	var room [maxSlots]int16
	for i := range s.value.alts {
		a := &s.value.alts[i]
		if a.kind != state.Struct || len(fields) < a.required || !a.open && len(fields) > len(a.fields) {
			continue
		}
		if at := slots(room[:]).of(len(a.fields)); a.place(fields, at) && s.fitsPlaced(r, a) {
			return true
		}
	}
	return false
}

func (s *shape) fitsPlaced(r *reading, a *alt) bool {
	for i := range r.unit.Fields {
		v, err := s.valueOf(r, i)
		if err != nil {
			return false
		}
		if t := a.typeOf(r.unit.Fields[i].Name); t != nil && t.altOf(v) == nil {
			return false
		}
	}
	return true
}

// fitsTTL tells whether a time to live is one that keys of the shape have.
func (s *shape) fitsTTL(ttl int64) bool {
	rule := s.source.TTL
	return rule == nil || ttl > 0 && (rule.Max == 0 || ttl <= rule.Max)
}

// newTTL returns the time to live that a migrated key gets.
func (s *shape) newTTL(ttl int64) int64 {
	rule := s.source.TTL
	switch {
	case rule == nil:
		return ttl
	case ttl <= 0:
		return rule.Set
	case rule.Max > 0 && ttl > rule.Max && rule.Set > 0:
		return rule.Set
	case rule.Max > 0 && ttl > rule.Max:
		return rule.Max
	}
	return ttl
}
