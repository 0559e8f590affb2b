package apply

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// Glance is what a look finds that does without a pass over every key.
type Glance struct {
	Differs string    // what is not as it was left; empty if nothing is
	Samples []Drifted // of every keyspace, if nothing differs and any were asked for
}

// String says what the samples prove, and how sure that is: "of session 1000 keys were looked at, and in 19 of 20 such looks
// at most 0.3% of all have units of other classes than that pass counted".
func (g Glance) String() string {
	parts := make([]string, len(g.Samples))
	for i, d := range g.Samples {
		parts[i] = fmt.Sprintf("of %s all %d keys were looked at", d.Keyspace, d.Keys)
		if !d.Complete && d.Keys > 0 {
			parts[i] = fmt.Sprintf("of %s %d keys were looked at, and in 19 of 20 such looks at most %.2g%% of all have units of other classes than that pass counted", d.Keyspace, d.Keys, 100*d.Unseen)
		}
	}
	return strings.Join(parts, "; ")
}

// Look tells whether a system is still as it was left by a run that ended with nothing to do, or nothing that may be done
// yet: the same ledgers and mirror, the same pods, the same owner of the keys, and in a sample of each keyspace nothing of a
// class that the last pass over all of its keys did not count. Without options no sample is drawn, and nothing is read but the
// ledgers and what runs. It writes nothing but entries of drift in the change streams. Less than the bound that the Glance
// names may have changed unseen, so that nothing is recorded as verified because of it; what differs is found by Gather.
//
// The error is what a store, the mirror or the cluster answered.
func Look(ctx context.Context, e Edges, left Situation, o *keyspace.DriftOptions) (Glance, error) {
	p := left.Plan()
	if len(p.Steps)+len(p.Broken) > 0 || slices.ContainsFunc(p.Blocked, func(b plan.Blocked) bool { return !Passes(b.Code) }) {
		return Glance{Differs: "something was left to do"}, nil
	}
	mirrored, err := e.loadMirror(ctx, left.Commit.System)
	if err != nil {
		return Glance{}, err
	}
	shelves, err := e.readShelves(ctx, left.Commit.System, mirrored)
	if err != nil {
		return Glance{}, err
	}
	if !slices.EqualFunc(shelves, left.shelves, shelf.same) {
		return Glance{Differs: "a ledger was written"}, nil
	}
	now, err := e.running(ctx, left.Want)
	if err != nil {
		return Glance{}, err
	}
	if !reflect.DeepEqual(now, left.Have.Components) {
		return Glance{Differs: "other pods run"}, nil
	}
	if o == nil {
		return Glance{}, nil
	}
	return e.sampled(ctx, left, *o)
}

// same tells whether two looks at a ledger and its copy found the same.
func (s shelf) same(other shelf) bool {
	return s.store == other.store && reflect.DeepEqual(s.stored, other.stored) && reflect.DeepEqual(s.mirror, other.mirror)
}

// sampled looks at a sample of every keyspace: there must be nothing in it of a class that the last pass did not count.
func (e Edges) sampled(ctx context.Context, left Situation, o keyspace.DriftOptions) (Glance, error) {
	var counted []state.Record
	for _, live := range left.Have.Keyspaces {
		r := state.Record{Keyspace: live.Keyspace}
		for _, c := range live.Counts {
			r.Present = append(r.Present, c.Class)
		}
		counted = append(counted, r)
	}
	looks, err := overStores(e, func(name string) ([]Drifted, error) {
		if err := e.Stores[name].CheckOwner(ctx, left.Want.System, observable(keyspacesOf(left.Want, name))); err != nil {
			return nil, err
		}
		return e.drift(ctx, left.Want, name, counted, o)
	})
	if err != nil {
		return Glance{}, err
	}
	out := Glance{Samples: slices.Concat(looks...)}
	for _, k := range observable(left.Want.Keyspaces) {
		i := slices.IndexFunc(out.Samples, func(d Drifted) bool { return d.Keyspace == k.Name })
		switch {
		case i < 0:
			return Glance{Differs: fmt.Sprintf("keyspace %s was not observed", k.Name)}, nil
		case len(out.Samples[i].Beyond) > 0:
			return Glance{Differs: fmt.Sprintf("keyspace %s has units of %s", k.Name, classes(out.Samples[i].Beyond))}, nil
		case out.Samples[i].Keys == 0 && left.counted(k.Name) > 0:
			return Glance{Differs: fmt.Sprintf("no unit of keyspace %s was met", k.Name)}, nil
		}
	}
	return out, nil
}

// counted is how many units of a keyspace the last pass over all of them counted.
func (s Situation) counted(keyspace string) (n int64) {
	for _, live := range s.Have.Keyspaces {
		for _, c := range live.Counts {
			if live.Keyspace == keyspace {
				n += c.Units
			}
		}
	}
	return n
}

func classes(cs []state.Class) string {
	names := make([]string, len(cs))
	for i, c := range cs {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}
