package apply

import (
	"context"
	"slices"

	"keyshift.dev/state"
)

// unite returns the commit's catalogue with everything that the ledgers or their mirrors still know (state.Union),
// and what was observed to decide what of it is alive. Only a conflict needs that: the definitions that were applied
// are then looked for, in the cluster and by a pass over every store, as they stand in the ledgers.
func (e Edges) unite(ctx context.Context, commit state.Desired, shelves []shelf) (state.Desired, state.Observed, error) {
	out, err := unite(commit, shelves, state.Observed{})
	if err == nil {
		return out, state.Observed{}, nil
	}
	past, err := e.lookBack(ctx, commit, shelves)
	if err != nil {
		return state.Desired{}, state.Observed{}, err
	}
	out, err = unite(commit, shelves, past)
	return out, past, err
}

// unite adds what each ledger and each mirror knows, in this order. Past was observed by their definitions.
func unite(commit state.Desired, shelves []shelf, past state.Observed) (state.Desired, error) {
	out := commit
	for _, l := range known(shelves) {
		var err error
		if out, err = state.Union(out, l.Catalogue, past); err != nil {
			return state.Desired{}, err
		}
	}
	return out, nil
}

// known returns the ledgers of every shelf, and behind each what the mirror has.
func known(shelves []shelf) (all []state.Ledger) {
	for _, s := range shelves {
		all = append(all, s.stored, s.behind())
	}
	return all
}

// behind returns the mirror without the keyspaces whose keys the store's own ledger has under another name: the store
// is written first, so that name was given up before a crash left the mirror a step behind.
func (s shelf) behind() state.Ledger {
	l := s.mirror
	if !s.known() || s.stored.Identity != l.Identity {
		return l
	}
	stored := map[string]state.Keyspace{}
	for _, k := range s.stored.Catalogue.Keyspaces {
		stored[k.Name] = k
	}
	l.Catalogue.Keyspaces = slices.DeleteFunc(slices.Clone(l.Catalogue.Keyspaces), func(old state.Keyspace) bool {
		if there, found := stored[old.Name]; found && sameKeys(there, old) {
			return false // no two of one ledger share keys
		}
		return slices.ContainsFunc(s.stored.Catalogue.Keyspaces, func(k state.Keyspace) bool {
			return k.Name != old.Name && k.Store == old.Store && k.SharesKeys(old)
		})
	})
	return l
}

// sameKeys tells whether two definitions of a keyspace have the same keys in the same store, version by version.
func sameKeys(a, b state.Keyspace) bool {
	return a.Store == b.Store && slices.EqualFunc(a.Shapes, b.Shapes, func(x, y state.Shape) bool { return x.Keys == y.Keys })
}

// lookBack observes what is there by the definitions that were applied. A store that is not connected is left out,
// and so is the cluster if there is none: what nobody looked at counts as alive. The records are those of the
// ledgers and of their mirrors together.
func (e Edges) lookBack(ctx context.Context, commit state.Desired, shelves []shelf) (state.Observed, error) {
	applied := state.Desired{System: commit.System, Policy: commit.Policy}
	for _, l := range known(shelves) {
		// What a mirror calls otherwise is a step behind.
		applied, _ = state.Union(applied, l.Catalogue, state.Observed{})
	}
	// Releases of the commit may run already, rolled out by hand. They must not look unknown.
	both, _ := state.Union(applied, commit, state.Observed{})
	applied.Components = both.Components
	past, seen, err := e.observe(ctx, applied)
	past.Components = seen
	for i := range past.Keyspaces {
		past.Keyspaces[i].Record = e.believed(shelves, past.Keyspaces[i].Keyspace)
	}
	return past, err
}

// believed returns what any record says may exist. Adopt forgets what the mirror says.
func (e Edges) believed(shelves []shelf, keyspace string) state.Record {
	out := state.Record{Keyspace: keyspace}
	for _, s := range shelves {
		records := s.stored.Records
		if !e.Adopt {
			records = slices.Concat(records, s.mirror.Records)
		}
		for _, r := range records {
			if r.Keyspace != keyspace {
				continue
			}
			out.Present = append(out.Present, r.Present...)
			if r.Rewritten != "" {
				out.Present = append(out.Present, state.ClassOf(r.Rewritten))
			}
		}
	}
	return out
}

// declared takes versions that left the catalogue out of the records: another may come under the same name.
func declared(d state.Desired, lives []state.Live) []state.Live {
	out := slices.Clone(lives)
	for i, live := range out {
		k, _ := d.FindKeyspace(live.Keyspace)
		out[i].Record.Present = slices.Clone(live.Record.Present)
		for j, c := range live.Record.Present {
			left := slices.DeleteFunc(c.Versions(), func(v state.Version) bool {
				_, ok := k.FindShape(v)
				return !ok
			})
			if len(left) > 0 {
				out[i].Record.Present[j] = state.ClassOf(left...)
			}
		}
		if _, ok := k.FindShape(live.Record.Rewritten); !ok {
			out[i].Record.Rewritten = ""
		}
		if b := live.Record.Backup; b != nil {
			_, ok := k.FindShape(b.To)
			if prunes := b.To == "" && k.Version == ""; !ok && !prunes { // that before a prune is for no version
				out[i].Record.Backup = nil
			}
		}
	}
	return out
}
