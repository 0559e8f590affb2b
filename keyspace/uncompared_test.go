package keyspace

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// Fields that are only carried were not compared at all: a write to one of them between our read and our write could
// empty the hash under our deletion (the key and its TTL were gone), or make it a unit of no version that was converted
// all the same. Now their names are compared, their number too, and their values where a value can be invalid.

// shrinking drops its only required field; what remains is optional, and carried and declared alike.
func shrinking() state.Keyspace {
	note := field("note", text)
	note.Optional = true
	carried := carry("note")
	carried.Optional = true
	return state.Keyspace{
		Name: "shrink", Store: "main", Version: "2.0.0",
		Policy: state.Policy{Throttle: state.ThrottleFast},
		Shapes: []state.Shape{
			{Version: "1.0.0", Keys: "shrink:<id>", Type: state.Hash, Value: object(field("a", integer), note)},
			{Version: "2.0.0", Keys: "shrink:<id>", Type: state.Hash, Value: object(note)},
		},
		Migrations: []state.Migration{{
			From: "1.0.0", To: "2.0.0", Drop: []string{"a"},
			Up: program(carried), Down: program(carried, set("a", number(0))),
		}},
	}
}

func hdel(key string, fields ...string) func(context.Context, *redis.Client) {
	return func(ctx context.Context, c *redis.Client) { c.HDel(ctx, key, fields...) }
}

func seedShrinking(ctx context.Context, c *redis.Client) {
	c.Del(ctx, "shrink:1")
	c.HSet(ctx, "shrink:1", "a", 5, "note", "n")
	c.PExpireAt(ctx, "shrink:1", farAhead(7))
}

// uncompared are the guards of the fields that a conversion does not touch.
var uncompared = []guard{
	{"a hash whose carried field is gone is not emptied", between(shrinking(), "shrink:1", seedShrinking, hdel("shrink:1", "note"), "c",
		`hash a="5"`+at)},
	{"a field that no version declares appeared", between(sessions(), "session:1", seedSession, hset("foreign", "x"), "c",
		`hash created_ms="5000" foreign="x" name="Ada" note="n" user_id="1"`+at)},
	{"a carried field became invalid", between(sessions(), "session:1", seedSession, hset("user_id", "none"), "c",
		`hash created_ms="5000" name="Ada" note="n" user_id="none"`+at)},
	{"a carried, required field is gone", between(sessions(), "session:1", seedSession, hdel("session:1", "note"), "c",
		`hash created_ms="5000" name="Ada" user_id="1"`+at)},
	{"a foreign field replaced a carried one", between(sessions(), "session:1", seedSession, func(ctx context.Context, c *redis.Client) {
		c.HDel(ctx, "session:1", "note")
		c.HSet(ctx, "session:1", "foreign", "x")
	}, "c", `hash created_ms="5000" foreign="x" name="Ada" user_id="1"`+at)},
}

// TestUncomparedFields sends a unit that fits no version at the moment of the write.
func TestUncomparedFields(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		st := open(t, s)
		for _, g := range uncompared {
			t.Run(g.name, func(t *testing.T) {
				if err := g.check(s, st); err != nil {
					t.Error(err)
				}
			})
		}
	})
}
