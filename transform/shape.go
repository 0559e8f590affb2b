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
	elem           *typ
}

type field struct {
	name                string
	typ                 *typ
	required, forbidden bool
}

type bound struct {
	state.Bound
	limit state.Decimal
	small int64 // the limit, if isInt
	isInt bool
}

// shape is a compiled state.Shape.
type shape struct {
	version state.Version
	hash    bool
	value   *typ
	pattern state.Pattern
	source  state.Shape
}

func compileShape(s state.Shape) (*shape, error) {
	supported := s.Type == state.Hash || s.Type == state.String && s.Encoding == state.JSON
	if !supported {
		return nil, fmt.Errorf("version %s: %s %s is not supported yet", s.Version, s.Type, s.Encoding)
	}
	value, err := compileType(s.Value)
	if err != nil {
		return nil, fmt.Errorf("version %s: %w", s.Version, err)
	}
	pattern, err := state.ParsePattern(s.Keys)
	if err != nil {
		return nil, fmt.Errorf("version %s: %w", s.Version, err)
	}
	return &shape{version: s.Version, hash: s.Type == state.Hash, value: value, pattern: pattern, source: s}, nil
}

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
	c := alt{kind: a.Kind, constant: a.Const, open: a.Open}
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
	for _, f := range a.Fields {
		ft, err := compileType(f.Type)
		if err != nil {
			return c, fmt.Errorf("field %s: %w", f.Name, err)
		}
		required := !f.Optional && !f.Forbidden
		if required {
			c.required++
		}
		c.fields = append(c.fields, field{name: f.Name, typ: ft, required: required, forbidden: f.Forbidden})
	}
	slices.SortFunc(c.fields, func(x, y field) int { return strings.Compare(x.name, y.name) })
	if a.Elem != nil {
		if c.elem, err = compileType(*a.Elem); err != nil {
			return c, err
		}
	}
	return c, nil
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

// below returns what a struct of this type may hold at a path: nil if nothing is declared there.
func (t *typ) below(path []string) *typ {
	if len(path) == 0 || t == nil {
		return t
	}
	out := &typ{}
	for i := range t.alts {
		if at := t.alts[i].find(path[0]); at >= 0 && !t.alts[i].fields[at].forbidden {
			if next := t.alts[i].fields[at].typ.below(path[1:]); next != nil {
				out.alts = append(out.alts, next.alts...)
			}
		}
	}
	if len(out.alts) == 0 {
		return nil
	}
	return out
}

// declares tells whether a struct alternative of the type declares the field.
func (t *typ) declares(name string) bool {
	return t != nil && slices.ContainsFunc(t.alts, func(a alt) bool { return a.find(name) >= 0 })
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
