package apply

import (
	"context"
	"errors"
	"slices"
	"sync"

	"keyshift.dev/diff"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Situation is everything a plan is made from: what a commit wants, united with what the ledgers know, and
// what is there. It holds no clients.
type Situation struct {
	Commit state.Desired  // as evaluated
	Want   state.Desired  // the catalogue to plan with: without components if there is no cluster
	Have   state.Observed // with the ledgers' records

	catalogue state.Desired  // the whole of it, as a ledger keeps it
	past      state.Observed // by the definitions of the ledgers, if the commit is in conflict with one; else zero
	shelves   []shelf        // sorted by store
	durable   bool           // whether there is a place for backups and undo logs
	held      []diff.Change  // holds of what may not be begun now
	back      state.Goals    // of parts that go back to what was applied before
	applied   []state.Applied
	made      *plan.Plan     // by Deliver; nil if it has to be made
	others    []state.Ledger // that the mirror has of stores which are not connected
}

// shelf is the ledger of one store.
type shelf struct {
	store  string
	stored state.Ledger // as it stands in the store; zero if none does
	ledger state.Ledger // what to go on with: stored, or rebuilt from the mirror
	mirror state.Ledger // as the mirror has it; zero if it has none
}

// Plan compares and plans. It is pure.
func (s Situation) Plan() plan.Plan {
	if s.made != nil {
		return *s.made
	}
	return planned(s.Want, s.Have, s.durable, s.held)
}

// Gather reads the ledgers and their mirror, unites the commit's catalogue with theirs, and observes the
// cluster and every store. Whatever cannot be read is an error, never an empty part.
//
// The error is a *HoldError if a store is not the one its mirror describes or has two names, state.Diagnostics if the commit
// changes an applied definition that is alive (state.Union), or what a store (*keyspace.Error, also of a keyspace
// that another system owns) or the cluster answered.
func Gather(ctx context.Context, e Edges, commit state.Desired) (Situation, error) {
	mirrored, err := e.loadMirror(ctx, commit.System)
	if err != nil {
		return Situation{}, err
	}
	shelves, err := e.readShelves(ctx, commit.System, mirrored)
	if err != nil {
		return Situation{}, err
	}
	catalogue, past, err := e.unite(ctx, commit, shelves)
	if err != nil {
		return Situation{}, err
	}
	s := Situation{Commit: commit, Want: catalogue, catalogue: catalogue, past: past, others: e.elsewhere(mirrored), durable: e.State != nil}
	if e.Cluster == nil {
		s.Want.Components = nil
	}
	var seen []state.Running
	if s.Have, seen, err = e.observe(ctx, s.Want); err != nil {
		return Situation{}, err
	}
	for i := range shelves {
		if shelves[i].ledger, err = shelves[i].settle(s.Have.Keyspaces, e.Adopt); err != nil {
			return Situation{}, err
		}
	}
	if err := twins(shelves); err != nil {
		return Situation{}, err
	}
	s.shelves, s.applied = shelves, applied(shelves, s.others)
	s.Have.Keyspaces = declared(s.Want, recorded(s.Have.Keyspaces, shelves))
	s.Have = remembered(s.Want, s.Have, seen)
	if len(s.applied) == 0 {
		s.applied = s.found(e.now())
	}
	return s, nil
}

func (e Edges) loadMirror(ctx context.Context, system string) ([]state.Ledger, error) {
	if e.Mirror == nil {
		return nil, nil
	}
	return e.Mirror.Load(ctx, system)
}

// elsewhere returns the mirrored ledgers of stores that are not connected: they are kept as they are.
func (e Edges) elsewhere(mirrored []state.Ledger) []state.Ledger {
	return slices.DeleteFunc(slices.Clone(mirrored), func(l state.Ledger) bool { return e.Stores[l.Store] != nil })
}

// readShelves reads the ledger of every store and lays the mirror's beside it.
func (e Edges) readShelves(ctx context.Context, system string, mirrored []state.Ledger) ([]shelf, error) {
	return overStores(e, func(name string) (shelf, error) {
		s := shelf{store: name}
		for _, m := range mirrored {
			if m.Store == name {
				s.mirror = m
			}
		}
		l, found, err := e.Stores[name].ReadLedger(ctx, system)
		switch {
		case e.Adopt && changed(err):
			s.stored, err = e.orphan(ctx, name, system)
			s.ledger = s.adopted()
		case err == nil && found:
			s.stored, s.ledger = l, l
		case err == nil:
			s.ledger.Identity, err = e.Stores[name].Identity(ctx)
		}
		return s, err
	})
}

func changed(err error) bool {
	refused, ok := errors.AsType[*keyspace.Error](err)
	return ok && refused.Reason == keyspace.StoreChanged
}

// orphan reads a ledger that stands in a store of another identity than it names.
func (e Edges) orphan(ctx context.Context, store, system string) (state.Ledger, error) {
	all, err := e.Stores[store].ReadLedgers(ctx)
	for _, l := range all {
		if l.System == system {
			return l, err
		}
	}
	return state.Ledger{}, err
}

// overStores calls f for every store at once and returns the results in the order of the stores' names.
func overStores[T any](e Edges, f func(name string) (T, error)) ([]T, error) {
	names := e.names()
	results, errs := make([]T, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { results[i], errs[i] = f(name) })
	}
	all.Wait()
	return results, errors.Join(errs...)
}

// keyspacesOf returns the keyspaces of one store.
func keyspacesOf(d state.Desired, store string) []state.Keyspace {
	var out []state.Keyspace
	for _, k := range d.Keyspaces {
		if k.Store == store {
			out = append(out, k)
		}
	}
	return out
}

// recorded returns the live keyspaces with what the ledgers' records say of them.
func recorded(lives []state.Live, shelves []shelf) []state.Live {
	out := slices.Clone(lives)
	for i, live := range out {
		out[i].Record.Keyspace = live.Keyspace
		for _, s := range shelves {
			for _, r := range s.ledger.Records {
				if r.Keyspace == live.Keyspace {
					out[i].Record = r
				}
			}
		}
	}
	return out
}
