package diff

import (
	"cmp"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// FieldDiff is one difference between the values of two shapes.
type FieldDiff struct {
	Kind  FieldKind `json:"kind"`
	Field string    `json:"field"`          // path in the new value, of what is Dropped in the old one: "address.city", "items[].price", "#value"
	Was   string    `json:"was,omitempty"`  // path in the old value, of what is Renamed
	From  string    `json:"from,omitempty"` // its old type as CUE has it, "optional " before it if it may be missing
	To    string    `json:"to,omitempty"`   // its new type
	Note  string    `json:"note,omitempty"` // what migrations make it of, or do with it
}

// FieldKind says how a field differs.
type FieldKind string

// The kinds of differences between fields.
const (
	FieldAdded    FieldKind = "added"
	FieldRemoved  FieldKind = "removed"
	FieldRenamed  FieldKind = "renamed"  // as the migration says: made of another field as it is; perhaps of another type, too
	FieldRetyped  FieldKind = "retyped"  // another kind of value
	FieldWidened  FieldKind = "widened"  // takes every value that it took, and more
	FieldNarrowed FieldKind = "narrowed" // takes no other value than it took, and fewer
	FieldChanged  FieldKind = "changed"  // takes other values of the same kind
	FieldDefault  FieldKind = "default"  // takes the same values, and another fills it where it is missing
	FieldRemade   FieldKind = "remade"   // takes the same values, and a migration makes it anew
)

// place is a field and where it is.
type place struct {
	field state.Field
	path  []string
}

// fieldComparison walks two values side by side.
type fieldComparison struct {
	from, to state.Shape
	program  trace
	drop     []string          // acknowledged losses
	used     map[string]string // old paths that something is made of → what
	gone     []place           // of the old value
	out      []FieldDiff
}

// values compares two types at two paths. A struct with another is compared field by field, and so are the elements of
// lists; anything else as a whole.
func (c *fieldComparison) values(from, to state.Type, fromPath, toPath []string) {
	a, isA := single(from, state.Struct)
	b, isB := single(to, state.Struct)
	if isB && (isA || c.from.Type == "") {
		c.fields(a, b, fromPath, toPath)
		return
	}
	if c.from.Type == "" {
		c.add(FieldDiff{Kind: FieldAdded, Field: pathText(toPath), To: TypeText(to)})
		return
	}
	x, isX := single(from, state.Array)
	y, isY := single(to, state.Array)
	if isX && isY && x.Elem != nil && y.Elem != nil && len(x.Items)+len(y.Items) == 0 && slices.Equal(x.Len, y.Len) {
		c.values(*x.Elem, *y.Elem, extend(fromPath, "[]"), extend(toPath, "[]"))
		return
	}
	d := c.whole(state.Field{Type: from}, state.Field{Type: to}, toPath)
	if made, ok := c.program.made[key(toPath)]; ok && len(toPath) == 0 {
		d.Note = "made by " + made
		d.Kind = cmp.Or(d.Kind, FieldRemade)
	}
	c.add(d)
}

// fields compares two structs at two paths.
func (c *fieldComparison) fields(a, b state.Alt, fromPath, toPath []string) {
	taken := map[string]bool{}
	for _, t := range b.Fields {
		at := extend(toPath, t.Name)
		if t.Forbidden {
			if _, had := fieldOf(a, t.Name); !had && a.Open && c.from.Type != "" {
				c.add(FieldDiff{Kind: FieldNarrowed, Field: pathText(at), From: "any", To: "must not be there"})
			}
			continue
		}
		origin, plain := c.program.origin(at)
		if plain && key(origin) == key(extend(fromPath, t.Name)) || !plain && c.program.made[key(at)] == "" {
			if f, had := fieldOf(a, t.Name); had && !f.Forbidden {
				taken[t.Name] = true
				c.field(f, t, extend(fromPath, t.Name), at)
				continue
			}
		}
		if f, had := c.lookup(origin); plain && had {
			c.renamed(f, t, origin, at)
			continue
		}
		if _, had := fieldOf(a, t.Name); !had && c.program.partly(at) {
			if inner, is := single(t.Type, state.Struct); is {
				c.fields(state.Alt{Open: inner.Open, Rest: inner.Rest}, inner, at, at)
				continue
			}
		}
		c.computed(a, t, at, taken)
	}
	for _, f := range a.Fields {
		if !f.Forbidden && !taken[f.Name] {
			c.remove(f, extend(fromPath, f.Name))
		}
	}
	c.openness(a, b, toPath)
}

// remove notes a field of the old value that is not at its place any more.
func (c *fieldComparison) remove(f state.Field, at []string) {
	c.gone = append(c.gone, place{f, at})
}

func (c *fieldComparison) openness(a, b state.Alt, toPath []string) {
	if c.from.Type == "" || a.Open == b.Open && sameType(rest(a), rest(b)) {
		return
	}
	d := FieldDiff{Kind: FieldChanged, Field: pathText(extend(toPath, "...")), From: restText(a), To: restText(b)}
	switch {
	case !a.Open:
		d.Kind = FieldWidened
	case !b.Open:
		d.Kind = FieldNarrowed
	}
	c.add(d)
}

// field compares two fields of which one is carried into the other.
func (c *fieldComparison) field(f, t state.Field, fromPath, toPath []string) {
	_, isF := single(f.Type, state.Struct)
	_, isT := single(t.Type, state.Struct)
	x, isX := single(f.Type, state.Array)
	y, isY := single(t.Type, state.Array)
	lists := isX && isY && x.Elem != nil && y.Elem != nil && len(x.Items)+len(y.Items) == 0 && slices.Equal(x.Len, y.Len)
	if (isF && isT || lists) && f.Optional == t.Optional {
		c.values(f.Type, t.Type, fromPath, toPath)
		return
	}
	d := c.whole(f, t, toPath)
	if d.Kind != "" {
		c.add(d)
	}
}

// renamed is a field that a migration makes of another one as it is.
func (c *fieldComparison) renamed(f, t state.Field, origin, at []string) {
	d := FieldDiff{Kind: FieldRenamed, Field: pathText(at), Was: pathText(origin), From: fieldText(f), To: fieldText(t)}
	if again, plain := c.program.origin(origin); plain && key(again) == key(origin) {
		if _, stays := lookup(c.to.Value, origin); stays {
			d = FieldDiff{Kind: FieldAdded, Field: pathText(at), To: fieldText(t), Note: "copied from " + pathText(origin)}
		}
	}
	c.used[key(origin)] = ""
	c.add(d)
}

// computed is a field that a migration makes, or a default fills.
func (c *fieldComparison) computed(a state.Alt, t state.Field, at []string, taken map[string]bool) {
	d := FieldDiff{Kind: FieldAdded, Field: pathText(at), To: fieldText(t)}
	if made := c.program.made[key(at)]; made != "" {
		d.Note = made
		for _, p := range c.program.reads[key(at)] {
			if _, renamed := c.used[p]; !renamed {
				c.used[p] = pathText(at)
			}
		}
	}
	if f, had := fieldOf(a, t.Name); had && !f.Forbidden {
		taken[t.Name] = true
		note := d.Note
		d = c.whole(f, t, at)
		d.Kind, d.Note = cmp.Or(d.Kind, FieldRemade), note
	}
	c.add(d)
}

// whole compares two fields as they are. The kind is empty if they are alike.
func (c *fieldComparison) whole(f, t state.Field, at []string) FieldDiff {
	d := FieldDiff{Field: pathText(at), From: fieldText(f), To: fieldText(t)}
	wider, narrower := c.takes(t, f), c.takes(f, t)
	switch {
	case sameType(f.Type, t.Type) && f.Optional == t.Optional:
		return d
	case !comparable(f.Type, t.Type):
		d.Kind = FieldRetyped
	case wider && narrower:
		d.Kind = FieldDefault
	case wider:
		d.Kind = FieldWidened
	case narrower:
		d.Kind = FieldNarrowed
	default:
		d.Kind = FieldChanged
	}
	if d.From == d.To { // what differs is beyond what the text shows
		d.Note = "in a part that is not shown"
	}
	return d
}

// takes tells whether every stored value of one field fits the other, on the wire of the new shape.
func (c *fieldComparison) takes(wide, narrow state.Field) bool {
	alone := func(f state.Field) state.Shape {
		f.Name = "x"
		s := state.Shape{Type: c.to.Type, Encoding: c.to.Encoding}
		s.Value = state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: []state.Field{f}}}}
		return s
	}
	return state.Subsumes(alone(wide), alone(narrow))
}

