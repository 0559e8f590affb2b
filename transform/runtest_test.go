package transform

import (
	"errors"
	"strings"
	"testing"

	"keyshift.dev/state"
)

func shopTest() state.Test {
	fields := func(pairs ...any) state.Value {
		v := state.Value{Kind: state.Struct}
		for i := 0; i < len(pairs); i += 2 {
			v.Fields = append(v.Fields, state.FieldValue{Name: pairs[i].(string), Value: pairs[i+1].(state.Value)})
		}
		return v
	}
	return state.Test{To: "2.0.0",
		Old: fields("created_ms", integer("1700000000123"), "name", text("Ada"), "user_id", integer("1")),
		New: fields("created", integer("1700000000"), "full_name", text("Ada"), "plan", text("free"), "user_id", integer("1")),
	}
}

func TestRunTest(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*state.Keyspace, *state.Test)
		want   string // empty: passes
	}{
		{"passes though lossy", func(*state.Keyspace, *state.Test) {}, ""},
		{"a wrong new value", func(_ *state.Keyspace, x *state.Test) { x.New.Fields[0].Value.Text = "1700000001" },
			"1.0.0 to 2.0.0 of old is not new\n  created: want 1700000001, got 1700000000"},
		{"a wrong default", func(_ *state.Keyspace, x *state.Test) { x.New.Fields[2].Value.Text = "pro" },
			"1.0.0 to 2.0.0 of old is not new\n  plan: want pro, got free"},
		{"new does not fit", func(_ *state.Keyspace, x *state.Test) { x.New.Fields[2].Value.Text = "gold" },
			"new is not a unit of 2.0.0\n  plan is not \"free\" | \"pro\""},
		{"old lacks a field", func(_ *state.Keyspace, x *state.Test) { x.Old.Fields = x.Old.Fields[1:] },
			"old is not a unit of 1.0.0\n  lacks created_ms"},
		{"the way back is wrong", func(k *state.Keyspace, _ *state.Test) {
			k.Migrations[0].Down.Body.Fields[1].Value = lit(text("Eve"))
		}, "2.0.0 to 1.0.0 of new is not old\n  name: want Ada, got Eve"},
		{"the way back of a lossy field is wrong", func(k *state.Keyspace, _ *state.Test) {
			k.Migrations[0].Down.Body.Fields[0].Value = at("created")
		}, "1.0.0 to 2.0.0 of what new goes back to is not new\n  created: want 1700000000, got 1700000"},
		{"no migration", func(_ *state.Keyspace, x *state.Test) { x.To = "9.0.0" }, "no migration leads to 9.0.0"},
	} {
		for _, redis := range []state.Redis{state.Hash, state.String} {
			k, x := shop(redis), shopTest()
			c.change(&k, &x)
			err := RunTest(k, x)
			var d *Difference
			if (err == nil) != (c.want == "") || err != nil && (!errors.As(err, &d) || !strings.HasPrefix(strings.ReplaceAll(err.Error(), `"`, ""), strings.ReplaceAll(c.want, `"`, ""))) {
				t.Errorf("%s, %s: got %v, want %s", c.name, redis, err, c.want)
			}
		}
	}
}
