package schema

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"

	"keyshift.dev/state"
)

// maxDepth bounds the nesting of a shape; a shape that contains itself never ends.
const maxDepth = 64

// typ compiles one value of a shape.
func (r *reader) typ(path []string, v cue.Value, depth int) state.Type {
	if depth > maxDepth {
		r.problem(path, "cycle", "the shape is nested too deep, or contains itself", "write out its levels")
		return state.Type{}
	}
	t := state.Type{Alts: r.alts(path, v, depth)}
	d, ok := v.Default()
	if op, _ := v.Eval().Expr(); ok && d.IsConcrete() && len(t.Alts) > 0 && (op == cue.OrOp || isDefault(t, v, d)) {
		value := r.value(path, d)
		t.Default = &value
	}
	return t
}

// isDefault tells the default of *"free" | string, which CUE keeps as a string with a default, from a constant, and
// from the empty list that every open list has: such a list is concrete, a choice between lists is not.
func isDefault(t state.Type, v, d cue.Value) bool {
	if d.Kind() == cue.ListKind || d.Kind() == cue.StructKind {
		return !v.IsConcrete()
	}
	return len(t.Alts) == 1 && t.Alts[0].Const == nil
}

// alts compiles the alternatives of a value.
func (r *reader) alts(path []string, v cue.Value, depth int) []state.Alt {
	given := v
	if r.hidesList(given, false, 0) {
		r.unsupported(path, "list.MinItems beside another alternative", "CUE drops such an alternative; write a list of at least one as [T, ...T]")
		return nil
	}
	if list, calls, ok := tooShort(given); ok {
		return r.longer(path, list, calls, depth)
	}
	v = v.Eval()
	op, args := v.Expr()
	if op == cue.OrOp {
		var out []state.Alt
		for _, a := range args {
			out = append(out, r.alts(path, a, depth)...)
		}
		return r.apart(path, out)
	}
	if _, ok := v.Default(); ok && op == cue.NoOp && len(args) == 1 {
		v = args[0] // without its default, which it subsumes
		op, args = v.Expr()
	}
	if op == cue.NoOp && v.IncompleteKind() == cue.TopKind {
		return state.AnyType().Alts
	}
	alt, ok := r.alt(path, v, depth)
	if !ok || !r.lengths(path, given, &alt, depth) {
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

// apart drops alternatives that another one takes in, and refuses structs that a value cannot be told between.
func (r *reader) apart(path []string, alts []state.Alt) []state.Alt {
	whole := func(a state.Alt) state.Shape {
		return state.Shape{Type: state.String, Encoding: state.MsgPack, Value: state.Type{Alts: []state.Alt{a}}}
	}
	for i := 0; i < len(alts); i++ {
		for j := 0; j < len(alts) && i < len(alts); j++ {
			x, y := alts[i], alts[j]
			if i == j || x.Kind != y.Kind || x.Kind != state.Struct && x.Kind != state.Array {
				continue
			}
			if state.Subsumes(whole(y), whole(x)) {
				alts, j = slices.Delete(alts, i, i+1), -1
				continue
			}
			if overlap, meet := state.Meet(whole(x), whole(y)); meet && x.Kind == state.Struct && i < j {
				r.problem(path, "ambiguous", "a value may be of two of the structs here: "+overlap,
					`give each a field that tells them apart: {kind: "card", ...} | {kind: "cash", ...}`)
			}
		}
	}
	return alts
}

// alt makes an alternative of a value's kind, its constant, its fields or its element.
func (r *reader) alt(path []string, v cue.Value, depth int) (state.Alt, bool) {
	kind := v.IncompleteKind()
	switch kind {
	case cue.NullKind:
		return state.Alt{Kind: state.Null}, true
	case cue.BoolKind, cue.IntKind, cue.FloatKind, cue.NumberKind, cue.StringKind, cue.BytesKind:
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
	cue.BytesKind: state.Bytes,
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
	a := state.Alt{Kind: state.Array}
	for i := 0; ; i++ {
		item := v.LookupPath(cue.MakePath(cue.Index(i)))
		if !item.Exists() {
			break
		}
		a.Items = append(a.Items, r.typ(sub(path, strconv.Itoa(i)), item, depth+1))
	}
	rest := v.LookupPath(cue.MakePath(cue.AnyIndex))
	if a.Fixed = !rest.Exists(); a.Fixed {
		return a, true
	}
	if t := r.typ(path, rest, depth+1); !t.IsAny() {
		a.Elem = &t
	}
	return a, true
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
			if !r.rest(path, it.Selector().Pattern(), v, &a, depth) {
				return a, false
			}
			continue
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

// rest reads [string]: T, the type of the fields that a struct does not name. Only looked up it is closed as they are.
func (r *reader) rest(path []string, p, of cue.Value, a *state.Alt, depth int) bool {
	if op, _ := p.Eval().Expr(); op != cue.NoOp || p.IncompleteKind() != cue.StringKind || p.IsConcrete() || a.Rest != nil {
		r.unsupported(path, "a struct with a pattern of some fields", "write [string]: T for all fields it does not name, or end it in ... and leave them untyped")
		return false
	}
	if t := r.typ(path, of.LookupPath(cue.MakePath(cue.AnyString)), depth+1); !t.IsAny() {
		a.Rest = &t
	}
	return true
}

// isForbidden tells a field?: _|_ from a field whose type is contradictory.
func isForbidden(v cue.Value) bool {
	if v.IncompleteKind() != cue.BottomKind {
		return false
	}
	err := v.Err()
	return err != nil && strings.Contains(err.Error(), "explicit error")
}

// placeOf returns where a value is written, which may be in another definition than its path.
func (r *reader) placeOf(v cue.Value, path []string) state.Pos {
	if pos := position(v.Pos()); pos.File != "" {
		return pos
	}
	return r.places.at(path)
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
	case cue.BytesKind:
		b, _ := v.Bytes()
		return state.Value{Kind: state.Bytes, Bytes: b}
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
