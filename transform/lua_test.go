package transform

import (
	"flag"
	"os"
	"strings"
	"testing"

	"keyshift.dev/state"
)

var updateLua = flag.Bool("update-lua", false, "write testdata/lane.lua anew")

// exactShop is two versions with a renamed field, a converted one, one that is carried, and a constant.
func exactShop() state.Keyspace {
	one, two := text("one"), text("two")
	of := func(v *state.Value) state.Type { return state.Type{Alts: []state.Alt{{Kind: state.Str, Const: v}}} }
	return pair(
		object("1.0.0", state.Hash, req("name", state.Str), req("ms", state.Int), req("note", state.Str), state.Field{Name: "v", Type: of(&one)}),
		object("2.0.0", state.Hash, req("full_name", state.Str), req("us", state.Int), req("note", state.Str), state.Field{Name: "v", Type: of(&two)}),
		structOf(set("full_name", at("name")), carried("note"), set("us", call(state.OpMul, at("ms"), lit(integer("1000")))), set("v", lit(two))),
		structOf(set("ms", call(state.OpDiv, at("us"), lit(integer("1000")))), set("name", at("full_name")), carried("note"), set("v", lit(one))),
	)
}

// What runs beside the data can be read: testdata/lane.lua has it, there and back.
func TestLuaText(t *testing.T) {
	p, err := Compile(exactShop())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, way := range [][2]state.Version{{"1.0.0", "2.0.0"}, {"2.0.0", "1.0.0"}} {
		for _, o := range []LaneOptions{{}, {Guard: GuardTouched}, {Guard: GuardTouched, FieldTTL: true}} {
			lane, reason := p.Lua(way[0], way[1], o)
			if reason != "" {
				t.Fatal(reason)
			}
			b.WriteString("-- " + string(way[0]) + " to " + string(way[1]) + "\n" + strings.TrimPrefix(lane.Text, "local most = 65536\n"+luaHelpers) + "\n")
		}
	}
	const file = "testdata/lane.lua"
	if *updateLua {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the Lua changed; see what go test ./transform -run LuaText -update-lua makes of it:\n%s", b.String())
	}
}

func TestNoLua(t *testing.T) {
	for _, c := range []struct {
		want string
		with func(k *state.Keyspace)
	}{
		{"the migration is not proved exact", func(k *state.Keyspace) {
			k.Migrations[0].Up.Losses = []state.Loss{{Field: "ms", Reason: "dropped"}}
		}},
		{"version 2.0.0 has a rule for the time to live", func(k *state.Keyspace) { k.Shapes[1].TTL = &state.TTL{Max: 1000} }},
		{"version 1.0.0 is not a hash of text fields", func(k *state.Keyspace) {
			k.Shapes[0].Encodings = []state.FieldEncoding{{Field: "note", Encoding: state.JSON}}
		}},
		{`1.0.0 to 2.0.0: field us: the operator "/"`, func(k *state.Keyspace) { k.Migrations[0].Up.Body.Fields[2].Value.Op = state.OpQuotient }},
		{"nothing tells version 1.0.0 surely from 2.0.0", func(k *state.Keyspace) {
			k.Shapes[1] = k.Shapes[0]
			k.Shapes[1].Version = "2.0.0"
			k.Migrations[0].Up.Body = structOf(carried("ms"), carried("name"), set("note", at("name")), carried("v"))
			k.Migrations[0].Down.Body = structOf(carried("ms"), carried("name"), carried("note"), carried("v"))
		}},
	} {
		k := exactShop()
		c.with(&k)
		p, err := Compile(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, reason := p.Lua("1.0.0", "2.0.0", LaneOptions{}); reason != c.want {
			t.Errorf("%q, want %q", reason, c.want)
		}
	}
}
