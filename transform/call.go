package transform

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/cockroachdb/apd/v3"
	"keyshift.dev/state"
)

// function is one builtin. It reads its arguments from a, which remembers the first that is wrong.
type function func(a *arguments) (value, error)

var (
	errArgument = errors.New("a builtin is called with a wrong argument")
	errNoMatch  = errors.New("a regular expression does not match")
	errDomain   = errors.New("a function has no value there")
	errNaN      = errors.New("the result is not a finite number")
)

// tables are the builtins by the package that CUE has them in.
var tables = []map[string]function{
	{"len": lengthOf}, stringsTable, strconvTable, listTable, mathTable, floatTable, regexpTable, timeTable, encodingTable,
}

// builtin returns the function of a name.
func builtin(name string) (function, bool) {
	for _, t := range tables {
		if f, ok := t[name]; ok {
			return f, true
		}
	}
	return nil, false
}

// call compiles a call. The comparison of a sort binds x and y.
func (c *compiler) call(out *expr, e state.Expr) error {
	b, declared := state.FindBuiltin(e.Name)
	f, ok := builtin(e.Name)
	switch {
	case !declared || !ok:
		return c.bad(e, "builtin %s is not known to this version of Keyshift", e.Name)
	case len(e.Args) != b.Arity():
		return c.bad(e, "builtin %s has %d arguments", e.Name, len(e.Args))
	}
	out.call = f
	args := e.Args
	if sorts(e.Name) {
		args = args[:1]
	}
	if err := c.args(out, args); err != nil {
		return err
	}
	if sorts(e.Name) {
		return c.comparison(out, e.Args[1])
	}
	for _, name := range []string{"regexp.Find", "regexp.Match", "regexp.Replace"} {
		if len(e.Name) >= len(name) && e.Name[:len(name)] == name {
			return c.compileMatch(out, e, 0, true)
		}
	}
	return nil
}

func sorts(name string) bool {
	return name == "list.Sort" || name == "list.SortStable" || name == "list.IsSorted"
}

// comparison compiles the second argument of a sort. The slots of x and y are the ones before out.slot.
func (c *compiler) comparison(out *expr, less state.Expr) error {
	depth := len(c.scope)
	c.bind("x")
	out.slot = c.bind("y")
	x, err := c.expr(less, nil)
	c.scope, c.slots = c.scope[:depth], c.slots[:depth]
	if err != nil {
		return err
	}
	c.read(x)
	out.args = append(out.args, x)
	return nil
}

// arguments are the evaluated arguments of one call.
type arguments struct {
	e      *env
	x      *expr
	values []value
	err    error
}

func (e *env) call(x *expr) (value, error) {
	a := arguments{e: e, x: x, values: make([]value, 0, len(x.args))}
	args := x.args
	if x.op == state.OpCall && x.slot > 0 {
		args = args[:1]
	}
	for _, arg := range args {
		v, err := e.scalar(arg)
		if err != nil {
			return v, err
		}
		a.values = append(a.values, v)
		e.steps += v.argument()
	}
	if e.spent() {
		return value{}, errWork
	}
	v, err := x.call(&a)
	switch {
	case e.spent():
		return value{}, errWork
	case a.err != nil:
		return value{}, a.err
	case err != nil:
		return value{}, err
	case v.kind == isStr || v.kind == isBytes:
		err = e.spend(len(v.s))
	case v.kind == isList || v.kind == isStruct:
		err = e.spend(len(v.tree.members) * elementCost)
	}
	return v, err
}

func (a *arguments) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// text returns a string argument.
func (a *arguments) text(i int) string {
	if a.values[i].kind != isStr {
		a.fail(errArgument)
	}
	return a.values[i].s
}

// bytes returns an argument that is a string or bytes.
func (a *arguments) bytes(i int) string {
	if a.values[i].kind != isStr && a.values[i].kind != isBytes {
		a.fail(errArgument)
	}
	return a.values[i].s
}

// integer returns an argument that is an int of any size.
func (a *arguments) integer(i int) *big.Int {
	if k := a.values[i].kind; k != isInt && k != isBig {
		a.fail(errArgument)
		return new(big.Int)
	}
	return a.values[i].bigInt()
}

