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
// Programs.Reads): they are compared too, also where they are absent. Units and read must be sorted, and the units
// both hashes or both strings.
func Diff(before, after Unit, read []string) Edit {
	if !before.IsHash() {
		return Edit{OldText: before.Text, Text: after.Text}
	}
	old, now := before.Fields, after.Fields
	e := Edit{
		Compare: make([]Expect, 0, len(read)+4),
		Set:     make([]Field, 0, len(now)),
		Delete:  make([]string, 0, len(old)),
	}
	for len(old) > 0 || len(now) > 0 || len(read) > 0 {
		name := first(old, now, read)
		was, is := len(old) > 0 && old[0].Name == name, len(now) > 0 && now[0].Name == name
		decided := len(read) > 0 && read[0] == name
		changed := was != is || was && old[0].Value != now[0].Value
		switch {
		case changed && is:
			e.Set = append(e.Set, now[0])
		case changed:
			e.Delete = append(e.Delete, name)
		}
		if was && (changed || decided) {
			e.Compare = append(e.Compare, Expect{Name: name, Value: old[0].Value})
		} else if changed || decided {
			e.Compare = append(e.Compare, Expect{Name: name, Absent: true})
		}
		if was {
			old = old[1:]
		}
		if is {
			now = now[1:]
		}
		if decided {
			read = read[1:]
		}
	}
	return e
}

// first returns the smallest name at the heads of three sorted lists, of which one at least is not empty.
func first(old, now []Field, read []string) string {
	name, found := "", false
	if len(old) > 0 {
		name, found = old[0].Name, true
	}
	if len(now) > 0 && (!found || now[0].Name < name) {
		name, found = now[0].Name, true
	}
	if len(read) > 0 && (!found || read[0] < name) {
		name = read[0]
	}
	return name
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
