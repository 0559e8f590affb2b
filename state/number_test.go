package state_test

import (
	"fmt"
	"math/big"
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

func TestParseDecimal(t *testing.T) {
	for text, want := range map[string]string{ // canonical integer, "-" for a fraction, "" for no number
		"0": "0", "-0": "0", "7": "7", "-7": "-7", "5.0": "5", "5e0": "5", "0.5e1": "5", "50e-1": "5", "1.25E+2": "125",
		"100": "100", "5.5": "-", "1e-1": "-", "0.000": "0", "0e999": "0", "9007199254740993": "9007199254740993",
		"": "", "-": "", "+1": "", "01": "", ".5": "", "5.": "", "1e": "", "1e+": "", "NaN": "", "Infinity": "", "0x10": "", " 1": "", "1 ": "",
		"1e99999999999999999999": "",
	} {
		d, ok := state.ParseDecimal(text)
		got := ""
		if ok {
			if got, ok = d.IntText(100); !ok {
				got = "-"
			}
		}
		if got != want {
			t.Errorf("%q reads as %q, want %q", text, got, want)
		}
	}
	if d, ok := state.ParseDecimal("1e999999999"); !ok || !d.Integral() {
		t.Error("a huge exponent is an integer")
	} else if _, ok := d.IntText(1000); ok {
		t.Error("a huge exponent was spelled out")
	}
}

// Decimal orders numbers as math/big does.
func TestDecimalCmp(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) string {
		text := fmt.Sprint(rapid.IntRange(-120, 120).Draw(t, "whole"))
		if rapid.Bool().Draw(t, "fraction") {
			text += fmt.Sprintf(".%d", rapid.IntRange(0, 110).Draw(t, "digits"))
		}
		return text + fmt.Sprintf("e%d", rapid.IntRange(-3, 3).Draw(t, "exp"))
	})
	rapid.Check(t, func(t *rapid.T) {
		x, y := number.Draw(t, "x"), number.Draw(t, "y")
		a, aok := state.ParseDecimal(x)
		b, bok := state.ParseDecimal(y)
		r, rok := new(big.Rat).SetString(x)
		s, sok := new(big.Rat).SetString(y)
		if !aok || !bok || !rok || !sok {
			t.Fatalf("%q or %q was not read", x, y)
		}
		if a.Cmp(b) != r.Cmp(s) || a.Integral() != r.IsInt() || a.Sign() != r.Sign() {
			t.Fatalf("%q and %q compare as %d, want %d", x, y, a.Cmp(b), r.Cmp(s))
		}
	})
}
