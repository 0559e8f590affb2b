package apply

import (
	"context"
	"slices"

	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// Drifted is what a sample of a keyspace shows beside what is expected there.
type Drifted struct {
	keyspace.Drift
	Beyond []state.Class `json:"beyond,omitempty"` // classes of the sample that are not expected, sorted
}

// CheckDrift looks at a sample of each keyspace that the ledgers have verified, and tells the change streams of those
// that hold what their ledger does not expect. It is for routine looks between passes: a result of none does not say
// that there is none, and nothing may be done because of it but to gather and plan again. What the ledgers have not
// verified is left out: there a pass is due anyway.
//
// The error is what a store answered; that a stream could not be written is none.
func CheckDrift(ctx context.Context, e Edges, commit state.Desired, o keyspace.DriftOptions) ([]Drifted, error) {
	looks, err := overStores(e, func(name string) ([]Drifted, error) {
		l, known, err := e.Stores[name].ReadLedger(ctx, commit.System)
		if err != nil || !known {
			return nil, err
		}
		verified := slices.DeleteFunc(slices.Clone(l.Records), func(r state.Record) bool { return !r.Verified })
		return e.drift(ctx, l.Catalogue, name, verified, o)
	})
	var out []Drifted
	for _, d := range slices.Concat(looks...) {
		if len(d.Beyond) > 0 {
			out = append(out, d)
		}
	}
	return out, err
}

// drift looks at a sample of each keyspace of a store of which a record says what is expected there, and tells the change
// stream of what is beyond that.
func (e Edges) drift(ctx context.Context, d state.Desired, store string, expected []state.Record, o keyspace.DriftOptions) ([]Drifted, error) {
	var records []state.Record
	var watched []state.Keyspace
	for _, k := range observable(keyspacesOf(d, store)) {
		if i := slices.IndexFunc(expected, func(r state.Record) bool { return r.Keyspace == k.Name }); i >= 0 {
			records, watched = append(records, expected[i]), append(watched, k)
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
	for i, look := range looks {
		beyond := look.Beyond(records[i])
		out = append(out, Drifted{look, beyond})
		if len(beyond) > 0 {
			changes = append(changes, keyspace.Change{Kind: keyspace.ChangeDrift, Keyspace: look.Keyspace, Revision: e.Revision, Counts: look.Counts})
		}
	}
	_ = e.Stores[store].Publish(ctx, d.System, changes) // the caller is told, whoever reads the stream is not
	return out, nil
}
