package schema_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// oracle is one direction of a migration as CUE evaluates it. What Keyshift adds, carrying, is made here from the
// rules of the language alone: a field that the body does not name, that both versions have, and whose older type is
// within its newer one, is carried; CUE's own unification with the version fills constants and defaults.
type oracle struct {
	prelude        string // declarations of the package that the body refers to
	source, target string // the shapes
	up             bool   // the body is #up, of #old; else #down, of #new
	body           string // may be empty
}

// input is one unit: its value, and the segments of its key.
type input struct {
	value any
	key   map[string]any
}

// answer is what a unit becomes, or why it becomes nothing.
type answer struct {
	value any
	err   error
}

// run evaluates every input in one CUE context.
func (o oracle) run(inputs []input) ([]answer, error) {
	set, err := setters(o.body)
	if err != nil {
		return nil, err
	}
	ctx := cuecontext.New()
	v := ctx.CompileString(o.text(inputs))
	source, target := v.LookupPath(cue.ParsePath("#S0")), v.LookupPath(cue.ParsePath("#T0"))
	if err := errors.Join(source.Err(), target.Err()); err != nil {
		return nil, err
	}
	answers := make([]answer, len(inputs))
	for i, in := range inputs {
		unit := v.LookupPath(cue.ParsePath("u" + strconv.Itoa(i)))
		answers[i].value, answers[i].err = o.result(ctx, unit, source, target, set, in)
	}
	return answers, nil
}

func (o oracle) text(inputs []input) string {
	var b strings.Builder
	for _, i := range importsOf(o.body, o.source, o.target, o.prelude) {
		fmt.Fprintf(&b, "import %q\n", i)
	}
	fmt.Fprintf(&b, "%s\n#S: %s\n#T: %s\n", o.prelude, o.source, o.target)
	fmt.Fprintf(&b, "#S0: %s\n#T0: %s\n", withoutDefaults(o.source), withoutDefaults(o.target))
	body, from, to := o.body, "#new", "#old"
	if o.up {
		from, to = to, from
	}
	if body == "" {
		body = "_"
	}
	for i, in := range inputs {
		fmt.Fprintf(&b, "u%d: {\n\t%s: #S & %s\n\t%s: #T\n\t#key: %s\n\t#body: %s\n\tif (#T & {...}) != _|_ {#body: {...}}\n\tin: %s\n\tout: #T & #body\n}\n",
			i, from, inOrder(in.value, o.source), to, cueText(in.key), body, from)
	}
	return b.String()
}

// withoutDefaults takes the marks off a type: they fill what is missing, and no type is narrower for them.
func withoutDefaults(text string) string {
	e, err := parser.ParseExpr("type", text)
	if err != nil {
		return text
	}
	e = astutil.Apply(e, nil, func(c astutil.Cursor) bool {
		if u, ok := c.Node().(*ast.UnaryExpr); ok && u.Op == token.MUL {
			c.Replace(u.X)
		}
		return true
	}).(ast.Expr)
	data, err := format.Node(e)
	if err != nil {
		return text
	}
	return string(data)
}

func (o oracle) result(ctx *cue.Context, unit, source, target cue.Value, set *setter, in input) (any, error) {
	if err := unit.LookupPath(cue.ParsePath("in")).Validate(cue.Concrete(true)); err != nil {
		return nil, fmt.Errorf("the value does not fit: %w", err)
	}
	out := unit.LookupPath(cue.ParsePath("out"))
	fields, isStruct := in.value.(map[string]any)
	switch {
	case set.whole:
	case isStruct && isOpenStruct(target):
		out = out.Unify(ctx.CompileString(cueText(carried(ctx, target, source, out, fields, set))))
	case o.body == "":
		out = out.Unify(ctx.CompileString(cueText(in.value)))
	}
	if err := out.Validate(cue.Concrete(true)); err != nil {
		return nil, err
	}
	return fromCUE(out)
}

// isOpenStruct tells whether a type is one struct, open or not.
func isOpenStruct(v cue.Value) bool { return v.IncompleteKind() == cue.StructKind }

