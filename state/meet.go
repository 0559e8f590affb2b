package state

import (
	"fmt"
	"slices"
	"strings"
)

// Meet tells whether some stored value may fit both shapes, and if so how: "both may have only user_id, name".
// It answers true unless it can prove the contrary. What counts is the wire, not CUE: on the text of a hash every
// number and bool is a string; JSON has one kind of number; a field with a default is required in stored values.
// A TTL tells nothing apart: some key with an expiry fits every rule.
func Meet(a, b Shape) (overlap string, meet bool) {
	if !sameRedis(a.Type, b.Type) || !keysMayOverlap(a, b) {
		return "", false
	}
	if a.Type != b.Type {
		return "a hash may also be a map", true
	}
	if !a.Type.Parts() && a.wire() != b.wire() {
		return fmt.Sprintf("the same bytes may be %s and %s", a.encoding(), b.encoding()), sharedBytes(a.wire(), a.Value, b.wire(), b.Value)
	}
	for _, x := range a.Value.Alts {
		for _, y := range b.Value.Alts {
			if !a.Type.Parts() && a.wire().meetAlts(x, y) {
				return describe(x, y, a.wire().all, b.wire().all), true
			}
			if a.Type.Parts() && structsMeet(x, y, a.part, b.part) && !nothingInCommon(x, y, a.part, b.part) {
				return describe(x, y, a.part, b.part), true
			}
		}
	}
	return "", false
}

// sameRedis tells whether Redis has one data type for both kinds of data.
func sameRedis(a, b Redis) bool {
	hash := func(r Redis) bool { return r == Hash || r == Map }
	return a == b || hash(a) && hash(b)
}

func (s Shape) encoding() Encoding {
	if s.Encoding == "" {
		return Text
	}
	return s.Encoding
}

func keysMayOverlap(a, b Shape) bool {
	if a.Keys == b.Keys {
		return true
	}
	p, perr := ParsePattern(a.Keys)
	q, qerr := ParsePattern(b.Keys)
	return perr != nil || qerr != nil || Overlap(p, q)
}

// nothingInCommon tells whether only the empty struct, which Redis cannot hold as a hash, can fit both.
func nothingInCommon(a, b Alt, wa, wb wires) bool {
	return !(a.Open && b.Open) && len(common(a, b, wa, wb)) == 0
}

// common returns the declared names that a value of both may have.
func common(a, b Alt, wa, wb wires) []string {
	var names []string
	for _, f := range slices.Concat(a.Fields, b.Fields) {
		if !slices.Contains(names, f.Name) && a.mayHave(f.Name) && b.mayHave(f.Name) && fieldsMeet(a, b, f.Name, wa, wb) {
			names = append(names, f.Name)
		}
	}
	return names
}

// fieldsMeet tells whether some value of a field that both may have fits both.
func fieldsMeet(a, b Alt, name string, wa, wb wires) bool {
	x, y := a.typeOf(name), b.typeOf(name)
	if x == nil || y == nil {
		return true
	}
	if wa(name) != wb(name) {
		return sharedBytes(wa(name), *x, wb(name), *y)
	}
	return wa(name).meet(*x, *y)
}

// Mixes tells whether some stored value of a field of the one version fits that field of the other, so that a write of
// the single field leaves no trace. It answers true unless it can prove the contrary.
func Mixes(a, b Shape, field string) bool {
	x, okA := a.Value.object()
	y, okB := b.Value.object()
	return !okA || !okB || x.mayHave(field) && y.mayHave(field) && fieldsMeet(x, y, field, a.part, b.part)
}

func describe(a, b Alt, wa, wb wires) string {
	switch {
	case a.Kind != Struct || b.Kind != Struct:
		return describeScalars(a, b)
	case a.Open && b.Open && len(common(a, b, wa, wb)) == 0:
		return "both may have any fields"
	}
	names := strings.Join(common(a, b, wa, wb), ", ")
	switch {
	case a.Open && b.Open:
		return "both may have " + names + " and fields that neither declares"
	case names == "":
		return "both may have no field at all"
	}
	return "both may have only " + names
}

