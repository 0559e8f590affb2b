package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// What Convert can answer beside a failing program.
var (
	ErrNoPath   = errors.New("no migration leads there")
	ErrNotFrom  = errors.New("the unit does not fit the version it is converted from")
	ErrNotTo    = errors.New("the result does not fit the version it is converted to")
	ErrKey      = errors.New("the key has segments that cannot stand in a key of")
	ErrNoFields = errors.New("the result is an empty hash, which Redis cannot hold")
)

// Convert makes a unit of version to from one of version from, along the shortest path, and checks it against every
// shape on the way. Its key, its kind and its time to live are those of the target. The unit that it is given is not
// changed. An error means that the unit has to stay as it is; it names declared fields and never holds a value.
func (p *Programs) Convert(u Unit, from, to state.Version) (Unit, error) {
	return p.convert(read(u.Sorted()), from, to, false)
}

// Returns tells whether the way back makes a unit again of what the way from its version to another made of it, byte for
// byte, its key and its time to live included.
func (p *Programs) Returns(before, after Unit, from, to state.Version, room *Room) bool {
	back, err := p.convert(room.read(after.Sorted()), to, from, false)
	return err == nil && back.Key == before.Key && back.TTL == before.TTL && back.Text == before.Text && slices.Equal(back.Fields, before.Fields)
}

// Brought is what a unit is, and what it becomes on the way to a version.
type Brought struct {
	Class  state.Class
	Reason string        // why it is of no version, or cannot be brought to the one; empty if it is of it, or After is set
	From   state.Version // that the way starts from; empty if there is nothing to do, or nothing can be done
	After  Unit          // if From is set
}

// Bring classifies a unit and converts it to a version, if it is not of it: the same as Classify, Source and Convert, but
// it is read once. The fields of After are in the room.
func (p *Programs) Bring(u Unit, to state.Version, room *Room) (b Brought) {
	r := room.read(u.Sorted())
	if b.Class, b.Reason = p.classify(r); b.Class == state.Unfit || b.Class.Has(to) {
		return b
	}
	from, ok := p.Source(b.Class, to)
	if !ok {
		b.Reason = fmt.Sprintf("no migrations lead from %s to %s", b.Class, to)
		return b
	}
	after, err := p.convert(r, from, to, true)
	if err != nil {
		b.Reason = err.Error()
		return b
	}
	b.From, b.After = from, after
	return b
}

// convert converts a unit of which it may be known that it fits the version it comes from.
func (p *Programs) convert(r *reading, from, to state.Version, fits bool) (Unit, error) {
	u := r.unit
	x := p.paths[[2]state.Version{from, to}]
	source, ok := p.shape(from)
	if !ok || x == nil {
		return Unit{}, fmt.Errorf("keyspace %s, %s to %s: %w", p.keyspace, from, to, ErrNoPath)
	}
	if !source.fitsTTL(u.TTL) || u.redis() != source.redis {
		return Unit{}, p.unfit(ErrNotFrom, u, source)
	}
	if x.flat && source.flat {
		return p.convertFlat(r, source, x, fits)
	}
	return p.convertTree(r, source, x, fits)
}

// convertFlat converts a unit of text fields, whose fields are the value itself.
func (p *Programs) convertFlat(r *reading, at *shape, x *path, fits bool) (Unit, error) {
	u, room := r.unit, r.memory()
	e, ok := &room.env, false
	*e = env{room: room, key: u.Key, fields: u.Fields, flat: true, vars: room.variables(x.vars)}
	if fits {
		e.alt, e.slots, ok = at.value.placeHash(e.fields, room.slots[:])
	} else {
		e.alt, e.slots, ok = at.value.fitHash(e.fields, room.slots[:])
	}
	if !ok {
		return Unit{}, p.unfit(ErrNotFrom, u, at)
	}
	out := Unit{Key: u.Key, Type: u.Type, Fields: u.Fields, TTL: u.TTL}
	for _, step := range x.programs {
		e.from, e.open = step.from, step.open
		fields, err := step.convertFlat(e)
		if err == nil && len(fields) == 0 {
			err = ErrNoFields
		}
		if err == nil {
			out, err = step.retarget(out)
		}
		if err != nil {
			return Unit{}, fmt.Errorf("%s: %w", step.name, err)
		}
		e.fields, out.Fields = fields, fields
		e.key, e.segments = out.Key, nil
		if e.alt, e.slots, ok = step.to.value.fitHash(fields, room.slots[:]); !ok || !step.to.fitsTTL(out.TTL) {
			return Unit{}, p.unfit(ErrNotTo, out, step.to)
		}
	}
	return out, nil
}

