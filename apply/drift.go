package apply

import (
	"context"
	"slices"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// Drifted is a keyspace of which a sample shows what its ledger does not expect.
type Drifted struct {
	keyspace.Drift
	Beyond []state.Class `json:"beyond"` // classes of the sample that the ledger does not expect, sorted
}

// CheckDrift looks at a sample of each keyspace that the ledgers have verified, and tells the change streams of those
// that hold what their ledger does not expect. It is for routine looks between passes: a result of none does not say
// that there is none, and nothing may be done because of it but to gather and plan again. What the ledgers have not
// verified is left out: there a pass is due anyway.
//
// The error is what a store answered; that a stream could not be written is none.
func CheckDrift(ctx context.Context, e Edges, commit state.Desired, o keyspace.DriftOptions) ([]Drifted, error) {
	found, err := overStores(e, func(name string) ([]Drifted, error) { return e.drift(ctx, commit.System, name, o) })
	return slices.Concat(found...), err
}

func (e Edges) drift(ctx context.Context, system, store string, o keyspace.DriftOptions) ([]Drifted, error) {
	l, known, err := e.Stores[store].ReadLedger(ctx, system)
	if err != nil || !known {
		return nil, err
	}
	var records []state.Record
	var watched []state.Keyspace
	for _, k := range observable(keyspacesOf(l.Catalogue, store)) {
		i := slices.IndexFunc(l.Records, func(r state.Record) bool { return r.Keyspace == k.Name })
		if i >= 0 && l.Records[i].Verified {
			records, watched = append(records, l.Records[i]), append(watched, k)
		}
	}
	if len(watched) == 0 {
		return nil, nil
	}
	looks, err := e.Stores[store].Drift(ctx, watched, o)
	if err != nil {
		return nil, err
	}
	var out []Drifted
	var changes []keyspace.Change
	for i, d := range looks {
		if beyond := d.Beyond(records[i]); len(beyond) > 0 {
			out = append(out, Drifted{d, beyond})
			changes = append(changes, keyspace.Change{Kind: keyspace.ChangeDrift, Keyspace: d.Keyspace, Revision: e.Revision, Counts: d.Counts})
		}
	}
	_ = e.Stores[store].Publish(ctx, system, changes) // the caller is told, whoever reads the stream is not
	return out, nil
}
