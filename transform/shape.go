package transform

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// typ is a compiled state.Type: a value fits if it fits one alternative.
type typ struct{ alts []alt }

// alt is a compiled state.Alt.
type alt struct {
	kind           state.Kind
	constant       *state.Value
	number         state.Decimal // of a constant number
	bounds         []bound
	match, noMatch []*regexp.Regexp
	fields         []field // sorted by name
	required       int     // how many of the fields
	open           bool
	rest           *typ // of other fields of an open struct; nil: any
	length         []bound
	items          []*typ
	fixed          bool
	elem           *typ // nil: any
}

type field struct {
	name                string
	typ                 *typ
	required, forbidden bool
	ordinal             int            // in the order of the spec
	encoding            state.Encoding // empty: text, or that of the whole
}

type bound struct {
	state.Bound
	limit state.Decimal
	small int64 // the limit, if isInt
	isInt bool
}

// shape is a compiled state.Shape.
type shape struct {
	version  state.Version
	redis    state.Redis
	encoding state.Encoding // of a unit that is one text
	flat     bool           // named parts, all of them text
	score    bool           // has a score, which Redis keeps as a double
	value    *typ
	pattern  state.Pattern
	source   state.Shape
}

func compileShape(s state.Shape) (*shape, error) {
	value, err := compileType(s.Value)
	if err != nil {
		return nil, fmt.Errorf("version %s: %w", s.Version, err)
	}
	pattern, err := state.ParsePattern(s.Keys)
	if err != nil {
		return nil, fmt.Errorf("version %s: %w", s.Version, err)
	}
	out := &shape{version: s.Version, redis: s.Type, value: value, pattern: pattern, source: s, score: s.Type == state.SortedSet}
	switch {
	case s.Type.Parts():
		out.flat = len(s.Encodings) == 0 && !out.score
		out.encode(s)
	case s.Type == state.Document:
		out.encoding = state.JSON
	case s.Type == state.String || s.Type == state.List || s.Type == state.Set:
		out.encoding = s.Encoding
		if out.encoding == "" {
			out.encoding = state.Text
		}
	default:
		return nil, fmt.Errorf("version %s: type %q is not known to this version of Keyshift", s.Version, s.Type)
	}
	return out, nil
}

// encode notes the encodings of the named parts.
func (s *shape) encode(source state.Shape) {
	for i := range s.value.alts {
		a := &s.value.alts[i]
		for j := range a.fields {
			a.fields[j].encoding = source.EncodingOf(a.fields[j].name)
		}
	}
}

// isPart tells whether units of the shape have named parts.
func (s *shape) isParts() bool { return s.redis.Parts() }

func compileType(t state.Type) (*typ, error) {
	out := &typ{alts: make([]alt, len(t.Alts))}
	for i, a := range t.Alts {
		c, err := compileAlt(a)
		if err != nil {
			return nil, err
		}
		out.alts[i] = c
	}
	return out, nil
}

func compileAlt(a state.Alt) (alt, error) {
	c := alt{kind: a.Kind, constant: a.Const, open: a.Open, fixed: a.Fixed}
	if a.Const != nil && (a.Kind == state.Int || a.Kind == state.Number) {
		d, ok := state.ParseDecimal(a.Const.Text)
		if !ok {
			return c, fmt.Errorf("constant %q is not a number", a.Const.Text)
		}
		c.number = d
	}
	var err error
	if c.bounds, err = compileBounds(a.Bounds); err != nil {
		return c, err
	}
	if c.match, err = compileExpressions(a.Match); err != nil {
		return c, err
	}
	if c.noMatch, err = compileExpressions(a.NoMatch); err != nil {
		return c, err
	}
	for i, f := range a.Fields {
		ft, err := compileType(f.Type)
		if err != nil {
			return c, fmt.Errorf("field %s: %w", f.Name, err)
		}
		required := !f.Optional && !f.Forbidden
		if required {
			c.required++
		}
		c.fields = append(c.fields, field{name: f.Name, typ: ft, required: required, forbidden: f.Forbidden, ordinal: i})
	}
	slices.SortFunc(c.fields, func(x, y field) int { return strings.Compare(x.name, y.name) })
	return c, c.compileLists(a)
}

// compileLists compiles what an alternative says of other fields and of elements.
func (a *alt) compileLists(from state.Alt) (err error) {
	if a.length, err = compileBounds(from.Len); err != nil {
		return err
	}
	for _, t := range from.Items {
		item, err := compileType(t)
		if err != nil {
			return err
		}
		a.items = append(a.items, item)
	}
	if from.Elem != nil {
		if a.elem, err = compileType(*from.Elem); err != nil {
			return err
		}
	}
	if from.Rest != nil {
		a.rest, err = compileType(*from.Rest)
	}
	return err
}

func compileBounds(bounds []state.Bound) ([]bound, error) {
	var out []bound
	for _, b := range bounds {
		d, ok := state.ParseDecimal(b.Value)
		if !ok {
			return nil, fmt.Errorf("bound %s%s is not a number", b.Op, b.Value)
		}
		c := bound{Bound: b, limit: d}
		if text, ok := d.IntText(smallDigits); ok {
			c.small, _ = strconv.ParseInt(text, 10, 64)
			c.isInt = true
		}
		out = append(out, c)
	}
	return out, nil
}

