package transform

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// Unit is one key of a store as Redis holds it, or one part of a key: an element of a list or set, an entry of a map,
// a member of a sorted set with its score, an entry of a stream.
type Unit struct {
	Key    string
	Type   state.Redis // empty: a hash if the unit has fields (Redis has no empty hash), else a string
	Fields []Field     // sorted by name, no name twice: of a hash and of an entry of a stream; "field" and "value" of an entry of a map; "member" and "score" of a sorted set
	Text   string      // of a string or a JSON document; of a list or set the element
	TTL    int64       // of the key, in milliseconds; 0 if it does not expire
}

// Field is one field of a hash, with its raw bytes.
type Field struct{ Name, Value string }

// IsHash tells whether the unit has named fields.
func (u Unit) IsHash() bool { return len(u.Fields) > 0 }

// redis returns the kind of the unit.
func (u Unit) redis() state.Redis {
	switch {
	case u.Type != "":
		return u.Type
	case u.IsHash():
		return state.Hash
	}
	return state.String
}

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
	Compare []Expect // every field of the hash, sorted by name: it must have these and no other
	OldText string   // of a string: all of it is compared
	Text    string
}

// Expect is what one field must be for an edit to happen: there, and with this value unless Any.
type Expect struct {
	Name, Value string
	Any         bool // a field that is only carried, and valid whatever its value: Value is empty
}

// Diff returns the edit that makes after of before. read names the fields whose values decide that (see
// Programs.Reads): of these, and of those written or deleted, the values are compared. The names are compared of all
// fields, so that one that is absent still is: a foreign field may make the unit one of no version, and a carried one
// may be the last that keeps the key and its TTL. Units and read must be sorted, and the units both hashes or both
// strings.
func Diff(before, after Unit, read []string) Edit {
	if !before.IsHash() {
		return Edit{OldText: before.Text, Text: after.Text}
	}
	if slices.Contains(read, allFields) {
		read = nil
		for _, f := range before.Fields {
			read = append(read, f.Name)
		}
	}
	old, now := before.Fields, after.Fields
	e := Edit{
		Compare: make([]Expect, 0, len(old)),
		Set:     make([]Field, 0, len(now)),
		Delete:  make([]string, 0, len(old)),
	}
	for len(old) > 0 || len(now) > 0 {
		was := len(old) > 0 && (len(now) == 0 || old[0].Name <= now[0].Name)
		is := len(now) > 0 && (len(old) == 0 || now[0].Name <= old[0].Name)
		changed := was != is || old[0].Value != now[0].Value
		switch {
		case changed && is:
			e.Set = append(e.Set, now[0])
		case changed:
			e.Delete = append(e.Delete, old[0].Name)
		}
		if was {
			for len(read) > 0 && read[0] < old[0].Name {
				read = read[1:]
			}
			if changed || len(read) > 0 && read[0] == old[0].Name {
				e.Compare = append(e.Compare, Expect{Name: old[0].Name, Value: old[0].Value})
			} else {
				e.Compare = append(e.Compare, Expect{Name: old[0].Name, Any: true})
			}
			old = old[1:]
		}
		if is {
			now = now[1:]
		}
	}
	return e
}

// allFields stands for every field of a unit where fields that are read are listed. No field of an application has
// that name: it is not UTF-8.
const allFields = "\xff*"

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
