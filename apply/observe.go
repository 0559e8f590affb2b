package apply

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"keyshift.dev/diff"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// observe reads every store at once, and looks at the cluster before, meanwhile and after: what ran in an earlier
// look and is gone in the last may have written behind the pass. Everything that was seen is returned beside the
// last look. An unknown image that was seen counts as running still, so that nothing is planned until a pass has
// begun after its end.
func (e Edges) observe(ctx context.Context, want state.Desired) (have state.Observed, seen []state.Running, err error) {
	if err := e.connected(want); err != nil {
		return state.Observed{}, nil, err
	}
	var surveys []keyspace.Survey
	err = e.watched(ctx, want, func(now []state.Running) error {
		have.Components, seen = now, together(seen, now)
		return nil
	}, func(ctx context.Context) (err error) {
		surveys, err = overStores(e, func(name string) (keyspace.Survey, error) { return e.read(ctx, want, name) })
		return err
	})
	have.Components = suspected(have.Components, seen)
	for _, s := range surveys {
		have.Keyspaces, have.Stores = append(have.Keyspaces, s.Live...), append(have.Stores, s.Census)
	}
	for i := range have.Keyspaces {
		if k, _ := want.FindKeyspace(have.Keyspaces[i].Keyspace); !diff.Mends(want, k) {
			have.Keyspaces[i].Mixed = nil
		}
	}
	slices.SortFunc(have.Keyspaces, func(a, b state.Live) int { return cmp.Compare(a.Keyspace, b.Keyspace) })
	return have, seen, err
}

// connected makes sure that every desired keyspace has a store.
func (e Edges) connected(want state.Desired) error {
	for _, k := range want.Keyspaces {
		if _, open := e.Stores[k.Store]; !open && k.Version != "" {
			return hold(StoreUndefined, "name an address for it", "keyspace %s is in store %s, which is not connected", k.Name, k.Store)
		}
	}
	return nil
}

// read makes the pass over one store.
func (e Edges) read(ctx context.Context, want state.Desired, store string) (keyspace.Survey, error) {
	ours := observable(keyspacesOf(want, store))
	if err := e.Stores[store].CheckOwner(ctx, want.System, ours); err != nil {
		return keyspace.Survey{}, err
	}
	return e.Stores[store].Survey(ctx, ours)
}

// running observes the components, none if there is no cluster.
func (e Edges) running(ctx context.Context, want state.Desired) ([]state.Running, error) {
	if e.Cluster == nil {
		return nil, nil
	}
	running, err := e.Cluster.Observe(ctx, want.System, want.Components)
	if err != nil {
		return nil, fmt.Errorf("observe the cluster: %w", err)
	}
	return running, nil
}

// together returns the later look with the releases and unknown images of the earlier ones.
func together(earlier, later []state.Running) []state.Running {
	out := slices.Clone(later)
	for i, now := range out {
		was, _ := state.Observed{Components: earlier}.FindRunning(now.Component)
		if was.Template != "" && !was.Missing && !was.Stopped {
			was.Releases = append(slices.Clone(was.Releases), was.Template)
		}
		out[i].Releases = slices.Compact(slices.Sorted(slices.Values(slices.Concat(was.Releases, now.Releases))))
		out[i].Unknown = slices.Compact(slices.SortedFunc(slices.Values(slices.Concat(was.Unknown, now.Unknown)), compareImages))
	}
	return out
}

func compareImages(a, b state.Image) int {
	return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Image, b.Image))
}

// suspected returns the last look with the unknown images of all of them.
func suspected(now, seen []state.Running) []state.Running {
	out := slices.Clone(now)
	for i := range out {
		was, _ := state.Observed{Components: seen}.FindRunning(out[i].Component)
		out[i].Unknown = was.Unknown
	}
	return out
}

// remembered adds to the records what releases may have written that were seen during the pass and are gone: a class
// that the record lacks is present from then on, and the keyspace is not verified.
func remembered(want state.Desired, have state.Observed, seen []state.Running) state.Observed {
	now, then := diff.NewIndex(want, have), diff.NewIndex(want, state.Observed{Components: seen, Keyspaces: have.Keyspaces})
	for _, k := range want.Keyspaces {
		classes := diff.ClassesOf(k)
		_, here := now.Around(k.Name)
		part, there := then.Around(k.Name)
		_, read := here.FindLive(k.Name)
		if read && !slices.Equal(diff.Writes(part, there, k.Name, classes), diff.Writes(part, here, k.Name, classes)) {
			then.Put(plan.Begin(part, there, plan.Step{Kind: plan.Verify, Object: k.Name}))
		}
	}
	have.Keyspaces = then.Have().Keyspaces
	return have
}
