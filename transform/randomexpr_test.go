package transform

import (
	"fmt"

	"cuelang.org/go/cue"
	"keyshift.dev/state"
	"pgregory.net/rapid"
)

var cuePath = cue.ParsePath("out")

// randomExpr draws an expression of a kind, with its CUE source. Its numbers stay below CUE's 34 digits.
func randomExpr(t *rapid.T, kind state.Kind, depth int) (state.Expr, string) {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		name := map[state.Kind][]string{state.Int: {"i", "j"}, state.Str: {"s"}, state.Bool: {"b"}}[kind]
		field := rapid.SampledFrom(name).Draw(t, "field")
		return at(field), "#o." + field
	}
	switch kind {
	case state.Int:
		return randomInt(t, depth)
	case state.Str:
		x, xs := randomExpr(t, rapid.SampledFrom([]state.Kind{state.Int, state.Str, state.Bool}).Draw(t, "of"), depth-1)
		if rapid.Bool().Draw(t, "interpolate") {
			return call(state.OpConcat, lit(text("<")), x), fmt.Sprintf(`"<\(%s)"`, xs)
		}
		x, xs = randomExpr(t, state.Str, depth-1)
		y, ys := randomExpr(t, state.Str, depth-1)
		return call(state.OpAdd, x, y), fmt.Sprintf("(%s + %s)", xs, ys)
	}
	return randomBool(t, depth)
}

func randomInt(t *rapid.T, depth int) (state.Expr, string) {
	op := rapid.SampledFrom([]state.Op{state.OpAdd, state.OpSub, state.OpDiv, state.OpMod, state.OpQuo, state.OpRem, state.OpMul, "neg"}).Draw(t, "op")
	x, xs := randomExpr(t, state.Int, depth-1)
	switch op {
	case "neg":
		return call(state.OpSub, x), fmt.Sprintf("(-%s)", xs)
	case state.OpMul: // by a small one, so that no product exceeds 34 digits
		return call(op, x, lit(integer("3"))), fmt.Sprintf("(%s * 3)", xs)
	}
	y, ys := randomExpr(t, state.Int, depth-1)
	if op == state.OpAdd || op == state.OpSub {
		return call(op, x, y), fmt.Sprintf("(%s %s %s)", xs, op, ys)
	}
	return call(op, x, y), fmt.Sprintf("%s(%s, %s)", op, xs, ys)
}

func randomBool(t *rapid.T, depth int) (state.Expr, string) {
	op := rapid.SampledFrom([]state.Op{state.OpEq, state.OpNe, state.OpLt, state.OpLe, state.OpGt, state.OpGe, state.OpAnd, state.OpOr, state.OpNot}).Draw(t, "op")
	kind := state.Bool
	switch op {
	case state.OpLt, state.OpLe, state.OpGt, state.OpGe, state.OpEq, state.OpNe:
		kind = rapid.SampledFrom([]state.Kind{state.Int, state.Str}).Draw(t, "of")
	}
	x, xs := randomExpr(t, kind, depth-1)
	if op == state.OpNot {
		return call(op, x), fmt.Sprintf("(!%s)", xs)
	}
	y, ys := randomExpr(t, kind, depth-1)
	return call(op, x, y), fmt.Sprintf("(%s %s %s)", xs, op, ys)
}
