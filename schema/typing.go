package schema

import (
	"slices"

	"keyshift.dev/state"
)

// fits tells whether every value of narrow, as CUE sees it, is one of wide. It answers false unless proved.
func fits(wide, narrow state.Type) bool {
	shape := func(t state.Type) state.Shape { return state.Shape{Type: state.String, Encoding: state.JSON, Value: t} }
	return kindsOf(narrow).within(kindsOf(wide)) && state.Subsumes(shape(wide), shape(narrow))
}

// canFit tells whether a value of narrow may be one of wide, and is then the very value that CUE makes of the two:
// nothing of it is filled by a default or a constant of wide. The value itself is checked when it is there.
func canFit(wide, narrow state.Type) bool {
	if narrow.IsAny() {
		return wide.IsAny() || !fills(wide)
	}
	return fits(wide, narrow) || !slices.ContainsFunc(narrow.Alts, func(n state.Alt) bool {
		return !slices.ContainsFunc(wide.Alts, func(w state.Alt) bool { return canFitAlt(w, n) })
	})
}

// mayFit tells whether some scalars of narrow may be of wide.
func mayFit(wide, narrow state.Type) bool {
	return slices.ContainsFunc(narrow.Alts, func(n state.Alt) bool {
		return slices.ContainsFunc(wide.Alts, func(w state.Alt) bool { return canFitAlt(w, n) })
	})
}

func canFitAlt(w, n state.Alt) bool {
	switch {
	case w.Kind == state.Struct && n.Kind == state.Struct:
		return canFitStruct(w, n)
	case w.Kind == state.Array && n.Kind == state.Array:
		return canFitArray(w, n)
	case kindOf(w)&kindOf(n) == 0:
		return false
	}
	return w.Const == nil || n.Const == nil || sameScalar(*w.Const, *n.Const)
}

func canFitStruct(w, n state.Alt) bool {
	for _, f := range w.Fields {
		g, has := find(n, f.Name)
		if f.Forbidden && has && !g.Optional || !f.Forbidden && !f.Optional && (!has || g.Optional) || !f.Forbidden && has && !canFit(f.Type, g.Type) {
			return false
		}
	}
	if w.Open {
		return true
	}
	return !slices.ContainsFunc(n.Fields, func(g state.Field) bool {
		_, has := find(w, g.Name)
		return !has && !g.Forbidden && !g.Optional
	})
}

func canFitArray(w, n state.Alt) bool {
	wide, narrow := elements(w), elements(n)
	if len(w.Items) == 0 || len(narrow.Alts) == 0 {
		return len(narrow.Alts) == 0 || canFit(wide, narrow)
	}
	for i, item := range w.Items {
		if i < len(n.Items) && !canFit(item, n.Items[i]) || i >= len(n.Items) && (n.Fixed || !canFit(item, narrow)) {
			return false
		}
	}
	return len(n.Items) <= len(w.Items) || !w.Fixed
}

func sameScalar(a, b state.Value) bool {
	if isNumeric(a.Kind) && isNumeric(b.Kind) {
		x, okX := state.ParseDecimal(a.Text)
		y, okY := state.ParseDecimal(b.Text)
		return okX && okY && x.Cmp(y) == 0
	}
	return a.Kind == b.Kind && a.Text == b.Text && a.Bool == b.Bool && slices.Equal(a.Bytes, b.Bytes)
}

func isNumeric(k state.Kind) bool { return k == state.Int || k == state.Number }

// fills tells whether CUE may add something to a value of a type: a default or a constant of a struct in it.
func fills(t state.Type) bool {
	return slices.ContainsFunc(t.Alts, func(a state.Alt) bool {
		return slices.ContainsFunc(a.Fields, func(f state.Field) bool {
			_, fill := filling(f)
			return fill || !f.Forbidden && fills(f.Type)
		}) || a.Elem != nil && fills(*a.Elem) || a.Rest != nil && fills(*a.Rest) || slices.ContainsFunc(a.Items, fills)
	})
}

