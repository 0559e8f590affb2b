package transform

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

// randomChain draws a keyspace of three versions whose migrations rename, count up and set a version field. All of
// it is exact, so the way back restores every unit.
func randomChain(t *rapid.T, redis state.Redis) state.Keyspace {
	k := state.Keyspace{Name: "random", Version: "3.0.0"}
	shape := func(n int, fields ...state.Field) state.Shape {
		v := integer(fmt.Sprint(n))
		fields = append(fields, state.Field{Name: "v", Type: state.Type{Alts: []state.Alt{{Kind: state.Int, Const: &v}}}})
		s := object(state.Version(fmt.Sprintf("%d.0.0", n)), redis, fields...)
		s.Value.Alts[0].Open = rapid.Bool().Draw(t, "open")
		return s
	}
	names := rapid.Permutation([]string{"a", "b", "c", "d"}).Draw(t, "names")
	fields := []state.Field{req(names[0], state.Int), req(names[1], state.Str), opt(names[2], state.Str)}
	k.Shapes = append(k.Shapes, shape(1, fields...))
	for n := 2; n <= 3; n++ {
		before := fields
		fields = slices.Clone(before)
		var up, down []state.FieldExpr
		for i, f := range before {
			renamed := f.Name
			if rapid.Bool().Draw(t, "rename") {
				renamed = fmt.Sprintf("%s%d", names[i], n)
			}
			fields[i].Name = renamed
			there, back := at(f.Name), at(renamed)
			if i == 0 {
				step := lit(integer(rapid.SampledFrom([]string{"1", "-5", "9223372036854775807"}).Draw(t, "step")))
				there, back = call(state.OpAdd, there, step), call(state.OpSub, back, step)
			}
			up = append(up, state.FieldExpr{Name: renamed, Value: there, Optional: f.Optional})
			down = append(down, state.FieldExpr{Name: f.Name, Value: back, Optional: f.Optional})
		}
		up = append(up, set("v", lit(integer(fmt.Sprint(n)))))
		down = append(down, set("v", lit(integer(fmt.Sprint(n-1)))))
		k.Shapes = append(k.Shapes, shape(n, fields...))
		open := k.Shapes[n-2].Value.Alts[0].Open && k.Shapes[n-1].Value.Alts[0].Open
		k.Migrations = append(k.Migrations, state.Migration{
			From: state.Version(fmt.Sprintf("%d.0.0", n-1)), To: state.Version(fmt.Sprintf("%d.0.0", n)),
			Up: state.Program{Body: structOf(sorted(up)...), Open: open}, Down: state.Program{Body: structOf(sorted(down)...), Open: open},
		})
	}
	return k
}

func sorted(fields []state.FieldExpr) []state.FieldExpr {
	slices.SortFunc(fields, func(a, b state.FieldExpr) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

// randomUnit draws a unit of the first version, with a stranger where all versions are open.
func randomUnit(t *rapid.T, k state.Keyspace, redis state.Redis) Unit {
	var fields []Field
	allOpen := true
	for _, s := range k.Shapes {
		allOpen = allOpen && s.Value.Alts[0].Open
	}
	for _, f := range k.Shapes[0].Value.Alts[0].Fields {
		switch {
		case f.Name == "v":
			fields = append(fields, Field{"v", "1"})
		case f.Optional && rapid.Bool().Draw(t, "absent"):
		case f.Type.Alts[0].Kind == state.Int:
			fields = append(fields, Field{f.Name, rapid.SampledFrom([]string{"0", "-1", "42", "9223372036854775807", "-99999999999999999999"}).Draw(t, "int")})
		default:
			fields = append(fields, Field{f.Name, quote(rapid.String().Draw(t, "str"), redis)})
		}
	}
	if allOpen && rapid.Bool().Draw(t, "stranger") {
		fields = append(fields, Field{"stranger", quote("x", redis)})
	}
	if redis == state.Hash {
		return Unit{Key: "session:1", Fields: fields}.Sorted()
	}
	fields = rapid.Permutation(fields).Draw(t, "order")
	members := make([]string, len(fields))
	for i, f := range fields {
		members[i] = fmt.Sprintf("%q%s%s", f.Name, rapid.SampledFrom([]string{":", " : "}).Draw(t, "colon"), f.Value)
	}
	return Unit{Key: "session:1", Text: "{" + strings.Join(members, rapid.SampledFrom([]string{",", ", ", "\n, "}).Draw(t, "comma")) + "}"}
}

func quote(s string, redis state.Redis) string {
	if redis == state.Hash {
		return s
	}
	return string(appendQuoted(nil, s))
}

// The laws of a rewrite, on random keyspaces and units of both Redis types.
func TestConvertLaws(t *testing.T) {
	for _, redis := range []state.Redis{state.Hash, state.String} {
		t.Run(string(redis), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				k := randomChain(t, redis)
				p, err := Compile(k)
				if err != nil {
					t.Fatal(err)
				}
				u := randomUnit(t, k, redis)
				checkLaws(t, p, u)
			})
		})
	}
}

