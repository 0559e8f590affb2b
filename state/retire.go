package state

import "slices"

// Retire says what becomes of the units of a keyspace that was taken out of the spec.
type Retire string

// RetireKeep is the default: they stay as they are.
const (
	RetireKeep    Retire = "keep"
	RetireArchive Retire = "archive" // they are deleted once a backup holds them
	RetireDelete  Retire = "delete"  // they are deleted
)

// Deletes tells whether the units go.
func (r Retire) Deletes() bool { return r == RetireArchive || r == RetireDelete }

// RetireOf returns what is to become of the units of a keyspace. One that is declared keeps them. Of one that is not, the
// stricter counts of what its own policy said when it was declared last, and of what the system's says now.
func (d Desired) RetireOf(k Keyspace) Retire {
	if k.Version != "" {
		return RetireKeep
	}
	rising := []Retire{"", RetireDelete, RetireArchive, RetireKeep}
	r := rising[max(slices.Index(rising, k.Policy.Retire), slices.Index(rising, d.Policy.Retire))]
	if r == "" {
		return RetireKeep
	}
	return r
}

// retired returns the keyspace as one that nothing is desired of. What the system's policy says by now binds it as if it were
// declared, and of its own what it shall become, when it may be changed, and what waits for a person.
func (k Keyspace) retired(system Policy) Keyspace {
	k.Version = ""
	k.Shapes = slices.Clone(k.Shapes)
	for i := range k.Shapes {
		k.Shapes[i].Retired = true
	}
	own := slices.DeleteFunc(slices.Clone(k.Policy.Windows), func(w Window) bool { return w.Level != LevelKeyspace })
	k.Policy.Windows = slices.Concat(system.Windows, own)
	k.Policy.Freezes, k.Policy.Gates = system.Freezes, system.Gates
	k.Policy.Approval = k.Policy.Approval.Stricter(system.Approval)
	return k
}