// carried returns the fields that target takes over from the same place of a unit.
func carried(ctx *cue.Context, target, source, out cue.Value, unit map[string]any, set *setter) map[string]any {
	result := map[string]any{}
	declared := typesOf(ctx, target)
	for name, t := range declared {
		if s, ok := typesOf(ctx, source)[name]; ok {
			carryField(ctx, result, name, t, s, out, unit, set)
		}
	}
	if !keepsUndeclared(target, source) {
		return result
	}
	for name, v := range unit { // of open shapes
		_, inTarget := declared[name]
		if _, inSource := typesOf(ctx, source)[name]; !inSource && !inTarget && set.parts[name] == nil {
			result[name] = v
		}
	}
	return result
}

// keepsUndeclared tells whether what one struct has beside its declared fields may stand in the other.
func keepsUndeclared(target, source cue.Value) bool {
	t, s := target.LookupPath(cue.MakePath(cue.AnyString)), source.LookupPath(cue.MakePath(cue.AnyString))
	return target.Allows(cue.AnyString) && (!t.Exists() || s.Exists() && within(t, s))
}

func carryField(ctx *cue.Context, result map[string]any, name string, t, s, out cue.Value, unit map[string]any, set *setter) {
	old, has := unit[name]
	inner, isStruct := old.(map[string]any)
	isStruct = isStruct && isOpenStruct(t) && isOpenStruct(s)
	made := out.LookupPath(cue.MakePath(cue.Str(name)))
	switch part := set.parts[name]; {
	case t.Err() != nil || !has || part != nil && (part.whole || !part.open):
	case part != nil:
		if isStruct && made.Exists() {
			result[name] = carried(ctx, t, s, made, inner, part)
		}
	case within(t, s):
		result[name] = old
	case isStruct:
		result[name] = carried(ctx, t, s, made, inner, &setter{})
	}
}

// within tells whether every value of s is one of t: each of its alternatives is within one of t's.
func within(t, s cue.Value) bool {
	return !slices.ContainsFunc(alternatives(s), func(a cue.Value) bool {
		return !slices.ContainsFunc(alternatives(t), func(b cue.Value) bool { return b.Subsume(a) == nil })
	})
}

func alternatives(v cue.Value) []cue.Value {
	op, args := v.Expr()
	if op != cue.OrOp {
		return []cue.Value{v}
	}
	var out []cue.Value
	for _, a := range args {
		out = append(out, alternatives(a)...)
	}
	return out
}

// typesOf returns the types of the declared fields.
func typesOf(ctx *cue.Context, v cue.Value) map[string]cue.Value {
	types := map[string]cue.Value{}
	for fields, err := v.Fields(cue.Optional(true)); err == nil && fields.Next(); {
		// An optional field's value is an instance of nothing; what it is unified with is the plain type.
		types[fields.Selector().Unquoted()] = fields.Value().Unify(ctx.CompileString("_"))
	}
	return types
}

// setter says what a body sets of a value: all of it, or parts of it, beside which an open literal leaves room.
type setter struct {
	whole, open bool
	parts       map[string]*setter
}

func setters(body string) (*setter, error) {
	s := &setter{open: true, parts: map[string]*setter{}}
	if body == "" {
		return s, nil
	}
	e, err := parser.ParseExpr("body", body)
	if err != nil {
		return nil, err
	}
	s.add(e)
	return s, nil
}

func (s *setter) add(e ast.Expr) {
	literal, ok := e.(*ast.StructLit)
	if !ok {
		s.whole = true
		return
	}
	for _, d := range literal.Elts {
		switch d := d.(type) {
		case *ast.Ellipsis:
			s.open = true
		case *ast.Comprehension:
			if last, ok := d.Value.(*ast.StructLit); ok && !slices.ContainsFunc(d.Clauses, isFor) {
				s.add(last)
			}
		case *ast.Field:
			name, _, err := ast.LabelName(d.Label)
			if err != nil || strings.HasPrefix(name, "_") {
				continue
			}
			if s.parts[name] == nil {
				s.parts[name] = &setter{parts: map[string]*setter{}}
			}
			s.parts[name].add(d.Value)
		}
	}
}

func isFor(c ast.Clause) bool {
	_, ok := c.(*ast.ForClause)
	return ok
}
