package state

import (
	"cmp"
	"strings"
)

// Decimal is a decimal number of any size, read from text: ±0.digits × 10^exp. It compares without expanding
// exponents, so that 1e999999999 costs as little as 1. The zero Decimal is zero.
type Decimal struct {
	neg    bool
	digits string // without leading and trailing zeros; empty for zero
	exp    int64
}

// maxExponent bounds the exponents that are read, so that sums of them stay within an int64.
const maxExponent = 1_000_000_000

// ParseDecimal reads a number of JSON's grammar (RFC 8259, section 6): "-1.50", "2e9", not "+1", "01", ".5" or "NaN".
// Exponents beyond a thousand million are not read.
func ParseDecimal(text string) (Decimal, bool) {
	d := Decimal{}
	rest, neg := strings.CutPrefix(text, "-")
	whole := countDigits(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return d, false
	}
	digits, rest := rest[:whole], rest[whole:]
	if strings.HasPrefix(rest, ".") {
		n := countDigits(rest[1:])
		if n == 0 {
			return d, false
		}
		digits, rest = digits+rest[1:1+n], rest[1+n:]
	}
	exp, ok := parseExponent(rest)
	if !ok {
		return d, false
	}
	significant := strings.TrimLeft(digits, "0")
	if significant == "" {
		return d, true
	}
	return Decimal{neg: neg, digits: strings.TrimRight(significant, "0"), exp: exp + int64(whole-(len(digits)-len(significant)))}, true
}

func countDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// parseExponent reads "", "e5", "E+5" or "e-5" to its end.
func parseExponent(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s, neg := strings.CutPrefix(s[1:], "-")
	if !neg {
		s = strings.TrimPrefix(s, "+")
	}
	if s == "" || countDigits(s) != len(s) {
		return 0, false
	}
	var n int64
	for _, c := range []byte(s) {
		if n = n*10 + int64(c-'0'); n > maxExponent {
			return 0, false
		}
	}
	if neg {
		n = -n
	}
	return n, true
}

// Integral tells whether d is an integer: 5, 5.0 and 5e0 are.
func (d Decimal) Integral() bool { return int64(len(d.digits)) <= d.exp || d.digits == "" }

// IntText returns the canonical text of an integral d, "-?(0|[1-9][0-9]*)" without "-0"; ok is false if d is not
// integral or longer than limit digits.
func (d Decimal) IntText(limit int) (text string, ok bool) {
	if d.digits == "" {
		return "0", true
	}
	if !d.Integral() || d.exp > int64(limit) {
		return "", false
	}
	sign := ""
	if d.neg {
		sign = "-"
	}
	return sign + d.digits + strings.Repeat("0", int(d.exp)-len(d.digits)), true
}

// Sign returns -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// Cmp returns -1, 0 or 1 as d is smaller than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	if c := cmp.Compare(d.Sign(), e.Sign()); c != 0 || d.digits == "" {
		return c
	}
	c := cmp.Compare(d.exp, e.exp)
	if c == 0 {
		c = strings.Compare(d.digits, e.digits)
	}
	return c * d.Sign()
}

// Holds tells whether d satisfies the bound. A bound whose value is not a number holds for everything.
func (b Bound) Holds(d Decimal) bool {
	limit, ok := ParseDecimal(b.Value)
	return !ok || b.HoldsOrder(d.Cmp(limit))
}

// HoldsOrder tells whether a number satisfies the bound that compares with its value as order says (-1, 0 or 1).
func (b Bound) HoldsOrder(order int) bool {
	switch b.Op {
	case ">=":
		return order >= 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case "<":
		return order < 0
	case "!=":
		return order != 0
	}
	return true
}

// IsIntText tells whether text is a canonical decimal integer, as an int field of a hash holds it.
func IsIntText(text string) bool {
	digits, neg := strings.CutPrefix(text, "-")
	if digits == "" || countDigits(digits) != len(digits) {
		return false
	}
	return digits[0] != '0' || len(digits) == 1 && !neg
}
