package transform

import (
	"errors"
	"math"
	"math/big"

	"github.com/cockroachdb/apd/v3"
)

var mathTable = map[string]function{
	"math.Jacobi": func(a *arguments) (value, error) {
		x, y := a.integer(0), a.integer(1)
		if y.Bit(0) == 0 {
			return value{}, errArgument
		}
		return integerOf(int64(big.Jacobi(x, y))), a.e.work((x.BitLen() + y.BitLen()) / nodeCost)
	},
	"math.Floor":       ofDecimal(func(d, x *apd.Decimal) (apd.Condition, error) { return whole(decimals.Floor, d, x) }),
	"math.Ceil":        ofDecimal(func(d, x *apd.Decimal) (apd.Condition, error) { return whole(decimals.Ceil, d, x) }),
	"math.Trunc":       rounded(apd.RoundDown),
	"math.Round":       rounded(apd.RoundHalfUp),
	"math.RoundToEven": rounded(apd.RoundHalfEven),
	"math.MultipleOf": func(a *arguments) (value, error) {
		var d, fraction apd.Decimal
		if _, err := decimals.Quo(&d, a.decimal(0), a.decimal(1)); err != nil || d.Form != apd.Finite {
			return value{}, errZero
		}
		d.Modf(nil, &fraction)
		return boolean(fraction.IsZero()), nil
	},
	"math.Abs":   ofDecimal(decimals.Abs),
	"math.Cbrt":  slow(ofDecimal(decimals.Cbrt)),
	"math.Exp":   slow(ofDecimal(decimals.Exp)),
	"math.Log":   slow(ofDecimal(decimals.Ln)),
	"math.Log10": slow(ofDecimal(decimals.Log10)),
	"math.Log2":  slow(log2),
	"math.Exp2":  slow(func(a *arguments) (value, error) { return power(apd.New(2, 0), a.decimal(0), a) }),
	"math.Pow":   slow(func(a *arguments) (value, error) { return power(a.decimal(0), a.decimal(1), a) }),
	"math.Pow10": func(a *arguments) (value, error) {
		n := a.sized(0, 32)
		if n > maxDigits || n < -maxDigits {
			return value{}, errHuge
		}
		return decimalValue(apd.New(1, int32(n)))
	},
	"math.Copysign": func(a *arguments) (value, error) {
		var d apd.Decimal
		d.Set(a.decimal(0))
		d.Negative = a.decimal(1).Negative
		return decimalValue(&d)
	},
	"math.Dim": func(a *arguments) (value, error) {
		var d apd.Decimal
		if c, err := decimals.Sub(&d, a.decimal(0), a.decimal(1)); err != nil || c.Inexact() {
			return value{}, errDigits
		}
		if d.Negative {
			return integerOf(0), nil
		}
		return decimalValue(&d)
	},
	"math.Signbit": func(a *arguments) (value, error) { return boolean(a.decimal(0).Negative), nil },
}

// slow is a function that takes long.
func slow(f function) function {
	return func(a *arguments) (value, error) {
		if err := a.e.work(functionCost); err != nil {
			return value{}, err
		}
		return f(a)
	}
}

// whole rounds down or up as CUE does, in 34 digits.
func whole(f func(d, x *apd.Decimal) (apd.Condition, error), d, x *apd.Decimal) (apd.Condition, error) {
	if c, err := f(d, x); err != nil {
		return c, errDigits
	}
	if c, err := decimals.Quantize(d, d, 0); err != nil {
		return c, errDigits // where CUE's answer is zero
	}
	return 0, nil
}

// maxPower bounds what is raised to a power or rounded: larger numbers take long.
const maxPower = 2000

// rounded rounds to an integer.
func rounded(how apd.Rounder) function {
	context := *decimals
	context.Rounding = how
	return func(a *arguments) (value, error) {
		x := a.decimal(0)
		if x.NumDigits()+int64(max(x.Exponent, -x.Exponent)) > maxDigits {
			return value{}, errHuge
		}
		var d apd.Decimal
		if _, err := context.RoundToIntegralValue(&d, x); err != nil {
			return value{}, errDigits
		}
		return decimalValue(&d)
	}
}

