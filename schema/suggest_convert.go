package schema

import (
	"fmt"
	"math/big"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// conversion makes a value of one type from a value of another: as CUE, and on an invented value.
type conversion struct {
	text   func(x string) string
	eval   func(v state.Value) (state.Value, bool)
	note   string       // what the author should know; empty if nothing is in doubt
	sample *state.Value // a value of the source that can be converted, where not every one can
	pkg    string       // of CUE's library
}

var identity = conversion{
	text: func(x string) string { return x },
	eval: func(v state.Value) (state.Value, bool) { return v, true },
}

// convert finds the obvious conversion between two types, given how their fields are named.
func convert(to, from state.Type, toName, fromName string) (conversion, bool) {
	tk, fk := kindsOf(to), kindsOf(from)
	if c, ok := rescale(tk, fk, toName, fromName); ok {
		return c, true
	}
	if fits(to, from) {
		return identity, true
	}
	if c, ok := convertWords(to, from); ok {
		return c, true
	}
	if c, ok := convertKinds(tk, fk); ok && !isEnum(to) && c.takesDefault(from) && c.takesConstants(from) {
		return c, true
	}
	if c, ok := prefixed(to, from); ok {
		return c, true
	}
	if c, ok := convertList(to, from); ok {
		return c, true
	}
	if fk.within(tk) && fk.within(kindNumber|kindString|kindBool) && !apart(to, from) {
		c := identity
		c.note = "a unit whose value is not " + printer{}.typ(nil, state.Type{Alts: to.Alts}) + " stays as it is"
		return c, true
	}
	return conversion{}, false
}

// takesDefault tells whether the default of a type can be converted, which CUE tries where no value is given.
func (c conversion) takesDefault(from state.Type) bool {
	if from.Default == nil || c.sample == nil {
		return true
	}
	_, ok := c.eval(*from.Default)
	return ok
}

// isEnum tells whether a type is made of constants.
func isEnum(t state.Type) bool {
	return len(t.Alts) > 0 && !slices.ContainsFunc(t.Alts, func(a state.Alt) bool { return a.Const == nil })
}

// apart tells whether no constant of one type is one of the other, so that no value would fit.
func apart(to, from state.Type) bool {
	for _, t := range [][2]state.Type{{to, from}, {from, to}} {
		if isEnum(t[0]) && !slices.ContainsFunc(t[0].Alts, func(a state.Alt) bool { return inventor{}.fits(t[1], *a.Const) }) {
			return true
		}
	}
	return false
}

// units are endings of names that stand for a unit, and how many there are in the next larger thing without one.
var units = []struct {
	ending string
	factor int64
}{{"_ms", 1000}, {"Ms", 1000}, {"_millis", 1000}, {"Millis", 1000}, {"_us", 1_000_000}, {"_ns", 1_000_000_000}, {"_cents", 100}, {"Cents", 100}}

// unitOf splits the unit off a name.
func unitOf(name string) (stem string, factor int64) {
	for _, u := range units {
		if stem, ok := strings.CutSuffix(name, u.ending); ok && stem != "" {
			return stem, u.factor
		}
	}
	for _, seconds := range []string{"_s", "_sec", "_seconds"} {
		if stem, ok := strings.CutSuffix(name, seconds); ok && stem != "" {
			return stem, 1
		}
	}
	return name, 1
}

// rescale converts between units of one thing: milliseconds and seconds, cents and the whole.
func rescale(to, from kindSet, toName, fromName string) (conversion, bool) {
	toStem, toFactor := unitOf(toName)
	fromStem, fromFactor := unitOf(fromName)
	if toFactor == fromFactor || !sameWords(toStem, fromStem) || !to.within(kindNumber) || !from.within(kindNumber) {
		return conversion{}, false
	}
	if toFactor > fromFactor {
		return multiplied(toFactor/fromFactor, to == kindInt && from != kindInt), true
	}
	c := divided(fromFactor/toFactor, to == kindInt)
	if to == kindInt && from != kindInt {
		c.text, c.pkg = func(x string) string { return fmt.Sprintf("math.Floor(%s / %d)", x, fromFactor/toFactor) }, "math"
	}
	return c, true
}

func multiplied(n int64, round bool) conversion {
	c := conversion{
		text: func(x string) string { return fmt.Sprintf("%s * %d", x, n) },
		eval: func(v state.Value) (state.Value, bool) {
			return onInt(v, func(i *big.Int) *big.Int { return i.Mul(i, big.NewInt(n)) })
		},
	}
	if round {
		c.text = func(x string) string { return fmt.Sprintf("math.Round(%s * %d)", x, n) }
		c.note, c.pkg = "rounds: lossy where there is more behind the point", "math"
	}
	return c
}

func divided(n int64, integer bool) conversion {
	if integer {
		return conversion{
			text: func(x string) string { return fmt.Sprintf("div(%s, %d)", x, n) },
			eval: func(v state.Value) (state.Value, bool) {
				return onInt(v, func(i *big.Int) *big.Int { return i.Div(i, big.NewInt(n)) })
			},
			note: "drops the remainder: lossy",
		}
	}
	return conversion{
		text: func(x string) string { return fmt.Sprintf("%s / %d", x, n) },
		eval: func(v state.Value) (state.Value, bool) {
			out, ok := onInt(v, func(i *big.Int) *big.Int {
				if q, r := new(big.Int).QuoRem(i, big.NewInt(n), new(big.Int)); r.Sign() == 0 {
					return q
				}
				return nil
			})
			out.Kind = state.Number // the operator / never gives an int
			return out, ok
		},
	}
}

// onInt computes with an integer; what is none, or gives none, is not computed here.
func onInt(v state.Value, f func(*big.Int) *big.Int) (state.Value, bool) {
	n, ok := new(big.Int).SetString(v.Text, 10)
	if !ok || v.Kind != state.Int && v.Kind != state.Number {
		return v, false
	}
	n = f(n)
	if n == nil {
		return v, false
	}
	return state.Value{Kind: state.Int, Text: n.String()}, true
}

func stringValue(s string) state.Value { return state.Value{Kind: state.Str, Text: s} }

// convertKinds converts between text, numbers and booleans.
func convertKinds(to, from kindSet) (conversion, bool) {
	seven, yes := stringValue("7"), stringValue("true")
	asInt := func(v state.Value) (state.Value, bool) {
		return state.Value{Kind: state.Int, Text: v.Text}, state.IsIntText(v.Text)
	}
	asFloat := func(v state.Value) (state.Value, bool) {
		return state.Value{Kind: state.Number, Text: v.Text}, state.IsIntText(v.Text)
	}
	switch {
	case to == kindString && from.within(kindNumber):
		return conversion{text: func(x string) string { return `"\(` + x + `)"` },
			eval: func(v state.Value) (state.Value, bool) { return stringValue(v.Text), state.IsIntText(v.Text) }}, true
	case to == kindString && from == kindBool:
		return conversion{text: call("strconv.FormatBool"), pkg: "strconv",
			eval: func(v state.Value) (state.Value, bool) { return stringValue(strconv.FormatBool(v.Bool)), true }}, true
	case to == kindInt && from == kindString:
		return conversion{text: call("strconv.Atoi"), pkg: "strconv", eval: asInt, sample: &seven,
			note: "a unit whose text is no integer stays as it is"}, true
	case to == kindNumber && from == kindString:
		return conversion{text: func(x string) string { return "strconv.ParseFloat(" + x + ", 64)" }, pkg: "strconv", eval: asFloat, sample: &seven,
			note: "a unit whose text is no number stays as it is; more digits than a double has are lost"}, true
	case to == kindBool && from == kindString:
		return conversion{text: call("strconv.ParseBool"), pkg: "strconv", sample: &yes, note: "a unit whose text is no bool stays as it is",
			eval: func(v state.Value) (state.Value, bool) {
				return state.Value{Kind: state.Bool, Bool: v.Text == "true"}, v.Text == "true" || v.Text == "false"
			}}, true
	case to == kindInt && from == kindNumber:
		return conversion{text: call("math.Round"), pkg: "math", eval: asInt, note: "rounds: lossy where there is more behind the point"}, true
	case to == kindBool && from == kindInt:
		return conversion{text: func(x string) string { return x + " != 0" }, note: "0 is false, anything else true",
			eval: func(v state.Value) (state.Value, bool) {
				return state.Value{Kind: state.Bool, Bool: v.Text != "0"}, true
			}}, true
	case to == kindInt && from == kindBool:
		return conversion{text: func(x string) string { return "[if " + x + " {1}, 0][0]" }, note: "false is 0, true is 1",
			eval: func(v state.Value) (state.Value, bool) {
				text := "0"
				if v.Bool {
					text = "1"
				}
				return state.Value{Kind: state.Int, Text: text}, true
			}}, true
	}
	return conversion{}, false
}

func call(function string) func(string) string {
	return func(x string) string { return function + "(" + x + ")" }
}

// prefixed converts between a string and one that must begin with a constant: "7" and "u:7".
func prefixed(to, from state.Type) (conversion, bool) {
	if kindsOf(to) != kindString || kindsOf(from) != kindString || isEnum(to) || isEnum(from) {
		return conversion{}, false
	}
	tp, fp := prefixOf(to), prefixOf(from)
	switch {
	case tp != "" && fp == "":
		return conversion{text: func(x string) string { return `"` + strings.Trim(quote(tp), `"`) + `\(` + x + `)"` },
			eval: func(v state.Value) (state.Value, bool) { return stringValue(tp + v.Text), true }}, true
	case fp != "" && tp == "":
		return conversion{text: func(x string) string { return "strings.TrimPrefix(" + x + ", " + quote(fp) + ")" }, pkg: "strings",
			eval: func(v state.Value) (state.Value, bool) { return stringValue(strings.TrimPrefix(v.Text, fp)), true }}, true
	}
	return conversion{}, false
}

// prefixOf returns the constant that every string of a type begins with, if that is one expression ^constant and no more.
func prefixOf(t state.Type) string {
	if len(t.Alts) != 1 || len(t.Alts[0].Match) != 1 || len(t.Alts[0].NoMatch) > 0 {
		return ""
	}
	re, err := syntax.Parse(t.Alts[0].Match[0], syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat || len(re.Sub) != 2 || re.Sub[0].Op != syntax.OpBeginText || re.Sub[1].Op != syntax.OpLiteral {
		return ""
	}
	prefix := string(re.Sub[1].Rune)
	if regexp.QuoteMeta(prefix) != strings.TrimPrefix(t.Alts[0].Match[0], "^") {
		return ""
	}
	return prefix
}

// convertList converts the elements of a list one by one, and one value into a list of it.
func convertList(to, from state.Type) (conversion, bool) {
	if len(to.Alts) != 1 || to.Alts[0].Kind != state.Array || to.Alts[0].Elem == nil || len(to.Alts[0].Items) > 0 {
		return conversion{}, false
	}
	elem := *to.Alts[0].Elem
	if fits(elem, from) {
		return conversion{text: func(x string) string { return "[" + x + "]" },
			eval: func(v state.Value) (state.Value, bool) {
				return state.Value{Kind: state.Array, List: []state.Value{v}}, true
			}}, true
	}
	if len(from.Alts) != 1 || from.Alts[0].Kind != state.Array || from.Alts[0].Elem == nil || len(from.Alts[0].Items) > 0 {
		return conversion{}, false
	}
	c, ok := convertElement(elem, *from.Alts[0].Elem)
	if !ok {
		return conversion{}, false
	}
	return conversion{note: c.note, pkg: c.pkg,
		text: func(x string) string { return "[for e in " + x + " {" + c.text("e") + "}]" },
		eval: func(v state.Value) (state.Value, bool) {
			out := state.Value{Kind: state.Array}
			for _, e := range v.List {
				converted, ok := c.eval(e)
				if !ok {
					return v, false
				}
				out.List = append(out.List, converted)
			}
			return out, true
		}}, true
}

// convertElement converts an element: a struct field by field, since nothing is carried in a list.
func convertElement(to, from state.Type) (conversion, bool) {
	target, okT := single(to)
	source, okS := single(from)
	if !okT || !okS {
		return convert(to, from, "", "")
	}
	if target.Open || source.Open || slices.ContainsFunc(append(slices.Clip(target.Fields), source.Fields...), func(f state.Field) bool { return f.Optional || f.Forbidden }) {
		return conversion{}, false
	}
	p := pairing{fixed: map[string][]string{}}
	fields := p.structure(nil, target, &source)
	p.assign(to, from, fields)
	if len(p.open(fields)) > 0 {
		return conversion{}, false
	}
	c := conversion{
		text: func(x string) string { return strings.Trim(strings.Join(elementLines(fields, x), ", "), "{}") },
		eval: func(v state.Value) (state.Value, bool) { return applyFields(fields, v) },
	}
	for _, f := range fields {
		c.note, c.pkg = f.conv.note, f.conv.pkg
		if c.note != "" {
			break
		}
	}
	return c, len(p.lost(from, fields)) == 0
}
