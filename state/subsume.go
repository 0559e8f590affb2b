package state

import "slices"

// Subsumes tells whether every unit that fits narrow also fits wide, so that a reader of wide reads narrow.
// It answers false unless it can prove it.
func Subsumes(wide, narrow Shape) bool {
	if wide.Keys != narrow.Keys || wide.Type != narrow.Type || !wide.TTL.subsumes(narrow.TTL) {
		return false
	}
	if !wide.Type.Parts() {
		return wide.wire() == narrow.wire() && wide.wire().subsumes(wide.Value, narrow.Value)
	}
	return !slices.ContainsFunc(narrow.Value.Alts, func(n Alt) bool {
		return !slices.ContainsFunc(wide.Value.Alts, func(x Alt) bool {
			return x.Kind == Struct && n.Kind == Struct && structSubsumes(x, n, wide.part, narrow.part)
		})
	})
}

// subsumes tells whether every key that follows the narrow rule follows the wide one. Min is part of neither.
func (wide *TTL) subsumes(narrow *TTL) bool {
	return wide == nil || narrow != nil && (wide.Max == 0 || narrow.Max > 0 && narrow.Max <= wide.Max)
}

func (w wire) subsumes(wide, narrow Type) bool {
	return !slices.ContainsFunc(narrow.Alts, func(n Alt) bool { return !w.subsumesAlt(wide, n) })
}

// subsumesAlt tells whether the alternatives of wide take every value of n: one alternative all of them, or, if
// they are few, each one its own.
func (w wire) subsumesAlt(wide Type, n Alt) bool {
	if words, ok := w.words(n); ok {
		return !slices.ContainsFunc(words, func(v Value) bool { return w.fitsAlt(n, v) && !w.fits(wide, v) })
	}
	return slices.ContainsFunc(wide.Alts, func(x Alt) bool { return w.altSubsumes(x, n) })
}

func (w wire) altSubsumes(a, n Alt) bool {
	switch {
	case isNumber(a.Kind) && isNumber(n.Kind):
		return (a.Kind == Number || n.Kind == Int) && numberSubsumes(a, n)
	case a.Kind == Str && n.Kind == Str:
		return a.Const == nil && containsAll(n.Match, a.Match) && containsAll(n.NoMatch, a.NoMatch) && lengthSubsumes(a, n)
	case a.Kind == Str && isNumber(n.Kind):
		return w == onText && a.Const == nil && len(a.NoMatch)+len(a.Len) == 0 && containsAll(n.patterns(), a.Match)
	case a.Kind != n.Kind:
		return false
	case a.Kind == Bytes:
		return a.Const == nil
	case a.Kind == Struct:
		return structSubsumes(a, n, w.all, w.all)
	case a.Kind == Array:
		return w.arraySubsumes(a, n)
	}
	return false
}

func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(have, s) })
}

func numberSubsumes(a, n Alt) bool {
	narrow := intervalOf(n.numberBounds())
	return !slices.ContainsFunc(a.numberBounds(), func(b Bound) bool { return !narrow.implies(b) })
}

// lengthSubsumes tells whether every length that fits n fits a.
func lengthSubsumes(a, n Alt) bool {
	narrow := intervalOf(n.lengths())
	return !slices.ContainsFunc(a.lengths(), func(b Bound) bool { return !narrow.implies(b) })
}

func (w wire) arraySubsumes(a, n Alt) bool {
	if !lengthSubsumes(a, n) {
		return false
	}
	for i := range max(len(a.Items), len(n.Items)) + 1 { // the last stands for all that follow
		if n.Fixed && i >= len(n.Items) {
			break
		}
		if a.Fixed && i >= len(a.Items) {
			continue // n is never so long
		}
		if x, y := a.item(i), n.item(i); x != nil && (y == nil || !w.subsumes(*x, *y)) {
			return false
		}
	}
	return true
}

// implies tells whether every number of the interval satisfies the bound.
func (i interval) implies(b Bound) bool {
	d, ok := ParseDecimal(b.Value)
	if !ok {
		return false
	}
	above := func(strict bool) bool {
		return i.low != nil && (i.low.Cmp(d) > 0 || i.low.Cmp(d) == 0 && (i.lowStrict || !strict))
	}
	below := func(strict bool) bool {
		return i.high != nil && (i.high.Cmp(d) < 0 || i.high.Cmp(d) == 0 && (i.highStrict || !strict))
	}
	switch b.Op {
	case ">=", ">":
		return above(b.Op == ">")
	case "<=", "<":
		return below(b.Op == "<")
	case "!=":
		return above(true) || below(true) || slices.ContainsFunc(i.holes, func(h Decimal) bool { return h.Cmp(d) == 0 })
	}
	return false
}

func structSubsumes(a, n Alt, wa, wn wires) bool {
	for _, f := range a.Fields {
		g, declared := n.field(f.Name)
		switch {
		case !n.mayHave(f.Name):
			if f.required() {
				return false
			}
		case f.Forbidden, f.required() && (!declared || !g.required()), !fieldSubsumes(a, n, f.Name, wa, wn):
			return false
		}
	}
	for _, g := range n.Fields {
		if _, declared := a.field(g.Name); !declared && !g.Forbidden && (!a.Open || !fieldSubsumes(a, n, g.Name, wa, wn)) {
			return false
		}
	}
	return !n.Open || a.Open && fieldSubsumes(a, n, restName, wa, wn)
}

// restName stands for a field that neither declares. Redis has such fields, specs cannot.
const restName = "\x00"

// fieldSubsumes tells whether every value that a field of n may have is one that a takes. What is not declared at all
// may be more than _ takes: text that is not UTF-8, a float that is not a number.
func fieldSubsumes(a, n Alt, name string, wa, wn wires) bool {
	x, y := a.typeOf(name), n.typeOf(name)
	if x == nil {
		return wa(name) == wn(name) || wa(name) == onText || wa(name) == onRaw // which read any bytes
	}
	return y != nil && wa(name) == wn(name) && wa(name).subsumes(*x, *y)
}
