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
	errDigits   = errors.New("a decimal needs more than 34 digits")
	errHuge     = errors.New("an integer has more than 4096 digits")
	errConflict = errors.New("conflicting values")
)

// decimals computes as CUE does, with 34 digits; unlike CUE it fails where that would round.
var decimals = apd.BaseContext.WithPrecision(34)

// calculate applies + - * div mod quo rem.
func calculate(op state.Op, a, b value) (value, error) {
	switch {
	case a.kind == isInt && b.kind == isInt:
		if v, ok := small(op, a.i, b.i); ok {
			return v, nil
		}
		return large(op, a, b)
	case a.kind == isStr && b.kind == isStr && op == state.OpAdd:
		return str(a.s + b.s), nil
	case !a.isNumber() || !b.isNumber():
		return value{}, errKinds
	case a.kind == isDec || b.kind == isDec:
		return decimal(op, a, b)
	}
	return large(op, a, b)
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
		return v.big
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
	return bigInt(z), nil
}

func (v value) decimal() *apd.Decimal {
	switch v.kind {
	case isDec:
		return v.dec
	case isBig:
		return apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(v.big), 0)
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
	return value{kind: isDec, dec: &d}, nil
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
	case (op == state.OpEq || op == state.OpNe) && (a.kind == isNull || b.kind == isNull):
		return boolean((a.kind == b.kind) == (op == state.OpEq)), nil
	case a.kind != b.kind:
		return value{}, errKinds
	case a.kind == isStr:
		order = strings.Compare(a.s, b.s)
	case op != state.OpEq && op != state.OpNe:
		return value{}, errKinds
	default:
		order = cmp.Compare(a.i, b.i)
	}
	return boolean(ordered(op, order)), nil
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
