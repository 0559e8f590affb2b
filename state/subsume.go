package state

import "slices"

// Subsumes tells whether every stored value that fits narrow also fits wide, so that a reader of wide reads narrow.
// It answers false unless it can prove it.
func Subsumes(wide, narrow Shape) bool {
	return wide.Keys == narrow.Keys && wide.Type == narrow.Type && wide.wire() == narrow.wire() &&
		wide.wire().subsumes(wide.Value, narrow.Value)
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
		return a.Const == nil && containsAll(n.Match, a.Match) && containsAll(n.NoMatch, a.NoMatch)
	case a.Kind == Str && isNumber(n.Kind):
		return w == onText && a.Const == nil && len(a.Match)+len(a.NoMatch) == 0
	case a.Kind != n.Kind:
		return false
	case a.Kind == Struct:
		return w.structSubsumes(a, n)
	case a.Kind == Array:
		return a.Elem == nil || n.Elem != nil && w.subsumes(*a.Elem, *n.Elem)
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

func (w wire) structSubsumes(a, n Alt) bool {
	for _, f := range a.Fields {
		g, declared := n.field(f.Name)
		switch {
		case !n.mayHave(f.Name):
			if f.required() {
				return false
			}
		case f.Forbidden, !declared, f.required() && !g.required(), !w.subsumes(f.Type, g.Type):
			return false
		}
	}
	if a.Open {
		return true
	}
	return !n.Open && !slices.ContainsFunc(n.Fields, func(g Field) bool {
		_, declared := a.field(g.Name)
		return !declared && !g.Forbidden
	})
}