func describeScalars(a, b Alt) string {
	for _, x := range []Alt{a, b} {
		if x.Const != nil {
			return "both may be " + x.Const.print()
		}
	}
	switch {
	case a.Kind == b.Kind && a.Kind == Array:
		return "both may be the same list"
	case a.Kind == b.Kind:
		return "both may be the same " + string(a.Kind)
	}
	return fmt.Sprintf("%s may also be %s", articled(a.Kind), articled(b.Kind))
}

func articled(k Kind) string {
	if k == Int || k == Array {
		return "an " + map[Kind]string{Int: "int", Array: "array"}[k]
	}
	return "a " + string(k)
}

func (w wire) meet(a, b Type) bool {
	return slices.ContainsFunc(a.Alts, func(x Alt) bool {
		return slices.ContainsFunc(b.Alts, func(y Alt) bool { return w.meetAlts(x, y) })
	})
}

func (w wire) meetAlts(a, b Alt) bool {
	for _, x := range []Alt{a, b} {
		if words, ok := w.words(x); ok {
			return slices.ContainsFunc(words, func(v Value) bool { return w.fitsAlt(a, v) && w.fitsAlt(b, v) })
		}
	}
	switch {
	case isNumber(a.Kind) && isNumber(b.Kind):
		return numbersMeet(a, b)
	case w == onText && (a.Kind == Str || b.Kind == Str):
		return textsMeet(a, b)
	case a.Kind != b.Kind:
		return false
	case a.Kind == Str:
		return textsMeet(a, b)
	case a.Kind == Array:
		return w.arraysMeet(a, b)
	case a.Kind == Struct:
		return structsMeet(a, b, w.all, w.all)
	}
	return true
}

func isNumber(k Kind) bool { return k == Int || k == Number }

// What numbers look like on text: see IsIntText and ParseDecimal.
const (
	intText    = `\A(0|-?[1-9][0-9]*)\z`
	numberText = `\A-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?\z`
)

// patterns returns the expressions that every text of an alternative matches.
func (a Alt) patterns() []string {
	switch a.Kind {
	case Int:
		return []string{intText}
	case Number:
		return []string{numberText}
	}
	return a.Match
}

// textsMeet tells whether some text fits both of two strings, or a string and a number.
func textsMeet(a, b Alt) bool {
	if excludes(a, b) || excludes(b, a) || !lengthsMeet(a, b) {
		return false
	}
	return !slices.ContainsFunc(a.patterns(), func(x string) bool {
		return slices.ContainsFunc(b.patterns(), func(y string) bool { return x != y && disjoint(x, y) })
	})
}

// excludes tells whether a must match an expression that b must not.
func excludes(a, b Alt) bool {
	return slices.ContainsFunc(a.Match, func(e string) bool { return slices.Contains(b.NoMatch, e) })
}

// lengthsMeet tells whether some length fits both.
func lengthsMeet(a, b Alt) bool {
	return numbersMeet(Alt{Kind: Int, Bounds: a.lengths()}, Alt{Kind: Int, Bounds: b.lengths()})
}

// lengths returns all bounds of the length of a Str or an Array.
func (a Alt) lengths() []Bound {
	out := append(slices.Clone(a.Len), Bound{">=", decimalText(len(a.Items))})
	if a.Fixed {
		out = append(out, Bound{"<=", decimalText(len(a.Items))})
	}
	return out
}

// arraysMeet tells whether some array fits both: the elements that both must have decide.
func (w wire) arraysMeet(a, b Alt) bool {
	if !lengthsMeet(a, b) {
		return false
	}
	sure := max(len(a.Items), len(b.Items))
	if least := intervalOf(append(a.lengths(), b.lengths()...)).low; least != nil && least.Cmp(decimalOf(sure)) > 0 {
		sure++ // all that follow are alike
	}
	for i := range sure {
		x, y := a.item(i), b.item(i)
		if x != nil && y != nil && !w.meet(*x, *y) {
			return false
		}
	}
	return true
}

func structsMeet(a, b Alt, wa, wb wires) bool {
	return a.Kind == Struct && b.Kind == Struct && requiredMeet(a, b, wa, wb) && requiredMeet(b, a, wb, wa)
}

// requiredMeet tells whether b may have every field that a requires, with a value that fits both.
func requiredMeet(a, b Alt, wa, wb wires) bool {
	for _, f := range a.Fields {
		if f.required() && (!b.mayHave(f.Name) || !fieldsMeet(a, b, f.Name, wa, wb)) {
			return false
		}
	}
	return true
}
