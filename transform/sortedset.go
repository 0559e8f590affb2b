package transform

import (
	"math"
	"strconv"
	"strings"
)

// settleScore returns the score of a sorted set: a number that a double holds, as Redis prints it.
func settleScore(v value) (value, error) {
	if v.kind == isDigits || v.kind == isText {
		return value{kind: isDigits, s: v.s}, nil // a score that is carried
	}
	x, err := v.scalar()
	if err != nil {
		return x, err
	}
	if !x.isNumber() {
		return x, errKinds
	}
	f, err := x.double()
	if err != nil {
		return x, err
	}
	return value{kind: isDigits, s: scoreText(f)}, nil
}

// double returns a number that a double holds: whose shortest text is the number.
func (v value) double() (float64, error) {
	text, _ := v.text()
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return f, errDouble
	}
	shortest, ok := decOf(strconv.FormatFloat(f, 'g', -1, 64))
	if !ok || compareNumbers(shortest, v) != 0 {
		return f, errDouble
	}
	return f, nil
}

// SpellScore spells a score that a server told as this package does: the shortest text of its double. One server tells
// 0.1 as 0.1, another as 0.10000000000000001, which is no decimal that a program could reckon with; and some tell it
// in the one way or the other, as they are asked.
func SpellScore(text string) string {
	if len(text) < 16 && !strings.ContainsAny(text, ".eE") {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return text
	}
	return scoreText(f)
}

// scoreText prints a double as Redis 7 does: an integer without a point, and exponents only where they shorten.
func scoreText(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1<<52 {
		return strconv.FormatInt(int64(f), 10)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	e, _ := strconv.Atoi(exponent)
	digits := len(strings.TrimLeft(strings.ReplaceAll(mantissa, ".", ""), "-"))
	zeros, size := e-digits+1, max(e, -e)
	if zeros >= 0 && size < digits+7 || zeros < 0 && (zeros > -7 || size < 4) {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	if e > 0 {
		return mantissa + "e+" + strconv.Itoa(e)
	}
	return mantissa + "e" + strconv.Itoa(e)
}
