package transform

import (
	"fmt"
	"slices"

	"keyshift.dev/state"
)

// made is one field of a flat result before it is written.
type made struct {
	how  how
	at   int    // carried: index of the field in the source
	from *expr  // carried: its path
	v    value  // computed
	text string // of a literal
}

type how uint8

const (
	nothing  how = iota // the field is absent
	keep                // its own place in the source
	carry               // another field of the source
	computed            // a scalar
	filled              // a default
)

// convertFlat runs a program on a hash of text fields that fits the source's alternative e.alt. The result is sorted
// and not yet checked against the target.
func (p *program) convertFlat(e *env) ([]Field, error) {
	if p.identity() {
		return e.fields, nil
	}
	out := e.room.fields.take(len(p.body.groups) + p.extras(e))
	var m made
	for i := range p.body.groups {
		g := &p.body.groups[i]
		if err := e.make(g, &m); err != nil {
			return nil, err
		}
		if p.open {
			if err := p.besideExtra(e, g.name, &m); err != nil {
				return nil, err
			}
		}
		if m.how == nothing {
			continue
		}
		text, err := e.fieldText(&m)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", g.name, err)
		}
		out = append(out, Field{Name: g.name, Value: text})
	}
	return p.addExtras(e, out), nil
}

// make makes one field. Where several of its expressions are made they must agree.
func (e *env) make(g *group, m *made) error {
	m.how = nothing
	if len(g.makes) == 1 {
		if err := e.makeOne(&g.makes[0], m); err != nil {
			return fmt.Errorf("%w: %w", g.makes[0].fails, err)
		}
	} else if err := e.makeAll(g, m); err != nil {
		return err
	}
	if m.how == nothing && g.fill != nil {
		*m = made{how: filled, v: g.fill.lit, text: g.fill.text}
	}
	return nil
}

func (e *env) makeAll(g *group, m *made) error {
	for i := range g.makes {
		f := &g.makes[i]
		var next made
		if err := e.makeOne(f, &next); err != nil {
			return fmt.Errorf("%w: %w", f.fails, err)
		}
		if next.how == nothing {
			continue
		}
		if m.how != nothing && !e.agree(m, &next) {
			return fmt.Errorf("%w: %w", f.fails, errConflict)
		}
		if m.how == nothing || next.how == keep {
			*m = next
		}
	}
	return nil
}

// makeOne makes what one expression says, or nothing.
func (e *env) makeOne(f *fieldExpr, m *made) (err error) {
	for _, c := range f.conditions {
		if holds, err := e.truth(c); err != nil || !holds {
			return err
		}
	}
	x := f.value
	m.text = ""
	switch {
	case x.op == state.OpPath && len(x.path) > 0:
		at, ok := e.field(x)
		if !ok && f.optional {
			return nil
		}
		if !ok {
			return x.absent
		}
		m.how, m.at, m.from = carry, at, x
		if f.own {
			m.how = keep
		}
		return nil
	case x.op == state.OpLit:
		m.how, m.v, m.text = computed, x.lit, x.text
		return nil
	}
	m.how = computed
	m.v, err = e.scalar(x)
	return err
}

// fieldText is the text of a made field; what is carried keeps its bytes.
func (e *env) fieldText(m *made) (string, error) {
	if m.how == keep || m.how == carry {
		return e.fields[m.at].Value, nil
	}
	if m.text != "" {
		return m.text, nil
	}
	text, ok := m.v.text()
	if !ok || m.v.kind == isBytes {
		return "", errKinds
	}
	return text, nil
}

// agree tells whether two made fields are one value.
func (e *env) agree(a, b *made) bool {
	x, xErr := e.scalarOf(a)
	y, yErr := e.scalarOf(b)
	return xErr == nil && yErr == nil && x.equal(y)
}

func (e *env) scalarOf(m *made) (value, error) {
	if m.how == keep || m.how == carry {
		return e.scalar(m.from)
	}
	return m.v, nil
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
func (p *program) besideExtra(e *env, name string, m *made) error {
	if !p.isExtra(name) {
		return nil
	}
	i, ok := findField(e.fields, name)
	set := m.how == computed || m.how == carry || m.how == keep
	if !ok || set && p.from.value.describes(name) {
		return nil
	}
	if m.how == computed || m.how == carry {
		if text, err := e.fieldText(m); err != nil || text != e.fields[i].Value {
			return fmt.Errorf("field %s: %w", name, errConflict)
		}
	}
	*m = made{how: keep, at: i}
	return nil
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
