package transform

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyshift.dev/state"
)

func TestCompileErrors(t *testing.T) {
	for want, change := range map[string]func(*state.Keyspace){
		`operator "pow" is not known`:   func(k *state.Keyspace) { k.Migrations[0].Up.Body.Fields[0].Value.Op = "pow" },
		`operator "div" has 1 operands`: func(k *state.Keyspace) { k.Migrations[0].Up.Body.Fields[0].Value.Args = []state.Expr{at("name")} },
		"a version is not declared":     func(k *state.Keyspace) { k.Migrations[0].From = "0.9.0" },
		`has no segment "tenant"`: func(k *state.Keyspace) {
			k.Migrations[0].Up.Body.Fields[0].Value = state.Expr{Op: state.OpKey, Path: []string{"tenant"}}
		},
		"does not make a struct":            func(k *state.Keyspace) { k.Migrations[0].Up.Body = lit(text("x")) },
		"several keys would merge into one": func(k *state.Keyspace) { k.Shapes[0].Keys = "other:<id>:<part>" },
		"a key would split into several":    func(k *state.Keyspace) { k.Shapes[1].Keys = "other:<id>:<part>" },
		"a map cannot become a hash":        func(k *state.Keyspace) { k.Shapes[0].Type = state.Map },
		"the key pattern of a map cannot change": func(k *state.Keyspace) {
			k.Shapes[0].Type, k.Shapes[1].Type, k.Shapes[0].Keys = state.Map, state.Map, "other:<id>"
		},
		"no clause binds x": func(k *state.Keyspace) {
			k.Migrations[0].Up.Body.Fields[0].Value = state.Expr{Op: state.OpVar, Name: "x"}
		},
		`type "tree" is not known`: func(k *state.Keyspace) { k.Shapes[0].Type = "tree" },
		"fewer than 2 characters":  func(k *state.Keyspace) { k.Shapes[0].Keys = "<id>" },
		"regular expression":       func(k *state.Keyspace) { k.Shapes[0].Value.Alts[0].Fields[1].Type.Alts[0].Match = []string{"("} },
	} {
		k := shop(state.Hash)
		change(&k)
		if _, err := Compile(k); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestPaths(t *testing.T) {
	k := state.Keyspace{Name: "k"}
	for _, v := range []state.Version{"1.0.0", "2.0.0", "10.0.0", "1.1.0", "4.0.0"} {
		constant := text(string(v))
		k.Shapes = append(k.Shapes, object(v, state.Hash, state.Field{Name: "v", Type: state.Type{Alts: []state.Alt{{Kind: state.Str, Const: &constant}}}}))
	}
	become := func(v state.Version, losses ...state.Loss) state.Program {
		return state.Program{Body: structOf(set("v", lit(text(string(v))))), Losses: losses}
	}
	for _, m := range [][2]state.Version{{"1.0.0", "1.1.0"}, {"1.0.0", "2.0.0"}, {"2.0.0", "10.0.0"}} {
		k.Migrations = append(k.Migrations, state.Migration{From: m[0], To: m[1], Up: become(m[1]), Down: become(m[0], state.Loss{Field: "v", Reason: string(m[1])})})
	}
	p := compiled(t, k)
	hops, ok := p.Path("1.1.0", "10.0.0")
	want := []Hop{{"1.1.0", "1.0.0", true}, {"1.0.0", "2.0.0", false}, {"2.0.0", "10.0.0", false}}
	if !ok || !slices.Equal(hops, want) {
		t.Errorf("path %v", hops)
	}
	if exact, losses := p.Exact("10.0.0", "1.0.0"); exact || len(losses) != 2 || losses[0].Reason != "10.0.0" {
		t.Errorf("losses %v", losses)
	}
	if _, ok := p.Path("1.0.0", "4.0.0"); ok {
		t.Error("a way to an island")
	}
	if _, err := p.Convert(hash("v", "1.0.0"), "1.0.0", "4.0.0"); !errors.Is(err, ErrNoPath) {
		t.Error(err)
	}
	if after, err := p.Convert(hash("v", "1.1.0"), "1.1.0", "10.0.0"); err != nil || !reflect.DeepEqual(after, hash("v", "10.0.0")) {
		t.Error(after, err)
	}
	if from, ok := p.Source("1.1.0|2.0.0", "10.0.0"); !ok || from != "2.0.0" {
		t.Errorf("starts from %s", from)
	}
}

func TestReads(t *testing.T) {
	p := compiled(t, session8(state.Hash))
	want := []string{"created", "created_ms", "full_name", "legacy", "name", "plan", "user_id", "visits"}
	if got := p.Reads("1.0.0", "2.0.0"); !slices.Equal(got, want) {
		t.Errorf("reads %q, want %q: not what is only carried and always valid", got, want)
	}
}

// Fields made several times, conditions, defaults and optional paths.
func TestFieldRules(t *testing.T) {
	free := text("free")
	is := func(name, value string) state.Expr { return call(state.OpEq, at(name), lit(text(value))) }
	for _, c := range []struct {
		name   string
		fields []state.FieldExpr
		in     Unit
		want   string
	}{
		{"a condition chooses", []state.FieldExpr{
			{Name: "z", If: []state.Expr{is("a", "x")}, Value: lit(text("is x"))},
			{Name: "z", If: []state.Expr{call(state.OpNot, is("a", "x"))}, Value: lit(text("is not"))},
		}, hash("a", "x"), "z=is x"},
		{"equal values agree", []state.FieldExpr{set("z", at("a")), set("z", lit(text("x")))}, hash("a", "x"), "z=x"},
		{"different values conflict", []state.FieldExpr{set("z", at("a")), set("z", lit(text("y")))}, hash("a", "x"), "conflicting values"},
		{"a default fills", []state.FieldExpr{{Name: "z", If: []state.Expr{is("a", "y")}, Value: at("a"), Default: &free}}, hash("a", "x"), "z=free"},
		{"optional", []state.FieldExpr{{Name: "b", Value: at("b"), Optional: true}, set("z", at("a"))}, hash("a", "x"), "z=x"},
		{"missing", []state.FieldExpr{set("z", at("b"))}, hash("a", "x"), "field z: b is missing"},
		{"nothing made", []state.FieldExpr{{Name: "b", Value: at("b"), Optional: true}}, hash("a", "x"), "empty hash"},
		{"does not fit", []state.FieldExpr{set("n", at("a"))}, hash("a", "x"), "does not fit the version it is converted to 2.0.0: n is not int"},
		{"a condition that fails", []state.FieldExpr{{Name: "z", If: []state.Expr{is("b", "x")}, Value: at("a")}}, hash("a", "x"), "b is missing"},
	} {
		k := state.Keyspace{Name: "k", Shapes: []state.Shape{
			object("1.0.0", state.Hash, req("a", state.Str), opt("b", state.Str)),
			object("2.0.0", state.Hash, opt("z", state.Str), opt("b", state.Str), opt("n", state.Int)),
		}, Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0", Up: state.Program{Body: structOf(c.fields...)}, Down: state.Program{Body: at()}}}}
		after, err := compiled(t, k).Convert(c.in, "1.0.0", "2.0.0")
		got := fmt.Sprint(err)
		if err == nil {
			got = ""
			for _, f := range after.Fields {
				got += f.Name + "=" + f.Value
			}
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// No reason and no error holds what a store holds.
func TestMessagesHoldNoValues(t *testing.T) {
	for _, u := range []Unit{
		hash("user_id", "SECRET", "name", "SECRET", "created_ms", "SECRET"),
		hash("user_id", "1", "name", "SECRET", "created_ms", "1", "SECRET", "SECRET"),
		{Key: "session:1", Text: `{"user_id": "SECRET"`},
		{Key: "session:1", Text: `{"user_id": "SECRET", "SECRET": 1, "name": {"SECRET": 1}}`},
		{Key: "session:1", Text: `SECRET`},
		{Key: "session:1", Text: `{"user_id": "SECRET", "SECRET": 1, "SECRET": 1}`},
	} {
		for _, redis := range []state.Redis{state.Hash, state.String} {
			p := compiled(t, shop(redis))
			class, reason := p.Classify(u)
			_, err := p.Convert(u, "1.0.0", "2.0.0")
			if class != state.Unfit || reason == "" || err == nil || strings.Contains(reason+err.Error(), "SECRET") {
				t.Errorf("class %s, reason %q, error %v", class, reason, err)
			}
		}
	}
}

// Depth is bounded, and so are the numbers that are computed with.
func TestBounds(t *testing.T) {
	p := compiled(t, shop(state.String))
	if _, reason := p.Classify(Unit{Text: strings.Repeat("[", 100_000)}); !strings.Contains(reason, "nested deeper") {
		t.Error(reason)
	}
	for _, number := range []string{"1e999999", strings.Repeat("9", 10_000)} {
		u := Unit{Text: `{"user_id":` + number + `,"name":"Ada","created_ms":` + number + `}`}
		if _, err := p.Convert(u, "1.0.0", "2.0.0"); err == nil || !strings.Contains(err.Error(), "more than 4096 digits") {
			t.Errorf("%.80v", err)
		}
	}
}