// ofDecimal is a function on decimals of 34 digits.
func ofDecimal(f func(d, x *apd.Decimal) (apd.Condition, error)) function {
	return func(a *arguments) (value, error) {
		x := a.decimal(0)
		if a.err != nil {
			return value{}, a.err
		}
		if x.Exponent > maxPower || x.Exponent < -maxPower {
			return value{}, errHuge
		}
		var d apd.Decimal
		if _, err := f(&d, x); errors.Is(err, errDigits) {
			return value{}, errDigits
		} else if err != nil {
			return value{}, errDomain
		}
		return decimalValue(&d)
	}
}

func power(x, y *apd.Decimal, a *arguments) (value, error) {
	if a.err != nil {
		return value{}, a.err
	}
	limit := apd.New(maxPower, 0)
	var size apd.Decimal
	if size.Abs(y); size.Cmp(limit) > 0 || x.Exponent > maxPower || x.Exponent < -maxPower {
		return value{}, errHuge
	}
	var d apd.Decimal
	if _, err := decimals.Pow(&d, x, y); err != nil {
		return value{}, errDomain
	}
	return decimalValue(&d)
}

func log2(a *arguments) (value, error) {
	x := a.decimal(0)
	if x.Exponent > maxPower || x.Exponent < -maxPower {
		return value{}, errHuge
	}
	var d, two apd.Decimal
	if _, err := decimals.Ln(&two, apd.New(2, 0)); err != nil {
		return value{}, errDomain
	}
	if _, err := decimals.Ln(&d, x); err != nil {
		return value{}, errDomain
	}
	if _, err := decimals.Quo(&d, &d, &two); err != nil {
		return value{}, errDomain
	}
	return decimalValue(reduced(&d))
}

var floatTable = map[string]function{
	"math.Acosh":     ofFloat(math.Acosh),
	"math.Asin":      ofFloat(math.Asin),
	"math.Acos":      ofFloat(math.Acos),
	"math.Asinh":     ofFloat(math.Asinh),
	"math.Atan":      ofFloat(math.Atan),
	"math.Atanh":     ofFloat(math.Atanh),
	"math.Erf":       ofFloat(math.Erf),
	"math.Erfc":      ofFloat(math.Erfc),
	"math.Erfinv":    ofFloat(math.Erfinv),
	"math.Erfcinv":   ofFloat(math.Erfcinv),
	"math.Expm1":     ofFloat(math.Expm1),
	"math.Gamma":     ofFloat(math.Gamma),
	"math.J0":        ofFloat(math.J0),
	"math.Y0":        ofFloat(math.Y0),
	"math.J1":        ofFloat(math.J1),
	"math.Y1":        ofFloat(math.Y1),
	"math.Log1p":     ofFloat(math.Log1p),
	"math.Logb":      ofFloat(math.Logb),
	"math.Cos":       ofFloat(math.Cos),
	"math.Sin":       ofFloat(math.Sin),
	"math.Sinh":      ofFloat(math.Sinh),
	"math.Cosh":      ofFloat(math.Cosh),
	"math.Sqrt":      ofFloat(math.Sqrt),
	"math.Tan":       ofFloat(math.Tan),
	"math.Tanh":      ofFloat(math.Tanh),
	"math.Atan2":     ofFloats(math.Atan2),
	"math.Hypot":     ofFloats(math.Hypot),
	"math.Mod":       ofFloats(math.Mod),
	"math.Remainder": ofFloats(math.Remainder),
	"math.Jn":        func(a *arguments) (value, error) { return bessel(a, math.Jn) },
	"math.Yn":        func(a *arguments) (value, error) { return bessel(a, math.Yn) },
	"math.Ldexp": func(a *arguments) (value, error) {
		return floatValue(math.Ldexp(a.float(0), a.int(1)))
	},
	"math.Ilogb": func(a *arguments) (value, error) { return integerOf(int64(math.Ilogb(a.float(0)))), nil },
}

func ofFloat(f func(float64) float64) function {
	return func(a *arguments) (value, error) { return floatValue(f(a.float(0))) }
}

func ofFloats(f func(x, y float64) float64) function {
	return func(a *arguments) (value, error) { return floatValue(f(a.float(0), a.float(1))) }
}

// bessel bounds the order: the work grows with it.
func bessel(a *arguments, f func(int, float64) float64) (value, error) {
	n := a.int(0)
	if n > maxDigits || n < -maxDigits {
		return value{}, errHuge
	}
	if err := a.e.work(max(n, -n) / nodeCost); err != nil {
		return value{}, err
	}
	return floatValue(f(n, a.float(1)))
}