// admits tells whether a scalar is one of a type's constants, or of a kind that the type does not narrow to constants.
func admits(t state.Type, v state.Value) bool {
	return slices.ContainsFunc(t.Alts, func(a state.Alt) bool {
		if a.Const == nil {
			return kindOfValue(v).within(kindOf(a))
		}
		return kindOf(a) == kindOfValue(v) && sameScalar(*a.Const, v)
	})
}

// below finds the type of a field. optional tells whether a value may lack it; it may, too, if an alternative of the
// type has no such field.
func below(t state.Type, name string) (at state.Type, optional, ok bool) {
	if t.IsAny() {
		return t, true, true
	}
	for _, a := range t.Alts {
		f, declared := find(a, name)
		switch {
		case a.Kind != state.Struct:
			return state.Type{}, false, false
		case declared:
			at.Alts, optional = append(at.Alts, f.Type.Alts...), optional || f.Optional
		case a.Open && a.Rest != nil && !slices.ContainsFunc(a.Fields, func(f state.Field) bool { return f.Name == name }):
			at.Alts = append(at.Alts, a.Rest.Alts...) // of a map, where a name is asked for like an index of a list
		default:
			optional = true
		}
	}
	return at, optional, len(at.Alts) > 0
}

// resolve finds the type at a path of a struct. optional tells whether a stored value may lack it. The name "*" stands
// for the elements of a list and for the fields of a map.
func resolve(t state.Type, path []string) (at state.Type, optional, ok bool) {
	at = t
	for _, name := range path {
		if a, ok := single(at); name == anyElement && (kindsOf(at) == kindList || ok && a.Rest != nil) {
			at = elementsOf(at)
			continue
		}
		inner, maybe, found := below(at, name)
		if !found {
			return state.Type{}, false, false
		}
		at, optional = inner, optional || maybe
	}
	return at, optional, true
}

// anyElement stands for each element of a list in a path.
const anyElement = "*"

// elements returns the type of the elements of an array.
func elements(a state.Alt) state.Type {
	var t state.Type
	for _, item := range a.Items {
		t.Alts = append(t.Alts, item.Alts...)
	}
	if !a.Fixed && a.Elem == nil {
		return state.AnyType()
	}
	if !a.Fixed {
		t.Alts = append(t.Alts, a.Elem.Alts...)
	}
	return t
}

// elementsOf returns the type of the elements of a list, or of the fields of a struct.
func elementsOf(t state.Type) state.Type {
	var out state.Type
	if t.IsAny() {
		return t
	}
	for _, a := range t.Alts {
		switch {
		case a.Kind == state.Array:
			out.Alts = append(out.Alts, elements(a).Alts...)
		case a.Kind == state.Struct && a.Open && a.Rest == nil:
			return state.AnyType()
		case a.Kind == state.Struct:
			for _, f := range a.Fields {
				out.Alts = append(out.Alts, f.Type.Alts...)
			}
			if a.Rest != nil {
				out.Alts = append(out.Alts, a.Rest.Alts...)
			}
		}
	}
	return distinct(out)
}

// distinct removes alternatives that say the same.
func distinct(t state.Type) state.Type {
	var out state.Type
	seen := map[state.Digest]bool{}
	for _, a := range t.Alts {
		if d := state.DefinitionDigest(a); !seen[d] {
			seen[d] = true
			out.Alts = append(out.Alts, a)
		}
	}
	return out
}

// listOf returns the type of lists of a type.
func listOf(t state.Type) state.Type {
	if len(t.Alts) == 0 {
		return state.Type{Alts: []state.Alt{{Kind: state.Array, Fixed: true}}}
	}
	return state.Type{Alts: []state.Alt{{Kind: state.Array, Elem: &t}}}
}

// only returns the type of one kind.
func only(k state.Kind) state.Type { return state.Type{Alts: []state.Alt{{Kind: k}}} }
