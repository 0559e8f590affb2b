package state_test

import (
	"testing"

	"keyshift.dev/state"
)

// carried is a program that carries the named fields as they are.
func carried(open bool, names ...string) state.Program {
	p := state.Program{Open: open, Body: state.Expr{Op: state.OpStruct}}
	for _, n := range names {
		p.Body.Fields = append(p.Body.Fields, state.FieldExpr{Name: n, Value: state.Expr{Op: state.OpPath, Path: []string{n}}, Optional: true})
	}
	return p
}

// Versions that overlap are told apart only if the migration changes nothing on what fits both.
func TestToldApartByAMigrationThatChangesNothing(t *testing.T) {
	integer := kind(state.Int)
	plain := object(state.Hash, false, field("a", integer))
	more := object(state.Hash, false, field("a", integer), optional(field("b", integer)))
	open := object(state.Hash, true, field("a", integer))
	openMore := object(state.Hash, true, field("a", integer), optional(field("b", integer)))
	moved := func(s state.Shape, keys string) state.Shape { s.Keys = keys; return s }
	encoded := more
	encoded.Encodings = []state.FieldEncoding{{Field: "a", Encoding: state.JSON}}
	keyed := carried(false, "a", "b")
	keyed.Body.Fields[0].Key = &state.Expr{Op: state.OpLit}
	for _, c := range []struct {
		name     string
		old, new state.Shape
		up, down state.Program
		apart    bool
	}{
		{"a new optional field", plain, more, carried(false, "a"), carried(false, "a"), true},
		{"an optional field that is carried", more, more, carried(false, "a", "b"), carried(false, "a", "b"), true},
		{"an optional field that is dropped", more, more, carried(false, "a"), carried(false, "a", "b"), false},
		{"open shapes", open, open, carried(true, "a"), carried(true, "a"), true},
		{"an open shape that loses the rest", open, open, carried(false, "a"), carried(true, "a"), false},
		{"a field that an open shape may have", open, more, carried(false, "a"), carried(true, "a", "b"), false},
		{"a field of an open shape that comes with the rest", open, openMore, carried(true, "a"), carried(true, "a", "b"), true},
		{"another encoding of the same bytes", more, encoded, carried(false, "a", "b"), carried(false, "a", "b"), false},
		{"a dynamic name", more, more, keyed, carried(false, "a", "b"), false},
		{"a typed segment", more, moved(more, "k:<id int>"), carried(false, "a", "b"), carried(false, "a", "b"), true},
		{"segments that change places", moved(more, "k:<a>:<b>"), moved(more, "k:<b>:<a>"), carried(false, "a", "b"), carried(false, "a", "b"), false},
		{"the whole unit", plain, plain, state.Program{Body: state.Expr{Op: state.OpPath}}, state.Program{Body: state.Expr{Op: state.OpPath}}, true},
	} {
		c.old.Version, c.new.Version = "1.0.0", "2.0.0"
		k := state.Keyspace{Shapes: []state.Shape{c.old, c.new}, Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0", Up: c.up, Down: c.down}}}
		overlap, apart := state.ToldApart(k, "2.0.0", "1.0.0")
		if apart != c.apart || apart == (overlap != "") {
			t.Errorf("%s: %q, %v", c.name, overlap, apart)
		}
	}
}

func TestReleasesAlike(t *testing.T) {
	image := []state.Image{{Container: "app", Image: "a:1"}}
	mode := func(value string) []state.Env { return []state.Env{{Container: "app", Name: "MODE", Value: value}} }
	for _, c := range []struct {
		name string
		a, b state.Release
		want bool
	}{
		{"equal images", state.Release{Images: image}, state.Release{Images: image}, true},
		{"another value", state.Release{Images: image, Env: mode("a")}, state.Release{Images: image, Env: mode("b")}, false},
		{"the same value", state.Release{Images: image, Env: mode("a")}, state.Release{Images: image, Env: mode("a")}, true},
		{"a variable that one does not name", state.Release{Images: image}, state.Release{Images: image, Env: mode("b")}, true},
		{"no images", state.Release{}, state.Release{}, false},
	} {
		if c.a.Alike(c.b) != c.want || c.b.Alike(c.a) != c.want {
			t.Errorf("%s: want %v", c.name, c.want)
		}
	}
}
