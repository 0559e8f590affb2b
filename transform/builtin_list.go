package transform

import (
	"math/bits"
	"slices"
	"sort"

	"github.com/cockroachdb/apd/v3"
)

var listTable = map[string]function{
	"list.Drop": func(a *arguments) (value, error) {
		items, n := a.list(0), a.int(1)
		if n < 0 {
			return value{}, errIndex
		}
		return listOf(items[min(n, len(items)):]), nil
	},
	"list.Take": func(a *arguments) (value, error) {
		items, n := a.list(0), a.int(1)
		if n < 0 {
			return value{}, errIndex
		}
		return listOf(items[:min(n, len(items))]), nil
	},
	"list.Slice": func(a *arguments) (value, error) {
		items, from, to := a.list(0), a.int(1), a.int(2)
		if from < 0 || from > to || to > len(items) {
			return value{}, errIndex
		}
		return listOf(items[from:to]), nil
	},
	"list.FlattenN": func(a *arguments) (value, error) {
		a.list(0)
		if a.err != nil {
			return value{}, a.err
		}
		out, err := flatten(a, nil, a.values[0], a.int(1))
		return listOf(out), err
	},
	"list.Repeat": func(a *arguments) (value, error) {
		items, n := a.list(0), a.int(1)
		if n < 0 || n > maxRepeat {
			return value{}, errRepeat
		}
		if err := a.e.spend(len(items) * n * elementCost); err != nil {
			return value{}, err
		}
		return listOf(slices.Repeat(items, n)), nil
	},
	"list.Concat": func(a *arguments) (value, error) {
		var out []value
		for _, v := range a.list(0) {
			isMap, ok := v.isComposite()
			if !ok || isMap {
				return value{}, errArgument
			}
			inner := arguments{e: a.e, values: []value{v}}
			if err := a.e.work(v.argument()); err != nil {
				return value{}, err
			}
			out = append(out, inner.list(0)...)
		}
		return listOf(out), nil
	},
	"list.Reverse": func(a *arguments) (value, error) {
		items := a.list(0)
		slices.Reverse(items)
		return listOf(items), nil
	},
	"list.MinItems": func(a *arguments) (value, error) { return boolean(len(a.list(0)) >= a.int(1)), nil },
	"list.MaxItems": func(a *arguments) (value, error) { return boolean(len(a.list(0)) <= a.int(1)), nil },
	"list.UniqueItems": func(a *arguments) (value, error) {
		items := a.list(0)
		for i, v := range items {
			for _, w := range items[i+1:] {
				if a.e.same(v, w, true) {
					return boolean(false), nil
				}
				if a.e.spent() {
					return value{}, errWork
				}
			}
		}
		return boolean(true), nil
	},
	"list.Contains": func(a *arguments) (value, error) {
		for _, v := range a.list(0) {
			if a.e.same(v, a.values[1], true) {
				return boolean(true), nil
			}
			if a.e.spent() {
				return value{}, errWork
			}
		}
		return boolean(false), nil
	},
	"list.Avg":             average,
	"list.Max":             func(a *arguments) (value, error) { return extreme(a, -1) },
	"list.Min":             func(a *arguments) (value, error) { return extreme(a, 1) },
	"list.Sum":             func(a *arguments) (value, error) { return fold(a, 0, decimals.Add) },
	"list.Product":         func(a *arguments) (value, error) { return fold(a, 1, decimals.Mul) },
	"list.Range":           sequence,
	"list.Sort":            sortList,
	"list.SortStable":      sortList,
	"list.IsSorted":        isSorted,
	"list.SortStrings":     sortStrings,
	"list.IsSortedStrings": func(a *arguments) (value, error) { return boolean(slices.IsSorted(a.texts(0))), nil },
}

// elementCost is what an element of a list costs of the bytes that a unit may make.
const elementCost = 128

func sortStrings(a *arguments) (value, error) {
	s := a.texts(0)
	size := 0
	for _, x := range s {
		size += 1 + len(x)/builtinCost
	}
	if err := a.e.work(size * bits.Len(uint(len(s)))); err != nil {
		return value{}, err
	}
	slices.Sort(s)
	return a.textList(s), nil
}