func (c *fieldComparison) add(d FieldDiff) {
	if d.Kind != "" {
		c.out = append(c.out, d)
	}
}

// done adds what is gone, with what became of it.
func (c *fieldComparison) done() []FieldDiff {
	for len(c.gone) > 0 {
		p := c.gone[0]
		c.gone = c.gone[1:]
		d := FieldDiff{Kind: FieldRemoved, Field: pathText(p.path), From: fieldText(p.field)}
		into, used := c.used[d.Field]
		switch {
		case used && into == "":
			continue // renamed
		case !used && c.apart(p):
			continue
		case used:
			d.Note = "used for " + into
		case slices.Contains(c.drop, d.Field):
			d.Note = "dropped, as the migration says"
		}
		c.out = append(c.out, d)
	}
	return c.out
}

// apart replaces a struct of which something is made part by part by its parts, and tells whether it did.
func (c *fieldComparison) apart(p place) bool {
	inner, is := single(p.field.Type, state.Struct)
	used := false
	for path := range c.used {
		used = used || strings.HasPrefix(path, pathText(p.path)+".")
	}
	if !is || !used {
		return false
	}
	for _, f := range inner.Fields {
		if !f.Forbidden {
			c.remove(f, extend(p.path, f.Name))
		}
	}
	return true
}

func (c *fieldComparison) lookup(path []string) (state.Field, bool) {
	return lookup(c.from.Value, path)
}

// lookup finds the field at a path of a type.
func lookup(t state.Type, path []string) (f state.Field, ok bool) {
	for _, name := range path {
		alt, is := single(t, state.Struct)
		if !is {
			return f, false
		}
		if f, ok = fieldOf(alt, name); !ok || f.Forbidden {
			return f, false
		}
		t = f.Type
	}
	return f, ok
}

func fieldOf(a state.Alt, name string) (state.Field, bool) {
	for _, f := range a.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return state.Field{}, false
}

// single returns the only alternative of a type if it is of a kind.
func single(t state.Type, k state.Kind) (state.Alt, bool) {
	if len(t.Alts) == 1 && t.Alts[0].Kind == k {
		return t.Alts[0], true
	}
	return state.Alt{}, false
}

// comparable tells whether the kinds of one type are among those of the other. Every int is a number.
func comparable(a, b state.Type) bool {
	within := func(x, y state.Type) bool {
		return !slices.ContainsFunc(x.Alts, func(p state.Alt) bool {
			return !slices.ContainsFunc(y.Alts, func(q state.Alt) bool {
				return p.Kind == q.Kind || p.Kind == state.Int && q.Kind == state.Number
			})
		})
	}
	return within(a, b) || within(b, a)
}

func sameType(a, b state.Type) bool { return state.DefinitionDigest(a) == state.DefinitionDigest(b) }

func rest(a state.Alt) state.Type {
	if a.Rest == nil {
		return state.Type{}
	}
	return *a.Rest
}
