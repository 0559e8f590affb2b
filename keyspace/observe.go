package keyspace

import (
	"context"
	"errors"
	"slices"
	"strings"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// maxRestarts is how often a pass starts over because the server restarted in the middle of it.
const maxRestarts = 3

// Observe counts the units of keyspaces by class, in one pass over the store for all of them. The result is
// sorted by keyspace and its Records are zero. A read that fails is an error, never an empty keyspace.
//
// Counts are exact up to a quarter of a million units in all; above, a unit of the largest keyspaces that the server
// lists twice counts twice.
func (s *Store) Observe(ctx context.Context, keyspaces []state.Keyspace) ([]state.Live, error) {
	routes, err := s.newRoutes(keyspaces)
	if err != nil {
		return nil, err
	}
	tallies, err := s.count(ctx, routes, newPace(state.ThrottleFast), nil)
	if err != nil {
		return nil, err
	}
	live := make([]state.Live, len(routes))
	for i, r := range routes {
		live[i] = state.Live{Keyspace: r.keyspace.Name, Counts: tallies[i].result(), Samples: tallies[i].samples}
	}
	slices.SortFunc(live, func(a, b state.Live) int { return strings.Compare(a.Keyspace, b.Keyspace) })
	return live, nil
}

// count classifies every unit in one whole pass that a single server process answered. See is called after
// every page with the keys looked at and the tallies so far.
func (s *Store) count(ctx context.Context, routes []route, p *pace, see func(looked int64, tallies []*tally)) ([]*tally, error) {
	for range maxRestarts {
		before, err := s.node(ctx)
		if err != nil {
			return nil, err
		}
		tallies, err := s.countOnce(ctx, routes, p, see)
		if err != nil {
			return nil, classify(ctx, s.name, "reading the keyspaces", err)
		}
		after, err := s.node(ctx)
		if err != nil {
			return nil, err
		}
		if before.runID == after.runID {
			return tallies, nil
		}
	}
	return nil, &Error{
		Reason: StoreRestarted, Wait: true, Store: s.name, Err: errors.New("the server restarted in the middle of every pass over it"),
		Hint: "find out why it restarts",
	}
}

func (s *Store) countOnce(ctx context.Context, routes []route, p *pace, see func(looked int64, tallies []*tally)) ([]*tally, error) {
	tallies := newTallies(len(routes))
	var looked int64
	sweep := s.newSweep(routes, 0, p)
	for {
		page, err := sweep.next(ctx)
		if err != nil || page == nil {
			return tallies, err
		}
		for i := range page.units {
			countUnits(routes, tallies, &page.units[i])
		}
		looked += page.looked
		if see != nil {
			see(looked, tallies)
		}
	}
}

// countUnits counts the units of one key.
func countUnits(routes []route, tallies []*tally, u *unit) {
	if u.gone {
		return
	}
	t := tallies[u.route]
	counted := t.key(u)
	if u.unfit != "" {
		if counted.add(state.Unfit) {
			t.sample(u.key, u.unfit)
		}
		return
	}
	u.units(func(part transform.Unit, _ int, repeated bool) {
		class, reason := routes[u.route].classify(part)
		if !repeated && counted.add(class) && class == state.Unfit {
			t.sample(u.key, reason)
		}
	})
}
