package transform

import (
	"slices"
	"strings"
)

// Unit is one key of a store as Redis holds it: a hash if it has fields (Redis has no empty hash), else a string.
type Unit struct {
	Key    string
	Fields []Field // of a hash: sorted by name, no name twice
	Text   string  // of a string
}

// Field is one field of a hash, with its raw bytes.
type Field struct{ Name, Value string }

// IsHash tells whether the unit is a hash.
func (u Unit) IsHash() bool { return len(u.Fields) > 0 }

// Sorted returns the unit with its fields sorted by name.
func (u Unit) Sorted() Unit {
	if !slices.IsSortedFunc(u.Fields, byName) {
		u.Fields = slices.Clone(u.Fields)
		slices.SortFunc(u.Fields, byName)
	}
	return u
}

func byName(a, b Field) int { return strings.Compare(a.Name, b.Name) }

// Edit is what a compare-and-set script does to one key: if everything in Compare is still so, write Set, then
// delete Delete. Of a string it replaces OldText by Text.
type Edit struct {
	Set     []Field  // new and changed fields, sorted
	Delete  []string // sorted
	Compare []Expect // every field read, written or deleted, sorted by name
	OldText string   // of a string: all of it is compared
	Text    string
}

// Expect is what one field must be for an edit to happen: Value, or absent.
type Expect struct {
	Name, Value string
	Absent      bool
}

// Empty tells whether the edit changes nothing.
func (e Edit) Empty() bool { return len(e.Set) == 0 && len(e.Delete) == 0 && e.Text == e.OldText }

// Diff returns the edit that makes after of before. read names the fields whose values decided that (see
// Programs.Reads): they are compared too, also where they are absent. The units must be sorted and both hashes or
// both strings.
func Diff(before, after Unit, read []string) Edit {
	if !before.IsHash() {
		return Edit{OldText: before.Text, Text: after.Text}
	}
	e := Edit{Compare: make([]Expect, 0, len(read)+4)}
	old, now := before.Fields, after.Fields
	for len(old) > 0 || len(now) > 0 {
		switch c := compareHeads(old, now); {
		case c < 0:
			e.Delete = append(e.Delete, old[0].Name)
			e.Compare = append(e.Compare, Expect{Name: old[0].Name, Value: old[0].Value})
			old = old[1:]
		case c > 0:
			e.Set = append(e.Set, now[0])
			e.Compare = append(e.Compare, Expect{Name: now[0].Name, Absent: true})
			now = now[1:]
		default:
			if old[0].Value != now[0].Value {
				e.Set = append(e.Set, now[0])
				e.Compare = append(e.Compare, Expect{Name: old[0].Name, Value: old[0].Value})
			}
			old, now = old[1:], now[1:]
		}
	}
	e.Compare = addReads(e.Compare, before.Fields, read)
	return e
}

// compareHeads orders the first fields of two sorted lists; an empty list comes last.
func compareHeads(a, b []Field) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return strings.Compare(a[0].Name, b[0].Name)
}

// addReads adds the fields that were read and are not yet compared.
func addReads(compare []Expect, before []Field, read []string) []Expect {
	written := len(compare)
	for _, name := range read {
		if _, found := slices.BinarySearchFunc(compare[:written], name, func(e Expect, n string) int { return strings.Compare(e.Name, n) }); found {
			continue
		}
		i, found := findField(before, name)
		x := Expect{Name: name, Absent: !found}
		if found {
			x.Value = before[i].Value
		}
		compare = append(compare, x)
	}
	slices.SortFunc(compare, func(a, b Expect) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(compare, func(a, b Expect) bool { return a.Name == b.Name })
}

// findField returns the place of a name in sorted fields.
func findField(fields []Field, name string) (int, bool) {
	low, high := 0, len(fields)
	for low < high {
		middle := (low + high) / 2
		if fields[middle].Name < name {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(fields) && fields[low].Name == name
}
