package schema

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// opposites are pairs of words for true and false.
var opposites = [][2]string{
	{"true", "false"}, {"on", "off"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"active", "inactive"}, {"enabled", "disabled"}, {"1", "0"},
}

// convertWords converts between a bool and two words for it: "on" and "off".
func convertWords(to, from state.Type) (conversion, bool) {
	yes, no, ok := wordsFor(from)
	if ok && kindsOf(to) == kindBool && !isEnum(to) && from.Default == nil {
		return conversion{
			text: func(x string) string {
				return "{" + labelText(yes) + ": true, " + labelText(no) + ": false}[" + x + "]"
			},
			eval: func(v state.Value) (state.Value, bool) {
				return state.Value{Kind: state.Bool, Bool: v.Text == yes}, v.Text == yes || v.Text == no
			},
		}, true
	}
	yes, no, ok = wordsFor(to)
	if ok && kindsOf(from) == kindBool && !isEnum(from) && from.Default == nil {
		return conversion{
			text: func(x string) string { return "[if " + x + " {" + quote(yes) + "}, " + quote(no) + "][0]" },
			eval: func(v state.Value) (state.Value, bool) {
				if v.Bool {
					return stringValue(yes), true
				}
				return stringValue(no), true
			},
		}, true
	}
	return conversion{}, false
}

// wordsFor returns the two constants of a type that stand for true and false, as they are written there.
func wordsFor(t state.Type) (yes, no string, ok bool) {
	if len(t.Alts) != 2 || !isEnum(t) || kindsOf(t) != kindString {
		return "", "", false
	}
	a, b := t.Alts[0].Const.Text, t.Alts[1].Const.Text
	switch {
	case slices.Contains(opposites, [2]string{strings.ToLower(a), strings.ToLower(b)}):
		return a, b, true
	case slices.Contains(opposites, [2]string{strings.ToLower(b), strings.ToLower(a)}):
		return b, a, true
	}
	return "", "", false
}

// takesConstants tells whether a conversion takes any of the constants that a type is made of.
func (c conversion) takesConstants(from state.Type) bool {
	return !isEnum(from) || slices.ContainsFunc(from.Alts, func(a state.Alt) bool {
		_, ok := c.eval(*a.Const)
		return ok
	})
}
