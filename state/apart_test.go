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

// What a version in between lacks is lost on the way, though no step changes what its own two versions share.
func TestToldApartAlongAChain(t *testing.T) {
	carried := func(names ...string) state.Program {
		p := state.Program{Body: state.Expr{Op: state.OpStruct}}
		for _, n := range names {
			p.Body.Fields = append(p.Body.Fields, state.FieldExpr{Name: n, Value: state.Expr{Op: state.OpPath, Path: []string{n}}})
		}
		return p
	}
	id, x := field("id", kind(state.Int)), field("x", kind(state.Str))
	x.Optional = true
	for _, between := range []struct {
		fields []state.Field
		apart  bool
	}{{[]state.Field{id}, false}, {[]state.Field{id, x}, true}} {
		names := []string{"id", "x"}[:len(between.fields)]
		k := state.Keyspace{Shapes: []state.Shape{
			object(state.Hash, false, id, x), object(state.Hash, false, between.fields...), object(state.Hash, false, id, x)}}
		for i, v := range []state.Version{"1.0.0", "2.0.0", "3.0.0"} {
			k.Shapes[i].Version = v
		}
		k.Migrations = []state.Migration{
			{From: "1.0.0", To: "2.0.0", Up: carried(names...), Down: carried(names...)},
			{From: "2.0.0", To: "3.0.0", Up: carried(names...), Down: carried(names...)},
		}
		if _, apart := state.ToldApart(k, "1.0.0", "3.0.0"); apart != between.apart {
			t.Errorf("with %v between them: %v", names, apart)
		}
	}
}

// What is not declared is more than any type takes.
func TestSubsumesOfTheUndeclared(t *testing.T) {
	x := field("x", kind(state.Str))
	x.Optional = true
	rest := object(state.Hash, true)
	rest.Value.Alts[0].Rest = &x.Type
	bytes := state.Value{Kind: state.Struct, Fields: []state.FieldValue{{Name: "x", Value: state.Value{Kind: state.Str, Text: "\xff"}}}}
	narrow := object(state.Hash, true)
	for _, wide := range []state.Shape{object(state.Hash, true, x), rest} {
		if !narrow.Fits(bytes) || wide.Fits(bytes) {
			t.Errorf("what is not UTF-8 fits %v, and %v", narrow.Fits(bytes), wide.Fits(bytes))
		}
		if state.Subsumes(wide, narrow) || !state.Subsumes(narrow, wide) || !state.Subsumes(wide, wide) {
			t.Errorf("%+v and the open shape", wide.Value)
		}
	}
}

// A field that nothing is declared of has to be read all the same, where its encoding may fail.
func TestSubsumesReadsWhatIsNotDeclared(t *testing.T) {
	wide, narrow := object(state.Hash, true), object(state.Hash, true)
	wide.Encodings = []state.FieldEncoding{{Field: "c", Encoding: state.JSON}}
	narrow.Value.Alts[0].Fields = []state.Field{field("c", kind(state.Str))}
	if state.Subsumes(wide, narrow) {
		t.Error("any text passes for JSON")
	}
}