// sized returns an int of so many bits; one that is longer by its sign alone becomes the nearest.
func (a *arguments) sized(i, bits int) int64 {
	n := a.integer(i)
	switch {
	case n.BitLen() > bits:
		a.fail(errArgument)
		return 0
	case n.IsInt64():
		return n.Int64()
	case n.Sign() < 0:
		return -1 << 63
	}
	return 1<<63 - 1
}

func (a *arguments) int(i int) int { return int(a.sized(i, 64)) }

// flag returns a bool argument.
func (a *arguments) flag(i int) bool {
	if a.values[i].kind != isBool {
		a.fail(errArgument)
	}
	return a.values[i].i == 1
}

// decimal returns a number as CUE has it.
func (a *arguments) decimal(i int) *apd.Decimal {
	if !a.values[i].isNumber() {
		a.fail(errArgument)
		return new(apd.Decimal)
	}
	return a.values[i].decimal()
}

// float returns a number as the double next to it.
func (a *arguments) float(i int) float64 {
	f, err := a.decimal(i).Float64()
	if err != nil {
		a.fail(errDomain)
	}
	return f
}

// list returns the elements of a list.
func (a *arguments) list(i int) []value {
	isMap, ok := a.values[i].isComposite()
	if !ok || isMap {
		a.fail(errArgument)
		return nil
	}
	items := make([]value, 0, a.values[i].size())
	_ = a.values[i].each(func(_ int, _ string, v value) error { // it does not fail
		items = append(items, v)
		return nil
	})
	return items
}

// texts returns the elements of a list of strings.
func (a *arguments) texts(i int) []string {
	var out []string
	for _, v := range a.list(i) {
		s, err := v.scalar()
		if err == nil {
			err = a.e.work(len(s.s) / textCost)
		}
		if err != nil || s.kind != isStr {
			a.fail(errArgument)
			return nil
		}
		out = append(out, s.s)
	}
	return out
}

// decimals returns the elements of a list of numbers.
func (a *arguments) decimals(i int) []*apd.Decimal {
	var out []*apd.Decimal
	for _, v := range a.list(i) {
		n, err := v.scalar()
		if err == nil {
			err = a.e.work(n.cost())
		}
		if err != nil || !n.isNumber() {
			a.fail(errArgument)
			return nil
		}
		out = append(out, n.decimal())
	}
	return out
}

// Results.

// textList makes a list of texts, whose elements are charged first.
func (a *arguments) textList(items []string) value {
	if err := a.e.spend(len(items) * elementCost); err != nil {
		a.fail(err)
		return value{}
	}
	out := make([]value, len(items))
	for i, s := range items {
		out[i] = cueText(s)
	}
	return listOf(out)
}

// decimalValue is what CUE makes of a decimal that a builtin returns: an int if it is integral.
func decimalValue(d *apd.Decimal) (value, error) {
	if d.Form != apd.Finite {
		return value{}, errNaN
	}
	var whole apd.Decimal
	c, _ := decimals.RoundToIntegralExact(&whole, d)
	if c.Inexact() || whole.Form != apd.Finite {
		return decimalOf(d), nil
	}
	if int64(whole.Exponent)+whole.NumDigits() > maxDigits {
		return value{}, errHuge
	}
	n := new(big.Int).Set(whole.Coeff.MathBigInt())
	if whole.Exponent > 0 {
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(whole.Exponent)), nil))
	}
	if whole.Negative {
		n.Neg(n)
	}
	return bigInt(n), nil
}

// floatValue is what CUE makes of a double: never an int.
func floatValue(f float64) (value, error) {
	if !isFinite(f) {
		return value{}, errNaN
	}
	var d apd.Decimal
	if _, _, err := d.SetString(strconv.FormatFloat(f, 'E', -1, 64)); err != nil {
		return value{}, errNaN
	}
	return decimalOf(&d), nil
}

// lengthOf counts the bytes of a string, the elements of a list or the fields of a struct.
func lengthOf(a *arguments) (value, error) {
	v := a.values[0]
	if _, ok := v.isComposite(); ok {
		return integerOf(int64(v.size())), nil
	}
	if v.kind != isStr && v.kind != isBytes {
		return v, errArgument
	}
	return integerOf(int64(len(v.s))), nil
}

// wrong names the builtin in an error.
func wrong(what string) error { return fmt.Errorf("%w: %s", errArgument, what) }
