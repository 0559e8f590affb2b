package transform_test

import (
	"testing"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// What fails only because a limit of ours is stricter than CUE's does not take the alternative that CUE would not take.
func TestLimitIsNoAlternative(t *testing.T) {
	number := func(text string) state.Expr {
		return state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Int, Text: text}}
	}
	square := state.Expr{Op: state.OpMul, Args: []state.Expr{{Op: state.OpPath}, {Op: state.OpPath}}}
	shape := func(v state.Version, keys string) state.Shape {
		return state.Shape{Version: v, Keys: keys, Type: state.String, Encoding: state.JSON, Value: state.Type{Alts: []state.Alt{{Kind: state.Int}}}}
	}
	k := state.Keyspace{Name: "k", Shapes: []state.Shape{shape("1.0.0", "a:<id>"), shape("2.0.0", "b:<id>")}, Migrations: []state.Migration{{
		From: "1.0.0", To: "2.0.0",
		Up:   state.Program{Body: state.Expr{Op: state.OpElse, Args: []state.Expr{square, number("7")}}},
		Down: state.Program{Body: state.Expr{Op: state.OpPath}},
	}}}
	programs, err := transform.Compile(k)
	if err != nil {
		t.Fatal(err)
	}
	got, err := programs.Convert(transform.Unit{Key: "a:1", Text: "12"}, "1.0.0", "2.0.0")
	if err != nil || got.Text != "144" {
		t.Fatalf("12 became %q: %v", got.Text, err)
	}
	if got, err := programs.Convert(transform.Unit{Key: "a:1", Text: "123456789012345678901234567890"}, "1.0.0", "2.0.0"); err == nil {
		t.Fatalf("a product of 60 digits became %q", got.Text)
	}
}