func checkLaws(t *rapid.T, p *Programs, u Unit) {
	class, reason := p.Classify(u)
	if class != "1.0.0" {
		t.Fatalf("%+v is of class %s: %s", u, class, reason)
	}
	before := Unit{Key: u.Key, Fields: slices.Clone(u.Fields), Text: u.Text}
	after, err := p.Convert(u, "1.0.0", "3.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, u) {
		t.Fatal("Convert changed its argument")
	}
	if class, reason := p.Classify(after); class != "3.0.0" {
		t.Fatalf("%+v became %+v of class %s: %s", u, after, class, reason)
	}
	middle, err := p.Convert(u, "1.0.0", "2.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if step, err := p.Convert(middle, "2.0.0", "3.0.0"); err != nil || !reflect.DeepEqual(step, after) {
		t.Fatalf("two steps make %+v, %v; one makes %+v", step, err, after)
	}
	if exact, _ := p.Exact("1.0.0", "3.0.0"); !exact {
		t.Fatal("no loss was declared, yet the path is not exact")
	}
	if back, err := p.Convert(after, "3.0.0", "1.0.0"); err != nil || !reflect.DeepEqual(back, u) {
		t.Fatalf("%+v came back as %+v, %v", u, back, err)
	}
	checkEdit(t, u, after, p.Reads("1.0.0", "3.0.0"))
}

// checkEdit tests that an edit makes after of before, and compares how many fields there are and the values of those
// that are read, written or deleted, absence included.
func checkEdit(t *rapid.T, before, after Unit, reads []string) {
	e := Diff(before, after, reads, new(Room))
	if !before.IsHash() {
		if e.OldText != before.Text || e.Text != after.Text {
			t.Fatalf("edit %+v", e)
		}
		return
	}
	have := map[string]string{}
	for _, f := range before.Fields {
		have[f.Name] = f.Value
	}
	touched := slices.Clone(reads)
	if e.Fields != len(before.Fields) {
		t.Fatalf("expects %d fields of %+v", e.Fields, before.Fields)
	}
	for _, f := range e.Set {
		if value, found := have[f.Name]; found && value == f.Value {
			t.Fatalf("%s is set to what it is", f.Name)
		}
		have[f.Name] = f.Value
		touched = append(touched, f.Name)
	}
	for _, name := range e.Delete {
		delete(have, name)
		touched = append(touched, name)
	}
	var compare []Field
	for _, f := range before.Fields {
		if slices.Contains(touched, f.Name) {
			compare = append(compare, f)
		}
	}
	if !slices.Equal(e.Compare, compare) {
		t.Fatalf("compares %+v, want %+v", e.Compare, compare)
	}
	slices.Sort(touched)
	absent := slices.DeleteFunc(slices.Compact(touched), func(name string) bool {
		return slices.ContainsFunc(before.Fields, func(f Field) bool { return f.Name == name })
	})
	if len(compare) < len(before.Fields) && !slices.Equal(e.Absent, absent) {
		t.Fatalf("expects the absence of %v, want %v", e.Absent, absent)
	}
	for _, f := range after.Fields {
		if have[f.Name] != f.Value {
			t.Fatalf("%s is %q after the edit", f.Name, have[f.Name])
		}
	}
	if len(have) != len(after.Fields) {
		t.Fatalf("the edit leaves %v", have)
	}
}