// smallDigits is how many digits always fit an int64.
const smallDigits = 18

func compileExpressions(expressions []string) ([]*regexp.Regexp, error) {
	var out []*regexp.Regexp
	for _, e := range expressions {
		re, err := regexp.Compile(e)
		if err != nil {
			return nil, fmt.Errorf("regular expression %q: %w", e, err)
		}
		out = append(out, re)
	}
	return out, nil
}

// find returns the place of a declared field, -1 if there is none.
func (a *alt) find(name string) int {
	low, high := 0, len(a.fields)
	for low < high {
		middle := (low + high) / 2
		if a.fields[middle].name < name {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(a.fields) && a.fields[low].name == name {
		return low
	}
	return -1
}

// untyped describes a part of a source that its shape says nothing of.
var untyped = &typ{}

// below returns what a struct of this type may hold at a path: nil if nothing is declared there.
func (t *typ) below(path []string) *typ {
	if len(path) == 0 || t == nil {
		return t
	}
	out := &typ{}
	for i := range t.alts {
		if next := t.alts[i].typeOf(path[0]).below(path[1:]); next != nil {
			out.alts = append(out.alts, next.alts...)
		}
	}
	if len(out.alts) == 0 {
		return nil
	}
	return out
}

// typeOf returns the type of a field, nil if nothing is said of it.
func (a *alt) typeOf(name string) *typ {
	if a.kind != state.Struct {
		return nil
	}
	if at := a.find(name); at >= 0 {
		if a.fields[at].forbidden {
			return nil
		}
		return a.fields[at].typ
	}
	return a.rest
}

// ofField returns the type of a field of v, which this type describes: that of the first alternative that v fits.
func (t *typ) ofField(v value, name string) *typ {
	if a := t.pick(v, state.Struct); a != nil {
		if next := a.typeOf(name); next != nil {
			return next
		}
	}
	return t.unknown()
}

// ofElement returns the type of an element of v.
func (t *typ) ofElement(v value, i int) *typ {
	if a := t.pick(v, state.Array); a != nil {
		if next := a.typeAt(i); next != nil {
			return next
		}
	}
	return t.unknown()
}

// typeAt returns the type of an element, nil if nothing is said of it.
func (a *alt) typeAt(i int) *typ {
	if i < len(a.items) {
		return a.items[i]
	}
	return a.elem
}

// unknown describes what lies below a type that says nothing of it.
func (t *typ) unknown() *typ {
	if t == nil {
		return nil
	}
	return untyped
}

// pick returns the alternative of a kind that v fits; the only one there is without looking.
func (t *typ) pick(v value, k state.Kind) *alt {
	if t == nil {
		return nil
	}
	only := -1
	for i := range t.alts {
		if t.alts[i].kind == k {
			if only >= 0 {
				if v.kind == isNode {
					v.doc.walked(int(v.doc.nodes[v.i].end-v.doc.nodes[v.i].start) / 4)
				}
				return t.altOf(v)
			}
			only = i
		}
	}
	if only < 0 {
		return nil
	}
	return &t.alts[only]
}

// only returns a type of the one alternative that a list or struct fits, so that it is picked once.
func (t *typ) only(v value) *typ {
	isMap, ok := v.isComposite()
	if !ok || t == nil || len(t.alts) < 2 {
		return t
	}
	kind := state.Array
	if isMap {
		kind = state.Struct
	}
	a := t.pick(v, kind)
	if a == nil {
		return untyped
	}
	return &typ{alts: []alt{*a}}
}

// declares tells whether a struct alternative of the type declares the field.
func (t *typ) declares(name string) bool {
	return t != nil && slices.ContainsFunc(t.alts, func(a alt) bool { return a.find(name) >= 0 })
}

// describes tells whether an open struct says of what type a field is that it does not declare.
func (t *typ) describes(name string) bool {
	return t != nil && slices.ContainsFunc(t.alts, func(a alt) bool { return a.rest != nil && a.find(name) < 0 })
}

// isOpen tells whether a struct alternative of the type is open.
func (t *typ) isOpen() bool {
	return t != nil && slices.ContainsFunc(t.alts, func(a alt) bool { return a.kind == state.Struct && a.open })
}

// String names the alternatives for a message, with the constants of the spec.
func (t *typ) String() string {
	names := make([]string, len(t.alts))
	for i, a := range t.alts {
		switch {
		case a.constant == nil:
			names[i] = string(a.kind)
		case a.kind == state.Str:
			names[i] = strconv.Quote(a.constant.Text)
		case a.kind == state.Bool:
			names[i] = strconv.FormatBool(a.constant.Bool)
		default:
			names[i] = a.constant.Text
		}
		for _, b := range a.bounds {
			names[i] += " " + b.Op + b.Value
		}
	}
	return strings.Join(names, " | ")
}