// convertTree converts a unit of any kind: it is read once, every program makes a value of a value, which has to fit
// the version that it leads to, and the last is written.
func (p *Programs) convertTree(r *reading, at *shape, x *path, fits bool) (Unit, error) {
	u := r.unit
	root, err := value{}, error(nil)
	if !fits && !at.fits(r) {
		return Unit{}, p.unfit(ErrNotFrom, u, at)
	}
	if root, err = at.root(r); err != nil {
		return Unit{}, p.unfit(ErrNotFrom, u, at)
	}
	out := Unit{Key: u.Key, Type: u.Type, TTL: u.TTL}
	room := r.memory()
	e := &room.env
	*e = env{room: room, vars: room.variables(x.vars)}
	e.given = r.charge(&e.budget)
	for _, step := range x.programs {
		e.from, e.open, e.key, e.segments, e.root = step.from, step.open, out.Key, nil, root
		if root, err = step.convertTree(e); err == nil {
			out, err = step.retarget(out)
		}
		if err != nil {
			return Unit{}, fmt.Errorf("%s: %w", step.name, err)
		}
		if step.to.value.altOf(root) == nil || !step.to.fitsTTL(out.TTL) {
			if out, err = step.to.write(root, out, room); err != nil {
				return Unit{}, fmt.Errorf("%s: %w", step.name, err)
			}
			return Unit{}, p.unfit(ErrNotTo, out, step.to)
		}
		root.typ = step.to.value
		at = step.to
	}
	return p.finish(u, out, root, at, room)
}

// finish writes the result of the last program.
func (p *Programs) finish(source, out Unit, root value, at *shape, room *Room) (Unit, error) {
	u, err := at.write(root, source, room)
	if err != nil {
		return Unit{}, err
	}
	u.Key, u.TTL, u.Type = out.Key, out.TTL, out.Type
	return u, nil
}

// convertTree runs a program and gives the result the form that it has on the wire.
func (p *program) convertTree(e *env) (value, error) {
	v, err := e.eval(p.body)
	if err == nil {
		err = e.result(v)
	}
	if err != nil {
		return v, err
	}
	if p.to.isParts() {
		return p.settleParts(e, v)
	}
	var own *value
	if !p.from.isParts() && p.from.encoding == p.to.encoding {
		own = &e.root
	}
	w := settler{room: e.room, at: e.room.place[:0]}
	return w.settle(v, p.to.encoding, own)
}

// settleParts settles each named part in its own encoding.
func (p *program) settleParts(e *env, v value) (value, error) {
	if isMap, ok := v.isComposite(); !ok || !isMap {
		return v, errKinds
	}
	t := v.tree
	if v.kind == isNode {
		t = v.spread()
	}
	out := e.room.tree(len(t.members))
	for i := range t.members {
		name := t.members[i].name
		encoding := p.to.encodingOf(name)
		var own *value
		if x, ok := e.root.field(name); ok && p.from.isParts() && p.from.encodingOf(name) == encoding {
			own = &x
		}
		x, err := v.memberOf(t, i), error(nil)
		if p.to.score && name == scoreField {
			x, err = settleScore(x)
		} else {
			w := settler{room: e.room, at: append(e.room.place[:0], name)}
			x, err = w.settle(x, encoding, own)
		}
		if err != nil {
			return v, fmt.Errorf("field %s: %w", name, err)
		}
		out.add(member{name: name, value: x})
	}
	if len(out.members) == 0 {
		return v, ErrNoFields
	}
	slices.SortFunc(out.members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	out.reindex()
	return value{kind: isStruct, tree: out}, nil
}

// retarget gives a unit the key, the kind and the time to live of the version that the program leads to.
func (p *program) retarget(u Unit) (Unit, error) {
	if p.rekey {
		segments, ok := p.from.pattern.Match(u.Key)
		if ok {
			u.Key, ok = p.to.pattern.Fill(segments)
		}
		if !ok {
			return u, fmt.Errorf("%w %q", ErrKey, p.to.pattern)
		}
	}
	if u.Type != "" || p.from.redis != p.to.redis {
		u.Type = p.to.redis
	}
	u.TTL = p.to.newTTL(u.TTL)
	return u, nil
}

// unfit says which version a unit misses, and by what.
func (p *Programs) unfit(reason error, u Unit, s *shape) error {
	return fmt.Errorf("%w %s: %s", reason, s.version, strings.Join(p.faults(s, read(u)), ", "))
}
