package keyspace

import (
	"context"
	"fmt"
	"testing"

	"keyshift.dev/state"
)

// laneSessions renames a field and adds a constant: proved exact, so that it runs beside the data.
func laneSessions() state.Keyspace {
	k := sessions()
	v := field("v", one(constant("2")))
	k.Shapes[0].Value = object(field("user_id", integer), field("name", text), field("note", text))
	k.Shapes[1].Value = object(field("user_id", integer), field("full_name", text), field("note", text), v)
	two := state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Str, Text: "2"}}
	k.Migrations[0] = state.Migration{
		From: "1.0.0", To: "2.0.0",
		Up:   program(carry("user_id"), carry("note"), set("full_name", path("name")), set("v", two)),
		Down: program(carry("user_id"), carry("note"), set("name", path("full_name"))),
	}
	return k
}

// A rewrite that may run beside the data comes to the same as one that reads every unit: units that the server cannot
// judge are decided here, what fits no version stays, and so do times to live.
func TestLanePassComesToTheSame(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		k := laneSessions()
		st := open(t, s)
		var ends []map[string]string
		for _, compare := range []bool{true, false} {
			ctx := context.Background()
			s.client.FlushAll(ctx)
			pipe := s.client.Pipeline()
			for i := range 3000 {
				key := fmt.Sprint("session:", i)
				switch i % 7 {
				case 0:
					pipe.HSet(ctx, key, "user_id", i, "full_name", "Bob", "note", "n", "v", "2")
				case 1:
					pipe.HSet(ctx, key, "user_id", "x", "name", "Ada", "note", "n") // fits no version
				case 2:
					pipe.HSet(ctx, key, "user_id", fmt.Sprint("9007199254740993", i), "name", "Ada", "note", "né\xff")
				default:
					pipe.HSet(ctx, key, "user_id", i, "name", "Ada", "note", "n")
				}
				if i%3 == 0 {
					pipe.PExpireAt(ctx, key, farAhead(i))
				}
			}
			pipe.Set(ctx, "session:text", "of another type", 0)
			if _, err := pipe.Exec(ctx); err != nil {
				t.Fatal(err)
			}
			l := acquire(t, st, k.Name)
			j := job(k)
			j.Compare = compare
			o, err := st.Rewrite(ctx, l, j, nil)
			if err != nil || !o.Clean("2.0.0") {
				t.Fatalf("%+v, %v", o, err)
			}
			if compare != (o.Beside == 0) {
				t.Errorf("compare %v: %d units were converted beside the data", compare, o.Beside)
			}
			if err := l.Release(ctx); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, everything(t, s.client))
		}
		compareMaps(t, ends[0], ends[1])
	})
}
