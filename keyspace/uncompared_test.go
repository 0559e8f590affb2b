package keyspace

import (
	"context"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// Fields that are only carried were not compared at all: a write to one of them between our read and our write could
// empty the hash under our deletion (the key and its TTL were gone), or make it a unit of no version that was converted
// all the same. Now their number is compared, and their values where a value can be invalid. What is left is a field of no
// version that comes in the same moment in which a carried one goes: what is written then takes nothing from anybody.

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

// marked adds a constant to a text: no value of the source decides anything.
func marked() state.Keyspace {
	two := field("v", state.Type{Alts: []state.Alt{{Kind: state.Str, Const: &state.Value{Kind: state.Str, Text: "2"}}}})
	return state.Keyspace{
		Name: "mark", Store: "main", Version: "2.0.0",
		Policy: state.Policy{Throttle: state.ThrottleFast},
		Shapes: []state.Shape{
			{Version: "1.0.0", Keys: "mark:<id>", Type: state.Hash, Value: object(field("note", text), field("title", text))},
			{Version: "2.0.0", Keys: "mark:<id>", Type: state.Hash, Value: object(field("note", text), field("title", text), two)},
		},
		Migrations: []state.Migration{{
			From: "1.0.0", To: "2.0.0",
			Up:   program(carry("note"), carry("title"), set("v", state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Str, Text: "2"}})),
			Down: program(carry("note"), carry("title")),
		}},
	}
}

func seedMarked(ctx context.Context, c *redis.Client) {
	c.Del(ctx, "mark:1")
	c.HSet(ctx, "mark:1", "note", "n", "title", "t")
	c.PExpireAt(ctx, "mark:1", farAhead(7))
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
	{"a hash of which no value is compared is gone", between(marked(), "mark:1", seedMarked, func(ctx context.Context, c *redis.Client) {
		c.Del(ctx, "mark:1")
	}, "g", "none expires 0")},
	{"a foreign field replaced a carried one", between(sessions(), "session:1", seedSession, func(ctx context.Context, c *redis.Client) {
		c.HDel(ctx, "session:1", "note")
		c.HSet(ctx, "session:1", "foreign", "x")
	}, "d", `hash created="5" foreign="x" full_name="Ada" plan="free" user_id="1"`+at)},
}

// swapped are changes between read and write that leave the number of fields as it was.
var swapped = []guard{
	{"a field that is to be written came, and a carried one went", between(sessions(), "session:1", seedSession, func(ctx context.Context, c *redis.Client) {
		c.HDel(ctx, "session:1", "note")
		c.HSet(ctx, "session:1", "full_name", "Eve")
	}, "c", `hash created_ms="5000" full_name="Eve" name="Ada" user_id="1"`+at)},
	{"a field that is read went, and another came", between(sessions(), "session:1", seedNameless, func(ctx context.Context, c *redis.Client) {
		c.HDel(ctx, "session:1", "name")
		c.HSet(ctx, "session:1", "foreign", "x")
	}, "c", `hash created_ms="5000" foreign="x" note="n" user_id="1"`+at)},
}

// seedNameless makes a session whose name is empty: joined with others it looks like none.
func seedNameless(ctx context.Context, c *redis.Client) {
	seedSession(ctx, c)
	c.HSet(ctx, "session:1", "name", "")
}

// TestUncomparedFields sends a unit that fits no version at the moment of the write.
func TestUncomparedFields(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		st := open(t, s)
		for _, g := range slices.Concat(uncompared, swapped) {
			t.Run(g.name, func(t *testing.T) {
				if err := g.check(s, st); err != nil {
					t.Error(err)
				}
			})
		}
	})
}
