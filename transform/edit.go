package transform

import (
	"fmt"
	"slices"

	"keyshift.dev/state"
)

// editor writes the text of a result from the text of its source, copying whatever it can.
type editor struct {
	*program
	env *env
	out []byte
}

// convertJSON runs a program on a document that fits the source's alternative e.alt. The result is not yet checked
// against the target.
func (p *program) convertJSON(e *env) (string, error) {
	ed := editor{program: p, env: e, out: make([]byte, 0, len(e.doc.text)+64)}
	root := e.doc.nodes[0]
	ed.copy(0, root.start)
	m, err := e.makeOne(&fieldExpr{value: p.body})
	if err != nil {
		return "", err
	}
	if err := ed.value(m, 0); err != nil {
		return "", err
	}
	ed.copy(root.end, len(e.doc.text))
	return string(ed.out), nil
}

func (ed *editor) copy(start, end int) { ed.out = append(ed.out, ed.env.doc.text[start:end]...) }

// value writes a made value in the place of the source's node own, -1 if there is none.
func (ed *editor) value(m made, own int32) error {
	if m.how != nested && own >= 0 && ed.same(m, own) {
		n := ed.env.doc.nodes[own]
		ed.copy(n.start, n.end)
		return nil
	}
	switch m.how {
	case keep, carry:
		ed.out = append(ed.out, ed.env.doc.raw(int32(m.at))...)
	case filled, defaulted:
		ed.out = append(ed.out, m.fill.json...)
	case nested:
		return ed.object(m.from, own)
	case computed:
		out, ok := m.scalar.appendJSON(ed.out)
		if !ok {
			return errKinds
		}
		ed.out = out
	}
	return nil
}

// same tells whether the source's node already is the scalar, in whatever spelling.
func (ed *editor) same(m made, own int32) bool {
	if m.how == keep {
		return true
	}
	if m.how == carry {
		return false
	}
	x, ok := ed.env.scalarOf(m)
	if !ok {
		return false
	}
	y, err := ed.env.doc.scalar(nil, own)
	return err == nil && x.equal(y)
}

// object writes a struct: the source's object edited where there is one, else a new one.
func (ed *editor) object(x *expr, own int32) error {
	fields := make([]made, len(x.groups))
	for i := range x.groups {
		m, err := ed.env.make(&x.groups[i])
		if err != nil {
			return err
		}
		fields[i] = m
	}
	w := members{editor: ed, struct_: x, fields: fields, own: own}
	if own >= 0 && ed.env.doc.nodes[own].kind == state.Struct {
		if err := w.edit(); err != nil {
			return err
		}
	} else {
		ed.out = append(ed.out, '{')
		w.colon, w.comma = ":", ","
		w.own = -1
	}
	return w.finish()
}

// members writes the members of one object.
type members struct {
	*editor
	struct_      *expr
	fields       []made // one per group; nothing once it is written
	own          int32  // the source's object, -1 if there is none
	count        int    // members written
	colon, comma string // as the source spells them
}

// edit writes the source's members in their order, as far as they stay or are replaced.
func (w *members) edit() error {
	d := w.env.doc
	object := d.nodes[w.own]
	first := object.first
	w.colon, w.comma = ":", ","
	if first == 0 {
		w.copy(object.start, object.end-1)
		return nil
	}
	w.copy(object.start, d.nodes[first].nameStart)
	w.colon = d.text[d.nodes[first].nameEnd:d.nodes[first].start]
	end := 0 // of the member before
	for i := first; i != 0; i = d.nodes[i].next {
		n := d.nodes[i]
		if end > 0 {
			w.comma = d.text[end:n.nameStart]
		}
		end = n.end
		if err := w.member(i, n); err != nil {
			return err
		}
	}
	return nil
}

// member writes one member of the source, or what takes its place, or nothing.
func (w *members) member(i int32, n node) error {
	g := w.group(n.name)
	extra := w.open && w.struct_.below.isOpen() && !w.struct_.below.declares(n.name)
	switch {
	case g >= 0 && extra:
		if err := w.settle(g, i); err != nil {
			return err
		}
		w.separate()
		w.copy(n.nameStart, n.end)
	case g >= 0 && w.fields[g].how != nothing:
		w.separate()
		w.copy(n.nameStart, n.start)
		if err := w.write(g, i); err != nil {
			return err
		}
	case g < 0 && extra:
		w.separate()
		w.copy(n.nameStart, n.end)
	default:
		return w.replace(i, n)
	}
	return nil
}

// settle drops a field that the program makes beside an undeclared member of an open source: the member stays, and
// what the program sets must agree with it; a default gives way.
func (w *members) settle(g int, i int32) error {
	m := w.fields[g]
	w.fields[g] = made{}
	if m.how == nothing || m.how == defaulted || m.how == keep {
		return nil
	}
	if w.same(m, i) || m.how == carry && w.env.doc.raw(int32(m.at)) == w.env.doc.raw(i) {
		return nil
	}
	return fmt.Errorf("field %s: %w", w.struct_.groups[g].name, errConflict)
}

// replace puts a field in the place of the member i, which vanishes: the first that carries i under another name, or
// else the first that is computed from i. So a way there and back restores the order.
func (w *members) replace(i int32, n node) error {
	g := slices.IndexFunc(w.fields, func(m made) bool { return m.how == carry && m.at == int(i) })
	if g < 0 {
		g = slices.IndexFunc(w.fields, func(m made) bool {
			at, ok := w.env.doc.find(0, m.origin())
			return ok && m.how == computed && at == i
		})
	}
	if g < 0 {
		return nil
	}
	name := w.struct_.groups[g].name
	if _, taken := w.env.doc.member(w.own, name); taken {
		return nil
	}
	w.separate()
	w.out = appendQuoted(w.out, name)
	w.copy(n.nameEnd, n.start)
	return w.write(g, -1)
}

// group returns the place of a field of the result, -1 if the program does not name it.
func (w *members) group(name string) int {
	groups := w.struct_.groups
	for g := range groups {
		if groups[g].name == name {
			return g
		}
	}
	return -1
}

// separate writes a comma before every member but the first.
func (w *members) separate() {
	if w.count > 0 {
		w.out = append(w.out, w.comma...)
	}
	w.count++
}

func (w *members) write(g int, own int32) error {
	m := w.fields[g]
	w.fields[g] = made{}
	if err := w.value(m, own); err != nil {
		return fmt.Errorf("field %s: %w", w.struct_.groups[g].name, err)
	}
	return nil
}

// finish appends what the source has no place for, in the order of the program, and closes the object.
func (w *members) finish() error {
	for g, m := range w.fields {
		if m.how == nothing {
			continue
		}
		w.separate()
		w.out = append(appendQuoted(w.out, w.struct_.groups[g].name), w.colon...)
		if err := w.write(g, -1); err != nil {
			return err
		}
	}
	if w.own < 0 {
		w.out = append(w.out, '}')
		return nil
	}
	w.copy(w.closing(), w.env.doc.nodes[w.own].end)
	return nil
}

// closing returns where the text behind the last member of the source's object starts.
func (w *members) closing() int {
	d := w.env.doc
	object := d.nodes[w.own]
	start := object.end - 1
	for i := object.first; i != 0; i = d.nodes[i].next {
		start = d.nodes[i].end
	}
	return start
}
