package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"

	"keyshift.dev/state"
)

// maxDepth bounds the nesting of a shape; a shape that contains itself never ends.
const maxDepth = 64

// shape compiles the #value of a version of the given Redis type.
func (r *reader) shape(path []string, v cue.Value, redis state.Redis) state.Type {
	before := len(r.problems)
	t := r.typ(path, v, 0)
	if len(r.problems) > before || redis != state.Hash {
		return t
	}
	if len(t.Alts) != 1 || t.Alts[0].Kind != state.Struct {
		r.problem(path, "wrong-kind", "the #value of a hash is one struct: its fields", "write #value: {field: string, ...}")
		return t
	}
	for _, f := range t.Alts[0].Fields {
		for _, a := range f.Type.Alts {
			if a.Kind == state.Struct || a.Kind == state.Array || a.Kind == state.Null {
				r.problemAt(f.Pos, sub(path, f.Name), "unsupported", fmt.Sprintf("a %s in a field of a hash is not supported yet", a.Kind),
					"use a string, a number or a bool")
				break
			}
		}
	}
	return t
}

// typ compiles one value of a shape.
func (r *reader) typ(path []string, v cue.Value, depth int) state.Type {
	if depth > maxDepth {
		r.problem(path, "cycle", "the shape is nested too deep, or contains itself", "write out its levels")
		return state.Type{}
	}
	t := state.Type{Alts: r.alts(path, v, depth)}
	d, ok := v.Default()
	if op, _ := v.Eval().Expr(); ok && d.IsConcrete() && len(t.Alts) > 0 && (op == cue.OrOp || isDefault(t, d)) {
		value := r.value(path, d)
		t.Default = &value
	}
	return t
}

// isDefault tells the default of *"free" | string, which CUE keeps as a string with a default, from a constant, and
// from the empty list that every open list has.
func isDefault(t state.Type, d cue.Value) bool {
	return len(t.Alts) == 1 && t.Alts[0].Const == nil && d.Kind() != cue.ListKind && d.Kind() != cue.StructKind
}

// alts compiles the alternatives of a value.
func (r *reader) alts(path []string, v cue.Value, depth int) []state.Alt {
	v = v.Eval()
	op, args := v.Expr()
	if op == cue.OrOp {
		var out []state.Alt
		for _, a := range args {
			out = append(out, r.alts(path, a, depth)...)
		}
		return out
	}
	if _, ok := v.Default(); ok && op == cue.NoOp && len(args) == 1 && v.IncompleteKind()&^(cue.NumberKind|cue.StringKind|cue.BoolKind) == 0 {
		v = args[0] // without its default
		op, args = v.Expr()
	}
	alt, ok := r.alt(path, v, depth)
	if !ok {
		return nil
	}
	if op == cue.NoOp {
		return []state.Alt{alt}
	}
	parts := []cue.Value{v}
	if op == cue.AndOp {
		parts = args
	}
	for _, p := range parts {
		if !r.narrow(path, p, &alt) {
			return nil
		}
	}
	return []state.Alt{alt}
}

// alt makes an alternative of a value's kind, its constant, its fields or its element.
func (r *reader) alt(path []string, v cue.Value, depth int) (state.Alt, bool) {
	kind := v.IncompleteKind()
	switch kind {
	case cue.NullKind:
		return state.Alt{Kind: state.Null}, true
	case cue.BoolKind, cue.IntKind, cue.FloatKind, cue.NumberKind, cue.StringKind:
		return r.scalar(path, v, kind)
	case cue.ListKind:
		return r.list(path, v, depth)
	case cue.StructKind:
		return r.structure(path, v, depth)
	}
	if err := v.Err(); err != nil && kind == cue.BottomKind {
		r.problems = append(r.problems, r.places.diagnose(err, r.places.at(path))...)
		return state.Alt{}, false
	}
	r.unsupported(path, "a value of kind "+kind.String(), "name the kinds it may have: int | string")
	return state.Alt{}, false
}

var kinds = map[cue.Kind]state.Kind{
	cue.BoolKind: state.Bool, cue.IntKind: state.Int, cue.FloatKind: state.Number, cue.NumberKind: state.Number, cue.StringKind: state.Str,
}

func (r *reader) scalar(path []string, v cue.Value, kind cue.Kind) (state.Alt, bool) {
	a := state.Alt{Kind: kinds[kind]}
	if v.IsConcrete() {
		value := r.value(path, v)
		a.Const = &value
		return a, true
	}
	if kind == cue.FloatKind {
		r.unsupported(path, "float", "write number: on the wire a float may look like an int")
		return a, false
	}
	return a, true
}

