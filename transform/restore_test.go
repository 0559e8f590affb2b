package transform

import (
	"fmt"
	"testing"

	"keyshift.dev/state"
)

// restoring is a keyspace whose way there loses: milliseconds, and a dropped field.
func restoring(t *testing.T, redis state.Redis, encoding state.Encoding) *Programs {
	t.Helper()
	integer := state.Type{Alts: []state.Alt{{Kind: state.Int}}}
	str := state.Type{Alts: []state.Alt{{Kind: state.Str}}}
	object := func(fields ...state.Field) state.Type {
		return state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}
	}
	path := func(n string) state.Expr { return state.Expr{Op: state.OpPath, Path: []string{n}} }
	free := state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Str, Text: "free"}}
	thousand := state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Int, Text: "1000"}}
	calc := func(op state.Op, n string) state.Expr {
		return state.Expr{Op: op, Args: []state.Expr{path(n), thousand}}
	}
	body := func(fields ...state.FieldExpr) state.Program {
		return state.Program{Body: state.Expr{Op: state.OpStruct, Fields: fields}}
	}
	p, err := Compile(state.Keyspace{Name: "k", Shapes: []state.Shape{
		{Version: "1.0.0", Keys: "k:<id>", Type: redis, Encoding: encoding, Value: object(
			state.Field{Name: "legacy", Type: str, Optional: true}, state.Field{Name: "ms", Type: integer}, state.Field{Name: "name", Type: str})},
		{Version: "2.0.0", Keys: "k:<id>", Type: redis, Encoding: encoding, Value: object(
			state.Field{Name: "full", Type: str}, state.Field{Name: "plan", Type: str}, state.Field{Name: "s", Type: integer})},
	}, Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0", Drop: []string{"legacy"},
		Up:   body(state.FieldExpr{Name: "full", Value: path("name")}, state.FieldExpr{Name: "plan", Value: free}, state.FieldExpr{Name: "s", Value: calc(state.OpDiv, "ms")}),
		Down: body(state.FieldExpr{Name: "ms", Value: calc(state.OpMul, "s")}, state.FieldExpr{Name: "name", Value: path("full")})}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fieldsOf(pairs ...string) (out []Field) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

// What nobody wrote since is again what it was, to the byte; of the rest each part that is as it was left; and nothing
// that was written since gives way to something older.
func TestRestore(t *testing.T) {
	hashes, docs := restoring(t, state.Hash, ""), restoring(t, state.String, state.JSON)
	hash := func(pairs ...string) Unit { return Unit{Key: "k:1", Fields: fieldsOf(pairs...)} }
	doc := func(text string) Unit { return Unit{Key: "k:1", Text: text} }
	before := hash("legacy", "x", "ms", "5123", "name", "Ada")
	after := hash("full", "Ada", "plan", "free", "s", "5")
	text, made := doc(`{"legacy":"x", "ms":5123, "name":"Ada"}`), doc(`{"s":5, "plan":"free", "full":"Ada"}`)
	for _, c := range []struct {
		name          string
		p             *Programs
		before, after Unit
		now, want     Unit
		outcome       Restoration
	}{
		{"untouched", hashes, before, after, after, before, Restored},
		{"a renamed field was written", hashes, before, after, hash("full", "Bob", "plan", "free", "s", "5"), hash("ms", "5123", "name", "Bob"), Merged},
		{"a converted field was written", hashes, before, after, hash("full", "Ada", "plan", "free", "s", "6"), hash("ms", "6000", "name", "Ada"), Merged},
		{"all of it was written", hashes, before, after, hash("full", "Bob", "plan", "pro", "s", "7"), hash("ms", "7000", "name", "Bob"), Merged},
		{"it is back already", hashes, before, after, hash("ms", "1", "name", "Eve"), Unit{}, Already},
		{"it fits no version", hashes, before, after, hash("full", "Ada", "plan", "free", "s", "x"), Unit{}, Conflict},
		{"JSON: untouched", docs, text, made, made, text, Restored},
		{"JSON: a renamed member was written", docs, text, made, doc(`{"plan":"free", "s":5,"full":"Bob"}`), doc(`{"ms":5123,"name":"Bob"}`), Merged},
		{"JSON: a converted member was written", docs, text, made, doc(`{"plan":"pro", "full":"Ada", "s":9}`), doc(`{"name":"Ada", "ms":9000}`), Merged},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, outcome, reason := c.p.Restore(Written{"1.0.0", "2.0.0", c.before, c.after}, c.now, "1.0.0")
			if outcome != c.outcome {
				t.Fatalf("%s (%s), want %s", outcome, reason, c.outcome)
			}
			if (outcome == Restored || outcome == Merged) && fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

// The way there fills what the way back dropped. A unit that was written in between is another life of its name: it gets
// the default, and not what its name had before.
func TestRestoreFillsNothingFromAnotherLife(t *testing.T) {
	p := restoring(t, state.Hash, "")
	unit := func(pairs ...string) Unit { return Unit{Key: "k:1", Fields: fieldsOf(pairs...)} }
	back := Written{"2.0.0", "1.0.0", unit("full", "Ada", "plan", "pro", "s", "5"), unit("ms", "5000", "name", "Ada")}
	got, outcome, _ := p.Restore(back, unit("ms", "5000", "name", "Bob"), "2.0.0")
	if want := unit("full", "Bob", "plan", "free", "s", "5"); outcome != Merged || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", outcome, got, want)
	}
	if got, outcome, _ = p.Restore(back, back.After, "2.0.0"); outcome != Restored || fmt.Sprint(got) != fmt.Sprint(back.Before) {
		t.Errorf("%s: %v, want %v", outcome, got, back.Before)
	}
}
