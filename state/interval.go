package state

import (
	"slices"
	"strconv"
)

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

func decimalText(n int) string { return strconv.Itoa(n) }

func decimalOf(n int) Decimal {
	d, _ := ParseDecimal(decimalText(n))
	return d
}
