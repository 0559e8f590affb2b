package schema_test

import (
	"regexp"

	"pgregory.net/rapid"
)

// signedZero is what CUE prints of -3*0: it keeps the sign of a decimal zero, also of an integer.
var signedZero = regexp.MustCompile(`-(0(?:[.]0+)?)([^0-9.]|$)`)

// equal compares two JSON texts by value, numbers as decimals.
func equal(rt *rapid.T, a, b string) bool {
	x, errX := fromJSON(a)
	y, errY := fromJSON(b)
	if errX != nil || errY != nil {
		rt.Fatalf("%v %v", errX, errY)
	}
	return same(x, y)
}