// Compiled shapes take exactly the hashes that state.Shape.Fits takes.
func TestClassifyAgreesWithReference(t *testing.T) {
	five, bounds := text("5"), []state.Bound{{Op: ">=", Value: "2"}, {Op: "<", Value: "1e1"}, {Op: "!=", Value: "3.0"}}
	k := state.Keyspace{Shapes: []state.Shape{
		object("1.0.0", state.Hash, req("a", state.Int), opt("b", state.Bool)),
		object("2.0.0", state.Hash, state.Field{Name: "a", Type: state.Type{Alts: []state.Alt{{Kind: state.Int, Bounds: bounds}}}}, req("c", state.Number)),
		object("3.0.0", state.Hash, state.Field{Name: "a", Type: state.Type{Alts: []state.Alt{{Kind: state.Str, Const: &five}, {Kind: state.Str, NoMatch: []string{"[0-9]"}}}}}),
	}}
	k.Shapes[2].Value.Alts[0].Open = true
	k.Shapes[2].Value.Alts[0].Fields = append(k.Shapes[2].Value.Alts[0].Fields, state.Field{Name: "c", Forbidden: true})
	p := compiled(t, k)
	rapid.Check(t, func(t *rapid.T) {
		v := state.Value{Kind: state.Struct}
		u := Unit{}
		for _, name := range []string{"a", "b", "c", "d"} {
			if rapid.Bool().Draw(t, name) {
				value := rapid.SampledFrom([]string{"", "0", "2", "3", "5", "9", "10", "2.5", "1e400", "99999999999999999999", "true", "x", "-0"}).Draw(t, "value")
				u.Fields = append(u.Fields, Field{name, value})
				v.Fields = append(v.Fields, state.FieldValue{Name: name, Value: text(value)})
			}
		}
		if len(u.Fields) == 0 {
			return
		}
		class, _ := p.Classify(u)
		for _, s := range k.Shapes {
			if class.Has(s.Version) != s.Fits(v) {
				t.Fatalf("%+v has class %s, but Fits(%s) is %v", u, class, s.Version, s.Fits(v))
			}
		}
	})
}

// And the JSON values, nested ones too.
func TestClassifyAgreesWithReferenceOnJSON(t *testing.T) {
	one := integer("1")
	inner := state.Type{Alts: []state.Alt{
		{Kind: state.Int, Const: &one}, {Kind: state.Null}, {Kind: state.Array, Elem: &state.Type{Alts: []state.Alt{{Kind: state.Number}}}},
		{Kind: state.Struct, Fields: []state.Field{req("a", state.Str)}},
	}}
	k := state.Keyspace{Shapes: []state.Shape{
		object("1.0.0", state.String, state.Field{Name: "a", Type: inner}, opt("b", state.Int)),
		object("2.0.0", state.String, opt("a", state.Number), opt("b", state.Struct)),
	}}
	k.Shapes[1].Value.Alts = append(k.Shapes[1].Value.Alts, state.Alt{Kind: state.Int, Bounds: []state.Bound{{Op: ">", Value: "0.5"}}}, state.Alt{Kind: state.Bool})
	p := compiled(t, k)
	rapid.Check(t, func(t *rapid.T) {
		v := randomJSON(t, 3)
		b := jsonText(t, v)
		class, _ := p.Classify(Unit{Text: b})
		for _, s := range k.Shapes {
			if class.Has(s.Version) != s.Fits(v) {
				t.Fatalf("%s has class %s, but Fits(%s) is %v", b, class, s.Version, s.Fits(v))
			}
		}
	})
}

