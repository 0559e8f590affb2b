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

// Edit is what a compare-and-set script does to one key: if everything in Compare is still so, nothing of Absent is
// there, and the hash has so many fields as before, write Set, then delete Delete. Of a string it replaces OldText by Text.
type Edit struct {
	Set     []Field  // new and changed fields, sorted
	Delete  []string // sorted
	Compare []Field  // fields with the values that they must have, sorted by name
	Absent  []string // fields that must not be there, sorted
	Fields  int      // how many the hash must have
	OldText string   // of a string: all of it is compared
	Text    string
}

// Diff returns the edit that makes after of before. read names the fields whose values decide that (see
// Programs.Reads): of these, and of those written or deleted, the values are compared, absence included. Of a field that
// is only carried, and valid whatever its value, nothing is compared but that the hash has as many fields as it had: what
// became a unit of no version meanwhile is left alone, and an edit that deletes cannot empty it. Units and read must be
// sorted, and the units both hashes or both strings. What the edit is made of is in the room.
func Diff(before, after Unit, read []string, room *Room) Edit {
	if !before.IsHash() {
		return Edit{OldText: before.Text, Text: after.Text}
	}
	whole := slices.Contains(read, allFields)
	if whole {
		read = nil
	}
	var fields [2 * usualFields]Field // an edit that has no more is made without an allocation, and then copied
	var names [2 * usualFields]string
	set, compare := fields[:0:usualFields], fields[usualFields:usualFields]
	deleted, absent := names[:0:usualFields], names[usualFields:usualFields]
	for old, now := before.Fields, after.Fields; len(old) > 0 || len(now) > 0; {
		name, order := nearer(old, now)
		was, is := order <= 0, order >= 0
		for len(read) > 0 && read[0] < name {
			absent, read = append(absent, read[0]), read[1:]
		}
		decides := whole || len(read) > 0 && read[0] == name
		changed := order != 0 || old[0].Value != now[0].Value
		switch {
		case changed && is:
			set = append(set, now[0])
		case changed:
			deleted = append(deleted, name)
		}
		switch {
		case !was:
			absent = append(absent, name)
		case changed || decides:
			compare = append(compare, old[0])
		}
		old, now, read = old[b2i(was):], now[b2i(is):], read[b2i(decides && !whole):]
	}
	absent = append(absent, read...)
	if len(compare) == len(before.Fields) {
		absent = nil // as many fields, and each of these: there is no other
	}
	both := append(append(room.fields.take(len(set)+len(compare)), set...), compare...)
	words := append(append(room.words.take(len(deleted)+len(absent)), deleted...), absent...)
	return Edit{
		Set: both[:len(set):len(set)], Compare: both[len(set):], Delete: words[:len(deleted):len(deleted)], Absent: words[len(deleted):],
		Fields: len(before.Fields),
	}
}

// usualFields is how many fields most edits set or compare at most.
const usualFields = 8

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// nearer is the first name of two lists of which one is not empty, and where it is: less than 0 only in a, 0 in both,
// more only in b.
func nearer(a, b []Field) (name string, order int) {
	switch {
	case len(b) == 0:
		order = -1
	case len(a) == 0:
		order = 1
	case a[0].Name != b[0].Name:
		order = strings.Compare(a[0].Name, b[0].Name)
	}
	if order > 0 {
		return b[0].Name, order
	}
	return a[0].Name, order
}

// allFields stands for every field of a unit where fields that are read are listed. No field of an application has
// that name: it is not UTF-8.
const allFields = "\xff*"

// Whole is what Diff takes as read to let every field be compared.
func Whole() []string { return []string{allFields} }

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