func (r *reader) list(path []string, v cue.Value, depth int) (state.Alt, bool) {
	elem := v.LookupPath(cue.MakePath(cue.AnyIndex))
	if first := v.LookupPath(cue.MakePath(cue.Index(0))); first.Exists() || !elem.Exists() {
		r.unsupported(path, "a list with fixed elements", "write [...T]")
		return state.Alt{}, false
	}
	t := r.typ(path, elem, depth+1)
	return state.Alt{Kind: state.Array, Elem: &t}, true
}

func (r *reader) structure(path []string, v cue.Value, depth int) (state.Alt, bool) {
	a := state.Alt{Kind: state.Struct, Open: v.Allows(cue.AnyString)}
	it, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil {
		r.problems = append(r.problems, r.places.diagnose(err, r.places.at(path))...)
		return a, false
	}
	for it.Next() {
		if it.Selector().ConstraintType() == cue.PatternConstraint {
			r.unsupported(path, "a struct with a pattern of fields", "name its fields, or end it in ... and leave the rest untyped")
			return a, false
		}
		f := state.Field{Name: name(it.Selector()), Optional: it.IsOptional()}
		at := sub(path, f.Name)
		f.Pos = r.placeOf(it.Value(), at)
		if isForbidden(it.Value()) {
			f.Optional, f.Forbidden = false, true
		} else {
			f.Type = r.typ(at, it.Value(), depth+1)
		}
		a.Fields = append(a.Fields, f)
	}
	return a, true
}

// isForbidden tells a field?: _|_ from a field whose type is contradictory.
func isForbidden(v cue.Value) bool {
	err := v.Err()
	return v.IncompleteKind() == cue.BottomKind && err != nil && strings.Contains(err.Error(), "explicit error")
}

// placeOf returns where a value is written, which may be in another definition than its path.
func (r *reader) placeOf(v cue.Value, path []string) state.Pos {
	if pos := position(v.Pos()); pos.File != "" {
		return pos
	}
	return r.places.at(path)
}

var bounds = map[cue.Op]string{
	cue.GreaterThanEqualOp: ">=", cue.LessThanEqualOp: "<=", cue.GreaterThanOp: ">", cue.LessThanOp: "<", cue.NotEqualOp: "!=",
}

// narrow adds one constraint to an alternative.
func (r *reader) narrow(path []string, v cue.Value, a *state.Alt) bool {
	op, args := v.Expr()
	if op == cue.NoOp {
		return true // a kind, or a struct: already in the alternative
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
	r.unsupported(path, fmt.Sprintf("the constraint %v", v), "use a kind, constants, bounds of a number, or =~ and !~ with a constant")
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

// value turns a concrete CUE value into plain data.
func (r *reader) value(path []string, v cue.Value) state.Value {
	switch v.Kind() {
	case cue.NullKind:
		return state.Value{Kind: state.Null}
	case cue.BoolKind:
		b, _ := v.Bool()
		return state.Value{Kind: state.Bool, Bool: b}
	case cue.IntKind, cue.FloatKind:
		text, err := v.MarshalJSON()
		if err != nil {
			break
		}
		kind := state.Int
		if v.Kind() == cue.FloatKind {
			kind = state.Number
		}
		return state.Value{Kind: kind, Text: string(text)}
	case cue.StringKind:
		s, _ := v.String()
		return state.Value{Kind: state.Str, Text: s}
	case cue.ListKind:
		return r.listValue(path, v)
	case cue.StructKind:
		return r.structValue(path, v)
	}
	r.problem(path, "incomplete", "a value of kind "+v.IncompleteKind().String()+" stands where one concrete value is needed", "give one concrete value")
	return state.Value{}
}

func (r *reader) listValue(path []string, v cue.Value) state.Value {
	out := state.Value{Kind: state.Array}
	it, err := v.List()
	for i := 0; err == nil && it.Next(); i++ {
		out.List = append(out.List, r.value(sub(path, strconv.Itoa(i)), it.Value()))
	}
	return out
}

func (r *reader) structValue(path []string, v cue.Value) state.Value {
	out := state.Value{Kind: state.Struct}
	it, err := v.Fields()
	for err == nil && it.Next() {
		out.Fields = append(out.Fields, state.FieldValue{Name: name(it.Selector()), Value: r.value(sub(path, name(it.Selector())), it.Value())})
	}
	slices.SortFunc(out.Fields, func(a, b state.FieldValue) int { return strings.Compare(a.Name, b.Name) })
	return out
}
