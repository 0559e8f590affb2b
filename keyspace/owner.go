package keyspace

import (
	"context"
	"fmt"

	"keyshift.dev/state"
)

// CheckOwner fails with an *Error of reason StoreOwned if the ledger of another system in this store has a
// keyspace whose keys may overlap those of one of ours.
func (s *Store) CheckOwner(ctx context.Context, system string, ours []state.Keyspace) error {
	all, err := s.allKept(ctx)
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.System == system {
			continue
		}
		for _, theirs := range k.Catalogue.Keyspaces {
			// Their catalogue may have several stores; only the one they call by this store's name is this one.
			if theirs.Store != k.Store {
				continue
			}
			for _, mine := range ours {
				if p, q, overlap := overlapping(mine, theirs); overlap {
					return s.owned(k.System, mine.Name, p, theirs.Name, q)
				}
			}
		}
	}
	return nil
}

func (s *Store) owned(other, mine, p, theirs, q string) error {
	return &Error{
		Reason: StoreOwned, Store: s.name, Hint: "give the keys to one of the two systems",
		Err: fmt.Errorf("keys %q of keyspace %q may be keys %q of keyspace %q, which system %q owns", p, mine, q, theirs, other),
	}
}

// overlapping returns two patterns of keyspaces that some key matches both of. A pattern that cannot be read
// overlaps nothing: it has no units.
func overlapping(a, b state.Keyspace) (p, q string, overlap bool) {
	for _, x := range a.Shapes {
		for _, y := range b.Shapes {
			px, errX := state.ParsePattern(x.Keys)
			py, errY := state.ParsePattern(y.Keys)
			if errX == nil && errY == nil && state.Overlap(px, py) {
				return x.Keys, y.Keys, true
			}
		}
	}
	return "", "", false
}
