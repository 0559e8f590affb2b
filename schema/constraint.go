package schema

import (
	"fmt"
	"regexp"
	"slices"

	"cuelang.org/go/cue"

	"keyshift.dev/state"
)

// constraints says in hints what narrows a kind.
const constraints = "use a kind, constants, bounds of a number, =~ and !~ with a constant, strings.MinRunes, strings.MaxRunes or list.MaxItems"

var bounds = map[cue.Op]string{
	cue.GreaterThanEqualOp: ">=", cue.LessThanEqualOp: "<=", cue.GreaterThanOp: ">", cue.LessThanOp: "<", cue.NotEqualOp: "!=",
}

// narrow adds one constraint to an alternative.
func (r *reader) narrow(path []string, v cue.Value, a *state.Alt) bool {
	op, args := v.Expr()
	if op == cue.NoOp {
		return true // a kind, or a struct: already in the alternative
	}
	if op == cue.CallOp {
		return r.length(path, v, args, a)
	}
	if len(args) == 1 && args[0].IsConcrete() {
		operand := r.value(path, args[0])
		sign, isBound := bounds[op]
		number := operand.Kind == state.Int || operand.Kind == state.Number
		switch {
		case op == cue.RegexMatchOp:
			a.Match = append(a.Match, operand.Text)
			return r.shortEnough(path, operand.Text)
		case op == cue.NotRegexMatchOp:
			a.NoMatch = append(a.NoMatch, operand.Text)
			return r.shortEnough(path, operand.Text)
		case op == cue.NotEqualOp && operand.Kind == state.Str:
			a.NoMatch = append(a.NoMatch, `\A`+regexp.QuoteMeta(operand.Text)+`\z`)
			return true
		case isBound && number && (a.Kind == state.Int || a.Kind == state.Number):
			a.Bounds = append(a.Bounds, state.Bound{Op: sign, Value: operand.Text})
			return true
		}
	}
	r.unsupported(path, fmt.Sprintf("the constraint %v", v), constraints)
	return false
}

// maxExpression bounds a regular expression, which runs on every unit.
const maxExpression = 512

func (r *reader) shortEnough(path []string, expression string) bool {
	if len(expression) <= maxExpression {
		return true
	}
	r.unsupported(path, fmt.Sprintf("a regular expression of more than %d bytes", maxExpression), "shorten it")
	return false
}

// validators are the functions of CUE that bound a length.
var validators = map[string]struct {
	kind state.Kind
	op   string
}{
	"strings.MinRunes": {state.Str, ">="}, "strings.MaxRunes": {state.Str, "<="},
	"list.MinItems": {state.Array, ">="}, "list.MaxItems": {state.Array, "<="},
}

// length adds a validator's bound to an alternative.
func (r *reader) length(path []string, v cue.Value, args []cue.Value, a *state.Alt) bool {
	if len(args) == 2 && args[1].IsConcrete() {
		known, ok := validators[fmt.Sprint(args[0])]
		if n := r.value(path, args[1]); ok && known.kind == a.Kind && n.Kind == state.Int {
			if bound := (state.Bound{Op: known.op, Value: n.Text}); !slices.Contains(a.Len, bound) {
				a.Len = append(a.Len, bound)
			}
			return true
		}
	}
	r.unsupported(path, fmt.Sprintf("the constraint %v", v), constraints)
	return false
}

// lengths adds what CUE checks of a list or a struct as a whole and drops from the evaluated value.
func (r *reader) lengths(path []string, v cue.Value, a *state.Alt, depth int) bool {
	if a.Kind != state.Array && a.Kind != state.Struct || depth > maxDepth {
		return true
	}
	op, args := v.Expr()
	switch op {
	case cue.AndOp:
		return !slices.ContainsFunc(args, func(p cue.Value) bool { return !r.lengths(path, p, a, depth+1) })
	case cue.CallOp:
		if again, _ := v.Eval().Expr(); again == cue.CallOp {
			return r.length(path, v, args, a)
		}
	case cue.SelectorOp:
		if to := cue.Dereference(v); to != v {
			return r.lengths(path, to, a, depth+1)
		}
	}
	return true
}
