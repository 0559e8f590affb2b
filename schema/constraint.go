package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"

	"keyshift.dev/state"
)

// constraints says in hints what narrows a kind.
const constraints = "use a kind, constants, bounds of a number, =~ and !~ with a constant, strings.MinRunes, strings.MaxRunes, list.MinItems or list.MaxItems"

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
	if !r.judges || a.Kind != state.Array && a.Kind != state.Struct || depth > maxDepth {
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

// tooShort takes [...T] & list.MinItems(n) apart. For CUE that is a mistake of its own, since the empty list stands for
// the open one, and yet longer lists fit it.
func tooShort(v cue.Value) (list cue.Value, calls []cue.Value, ok bool) {
	if v.IncompleteKind() != cue.BottomKind { // cheaper than to ask for the error
		return list, nil, false
	}
	for _, p := range conjuncts(v, 0) {
		op, _ := p.Expr()
		switch {
		case op == cue.CallOp:
			calls = append(calls, p)
		case p.IncompleteKind() == cue.TopKind:
		case p.IncompleteKind() != cue.ListKind || p.Err() != nil || list.Exists():
			return list, nil, false
		default:
			list = p
		}
	}
	return list, calls, list.Exists() && len(calls) > 0
}

// conjuncts lists what a value is the unification of.
func conjuncts(v cue.Value, depth int) []cue.Value {
	op, args := v.Expr()
	if op == cue.NoOp && v.Err() != nil && len(args) == 1 && depth < maxDepth {
		if inner, _ := args[0].Expr(); inner == cue.AndOp {
			return conjuncts(args[0], depth+1)
		}
	}
	if to := cue.Dereference(v); op == cue.SelectorOp && to != v && depth < maxDepth {
		return conjuncts(to, depth+1)
	}
	if op != cue.AndOp || depth >= maxDepth {
		return []cue.Value{v}
	}
	var out []cue.Value
	for _, a := range args {
		out = append(out, conjuncts(a, depth+1)...)
	}
	return out
}

// hidesList tells whether CUE drops an alternative of a value because it is such a list.
func (r *reader) hidesList(v cue.Value, below bool, depth int) bool {
	if !r.judges || depth > maxDepth {
		return false
	}
	op, args := v.Expr()
	switch op {
	case cue.AndOp, cue.OrOp:
		if _, _, short := tooShort(v); below && op == cue.AndOp && short {
			return true
		}
		below = below || op == cue.OrOp
		return slices.ContainsFunc(args, func(p cue.Value) bool { return r.hidesList(p, below, depth+1) })
	case cue.SelectorOp:
		to := cue.Dereference(v)
		return to != v && r.hidesList(to, below, depth+1)
	}
	return false
}

// judges tells whether a package, or one that it imports, can check a list or a struct as a whole: with the packages
// list and struct, with matchN or with matchIf. To look for such checks where there can be none is dear.
func judges(inst *build.Instance) bool {
	return slices.ContainsFunc(inst.Files, judgesIn) || slices.ContainsFunc(inst.Imports, judges)
}

func judgesIn(f *ast.File) bool {
	for i := range f.ImportSpecs() {
		text, err := strconv.Unquote(i.Path.Value)
		if p := ast.ParseImportPath(text).Path; err != nil || p == "list" || p == "struct" {
			return true
		}
	}
	return slices.ContainsFunc(f.Unresolved, func(id *ast.Ident) bool { return strings.Contains(id.Name, "match") })
}

// longer compiles a list of a least length.
func (r *reader) longer(path []string, list cue.Value, calls []cue.Value, depth int) []state.Alt {
	a, ok := r.list(path, list, depth)
	for _, call := range calls {
		_, args := call.Expr()
		ok = ok && r.length(path, call, args, &a)
	}
	if !ok || !r.lengths(path, list, &a, depth) {
		return nil
	}
	return []state.Alt{a}
}
