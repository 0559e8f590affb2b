package transform

import (
	"errors"
	"fmt"
	"strings"

	"keyshift.dev/state"
)

// What Convert can answer beside a failing program.
var (
	ErrNoPath   = errors.New("no migration leads there")
	ErrNotFrom  = errors.New("the unit does not fit the version it is converted from")
	ErrNotTo    = errors.New("the result does not fit the version it is converted to")
	ErrNoFields = errors.New("the result is an empty hash, which Redis cannot hold")
)

// Convert makes a unit of version to from one of version from, along the shortest path, and checks it against every
// shape on the way. The unit that it is given is not changed. An error means that the unit has to stay as it is; it
// names declared fields and never holds a value.
func (p *Programs) Convert(u Unit, from, to state.Version) (Unit, error) {
	x := p.paths[[2]state.Version{from, to}]
	source, ok := p.shape(from)
	if !ok || x == nil {
		return Unit{}, fmt.Errorf("keyspace %s, %s to %s: %w", p.keyspace, from, to, ErrNoPath)
	}
	if source.hash {
		return p.convertHash(u.Sorted(), source, x)
	}
	return p.convertText(u, source, x)
}

func (p *Programs) convertHash(u Unit, at *shape, x *path) (Unit, error) {
	e := env{key: u.Key, fields: u.Fields}
	var room [maxSlots]int16
	var ok bool
	if e.alt, e.slots, ok = at.value.fitHash(e.fields, room[:]); !ok {
		return Unit{}, p.unfit(ErrNotFrom, u, at)
	}
	for _, step := range x.programs {
		e.from = step.from
		fields, err := step.convertHash(&e)
		if err == nil && len(fields) == 0 {
			err = ErrNoFields
		}
		if err != nil {
			return Unit{}, fmt.Errorf("%s: %w", step.name, err)
		}
		e.fields = fields
		if e.alt, e.slots, ok = step.to.value.fitHash(fields, room[:]); !ok {
			return Unit{}, p.unfit(ErrNotTo, Unit{Key: u.Key, Fields: fields}, step.to)
		}
	}
	return Unit{Key: u.Key, Fields: e.fields}, nil
}

func (p *Programs) convertText(u Unit, at *shape, x *path) (Unit, error) {
	e := env{key: u.Key}
	var err error
	if e.doc, err = read(u); err != nil || !at.fits(u, e.doc) {
		return Unit{}, p.unfit(ErrNotFrom, u, at)
	}
	for _, step := range x.programs {
		e.from = step.from
		e.alt = step.from.value.indexOfJSON(e.doc)
		text, err := step.convertJSON(&e)
		if err != nil {
			return Unit{}, fmt.Errorf("%s: %w", step.name, err)
		}
		u = Unit{Key: u.Key, Text: text}
		if e.doc, err = read(u); err != nil || !step.to.fits(u, e.doc) {
			return Unit{}, p.unfit(ErrNotTo, u, step.to)
		}
	}
	return u, nil
}

// indexOfJSON returns the first alternative that the root fits; one of them does.
func (t *typ) indexOfJSON(d document) int {
	for i := range t.alts {
		if t.alts[i].fitJSON(d, 0) {
			return i
		}
	}
	return 0
}

// unfit says which version a unit misses, and by what.
func (p *Programs) unfit(reason error, u Unit, s *shape) error {
	d, err := read(u)
	if err != nil {
		return fmt.Errorf("%w %s: %w", reason, s.version, err)
	}
	return fmt.Errorf("%w %s: %s", reason, s.version, strings.Join(p.faults(s, u, d), ", "))
}
