package transform

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/state"
)

// mixing compiles a keyspace of hashes of two versions, "k:<id>".
func mixing(t testing.TB, older, newer []state.Field, up, down state.Expr) *Programs {
	t.Helper()
	shape := func(v state.Version, fields []state.Field) state.Shape {
		s := object(v, state.Hash, fields...)
		s.Keys = "k:<id>"
		return s
	}
	p, err := Compile(state.Keyspace{Name: "k", Version: "2.0.0",
		Shapes:     []state.Shape{shape("1.0.0", older), shape("2.0.0", newer)},
		Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0", Up: state.Program{Body: up}, Down: state.Program{Body: down}}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func always(name, value string) state.Field {
	c := integer(value)
	return state.Field{Name: name, Type: state.Type{Alts: []state.Alt{{Kind: state.Int, Const: &c}}}}
}

// The side of the winner stands. The other one only fills what the winner's releases have not written, and only where it
// is a unit by itself.
func TestResolve(t *testing.T) {
	session, err := Compile(shop(state.Hash))
	if err != nil {
		t.Fatal(err)
	}
	told := mixing(t, // by a field of one name
		[]state.Field{always("v", "1"), req("name", state.Str)}, []state.Field{always("v", "2"), req("full", state.Str)},
		structOf(set("v", lit(integer("2"))), set("full", at("name"))), structOf(set("v", lit(integer("1"))), set("name", at("full"))))
	chance := mixing(t, // nothing of the newer has to be there
		[]state.Field{req("id", state.Int), req("name", state.Str)}, []state.Field{req("id", state.Int), opt("full", state.Str), opt("nick", state.Str)},
		structOf(carried("id"), set("full", at("name"))),
		structOf(carried("id"), state.FieldExpr{Name: "name", Value: lit(text("?"))}))
	other := mixing(t, // a field of one name that means another thing
		[]state.Field{req("at", state.Int), req("name", state.Str)}, []state.Field{req("at", state.Int), req("full", state.Str)},
		structOf(set("at", call(state.OpDiv, at("at"), lit(integer("1000")))), set("full", at("name"))),
		structOf(set("at", call(state.OpMul, at("at"), lit(integer("1000")))), set("name", at("full"))))
	k := shop(state.Hash)
	newer := &k.Shapes[1].Value.Alts[0]
	newer.Open = true
	for _, name := range []string{"name", "created_ms", "legacy"} {
		newer.Fields = append(newer.Fields, state.Field{Name: name, Forbidden: true})
	}
	open, err := Compile(k)
	if err != nil {
		t.Fatal(err)
	}
	const up, down = state.Version("2.0.0"), state.Version("1.0.0")
	for _, c := range []struct {
		name string
		p    *Programs
		to   state.Version
		unit []Field
		want []Field // nil: it is not resolved
	}{
		{"a late field of the old release", session, up,
			fieldsOf("user_id", "1", "full_name", "Ada", "created", "5", "plan", "pro", "name", "Bob"),
			fieldsOf("created", "5", "full_name", "Ada", "plan", "pro", "user_id", "1")},
		{"it is what counts on the way back", session, down,
			fieldsOf("user_id", "1", "full_name", "Ada", "created", "5", "plan", "pro", "name", "Bob"),
			fieldsOf("created_ms", "5000", "name", "Bob", "user_id", "1")},
		{"a field of the new release", session, up,
			fieldsOf("user_id", "1", "name", "Ada", "created_ms", "5123", "legacy", "x", "full_name", "Bob"),
			fieldsOf("created", "5", "full_name", "Bob", "plan", "free", "user_id", "1")},
		{"it gives way on the way back", session, down,
			fieldsOf("user_id", "1", "name", "Ada", "created_ms", "5123", "legacy", "x", "full_name", "Bob"),
			fieldsOf("created_ms", "5123", "legacy", "x", "name", "Ada", "user_id", "1")},
		{"both are whole", session, up,
			fieldsOf("user_id", "1", "name", "Ada", "created_ms", "5123", "full_name", "Bob", "created", "9", "plan", "pro"),
			fieldsOf("created", "9", "full_name", "Bob", "plan", "pro", "user_id", "1")},
		{"neither is whole", session, up, fieldsOf("user_id", "1", "name", "Ada", "full_name", "Bob"), nil},
		{"a field of no version", session, up, fieldsOf("user_id", "1", "full_name", "Ada", "created", "5", "plan", "pro", "name", "Bob", "x", ""), nil},
		{"a field of the winner is not valid", session, up, fieldsOf("user_id", "1", "name", "Ada", "created_ms", "5123", "created", "soon"), nil},
		{"what both have is not valid", session, up, fieldsOf("user_id", "x", "full_name", "Ada", "created", "5", "plan", "pro", "name", "Bob"), nil},
		{"no mix: a field is missing", session, up, fieldsOf("user_id", "1", "full_name", "Ada"), nil},
		{"no mix: of the other version", session, up, fieldsOf("user_id", "1", "name", "Ada", "created_ms", "5"), nil},
		{"no mix: of the version", session, up, fieldsOf("user_id", "1", "full_name", "Ada", "created", "5", "plan", "pro"), nil},
		{"no such version", session, "3.0.0", fieldsOf("user_id", "1", "full_name", "Ada", "created", "5", "plan", "pro", "name", "Bob"), nil},
		{"a value says whose it is", told, up, fieldsOf("v", "2", "full", "Ada", "name", "Bob"), fieldsOf("full", "Ada", "v", "2")},
		{"and here of the other", told, up, fieldsOf("v", "1", "name", "Ada", "full", "Bob"), fieldsOf("full", "Bob", "v", "2")},
		{"of neither", told, up, fieldsOf("v", "3", "name", "Ada", "full", "Bob"), nil},
		{"whole by chance, and the other side is, too", chance, up, fieldsOf("id", "1", "name", "Ada", "nick", "a"), fieldsOf("full", "Ada", "id", "1", "nick", "a")},
		{"open: a late field that it forbids", open, up,
			fieldsOf("user_id", "1", "full_name", "Ada", "created", "5", "plan", "pro", "x", "y", "name", "Bob"),
			fieldsOf("created", "5", "full_name", "Ada", "plan", "pro", "user_id", "1", "x", "y")},
		{"open: a field of the new release", open, up,
			fieldsOf("user_id", "1", "name", "Ada", "created_ms", "5123", "full_name", "Bob", "x", "y"),
			fieldsOf("created", "5", "full_name", "Bob", "plan", "free", "user_id", "1", "x", "y")},
		{"open: a field that nobody declares says nothing", open, up, fieldsOf("user_id", "1", "name", "Ada", "created_ms", "5123", "x", "y"), nil},
		{"a field of one name could be of either", other, up, fieldsOf("at", "5", "full", "Ada", "name", "Bob"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := Unit{Key: "session:1", Fields: c.unit, TTL: 7}
			if c.p != session && c.p != open {
				u.Key = "k:1"
			}
			given := fmt.Sprint(u)
			got, _, ok := c.p.Resolve(u, c.to)
			if ok != (c.want != nil) || ok && fmt.Sprint(got) != fmt.Sprint(Unit{Key: u.Key, Fields: c.want, TTL: 7}) {
				t.Errorf("%v, %v; want %v", got, ok, c.want)
			}
			if fmt.Sprint(u) != given {
				t.Errorf("the unit became %v", u)
			}
		})
	}
}

// Three versions: what two explanations make differently is not resolved, and the versions of a mix are told.
func TestResolveOfThree(t *testing.T) {
	k := shop(state.Hash)
	middle := object("1.5.0", state.Hash, req("user_id", state.Int), req("name", state.Str), req("stamp", state.Int))
	k.Shapes = append(k.Shapes, middle)
	k.Migrations = append(k.Migrations, state.Migration{From: "1.0.0", To: "1.5.0",
		Up:   state.Program{Body: structOf(carried("user_id"), carried("name"), set("stamp", at("created_ms")))},
		Down: state.Program{Body: structOf(carried("user_id"), carried("name"), set("created_ms", at("stamp")))}})
	p, err := Compile(k)
	if err != nil {
		t.Fatal(err)
	}
	unit := func(pairs ...string) Unit { return Unit{Key: "session:1", Fields: fieldsOf(pairs...)} }
	late := unit("user_id", "1", "full_name", "Ada", "created", "5", "plan", "pro", "name", "Bob")
	if got := p.Mix(late); got != "1.0.0|1.5.0|2.0.0" {
		t.Errorf("of a late field: %s", got) // whichever wrote it, the result is one
	}
	if got := p.Mix(unit("user_id", "1", "full_name", "Ada", "created", "5", "plan", "pro", "created_ms", "7")); got != "1.0.0|2.0.0" {
		t.Errorf("of a field that one version has: %s", got)
	}
	if got := p.Mix(unit("user_id", "1", "full_name", "Ada")); got != state.Unfit {
		t.Errorf("of none: %s", got)
	}
}

// What is resolved fits the winner and is no mix, and every field of it is one of the unit's or of what the other side
// is converted to.
func TestResolveInventsNothing(t *testing.T) {
	p, err := Compile(shop(state.Hash))
	if err != nil {
		t.Fatal(err)
	}
	resolved := 0
	rapid.Check(t, func(t *rapid.T) {
		u := Unit{Key: "session:1"}
		for _, f := range []struct {
			name, value string
			odds        int // of ten
		}{{"user_id", "1", 9}, {"name", "Ada", 8}, {"created_ms", "77", 7}, {"legacy", "x", 3}, {"full_name", "Bob", 8}, {"created", "9", 8}, {"plan", "pro", 8}, {"other", "", 1}} {
			if rapid.IntRange(0, 9).Draw(t, f.name) < f.odds {
				value := rapid.SampledFrom([]string{f.value, f.value, f.value, f.value, f.value, "7", "x", ""}).Draw(t, "value of "+f.name)
				u.Fields = append(u.Fields, Field{Name: f.name, Value: value})
			}
		}
		u = u.Sorted()
		winner := rapid.SampledFrom([]state.Version{"1.0.0", "2.0.0"}).Draw(t, "winner")
		got, loser, ok := p.Resolve(u, winner)
		if !ok {
			return
		}
		resolved++
		if class, _ := p.Classify(got); class != state.Class(winner) {
			t.Fatalf("%v became %v, which is %s", u, got, class)
		}
		if again, _, ok := p.Resolve(got, winner); ok {
			t.Fatalf("%v was resolved again: %v", got, again)
		}
		side, _ := p.shape(loser)
		lost := u
		lost.Fields = slices.DeleteFunc(slices.Clone(u.Fields), func(f Field) bool { return !side.admits(f.Name) })
		made, _ := p.Convert(lost, loser, winner)
		for _, f := range got.Fields {
			if !slices.Contains(u.Fields, f) && !slices.Contains(made.Fields, f) {
				t.Fatalf("%v of %v was made up", f, u)
			}
		}
		now, _ := p.shape(winner)
		for _, f := range u.Fields {
			if now.admits(f.Name) && !slices.Contains(got.Fields, f) {
				t.Fatalf("%v, a field of the winner in %v, is lost", f, u)
			}
		}
	})
	if resolved == 0 {
		t.Error("nothing was resolved")
	}
}

// Going back, what a mixed unit was is what its side of that version says.
func TestRestoreMixed(t *testing.T) {
	p, err := Compile(shop(state.Hash))
	if err != nil {
		t.Fatal(err)
	}
	unit := func(pairs ...string) Unit { return Unit{Key: "session:1", Fields: fieldsOf(pairs...)} }
	before := unit("created", "5", "full_name", "Ada", "name", "Bob", "plan", "pro", "user_id", "1")
	after, loser, ok := p.Resolve(before, "2.0.0")
	if !ok || loser != "1.0.0" {
		t.Fatalf("%v of %s, %v", after, loser, ok)
	}
	w := Written{From: loser, To: "2.0.0", Before: before, After: after}
	got, outcome, reason := p.Restore(w, after, "1.0.0")
	if want := unit("created_ms", "5000", "name", "Bob", "user_id", "1"); outcome != Restored || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s (%s): %v, want %v", outcome, reason, got, want)
	}
	written := unit("created", "5", "full_name", "Eve", "plan", "pro", "user_id", "1")
	got, outcome, reason = p.Restore(w, written, "1.0.0")
	if want := unit("created_ms", "5000", "name", "Eve", "user_id", "1"); outcome != Merged || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s (%s): %v, want %v", outcome, reason, got, want)
	}
}
