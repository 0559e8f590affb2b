package keyspace

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

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
		// Their catalogue may have several stores; only the one they call by this store's name is this one.
		for _, theirs := range claimed(k.Ledger, k.Store) {
			for _, mine := range ours {
				if p, q, overlap := overlapping(mine, theirs); overlap {
					return s.owned(k.System, mine.Name, p, theirs.Name, q)
				}
			}
		}
	}
	return nil
}

// claim is what the store's claims were when nobody else was seen to own what a ledger claims, and what they become;
// the zero claim adds nothing.
type claim struct{ was, now string }

// claim looks at the owners again if the ledger next claims keys that old did not. Its write is refused if somebody
// else has claimed any since, so that of two systems at most one gets them.
func (s *Store) claim(ctx context.Context, old, next state.Ledger) (claim, error) {
	before, ours := patterns(old, s.name), claimed(next, s.name)
	if !slices.ContainsFunc(patterns(next, s.name), func(p string) bool { return !slices.Contains(before, p) }) {
		return claim{}, nil
	}
	was, err := s.client.Get(ctx, claimsKey).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return claim{}, classify(ctx, s.name, "reading who claims keys", err)
	}
	return claim{was: was, now: rand.Text()}, s.CheckOwner(ctx, next.System, ours)
}

// claimed returns the keyspaces of a ledger that are in the store of that name.
func claimed(l state.Ledger, store string) []state.Keyspace {
	return slices.DeleteFunc(slices.Clone(l.Catalogue.Keyspaces), func(k state.Keyspace) bool { return k.Store != store })
}

// patterns returns the key patterns that a ledger claims in the store of that name.
func patterns(l state.Ledger, store string) (out []string) {
	for _, k := range claimed(l, store) {
		for _, s := range k.Shapes {
			out = append(out, s.Keys)
		}
	}
	return out
}

func (s *Store) owned(other, mine, p, theirs, q string) error {
	return &Error{
		Reason: StoreOwned, Store: s.name, Hint: fmt.Sprintf("give the keys to one of the two systems; if %q is no more, delete its ledger, the key %q", other, ledgerKey(other)),
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
