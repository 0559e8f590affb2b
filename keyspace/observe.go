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
	survey, err := s.Survey(ctx, keyspaces)
	return survey.Live, err
}

// Survey observes keyspaces and, in the same pass, what else there is to know of a store: which keys belong to no
// keyspace, and of a sample of each keyspace's keys what memory they take and when they expire.
func (s *Store) Survey(ctx context.Context, keyspaces []state.Keyspace) (Survey, error) {
	routes, err := s.newRoutes(keyspaces)
	if err != nil {
		return Survey{}, err
	}
	var last *observer // a pass that starts over forgets what it saw
	tallies, err := s.counted(ctx, routes, newPace(state.ThrottleFast), nil, func() (*observer, error) {
		last, err = s.newObserver(ctx, routes)
		return last, err
	})
	if err != nil {
		return Survey{}, err
	}
	profiles, err := last.finish(ctx)
	if err != nil {
		return Survey{}, err
	}
	out := Survey{Live: make([]state.Live, len(routes)), Census: state.Census{Store: s.name, Keys: last.strangers.keys, Unclaimed: last.strangers.keys, Prefixes: last.strangers.result()}}
	for i, r := range routes {
		out.Live[i] = state.Live{Keyspace: r.keyspace.Name, Counts: tallies[i].result(), Mixed: sortedCounts(tallies[i].mixed), Samples: tallies[i].samples, Profile: profiles[i]}
		out.Census.Keys += profiles[i].Keys
	}
	slices.SortFunc(out.Live, func(a, b state.Live) int { return strings.Compare(a.Keyspace, b.Keyspace) })
	return out, nil
}

// count classifies every unit in one whole pass that a single server process answered. See is called after
// every page with the keys looked at and the tallies so far.
func (s *Store) count(ctx context.Context, routes []route, p *pace, see func(looked int64, tallies []*tally)) ([]*tally, error) {
	return s.counted(ctx, routes, p, see, func() (*observer, error) { return nil, nil })
}

// counted is count beside an observer, a new one for each pass; nil if nobody looks closer.
func (s *Store) counted(ctx context.Context, routes []route, p *pace, see func(looked int64, tallies []*tally), begin func() (*observer, error)) ([]*tally, error) {
	for range maxRestarts {
		before, err := s.node(ctx)
		if err != nil {
			return nil, err
		}
		o, err := begin()
		if err != nil {
			return nil, err
		}
		tallies, err := s.countOnce(ctx, routes, p, see, o)
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

func (s *Store) countOnce(ctx context.Context, routes []route, p *pace, see func(looked int64, tallies []*tally), o *observer) ([]*tally, error) {
	tallies := newTallies(len(routes))
	var looked int64
	sweep := s.newSweep(routes, 0, p)
	if o != nil {
		sweep.stranger = o.strangers.add
	}
	for {
		page, err := sweep.next(ctx)
		if err != nil || page == nil {
			return tallies, err
		}
		for i := range page.units {
			countUnits(routes, tallies, &page.units[i])
		}
		if o != nil {
			if err := o.page(ctx, page.units); err != nil {
				return nil, err
			}
		}
		s.release(page)
		s.shelf.fields.give(page.room)
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
			t.sample(u.key, u.unfit) // it was not read: there is nothing to show
		}
		return
	}
	u.units(func(part transform.Unit, _ int, repeated bool) {
		class, reason := routes[u.route].classify(part)
		if !repeated && counted.add(class) && class == state.Unfit {
			if mix := routes[u.route].programs.Mix(part); mix != state.Unfit {
				t.mixed[mix]++
			}
			t.masked(u.key, reason, func() string { return mask(part) })
		}
	})
}
