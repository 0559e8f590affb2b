package transform

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"keyshift.dev/state"
)

// What can go wrong in an expression. The unit is then invalid at the target version.
var (
	errKinds    = errors.New("values of different or wrong kinds")
	errZero     = errors.New("division by zero")
	errDigits   = errors.New("a number needs more than 34 digits")
	errRepeat   = errors.New("a count is negative or more than a million")
	errHuge     = errors.New("an integer has more than 4096 digits")
	errConflict = errors.New("conflicting values")
)

// decimals computes as CUE does, with 34 digits; unlike CUE it fails where that would round.
var decimals = apd.BaseContext.WithPrecision(34)

// calculate applies + - * div mod quo rem.
func calculate(op state.Op, a, b value) (value, error) {
	switch {
	case a.kind == isInt && b.kind == isInt && op != state.OpQuotient:
		if v, ok := small(op, a.i, b.i); ok {
			return v, nil
		}
		return large(op, a, b)
	case op == state.OpAdd && a.kind == b.kind && (a.kind == isStr || a.kind == isBytes):
		return value{kind: a.kind, s: a.s + b.s}, nil
	case op == state.OpMul && (a.kind == isStr || a.kind == isBytes):
		return repeat(a, b)
	case op == state.OpMul && (b.kind == isStr || b.kind == isBytes):
		return repeat(b, a)
	case !a.isNumber() || !b.isNumber():
		return value{}, errKinds
	case op == state.OpQuotient:
		return quotient(a, b)
	case a.kind == isDec || b.kind == isDec:
		return decimal(op, a, b)
	}
	return large(op, a, b)
}

// maxRepeat is how often CUE repeats a string, a list or bytes.
const maxRepeat = 1_000_000

// repeat repeats a string or bytes.
func repeat(s, n value) (value, error) {
	switch {
	case n.kind != isInt && n.kind != isBig:
		return value{}, errKinds
	case n.kind == isBig || n.i < 0 || n.i > maxRepeat:
		return value{}, errRepeat
	case n.i > 0 && len(s.s) > maxBytes/int(n.i):
		return value{}, errWork
	}
	return value{kind: s.kind, s: strings.Repeat(s.s, int(n.i))}, nil
}

// quotient divides as CUE does: to 34 digits, without zeros at the end but one behind the point.
func quotient(a, b value) (value, error) {
	var d apd.Decimal
	c, err := decimals.Quo(&d, a.decimal(), b.decimal())
	if c.DivisionByZero() || c.InvalidOperation() {
		return value{}, errZero
	}
	if err != nil || d.Form != apd.Finite {
		return value{}, errDigits
	}
	return decimalOf(reduced(&d)), nil
}

// reduced drops the zeros at the end of a decimal, and leaves one behind the point if it had any there.
func reduced(d *apd.Decimal) *apd.Decimal {
	exponent := d.Exponent
	d.Reduce(d)
	if exponent < 0 && d.Exponent >= 0 {
		d.Exponent--
		d.Coeff.Mul(&d.Coeff, apd.NewBigInt(10))
	}
	return d
}

// small computes in an int64; ok is false if the result may not fit or there is none.
func small(op state.Op, a, b int64) (v value, ok bool) {
	var n int64
	switch op {
	case state.OpAdd:
		n = a + b
		ok = (n > a) == (b > 0)
	case state.OpSub:
		n = a - b
		ok = (n < a) == (b > 0)
	case state.OpMul:
		n, ok = multiply(a, b)
	default:
		if b == 0 || a == math.MinInt64 || b == math.MinInt64 {
			return value{}, false
		}
		n, ok = divide(op, a, b), true
	}
	return value{kind: isInt, i: n}, ok
}

func multiply(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	if a == math.MinInt64 || b == math.MinInt64 {
		return 0, false
	}
	n := a * b
	return n, n/b == a && n != math.MinInt64
}

// divide has no zero divisor and no smallest integer among its operands.
func divide(op state.Op, a, b int64) int64 {
	quotient, remainder := a/b, a%b
	if remainder < 0 && (op == state.OpDiv || op == state.OpMod) {
		if b > 0 {
			quotient, remainder = quotient-1, remainder+b
		} else {
			quotient, remainder = quotient+1, remainder-b
		}
	}
	if op == state.OpDiv || op == state.OpQuo {
		return quotient
	}
	return remainder
}

