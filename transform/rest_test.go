package transform

import (
	"slices"
	"testing"

	"keyshift.dev/state"
)

// A field that no version declares decides whether a unit fits where the others have a type: its value is compared, or a
// write between read and write makes a unit of no version and is rewritten all the same.
func TestTypedUndeclaredFieldsAreCompared(t *testing.T) {
	digits := state.Type{Alts: []state.Alt{{Kind: state.Str, Match: []string{"^[0-9]+$"}}}}
	text := state.Type{Alts: []state.Alt{{Kind: state.Str}}}
	for name, rest := range map[string]*state.Type{"digits": &digits, "any text": &text} {
		shape := func(v state.Version, fields ...state.Field) state.Shape {
			return state.Shape{Version: v, Keys: "k:<id>", Type: state.Hash, Value: state.Type{Alts: []state.Alt{{
				Kind: state.Struct, Open: true, Rest: rest, Fields: append(fields, state.Field{Name: "id", Type: digits}),
			}}}}
		}
		two := state.Value{Kind: state.Str, Text: "2"}
		constant := state.Type{Alts: []state.Alt{{Kind: state.Str, Const: &two}}}
		body := func(fields ...state.FieldExpr) state.Program {
			id := state.FieldExpr{Name: "id", Value: state.Expr{Op: state.OpPath, Path: []string{"id"}}}
			return state.Program{Open: true, Body: state.Expr{Op: state.OpStruct, Fields: append([]state.FieldExpr{id}, fields...)}}
		}
		p, err := Compile(state.Keyspace{Name: "k", Shapes: []state.Shape{
			shape("1.0.0", state.Field{Name: "v", Forbidden: true}), shape("2.0.0", state.Field{Name: "v", Type: constant}),
		}, Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0", Up: body(state.FieldExpr{Name: "v", Value: state.Expr{Op: state.OpLit, Lit: &two}}), Down: body()}}})
		if err != nil {
			t.Fatal(err)
		}
		before := Unit{Key: "k:1", Fields: []Field{{"hits", "5"}, {"id", "1"}}}
		after, err := p.Convert(before, "1.0.0", "2.0.0")
		if err != nil {
			t.Fatal(err)
		}
		compared := slices.Contains(Diff(before, after, p.Reads("1.0.0", "2.0.0"), new(Room)).Compare, Field{"hits", "5"})
		if want := name != "any text"; compared != want {
			t.Errorf("%s: the value of hits is compared: %t, want %t", name, compared, want)
		}
	}
}