func randomJSON(t *rapid.T, depth int) state.Value {
	kinds := []state.Kind{state.Struct, state.Array, state.Number, state.Str, state.Bool, state.Null}
	if depth == 0 {
		kinds = kinds[2:]
	}
	v := state.Value{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	switch v.Kind {
	case state.Struct:
		for _, name := range []string{"a", "b"} {
			if rapid.IntRange(0, 3).Draw(t, name) > 0 {
				v.Fields = append(v.Fields, state.FieldValue{Name: name, Value: randomJSON(t, depth-1)})
			}
		}
	case state.Array:
		for range rapid.IntRange(0, 2).Draw(t, "len") {
			v.List = append(v.List, randomJSON(t, depth-1))
		}
	case state.Number:
		v.Text = rapid.SampledFrom([]string{"0", "1", "1.0", "10e-1", "0.5", "-0", "7"}).Draw(t, "number")
	case state.Str:
		v.Text = rapid.String().Draw(t, "text")
	}
	return v
}

// jsonText writes a value as JSON.
func jsonText(t *rapid.T, v state.Value) string {
	x, err := spelled(v)
	if err == nil {
		w := settler{room: new(Room)}
		x, err = w.settle(x, state.JSON, nil)
	}
	if err != nil {
		t.Fatalf("%+v was not written: %v", v, err)
	}
	return x.encode(state.JSON, new(Room))
}

// Several migrations in one are what they are one by one, whatever the kinds and encodings of the versions.
func TestComposedIsSequential(t *testing.T) {
	wires := []func(*state.Shape){
		func(s *state.Shape) { s.Type = state.Hash },
		func(s *state.Shape) { s.Type, s.Encoding = state.String, state.JSON },
		func(s *state.Shape) { s.Type, s.Encoding = state.String, state.MsgPack },
		func(s *state.Shape) { s.Type = state.Document },
		func(s *state.Shape) {
			s.Type = state.Hash
			for _, f := range s.Value.Alts[0].Fields {
				if f.Name != "v" {
					s.Encodings = append(s.Encodings, state.FieldEncoding{Field: f.Name, Encoding: state.JSON})
				}
			}
		},
	}
	rapid.Check(t, func(t *rapid.T) {
		k := randomChain(t, state.String)
		plain, err := Compile(k)
		if err != nil {
			t.Fatal(err)
		}
		v, err := plain.Decode("1.0.0", randomUnit(t, k, state.String))
		if err != nil {
			return // a string that only JSON's escapes can spell
		}
		for i := range k.Shapes {
			k.Shapes[i].Encoding = ""
			wires[rapid.IntRange(0, len(wires)-1).Draw(t, "wire")](&k.Shapes[i])
			k.Shapes[i].Keys = []string{"one:<id>", "two:<id>", "six:<id>"}[i]
		}
		p, err := Compile(k)
		if err != nil {
			t.Fatal(err)
		}
		u, err := p.Encode("1.0.0", nil, v)
		if err != nil {
			return // MessagePack holds no such integer
		}
		after, err := p.Convert(u, "1.0.0", "3.0.0")
		middle, stepErr := p.Convert(u, "1.0.0", "2.0.0")
		step := Unit{}
		if stepErr == nil {
			step, stepErr = p.Convert(middle, "2.0.0", "3.0.0")
		}
		if (err == nil) != (stepErr == nil) || !reflect.DeepEqual(step, after) {
			t.Fatalf("%+v in two steps is %+v, %v; in one %+v, %v", u, step, stepErr, after, err)
		}
		if err != nil {
			return
		}
		if class, reason := p.Classify(after); class != "3.0.0" {
			t.Fatalf("%+v is of class %s: %s", after, class, reason)
		}
		x, err := p.Decode("1.0.0", u)
		back, backErr := p.Convert(after, "3.0.0", "1.0.0")
		if backErr != nil || err != nil {
			t.Fatal(backErr, err)
		}
		y, err := p.Decode("1.0.0", back)
		if lines := compareValues("", x, y, func(string) bool { return false }); err != nil || len(lines) > 0 {
			t.Fatalf("%+v came back as %+v: %v, %v", u, back, lines, err)
		}
	})
}
