package transform

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"keyshift.dev/state"
)

// slots tells where a unit has each declared field of the alternative that it fits: -1 if it lacks it.
type slots []int16

// maxSlots is how many declared fields are placed without allocating.
const maxSlots = 32

// of returns room for n slots, the given room if it is enough.
func (s slots) of(n int) slots {
	if n > cap(s) {
		return make(slots, n)
	}
	return s[:n]
}

// maxFields bounds the fields of one hash that fixed shapes are compared with.
const maxFields = 1 << 14

// fitHash returns the first alternative that the fields fit, and the places of its declared fields, in room if that
// is enough.
func (t *typ) fitHash(fields []Field, room slots) (which int, at slots, ok bool) {
	if len(fields) == 0 || len(fields) > maxFields {
		return 0, nil, false
	}
	for i := range t.alts {
		a := &t.alts[i]
		if a.kind != state.Struct || len(fields) < a.required || !a.open && len(fields) > len(a.fields) {
			continue
		}
		if at := room.of(len(a.fields)); a.place(fields, at) && a.fitPlaced(fields, at) {
			return i, at, true
		}
	}
	return 0, nil, false
}

// placeHash does what fitHash does for fields that are known to fit: where one alternative alone may have them, no value
// is looked at.
func (t *typ) placeHash(fields []Field, room slots) (which int, at slots, ok bool) {
	if len(t.alts) == 1 && t.alts[0].kind == state.Struct {
		if at = room.of(len(t.alts[0].fields)); t.alts[0].place(fields, at) {
			return 0, at, true
		}
	}
	return t.fitHash(fields, room)
}

// place fills the slots, without looking at a value: false if a required field is missing or one is foreign.
func (a *alt) place(fields []Field, at slots) bool {
	i := 0
	for j := range a.fields {
		f := &a.fields[j]
		order := 1
		for i < len(fields) {
			if order = strings.Compare(fields[i].Name, f.name); order >= 0 {
				break
			}
			if !a.open {
				return false
			}
			i++
		}
		switch {
		case i < len(fields) && order == 0:
			if f.forbidden {
				return false
			}
			at[j] = int16(i)
			i++
		case f.required:
			return false
		default:
			at[j] = -1
		}
	}
	return a.open || i == len(fields)
}

func (a *alt) fitPlaced(fields []Field, at slots) bool {
	for j, i := range at {
		if i >= 0 && !a.fields[j].typ.fitText(fields[i].Value) {
			return false
		}
	}
	return a.rest == nil || a.fitRest(fields)
}

// fitRest tells whether the fields that are not declared are of the type for them.
func (a *alt) fitRest(fields []Field) bool {
	return !slices.ContainsFunc(fields, func(f Field) bool { return a.find(f.Name) < 0 && !a.rest.fitText(f.Value) })
}

func (t *typ) fitText(text string) bool { return t.altOfText(text) != nil }

// altOfText returns the first alternative that a text fits, nil if there is none.
func (t *typ) altOfText(text string) *alt {
	for i := range t.alts {
		if t.alts[i].fitText(text) {
			return &t.alts[i]
		}
	}
	return nil
}

func (a *alt) fitText(text string) bool {
	switch a.kind {
	case state.Str:
		return a.fitString(text)
	case state.Int:
		return state.IsIntText(text) && a.fitNumber(text)
	case state.Number:
		_, ok := state.ParseDecimal(text)
		return ok && a.fitNumber(text)
	case state.Bool:
		return (text == "true" || text == "false") && (a.constant == nil || a.constant.Bool == (text == "true"))
	}
	return false
}

func (a *alt) fitString(s string) bool {
	if !utf8.ValidString(s) || len(a.length) > 0 && !a.fitLength(utf8.RuneCountInString(s)) {
		return false
	}
	if a.constant != nil && a.constant.Text != s {
		return false
	}
	for _, re := range a.match {
		if !re.MatchString(s) {
			return false
		}
	}
	for _, re := range a.noMatch {
		if re.MatchString(s) {
			return false
		}
	}
	return true
}

// fitNumber checks the text of a number against constant and bounds.
func (a *alt) fitNumber(text string) bool {
	if a.constant == nil && len(a.bounds) == 0 {
		return true
	}
	if a.constant == nil && len(text) <= smallDigits && state.IsIntText(text) {
		if ok, decided := a.fitSmall(text); decided {
			return ok
		}
	}
	d, ok := state.ParseDecimal(text)
	if !ok || a.constant != nil && a.number.Cmp(d) != 0 {
		return false
	}
	for i := range a.bounds {
		if !a.bounds[i].HoldsOrder(d.Cmp(a.bounds[i].limit)) {
			return false
		}
	}
	return true
}

// fitSmall decides the bounds by machine integers; decided is false if one of them is none.
func (a *alt) fitSmall(text string) (ok, decided bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return false, false
	}
	for i := range a.bounds {
		b := &a.bounds[i]
		if !b.isInt {
			return false, false
		}
		order := 0
		if n < b.small {
			order = -1
		} else if n > b.small {
			order = 1
		}
		if !b.HoldsOrder(order) {
			return false, true
		}
	}
	return true, true
}

// fitLength checks the number of runes or elements.
func (a *alt) fitLength(n int) bool {
	for i := range a.length {
		b := &a.length[i]
		if !b.HoldsOrder(cmp.Compare(int64(n), b.small)) {
			return false
		}
	}
	return true
}
