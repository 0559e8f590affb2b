package transform

import (
	"fmt"
	"slices"
)

// convertHash runs a program on a hash that fits the source's alternative e.alt. The result is sorted and not yet
// checked against the target.
func (p *program) convertHash(e *env) ([]Field, error) {
	if p.body.groups == nil {
		return p.wholeHash(e)
	}
	out := make([]Field, 0, len(p.body.groups)+p.extras(e))
	for i := range p.body.groups {
		g := &p.body.groups[i]
		m, err := e.make(g)
		if err != nil {
			return nil, err
		}
		if m, err = p.besideExtra(e, g.name, m); err != nil {
			return nil, err
		}
		if m.how == nothing {
			continue
		}
		text, err := e.fieldText(m)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", g.name, err)
		}
		out = append(out, Field{Name: g.name, Value: text})
	}
	return p.addExtras(e, out), nil
}

// wholeHash is a program whose body is the unit itself, or nothing at all.
func (p *program) wholeHash(e *env) ([]Field, error) {
	if p.identity() {
		return e.fields, nil
	}
	return p.addExtras(e, nil), nil
}

// fieldText is the text of a made field; what is carried keeps its bytes.
func (e *env) fieldText(m made) (string, error) {
	switch m.how {
	case keep, carry:
		return e.fields[m.at].Value, nil
	case computed:
		if text, ok := m.scalar.text(); ok {
			return text, nil
		}
	case filled, defaulted:
		if m.fill.ok && m.fill.scalar.kind != isNull {
			return m.fill.text, nil
		}
	}
	return "", errKinds
}

// isExtra tells whether a field of the source is one that its open shape does not declare, and that is carried.
func (p *program) isExtra(name string) bool { return p.open && !p.from.value.declares(name) }

func (p *program) extras(e *env) int {
	if !p.open {
		return 0
	}
	n := 0
	for i := range e.fields {
		if p.isExtra(e.fields[i].Name) {
			n++
		}
	}
	return n
}

// besideExtra settles a field that the program makes and that an open source already has undeclared: the source's
// stays, and what the program sets must agree with it; a default gives way.
func (p *program) besideExtra(e *env, name string, m made) (made, error) {
	if !p.isExtra(name) {
		return m, nil
	}
	i, ok := findField(e.fields, name)
	if !ok {
		return m, nil
	}
	if m.how == computed || m.how == carry || m.how == filled {
		if text, err := e.fieldText(m); err != nil || text != e.fields[i].Value {
			return m, fmt.Errorf("field %s: %w", name, errConflict)
		}
	}
	return made{how: keep, at: i}, nil
}

// addExtras adds the undeclared fields of an open source.
func (p *program) addExtras(e *env, out []Field) []Field {
	if !p.open {
		return out
	}
	named := len(out)
	for _, f := range e.fields {
		if _, made := findField(out[:named], f.Name); !made && p.isExtra(f.Name) {
			out = append(out, f)
		}
	}
	if len(out) > named {
		slices.SortFunc(out, byName)
	}
	return out
}