func (v value) bigInt() *big.Int {
	if v.kind == isBig {
		return v.num.big
	}
	return big.NewInt(v.i)
}

func large(op state.Op, a, b value) (value, error) {
	x, y, z := a.bigInt(), b.bigInt(), new(big.Int)
	switch op {
	case state.OpAdd:
		z.Add(x, y)
	case state.OpSub:
		z.Sub(x, y)
	case state.OpMul:
		z.Mul(x, y)
	default:
		if y.Sign() == 0 {
			return value{}, errZero
		}
		switch op {
		case state.OpDiv:
			z.Div(x, y)
		case state.OpMod:
			z.Mod(x, y)
		case state.OpQuo:
			z.Quo(x, y)
		case state.OpRem:
			z.Rem(x, y)
		}
	}
	if z.BitLen() > maxDigits*10/3 {
		return value{}, errHuge
	}
	if z.BitLen() > 113 && (op == state.OpAdd || op == state.OpSub || op == state.OpMul) && rounds(z) {
		return value{}, errDigits
	}
	return bigInt(z), nil
}

// rounds tells whether CUE, which computes with 34 digits, would round an integer.
func rounds(z *big.Int) bool {
	digits := strings.TrimRight(strings.TrimLeft(z.String(), "-"), "0")
	return len(digits) > 34
}

func (v value) decimal() *apd.Decimal {
	switch v.kind {
	case isDec:
		return v.num.dec
	case isBig:
		return apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(v.num.big), 0)
	}
	return apd.New(v.i, 0)
}

func decimal(op state.Op, a, b value) (value, error) {
	var d apd.Decimal
	var c apd.Condition
	var err error
	switch op {
	case state.OpAdd:
		c, err = decimals.Add(&d, a.decimal(), b.decimal())
	case state.OpSub:
		c, err = decimals.Sub(&d, a.decimal(), b.decimal())
	case state.OpMul:
		c, err = decimals.Mul(&d, a.decimal(), b.decimal())
	default:
		return value{}, errKinds // div, mod, quo and rem take integers
	}
	if err != nil || c.Inexact() {
		return value{}, errDigits
	}
	return decimalOf(&d), nil
}

func compareNumbers(a, b value) int {
	switch {
	case a.kind == isInt && b.kind == isInt:
		return cmp.Compare(a.i, b.i)
	case a.kind == isDec || b.kind == isDec:
		return a.decimal().Cmp(b.decimal())
	}
	return a.bigInt().Cmp(b.bigInt())
}

// compare applies == != < <= > >=. Null equals null alone.
func compare(op state.Op, a, b value) (value, error) {
	order := 0
	switch {
	case a.isNumber() && b.isNumber():
		order = compareNumbers(a, b)
	case equality(op) && (a.kind == isNull || b.kind == isNull):
		return boolean((a.kind == b.kind) == (op == state.OpEq)), nil
	case equality(op) && composite(a, b):
		return boolean(a.identical(b) == (op == state.OpEq)), nil
	case a.kind != b.kind || !equality(op) && composite(a, b):
		return value{}, errKinds
	case a.kind == isStr || a.kind == isBytes:
		order = strings.Compare(a.s, b.s)
	case !equality(op):
		return value{}, errKinds
	default:
		order = cmp.Compare(a.i, b.i)
	}
	return boolean(ordered(op, order)), nil
}

func equality(op state.Op) bool { return op == state.OpEq || op == state.OpNe }

// composite tells whether two values are both lists or both structs.
func composite(a, b value) bool {
	aMap, aIs := a.isComposite()
	bMap, bIs := b.isComposite()
	return aIs && bIs && aMap == bMap
}

func ordered(op state.Op, order int) bool {
	switch op {
	case state.OpEq:
		return order == 0
	case state.OpNe:
		return order != 0
	case state.OpLt:
		return order < 0
	case state.OpLe:
		return order <= 0
	case state.OpGt:
		return order > 0
	}
	return order >= 0
}