// flatten appends the elements of lists in a list, down to a depth.
func flatten(a *arguments, out []value, list value, depth int) ([]value, error) {
	err := list.each(func(_ int, _ string, v value) error {
		if err := a.e.spend(elementCost); err != nil {
			return err
		}
		isMap, ok := v.isComposite()
		if !ok || isMap || depth == 0 {
			out = append(out, v)
			return nil
		}
		inner, err := flatten(a, out, v, depth-1)
		out = inner
		return err
	})
	return out, err
}

// fold adds or multiplies numbers. It fails where CUE would round.
func fold(a *arguments, start int64, f func(d, x, y *apd.Decimal) (apd.Condition, error)) (value, error) {
	d := apd.New(start, 0)
	for _, x := range a.decimals(0) {
		next := new(apd.Decimal)
		if c, err := f(next, x, d); err != nil || c.Inexact() {
			return value{}, errDigits
		}
		d = next
	}
	return decimalValue(d)
}

func average(a *arguments) (value, error) {
	xs := a.decimals(0)
	if len(xs) == 0 {
		return value{}, errArgument
	}
	sum := apd.New(0, 0)
	for _, x := range xs {
		next := new(apd.Decimal)
		if c, err := decimals.Add(next, x, sum); err != nil || c.Inexact() {
			return value{}, errDigits
		}
		sum = next
	}
	var d apd.Decimal
	if _, err := decimals.Quo(&d, sum, apd.New(int64(len(xs)), 0)); err != nil {
		return value{}, errDigits
	}
	return decimalValue(reduced(&d))
}

// extreme returns the number that compares with no other as order says.
func extreme(a *arguments, order int) (value, error) {
	xs := a.decimals(0)
	if len(xs) == 0 {
		return value{}, errArgument
	}
	best := xs[0]
	for _, x := range xs[1:] {
		if best.Cmp(x) == order {
			best = x
		}
	}
	return decimalValue(best)
}

func sequence(a *arguments) (value, error) {
	start, limit, step := a.decimal(0), a.decimal(1), a.decimal(2)
	if a.err != nil {
		return value{}, a.err
	}
	direction := -step.Sign()
	if direction == 0 || start.Cmp(limit) == -direction {
		return value{}, errArgument
	}
	var out []value
	for n := start; n.Cmp(limit) == direction; {
		v, err := decimalValue(n)
		if err == nil {
			err = a.e.spend(elementCost)
		}
		if err == nil {
			err = a.e.work(2 + v.cost())
		}
		if err != nil {
			return value{}, err
		}
		out = append(out, v)
		next := new(apd.Decimal)
		if c, err := decimals.Add(next, step, n); err != nil || c.Inexact() {
			return value{}, errDigits
		}
		n = next
	}
	return listOf(out), nil
}

// order sorts by an expression on x and y.
type order struct {
	*arguments
	items []value
}

func (o *order) Len() int      { return len(o.items) }
func (o *order) Swap(i, j int) { o.items[i], o.items[j] = o.items[j], o.items[i] }
func (o *order) Less(i, j int) bool {
	if o.err != nil {
		return false
	}
	o.e.vars[o.x.slot-1], o.e.vars[o.x.slot] = o.items[i], o.items[j]
	less, err := o.e.truth(o.x.args[1])
	if err != nil {
		o.fail(err)
		return true
	}
	return less
}

func sortList(a *arguments) (value, error) {
	o := order{a, a.list(0)}
	sort.Stable(&o)
	return listOf(o.items), a.err
}

func isSorted(a *arguments) (value, error) {
	o := order{a, a.list(0)}
	if a.err != nil {
		return value{}, a.err
	}
	is := sort.IsSorted(&o)
	if a.e.spent() {
		return value{}, errWork
	}
	a.err = nil // a comparison that fails is not in order
	return boolean(is), nil
}
