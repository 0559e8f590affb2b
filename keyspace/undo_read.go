package keyspace

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// read reads the units that pre-images are about, as they are now.
func (u *undo) read(ctx context.Context, todo []undoing) error {
	var whole []int
	var parts []int
	for i := range todo {
		if kindIn(todo[i].image.After).Whole() {
			whole = append(whole, i)
		} else {
			parts = append(parts, i)
		}
	}
	if err := u.readWhole(ctx, todo, whole); err != nil {
		return err
	}
	return u.readParts(ctx, todo, parts)
}

func (u *undo) readWhole(ctx context.Context, todo []undoing, at []int) error {
	if len(at) == 0 {
		return nil
	}
	targets := make([]target, len(at))
	for i, x := range at {
		targets[i].key = todo[x].image.After.Key
	}
	units, err := u.store.reread(ctx, u.routes, targets)
	if err != nil {
		return err
	}
	for i, x := range at {
		todo[x].now, todo[x].part = units[i], units[i].Unit
	}
	return nil
}

// finding is what a part is now, in flight.
type finding struct {
	value *redis.StringCmd // of an entry or a scored member
	there *redis.BoolCmd   // of a member
	index *redis.IntCmd    // of an element
	ttl   *redis.DurationCmd
	at    *redis.DurationCmd // when the key expires, where the server tells
}

func (u *undo) readParts(ctx context.Context, todo []undoing, at []int) error {
	if len(at) == 0 {
		return nil
	}
	found := make([]finding, len(at))
	err := u.store.retry(ctx, func() error {
		pipe, equal := u.store.client.Pipeline(), map[string]int64{}
		for i, x := range at {
			after := todo[x].image.After
			id := unitID(after)
			equal[id]++
			found[i] = u.askPart(ctx, pipe, after, equal[id])
		}
		if _, err := pipe.Exec(ctx); unknown(err) {
			return err
		}
		return nil
	})
	for i, x := range at {
		if err == nil {
			err = todo[x].takePart(&found[i])
		}
	}
	return classify(ctx, u.store.name, "reading units of the undo log", err)
}

// askPart asks for a part. Of equal elements of a list the newest pre-image is about the last, because they are written
// from the first to the last: nth says how many pre-images of them there are with this one.
func (u *undo) askPart(ctx context.Context, pipe redis.Pipeliner, after transform.Unit, nth int64) (a finding) {
	switch after.Type {
	case state.Map:
		a.value = pipe.HGet(ctx, after.Key, after.Fields[0].Value)
	case state.SortedSet:
		a.value = redis.NewStringCmd(ctx, "zscore", after.Key, after.Fields[0].Value)
		_ = pipe.Process(ctx, a.value) // queues; the error comes with Exec
	case state.Set:
		a.there = pipe.SIsMember(ctx, after.Key, after.Text)
	case state.List:
		a.index = pipe.LPos(ctx, after.Key, after.Text, redis.LPosArgs{Rank: -nth})
	}
	if u.routes[0].ruled {
		a.ttl = pipe.PTTL(ctx, after.Key)
		if u.store.tellsExpiry {
			a.at = pipe.PExpireTime(ctx, after.Key)
		}
	}
	return a
}

// takePart takes what a part is now. A key of another type has no such part any more.
func (x *undoing) takePart(a *finding) error {
	x.part = x.image.After
	x.now = unit{target: target{key: x.part.Key}}
	err := error(nil)
	switch {
	case a.value != nil:
		x.part.Fields = slices.Clone(x.part.Fields)
		x.part.Fields[1].Value, err = a.value.Result()
		if x.part.Type == state.SortedSet {
			x.part.Fields[1].Value = transform.SpellScore(x.part.Fields[1].Value)
		}
	case a.there != nil:
		there, e := a.there.Result()
		err, x.now.gone = e, !there
	case a.index != nil:
		at, e := a.index.Result()
		err, x.index = e, int(at)
	}
	if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") {
		x.now.gone = true
		return nil
	}
	x.part.TTL = 0
	if a.ttl != nil && a.ttl.Val() > 0 {
		x.part.TTL = max(a.ttl.Val().Milliseconds(), 1)
	}
	if a.at != nil && a.at.Val() > 0 {
		x.now.expireAt = a.at.Val().Milliseconds()
	}
	x.now.TTL = x.part.TTL
	return err
}
