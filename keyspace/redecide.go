package keyspace

import (
	"context"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// redecide reads units again and returns what there is to write now. Lost tells that some of them may have been
// written by a call whose answer was lost; those that are as we wanted them count as written.
func (r *rewrite) redecide(ctx context.Context, again []change, lost bool) ([]change, error) {
	var whole, parts []change
	for _, c := range again {
		if c.op == opText || c.op == opHash || c.op == opMove {
			whole = append(whole, c)
		} else {
			parts = append(parts, c)
		}
	}
	next, err := r.redecideWhole(ctx, whole, lost)
	if err != nil || len(parts) == 0 || lost {
		return next, err // of a part whose answer was lost the next pass finds what became
	}
	more, err := r.redecideParts(ctx, parts)
	return append(next, more...), err
}

func (r *rewrite) redecideWhole(ctx context.Context, again []change, lost bool) ([]change, error) {
	if len(again) == 0 {
		return nil, nil
	}
	targets := make([]target, 0, len(again))
	for i := range again {
		targets = append(targets, again[i].target)
	}
	for i := range again { // what stands where a move goes
		if again[i].op == opMove {
			targets = append(targets, target{key: again[i].after.Key, route: again[i].route})
		}
	}
	units, err := r.store.reread(ctx, r.routes, targets)
	if err != nil {
		return nil, err
	}
	places := units[len(again):]
	var next []change
	var room transform.Room
	for i := range again {
		u, was := &units[i], &again[i]
		var place *unit
		if was.op == opMove {
			place, places = &places[0], places[1:]
		}
		switch done := lost && (equalUnits(u, was) || place != nil && equalUnits(place, was)); {
		case u.gone && !done:
			r.note(func(o *Outcome) { o.Gone++ })
			continue
		case done && (u.gone || place == nil):
			r.note(func(o *Outcome) {
				o.Rewritten++
				if was.mixed {
					o.Mixed++
				}
			})
			continue
		case u.unfit != "" || u.many():
			continue // the next pass counts it as it finds it
		}
		var c change
		if r.goal.decide(u, u.Unit, 0, &c, &room).wanted {
			c.settlePlace(place)
			next = append(next, c)
		}
	}
	return next, nil
}

// equalUnits tells whether what was read is what a change was to make.
func equalUnits(u *unit, c *change) bool {
	return !u.gone && u.unfit == "" && u.key == c.after.Key && sameContent(u.Unit, c.after)
}

// settlePlace tells a move what was found where it goes. If the application has written there, what stood before gives
// way to it: it is logged first, unless it says the same.
func (c *change) settlePlace(place *unit) {
	if c.op != opMove || place == nil || place.key != c.after.Key || place.key == c.key {
		return
	}
	c.taken = !place.gone
	if c.taken && (place.unfit != "" || !sameContent(place.Unit, c.after)) {
		c.logged = true
	}
}

// redecideParts reads entries of maps and members of sorted sets again. Elements of lists and members of sets that
// changed are others now: the next pass finds them.
func (r *rewrite) redecideParts(ctx context.Context, again []change) ([]change, error) {
	asked := make([]*redis.StringCmd, len(again))
	err := r.store.retry(ctx, func() error {
		pipe := r.store.client.Pipeline()
		for i := range again {
			switch c := &again[i]; c.op {
			case opMap:
				asked[i] = pipe.HGet(ctx, c.key, c.before.Fields[0].Value)
			case opSorted:
				asked[i] = redis.NewStringCmd(ctx, "zscore", c.key, c.before.Fields[0].Value)
				_ = pipe.Process(ctx, asked[i]) // queues; the error comes with Exec
			}
		}
		if pipe.Len() == 0 {
			return nil
		}
		_, err := pipe.Exec(ctx)
		if unknown(err) {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, classify(ctx, r.store.name, "reading parts again", err)
	}
	var next []change
	var room transform.Room
	for i := range again {
		if asked[i] == nil || asked[i].Err() != nil { // gone, or its key is of another type now: the next pass counts it
			continue
		}
		c := &again[i]
		part := c.before
		value := asked[i].Val()
		if c.op == opSorted {
			value = transform.SpellScore(value)
		}
		part.Fields = []transform.Field{c.before.Fields[0], {Name: c.before.Fields[1].Name, Value: value}}
		u := unit{target: c.target, expireAt: c.expireAt}
		var now change
		if r.goal.decide(&u, part, 0, &now, &room).wanted {
			next = append(next, now)
		}
	}
	return next, nil
}

// holds remembers the parts whose place is taken by another one that the application wrote: they stay as they are, and
// count as units that cannot be brought to the version.
// The writer adds to them while the reader asks.
type holds struct {
	mu  sync.RWMutex
	ids map[string]struct{}
}

func (h *holds) add(u transform.Unit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]struct{}{}
	}
	h.ids[unitID(u)] = struct{}{}
}

func (h *holds) has(u transform.Unit) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(h.ids) == 0 {
		return false
	}
	_, held := h.ids[unitID(u)]
	return held
}

// unitID names a unit: no two have one name, whatever bytes are in their keys, but for equal elements of a list.
func unitID(u transform.Unit) string {
	id := strconv.Itoa(len(u.Key)) + ":" + u.Key
	switch kind := kindIn(u); {
	case kind.Whole():
		return id
	case kind == state.Map || kind == state.SortedSet:
		return id + u.Fields[0].Value
	}
	return id + u.Text
}
