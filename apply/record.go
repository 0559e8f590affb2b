package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// book writes the ledgers of a run, first in the stores, then in the mirror: a crash between the two leaves
// a mirror that is a step behind, which the next run finds equal in identity and writes again.
type book struct {
	edges     Edges
	system    string
	catalogue state.Desired
	shelves   []shelf
	others    []state.Ledger
	applied   []state.Applied
	soaks     []state.Soaking
}

// newBook opens the ledgers of a situation. Definitions of blocked parts are not applied by this plan, so
// they are not recorded by it either: a user may still mend them.
func newBook(e Edges, s Situation, p plan.Plan) *book {
	return &book{edges: e, system: s.Commit.System, catalogue: recordable(s, p), shelves: slices.Clone(s.shelves), others: s.others, applied: s.applied, soaks: soaksOf(s.shelves)}
}

// recordable returns the catalogue with the commit's definitions of blocked objects taken out again.
func recordable(s Situation, p plan.Plan) state.Desired {
	out := s.catalogue
	if len(p.Blocked) == 0 {
		return out
	}
	var keyspaces, components []string
	for _, b := range p.Blocked {
		keyspaces, components = append(keyspaces, b.Keyspaces...), append(components, b.Components...)
	}
	out.Keyspaces = slices.DeleteFunc(slices.Clone(out.Keyspaces), func(k state.Keyspace) bool { return slices.Contains(keyspaces, k.Name) })
	out.Components = slices.DeleteFunc(slices.Clone(out.Components), func(c state.Component) bool { return slices.Contains(components, c.Name) })
	for _, l := range known(s.shelves) {
		// What the ledgers and their mirrors knew before stays; the rest of it is in the catalogue already.
		out, _ = state.Union(out, l.Catalogue, s.past)
	}
	return out
}

// write makes the catalogue and the records of a state durable, where they are not yet. The error is a
// *keyspace.Error, or errSuperseded if somebody else wrote a ledger since it was read.
func (b *book) write(ctx context.Context, have state.Observed) error {
	for i := range b.shelves {
		s := &b.shelves[i]
		next := b.next(*s, have)
		if sameLedger(s.stored, next) {
			continue
		}
		if err := b.shelve(ctx, s, next); err != nil {
			return err
		}
	}
	return b.reflect(ctx)
}

// shelve replaces the ledger of one store, and reads it back where the store gave itself an identity. A store of
// which the mirror knows the identity, and which lost it, gets it back first.
func (b *book) shelve(ctx context.Context, s *shelf, next state.Ledger) error {
	store := b.edges.Stores[s.store]
	var err error
	if s.stored.System == "" && next.Identity != "" {
		err = store.Identify(ctx, next.Identity)
	}
	if err == nil {
		err = store.WriteLedger(ctx, s.stored, next)
	}
	if errors.Is(err, keyspace.ErrLedgerMoved) {
		return fmt.Errorf("store %s: %w: %w", s.store, errSuperseded, err)
	}
	if err == nil && next.Identity == "" {
		next, _, err = store.ReadLedger(ctx, b.system)
	}
	if err == nil {
		s.stored, s.ledger = next, next
	}
	return err
}

// current makes sure that every ledger is the one that was read or written last.
func (b *book) current(ctx context.Context) error {
	_, err := overStores(b.edges, func(name string) (struct{}, error) {
		l, _, err := b.edges.Stores[name].ReadLedger(ctx, b.system)
		i := slices.IndexFunc(b.shelves, func(s shelf) bool { return s.store == name })
		if err == nil && !sameLedger(l, b.shelves[i].stored) {
			err = fmt.Errorf("store %s: %w: %w", name, errSuperseded, keyspace.ErrLedgerMoved)
		}
		return struct{}{}, err
	})
	return err
}

// next returns the ledger of one store at a state.
func (b *book) next(s shelf, have state.Observed) state.Ledger {
	l := state.Ledger{Format: state.LedgerFormat, Identity: s.ledger.Identity, System: b.system, Catalogue: b.catalogue, Applied: b.applied}
	l.Catalogue.Warnings, l.Soaks = nil, b.soaks
	for _, live := range have.Keyspaces {
		k, known := b.catalogue.FindKeyspace(live.Keyspace)
		if !known || k.Store != s.store {
			continue
		}
		live.Record.Keyspace = live.Keyspace
		l.Records = append(l.Records, live.Record)
		if units, _ := tally(live.Counts); units > 0 {
			l.Counted = append(l.Counted, live.Keyspace)
		}
	}
	return b.unobserved(s, have, l)
}

// unobserved adds to the next ledger what the last one says of keyspaces that were not observed: it is still all
// that is known of them.
func (b *book) unobserved(s shelf, have state.Observed, l state.Ledger) state.Ledger {
	blind := func(name string) bool {
		_, declared := b.catalogue.FindKeyspace(name)
		_, observed := have.FindLive(name)
		return declared && !observed
	}
	for _, r := range s.ledger.Records {
		if blind(r.Keyspace) {
			l.Records = append(l.Records, r)
		}
	}
	for _, name := range s.ledger.Counted {
		if blind(name) {
			l.Counted = append(l.Counted, name)
		}
	}
	slices.SortFunc(l.Records, func(a, b state.Record) int { return strings.Compare(a.Keyspace, b.Keyspace) })
	slices.Sort(l.Counted)
	return l
}

// reflect brings the mirror up to date.
func (b *book) reflect(ctx context.Context) error {
	if b.edges.Mirror == nil {
		return nil
	}
	ledgers := slices.Clone(b.others)
	stale := false
	for _, s := range b.shelves {
		l := s.stored
		l.Store = s.store
		ledgers = append(ledgers, l)
		stale = stale || !sameLedger(l, s.mirror)
	}
	if !stale {
		return nil
	}
	if err := b.edges.Mirror.Save(ctx, b.system, ledgers); err != nil {
		return err
	}
	for i := range b.shelves {
		b.shelves[i].mirror = ledgers[len(b.others)+i]
	}
	return nil
}

func sameLedger(a, b state.Ledger) bool { return state.DigestOf(a) == state.DigestOf(b) }
