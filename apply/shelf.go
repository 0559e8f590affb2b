package apply

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// settle decides which ledger to go on with: the store's own if it stands, the mirror's if the store lost it
// but kept its units, a new one if nothing was ever known of the store. It returns a *HoldError if the store
// is another one than the mirror describes, or lost its data. Adopt takes the store as it is.
func (s shelf) settle(lives []state.Live, adopt bool) (state.Ledger, error) {
	switch {
	case s.known() && s.mirrored() && s.stored.Identity != s.mirror.Identity:
		if !adopt {
			return state.Ledger{}, s.replaced(s.stored.Identity)
		}
		return s.adopted(), nil
	case s.known() || !s.mirrored():
		return s.ledger, nil
	case adopt:
		return state.Ledger{Identity: s.ledger.Identity}, nil // definitions are in the catalogue already
	case s.ledger.Identity != "" && s.ledger.Identity != s.mirror.Identity:
		return state.Ledger{}, s.replaced(s.ledger.Identity)
	}
	if lost := s.emptied(lives); len(lost) > 0 {
		return state.Ledger{}, hold(StoreChanged, "restore its data, or take it as it is with adopt",
			"store %s lost the ledger of this system and every unit of %s", s.store, strings.Join(lost, ", "))
	}
	return s.rebuilt(), nil
}

func (s shelf) known() bool    { return s.stored.System != "" }
func (s shelf) mirrored() bool { return s.mirror.System != "" }

func (s shelf) replaced(identity string) *HoldError {
	return hold(StoreChanged, "point the address at the old store, or take the new one as it is with adopt",
		"store %s is another one than before: its identity is %s, and was %s", s.store, short(identity), short(s.mirror.Identity))
}

// short cuts an identity for people.
func short(identity string) string { return identity[:min(len(identity), 8)] }

// emptied returns the keyspaces in which units were counted once and none is left.
func (s shelf) emptied(lives []state.Live) []string {
	var lost []string
	for _, name := range s.mirror.Counted {
		i := slices.IndexFunc(lives, func(l state.Live) bool { return l.Keyspace == name })
		if i < 0 {
			continue // not observed, so nothing is known of it
		}
		if units, _ := tally(lives[i].Counts); units == 0 {
			lost = append(lost, name)
		}
	}
	return lost
}

// rebuilt returns the mirror's ledger with nothing verified: what was written while it was gone is unknown.
// A store that lost its identity too gets it back when the ledger is written: with a new one, a process that ends
// before the mirror is written would leave two records of which neither can be told to be right.
func (s shelf) rebuilt() state.Ledger { return unverified(s.mirror) }

// adopted returns the ledger of another store with nothing verified, to be written with that store's identity.
func (s shelf) adopted() state.Ledger {
	l := unverified(s.stored)
	l.Identity = ""
	return l
}

func unverified(l state.Ledger) state.Ledger {
	l.Records = slices.Clone(l.Records)
	for i := range l.Records {
		r := &l.Records[i]
		r.Verified, r.Rewritten, r.Pruned, r.Backup = false, "", false, nil
	}
	return l
}

// twins holds where two names are of one store: both would write one ledger, and what is done to the units of a keyspace
// under the one name would be done to those of another under the other.
func twins(shelves []shelf) error {
	for i, a := range shelves {
		for _, b := range shelves[i+1:] {
			if a.ledger.Identity != "" && a.ledger.Identity == b.ledger.Identity {
				return hold(StoreChanged, "declare it once, under the name that it was applied under",
					"stores %s and %s are one and the same", a.store, b.store)
			}
		}
	}
	return nil
}
