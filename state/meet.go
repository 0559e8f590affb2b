package state

import (
	"slices"
	"strings"
)

// Meet tells whether some stored value may fit both shapes, and if so how: "both may have only user_id, name".
// It answers true unless it can prove the contrary. What counts is the wire, not CUE: on the text of a hash every
// number and bool is a string; JSON has one kind of number; a field with a default is required in stored values.
func Meet(a, b Shape) (overlap string, meet bool) {
	if a.Type != b.Type || !keysMayOverlap(a, b) {
		return "", false
	}
	if a.wire() != b.wire() {
		return "a text may also be JSON", true
	}
	w := a.wire()
	for _, x := range a.Value.Alts {
		for _, y := range b.Value.Alts {
			if w.meetAlts(x, y) && !(a.Type == Hash && w.nothingInCommon(x, y)) {
				return w.describe(x, y), true
			}
		}
	}
	return "", false
}

func keysMayOverlap(a, b Shape) bool {
	if a.Keys == b.Keys {
		return true
	}
	p, perr := ParsePattern(a.Keys)
	q, qerr := ParsePattern(b.Keys)
	return perr != nil || qerr != nil || Overlap(p, q)
}

// nothingInCommon tells whether only the empty struct, which Redis cannot hold as a hash, can fit both.
func (w wire) nothingInCommon(a, b Alt) bool {
	return !(a.Open && b.Open) && len(w.common(a, b)) == 0
}

// common returns the declared names that a value of both may have.
func (w wire) common(a, b Alt) []string {
	var names []string
	for _, f := range slices.Concat(a.Fields, b.Fields) {
		if !slices.Contains(names, f.Name) && w.shared(a, b, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// shared tells whether a value of both may have the field.
func (w wire) shared(a, b Alt, name string) bool {
	f, inA := a.field(name)
	g, inB := b.field(name)
	return a.mayHave(name) && b.mayHave(name) && (!inA || !inB || w.meet(f.Type, g.Type))
}

func (w wire) describe(a, b Alt) string {
	if a.Kind != Struct || b.Kind != Struct {
		return "both may be a " + string(a.Kind)
	}
	names := w.common(a, b)
	switch {
	case a.Open && b.Open && len(names) == 0:
		return "both may have any fields"
	case a.Open && b.Open:
		return "both may have " + strings.Join(names, ", ") + " and fields that neither declares"
	case len(names) == 0:
		return "both may have no field at all"
	}
	return "both may have only " + strings.Join(names, ", ")
}

func (w wire) meet(a, b Type) bool {
	return slices.ContainsFunc(a.Alts, func(x Alt) bool {
		return slices.ContainsFunc(b.Alts, func(y Alt) bool { return w.meetAlts(x, y) })
	})
}

func (w wire) meetAlts(a, b Alt) bool {
	if words, ok := w.words(a); ok {
		return slices.ContainsFunc(words, func(v Value) bool { return w.fitsAlt(a, v) && w.fitsAlt(b, v) })
	}
	if words, ok := w.words(b); ok {
		return slices.ContainsFunc(words, func(v Value) bool { return w.fitsAlt(a, v) && w.fitsAlt(b, v) })
	}
	switch {
	case isNumber(a.Kind) && isNumber(b.Kind):
		return numbersMeet(a, b)
	case a.Kind == Str && b.Kind == Str:
		return !excludes(a, b) && !excludes(b, a)
	case w == onText && (a.Kind == Str && isNumber(b.Kind) || b.Kind == Str && isNumber(a.Kind)):
		return true
	case a.Kind == Struct && b.Kind == Struct:
		return w.structsMeet(a, b)
	}
	return a.Kind == b.Kind // of the rest the lists: two empty ones are equal
}

func isNumber(k Kind) bool { return k == Int || k == Number }

// excludes tells whether a must match an expression that b must not.
func excludes(a, b Alt) bool {
	return slices.ContainsFunc(a.Match, func(e string) bool { return slices.Contains(b.NoMatch, e) })
}

func (w wire) structsMeet(a, b Alt) bool {
	return w.requiredMeet(a, b) && w.requiredMeet(b, a)
}

// requiredMeet tells whether b may have every field that a requires, with a value that fits both.
func (w wire) requiredMeet(a, b Alt) bool {
	for _, f := range a.Fields {
		if !f.required() {
			continue
		}
		g, declared := b.field(f.Name)
		if !b.mayHave(f.Name) || declared && !w.meet(f.Type, g.Type) {
			return false
		}
	}
	return true
}

// interval is what the bounds and the constant of a number leave; nil ends are unbounded.
type interval struct {
	low, high             *Decimal
	lowStrict, highStrict bool
	holes                 []Decimal
}

func numbersMeet(a, b Alt) bool {
	i := intervalOf(append(a.numberBounds(), b.numberBounds()...))
	if i.low == nil || i.high == nil {
		return true
	}
	c := i.low.Cmp(*i.high)
	if c == 0 && !i.lowStrict && !i.highStrict {
		integral := a.Kind == Int || b.Kind == Int
		hole := slices.ContainsFunc(i.holes, func(d Decimal) bool { return d.Cmp(*i.low) == 0 })
		return !hole && (!integral || i.low.Integral())
	}
	return c < 0
}

// numberBounds returns the bounds with the constant as two of them.
func (a Alt) numberBounds() []Bound {
	bounds := slices.Clone(a.Bounds)
	if a.Const != nil {
		bounds = append(bounds, Bound{">=", a.Const.Text}, Bound{"<=", a.Const.Text})
	}
	return bounds
}

func intervalOf(bounds []Bound) interval {
	var i interval
	for _, b := range bounds {
		d, ok := ParseDecimal(b.Value)
		if !ok {
			continue
		}
		strict := b.Op == ">" || b.Op == "<"
		switch b.Op {
		case ">", ">=":
			if c := order(&d, i.low); i.low == nil || c > 0 || c == 0 && strict {
				i.low, i.lowStrict = &d, strict
			}
		case "<", "<=":
			if c := order(&d, i.high); i.high == nil || c < 0 || c == 0 && strict {
				i.high, i.highStrict = &d, strict
			}
		case "!=":
			i.holes = append(i.holes, d)
		}
	}
	return i
}

// order compares, taking an unbounded end as equal.
func order(d, e *Decimal) int {
	if e == nil {
		return 0
	}
	return d.Cmp(*e)
}
