package keyspace

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// closing has a version that is open, and then one that is closed: what else a unit has is dropped, and logged.
func closing() state.Keyspace {
	open := object(field("name", text), field("note", text))
	open.Alts[0].Open = true
	k := state.Keyspace{
		Name: "close", Store: "main", Version: "2.0.0",
		Policy: state.Policy{Throttle: state.ThrottleFast},
		Shapes: []state.Shape{
			{Version: "1.0.0", Keys: "close:<id>", Type: state.Hash, Value: open},
			{Version: "2.0.0", Keys: "close:<id>", Type: state.Hash, Value: object(field("full_name", text), field("note", text))},
		},
		Migrations: []state.Migration{{
			From: "1.0.0", To: "2.0.0",
			Up:   program(carry("note"), set("full_name", path("name"))),
			Down: program(carry("note"), set("name", path("full_name"))),
		}},
	}
	k.Migrations[0].Up.Losses = []state.Loss{{Field: "*", Reason: "undeclared fields are dropped"}}
	return k
}

// One write of the application that changes a carried field and writes others again as they were: it comes neither
// entirely before nor entirely after ours.
var replaced = []guard{
	{"a session is written anew without a field", between(sessions(), "session:1", seedSession, func(ctx context.Context, c *redis.Client) {
		_, _ = c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, "session:1")
			p.HSet(ctx, "session:1", "user_id", 1, "name", "Ada", "created_ms", 5000)
			p.PExpireAt(ctx, "session:1", farAhead(7))
			return nil
		})
	}, "c", `hash created_ms="5000" name="Ada" user_id="1"`+at)},
	{"an open unit that is written again gets a field that the closed version does not take", between(closing(), "close:1", func(ctx context.Context, c *redis.Client) {
		c.Del(ctx, "close:1")
		c.HSet(ctx, "close:1", "name", "Ada", "note", "n")
		c.PExpireAt(ctx, "close:1", farAhead(7))
	}, func(ctx context.Context, c *redis.Client) {
		c.HSet(ctx, "close:1", "name", "Ada", "note", "n", "color", "red")
	}, "c",
		`hash color="red" name="Ada" note="n"`+at)},
	{"a session is written again with a field of no version", between(sessions(), "session:1", seedSession,
		hset("user_id", "1", "name", "Ada", "created_ms", "5000", "note", "n", "foreign", "x"), "c",
		`hash created_ms="5000" foreign="x" name="Ada" note="n" user_id="1"`+at)},
}

func TestReplacedUnits(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		st := open(t, s)
		for _, g := range replaced {
			t.Run(g.name, func(t *testing.T) {
				if err := g.check(s, st); err != nil {
					t.Error(err)
				}
			})
		}
	})
}
