package transform_test

import (
	"maps"
	"testing"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// A field that moves takes along what belongs to it; one that is computed, or made of one of two fields, does not.
func TestRenames(t *testing.T) {
	str := state.Type{Alts: []state.Alt{{Kind: state.Str}}}
	fields := func(names ...string) state.Type {
		alt := state.Alt{Kind: state.Struct}
		for _, n := range names {
			alt.Fields = append(alt.Fields, state.Field{Name: n, Type: str})
		}
		return state.Type{Alts: []state.Alt{alt}}
	}
	path := func(n string) state.Expr { return state.Expr{Op: state.OpPath, Path: []string{n}} }
	body := func(fields ...state.FieldExpr) state.Program {
		return state.Program{Body: state.Expr{Op: state.OpStruct, Fields: fields}}
	}
	k := state.Keyspace{Name: "k", Shapes: []state.Shape{
		{Version: "1.0.0", Keys: "k:<id>", Type: state.Hash, Value: fields("name", "note")},
		{Version: "2.0.0", Keys: "k:<id>", Type: state.Hash, Value: fields("full", "note", "copy")},
		{Version: "3.0.0", Keys: "k:<id>", Type: state.Hash, Value: fields("whole", "text", "copy")},
	}, Migrations: []state.Migration{
		{From: "1.0.0", To: "2.0.0",
			Up:   body(state.FieldExpr{Name: "copy", Value: path("name")}, state.FieldExpr{Name: "full", Value: path("name")}, state.FieldExpr{Name: "note", Value: path("note")}),
			Down: body(state.FieldExpr{Name: "name", Value: path("full")}, state.FieldExpr{Name: "note", Value: path("note")})},
		{From: "2.0.0", To: "3.0.0",
			Up:   body(state.FieldExpr{Name: "copy", Value: path("copy")}, state.FieldExpr{Name: "text", Value: path("note")}, state.FieldExpr{Name: "whole", Value: path("full")}),
			Down: body(state.FieldExpr{Name: "copy", Value: path("copy")}, state.FieldExpr{Name: "full", Value: path("whole")}, state.FieldExpr{Name: "note", Value: path("text")})},
	}}
	p, err := transform.Compile(k)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to state.Version
		want     map[string]string
	}{
		{"1.0.0", "2.0.0", map[string]string{"full": "name", "copy": "name"}},
		{"2.0.0", "1.0.0", map[string]string{"name": "full"}},
		{"1.0.0", "3.0.0", map[string]string{"whole": "name", "copy": "name", "text": "note"}},
		{"3.0.0", "1.0.0", map[string]string{"name": "whole", "note": "text"}},
	} {
		if got := p.Renames(c.from, c.to); !maps.Equal(got, c.want) {
			t.Errorf("%s to %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
