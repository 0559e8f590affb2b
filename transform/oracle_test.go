package transform

import (
	"fmt"
	"strings"
	"testing"

	"cuelang.org/go/cue/cuecontext"
	"keyshift.dev/state"
	"pgregory.net/rapid"
)

// evaluate runs one expression on a hash {i: int, j: int, s: string, b: bool} and returns the text of its value.
func evaluate(t interface{ Fatal(...any) }, e state.Expr, u Unit) (string, error) {
	k := state.Keyspace{
		Shapes: []state.Shape{
			object("1.0.0", state.Hash, req("b", state.Bool), req("i", state.Int), req("j", state.Int), req("s", state.Str)),
			object("2.0.0", state.Hash, req("out", state.Str)),
		},
		Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0", Up: state.Program{Body: structOf(set("out", e))},
			Down: state.Program{Body: at()}}},
	}
	p, err := Compile(k)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Convert(u, "1.0.0", "2.0.0")
	if err != nil {
		return "", err
	}
	return out.Fields[0].Value, nil
}

func TestExpressions(t *testing.T) {
	u := hash("i", "-7", "j", "2", "s", "é", "b", "true")
	i, j, s, b := at("i"), at("j"), at("s"), at("b")
	number := func(text string) state.Expr { return lit(integer(text)) }
	decimal := func(text string) state.Expr { return lit(state.Value{Kind: state.Number, Text: text}) }
	for _, c := range []struct {
		name string
		e    state.Expr
		want string // "!" and a part of the error where it fails
	}{
		{"div rounds to minus infinity", call(state.OpDiv, i, j), "-4"},
		{"mod is never negative", call(state.OpMod, i, j), "1"},
		{"div by a negative", call(state.OpDiv, i, number("-2")), "4"},
		{"mod by a negative", call(state.OpMod, i, number("-2")), "1"},
		{"quo truncates", call(state.OpQuo, i, j), "-3"},
		{"rem has the sign of the dividend", call(state.OpRem, i, j), "-1"},
		{"by zero", call(state.OpDiv, i, number("0")), "!division by zero"},
		{"negation", call(state.OpSub, i), "7"},
		{"negation of the smallest", call(state.OpSub, number("-9223372036854775808")), "9223372036854775808"},
		{"overflow of +", call(state.OpAdd, number("9223372036854775807"), j), "9223372036854775809"},
		{"overflow of *", call(state.OpMul, number("9223372036854775807"), i), "-64563604257983430649"},
		{"big div", call(state.OpDiv, number("-9223372036854775808"), number("-1")), "9223372036854775808"},
		{"concatenation", call(state.OpAdd, s, s), "éé"},
		{"interpolation", call(state.OpConcat, lit(text("<")), i, s, b, decimal("1.50"), lit(text(">"))), "<-7étrue1.50>"},
		{"decimals", call(state.OpMul, decimal("1.1"), decimal("1.1")), "1.21"},
		{"too many digits", call(state.OpMul, decimal("1.23456789012345678901234567890123"), decimal("1.01")), "!34 digits"},
		{"kinds", call(state.OpAdd, i, s), "!wrong kinds"},
		{"kinds compared", call(state.OpEq, i, s), "!wrong kinds"},
		{"and decides", call(state.OpAnd, call(state.OpNot, b), call(state.OpEq, at("none"), i)), "false"},
		{"or decides", call(state.OpOr, b, call(state.OpEq, at("none"), i)), "true"},
		{"missing", at("none"), "!none is missing"},
		{"has", call(state.OpAnd, state.Expr{Op: state.OpHas, Path: []string{"i"}}, call(state.OpNot, state.Expr{Op: state.OpHas, Path: []string{"none"}})), "true"},
		{"key", state.Expr{Op: state.OpKey, Path: []string{"id"}}, "1"},
	} {
		got, err := evaluate(t, c.e, u)
		if err != nil {
			got = "!" + err.Error()
		}
		if part, fails := strings.CutPrefix(c.want, "!"); fails != (err != nil) || !strings.Contains(got, part) || !fails && got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// A program computes what CUE computes, and fails where CUE fails, but for an operand of && or || that does not
// decide: CUE evaluates it all the same.
func TestExpressionsAgreeWithCUE(t *testing.T) {
	ctx := cuecontext.New()
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.SampledFrom([]string{"0", "1", "-7", "12", "9223372036854775807", "-9223372036854775808"}).Draw(t, "i")
		j := rapid.SampledFrom([]string{"0", "-1", "3", "-5", "4294967296"}).Draw(t, "j")
		s := rapid.StringOfN(rapid.SampledFrom([]rune("aé1")), 0, 3, -1).Draw(t, "s")
		b := rapid.Bool().Draw(t, "b")
		kind := rapid.SampledFrom([]state.Kind{state.Int, state.Str, state.Bool}).Draw(t, "kind")
		e, source := randomExpr(t, kind, 3)
		got, err := evaluate(t, e, hash("i", i, "j", j, "s", s, "b", fmt.Sprint(b)))
		v := ctx.CompileString(fmt.Sprintf("#o: {i: %s, j: %s, s: %q, b: %v}\nout: \"\\(%s)\"", i, j, s, b, source))
		want, cueErr := v.LookupPath(cuePath).String()
		if cueErr != nil && strings.ContainsAny(source, "&|") {
			return
		}
		if (err != nil) != (cueErr != nil) || got != want {
			t.Fatalf("%s with %s, %s, %q, %v is %q, %v; CUE says %q, %v", source, i, j, s, b, got, err, want, cueErr)
		}
	})
}
