package diff

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/state"
)

func kind(k state.Kind) state.Type { return state.Type{Alts: []state.Alt{{Kind: k}}} }

func object(fields ...state.Field) state.Type {
	return state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}
}

func required(name string, t state.Type) state.Field { return state.Field{Name: name, Type: t} }

func optional(name string, t state.Type) state.Field {
	return state.Field{Name: name, Type: t, Optional: true}
}

func words(first string, more ...string) state.Type {
	var t state.Type
	for _, w := range append([]string{first}, more...) {
		t.Alts = append(t.Alts, state.Alt{Kind: state.Str, Const: &state.Value{Kind: state.Str, Text: w}})
	}
	return t
}

func bounded(k state.Kind, bounds ...state.Bound) state.Type {
	return state.Type{Alts: []state.Alt{{Kind: k, Bounds: bounds}}}
}

// document is a shape of a JSON string.
func document(v state.Version, t state.Type) state.Shape {
	return state.Shape{Version: v, Keys: "doc:<id>", Type: state.String, Encoding: state.JSON, Value: t}
}

func from(path ...string) state.Expr { return state.Expr{Op: state.OpPath, Path: path} }

func call(op state.Op, args ...state.Expr) state.Expr { return state.Expr{Op: op, Args: args} }

func number(text string) state.Expr {
	return state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Int, Text: text}}
}

// makes is a program of a struct: names and values by turns.
func makes(pairs ...any) state.Program {
	e := state.Expr{Op: state.OpStruct}
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case state.Expr:
			e.Fields = append(e.Fields, state.FieldExpr{Name: pairs[i].(string), Value: v})
		case state.Program:
			e.Fields = append(e.Fields, state.FieldExpr{Name: pairs[i].(string), Value: v.Body})
		}
	}
	return state.Program{Body: e}
}

// fieldLines prints what compareShapes finds.
func fieldLines(v VersionDiff) string {
	var b strings.Builder
	for _, s := range v.Settings {
		fmt.Fprintf(&b, "%s: %s → %s\n", s.Name, s.From, s.To)
	}
	for _, f := range v.Fields {
		fmt.Fprintf(&b, "%s %s", f.Kind, f.Field)
		if f.Was != "" {
			fmt.Fprintf(&b, " was %s", f.Was)
		}
		fmt.Fprintf(&b, ": %s → %s", f.From, f.To)
		if f.Note != "" {
			fmt.Fprintf(&b, " (%s)", f.Note)
		}
		b.WriteByte('\n')
	}
	return b.String() + string(v.Compatibility)
}

func TestCompareShapes(t *testing.T) {
	str, integer, num := kind(state.Str), kind(state.Int), kind(state.Number)
	list := func(elem state.Type) state.Type {
		return state.Type{Alts: []state.Alt{{Kind: state.Array, Elem: &elem}}}
	}
	withDefault := func(t state.Type, text string) state.Type {
		t.Default = &state.Value{Kind: state.Str, Text: text}
		return t
	}
	open := object(required("a", str))
	open.Alts[0].Open = true
	up := func(p state.Program) []Hop { return []Hop{{"1.0.0", "2.0.0", p}} }
	for _, c := range []struct {
		name     string
		old, now state.Type
		hops     []Hop
		want     string
	}{
		{"alike", object(required("a", str)), object(required("a", str)), nil, "compatible"},
		{"widened", object(required("a", integer)), object(required("a", num)), nil, "widened a: int → number\nbackward"},
		{"narrowed", object(required("a", str)), object(required("a", words("x", "y"))), nil, "narrowed a: string → \"x\" | \"y\"\nforward"},
		{"one word more", object(required("a", words("x"))), object(required("a", words("x", "y"))), nil, "widened a: \"x\" → \"x\" | \"y\"\nbackward"},
		{"other words", object(required("a", words("x"))), object(required("a", words("y"))), nil, "changed a: \"x\" → \"y\"\nbreaking"},
		{"range", object(required("a", bounded(state.Int, state.Bound{Op: ">=", Value: "0"}))), object(required("a", bounded(state.Int, state.Bound{Op: ">=", Value: "0"}, state.Bound{Op: "<", Value: "9"}))), nil,
			"narrowed a: int & >=0 → int & >=0 & <9\nforward"},
		{"retyped", object(required("a", str)), object(required("a", integer)), nil, "retyped a: string → int\nbreaking"},
		{"optional", object(required("a", str)), object(optional("a", str)), nil, "widened a: string → optional string\nbackward"},
		{"required", object(optional("a", str)), object(required("a", str)), nil, "narrowed a: optional string → string\nforward"},
		{"default", object(required("a", withDefault(words("x", "y"), "x"))), object(required("a", withDefault(words("x", "y"), "y"))), nil,
			"default a: *\"x\" | \"y\" → \"x\" | *\"y\"\ncompatible"},
		{"new optional field", object(required("a", str)), object(required("a", str), optional("b", integer)), nil, "added b:  → optional int\nbackward"},
		{"opened", object(required("a", str)), open, nil, "widened ...: closed → open\nbackward"},
		{"elements", object(required("a", list(object(required("n", integer))))), object(required("a", list(object(required("n", num), optional("x", str))))), nil,
			"widened a[].n: int → number\nadded a[].x:  → optional string\nbackward"},
		{"not a struct", integer, str, nil, "retyped #value: int → string\nbreaking"},
		{"remade whole", integer, integer, up(state.Program{Body: call(state.OpMul, from(), number("2"))}), "remade #value: int → int (made by #value * 2)\ncompatible"},
		{"odd names", object(required("a.b", str), required("", str)), object(required("c", str), required("", str)), up(makes("", from(""), "c", from("a.b"))),
			"renamed c was \"a.b\": string → string\nbreaking"},
		{"renamed", object(required("a", str)), object(required("b", str)), up(makes("b", from("a"))), "renamed b was a: string → string\nbreaking"},
		{"renamed and retyped", object(required("a", integer)), object(required("b", num)), up(makes("b", from("a"))), "renamed b was a: int → number\nbreaking"},
		{"copied", object(required("a", str)), object(required("a", str), required("b", str)), up(makes("a", from("a"), "b", from("a"))), "added b:  → string (copied from a)\nbreaking"},
		{"swapped", object(required("a", str), required("b", str)), object(required("a", str), required("b", str)), up(makes("a", from("b"), "b", from("a"))),
			"renamed a was b: string → string\nrenamed b was a: string → string\ncompatible"},
		{"computed", object(required("ms", integer)), object(required("s", integer)), up(makes("s", call(state.OpDiv, from("ms"), number("1000")))),
			"added s:  → int (div(ms, 1000))\nremoved ms: int →  (used for s)\nbreaking"},
		{"remade in place", object(required("a", integer)), object(required("a", integer)), up(makes("a", call(state.OpAdd, from("a"), number("1")))), "remade a: int → int (a + 1)\ncompatible"},
		{"moved into a struct", object(required("street", str), required("zip", str)), object(required("to", object(required("street", str), required("zip", str), required("land", str)))),
			up(makes("to", makes("street", from("street"), "zip", from("zip"), "land", state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Str, Text: "de"}}))),
			"renamed to.street was street: string → string\nrenamed to.zip was zip: string → string\nadded to.land:  → string (filled with \"de\")\nbreaking"},
		{"struct moved whole", object(required("x", object(required("a", str)))), object(required("y", object(required("a", str)))), up(makes("y", from("x"))),
			"renamed y was x: {a: string} → {a: string}\nbreaking"},
		{"part of a struct goes", object(required("x", object(required("a", str), required("b", str)))), object(required("y", object(required("a", str)))), up(makes("y", makes("a", from("x", "a")))),
			"renamed y.a was x.a: string → string\nremoved x.b: string → \nbreaking"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fieldLines(compareShapes(document("1.0.0", c.old), document("2.0.0", c.now), c.hops)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestCompareSettings(t *testing.T) {
	old := document("1.0.0", kind(state.Str))
	now := state.Shape{Version: "2.0.0", Keys: "d:<id int>", Type: state.Hash, Value: kind(state.Str), TTL: &state.TTL{Min: 1500, Max: 86_400_000, Set: 30_000},
		Encodings: []state.FieldEncoding{{Field: "x", Encoding: state.JSON}}}
	want := "keys: doc:<id> → d:<id int>\ntype: string (json) → hash\nttl: none → min 1.5s, max 24h, set 30s\nencoding of x: text → json\nbreaking"
	if got := fieldLines(compareShapes(old, now, nil)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A field that is renamed twice is one rename along both migrations, and what a later one computes keeps its sources.
func TestRenamesCompose(t *testing.T) {
	str, integer := kind(state.Str), kind(state.Int)
	k := state.Keyspace{Name: "doc", Version: "3.0.0",
		Shapes: []state.Shape{
			document("1.0.0", object(required("name", str), required("ms", integer))),
			document("2.0.0", object(required("full", str), required("time", integer))),
			document("3.0.0", object(required("who", object(required("full", str))), required("s", integer))),
		},
		Migrations: []state.Migration{
			{From: "1.0.0", To: "2.0.0", Up: makes("full", from("name"), "time", from("ms")), Down: makes("name", from("full"), "ms", from("time"))},
			{From: "2.0.0", To: "3.0.0", Up: makes("who", makes("full", from("full")), "s", call(state.OpDiv, from("time"), number("1000"))),
				Down: makes("full", from("who", "full"), "time", call(state.OpMul, from("s"), number("1000")))},
		},
	}
	v := between(k, k.Shapes[0], k.Shapes[2])
	if got, want := fieldLines(v), "renamed who.full was name: string → string\nadded s:  → int (div(time, 1000))\nremoved ms: int →  (used for s)\nbreaking"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	v = between(k, k.Shapes[2], k.Shapes[0])
	if got, want := fieldLines(v), "renamed name was who.full: string → string\nadded ms:  → int (s * 1000)\nremoved s: int →  (used for ms)\nbreaking"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if fmt.Sprint(v.Route) != "[3.0.0 2.0.0 1.0.0]" || !v.Exact() {
		t.Errorf("route %v, exact %t", v.Route, v.Exact())
	}
}

func TestSchemas(t *testing.T) {
	str := kind(state.Str)
	one := state.Keyspace{Name: "doc", Store: "main", Version: "1.0.0", Shapes: []state.Shape{document("1.0.0", object(required("a", str)))}}
	two := state.Keyspace{Name: "doc", Store: "main", Version: "2.0.0",
		Shapes:     []state.Shape{one.Shapes[0], document("2.0.0", object(required("b", str)))},
		Migrations: []state.Migration{{From: "1.0.0", To: "2.0.0", Up: makes("b", from("a")), Down: makes("a", from("b"))}}}
	use := func(reads state.Range, writes state.Version) []state.Use {
		return []state.Use{{Keyspace: "doc", Reads: reads, Writes: writes}}
	}
	base := state.Desired{Keyspaces: []state.Keyspace{one}, Components: []state.Component{{Name: "app", Release: "1", Releases: []state.Release{{Name: "1", Uses: use("1.0.0", "1.0.0")}}}}}
	head := state.Desired{Keyspaces: []state.Keyspace{two}, Components: []state.Component{{Name: "app", Release: "2", Releases: []state.Release{
		{Name: "1", Uses: use(">=1.0.0", "1.0.0")}, {Name: "2", Uses: use(">=1.0.0", "2.0.0")}}}}}
	for _, c := range []struct {
		name       string
		base, head state.Desired
		want       string
	}{
		{"nothing", base, base, "[]"},
		{"up", base, head, "[doc changed 1.0.0→2.0.0 [moved 1.0.0→2.0.0 breaking true] [app 1 changed before reads[1.0.0 2.0.0] writes 1.0.0; app 2 added after reads[1.0.0 2.0.0] writes 2.0.0]]"},
		{"back, without the definitions", head, base, "[doc changed 2.0.0→1.0.0 [moved 2.0.0→1.0.0 breaking true; removed 2.0.0→  false] [app 1 changed after reads[1.0.0] writes 1.0.0; app 2 removed before reads[2.0.0 1.0.0] writes 2.0.0]]"},
		{"new", state.Desired{}, base, "[doc added →1.0.0 [added →1.0.0  false] [app 1 added after reads[1.0.0] writes 1.0.0]]"},
		{"gone", base, state.Desired{}, "[doc removed 1.0.0→ [] [app 1 removed before reads[1.0.0] writes 1.0.0]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := summary(Schemas(c.base, c.head)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func summary(ds []KeyspaceDiff) string {
	parts := make([]string, len(ds))
	for i, d := range ds {
		var versions, releases []string
		for _, v := range d.Versions {
			versions = append(versions, fmt.Sprintf("%s %s→%s %s %t", v.Kind, v.From, v.To, v.Compatibility, v.Exact()))
		}
		for _, u := range d.Releases {
			s := fmt.Sprintf("%s %s %s", u.Component, u.Release, u.Kind)
			if u.Before {
				s += " before"
			}
			if u.After {
				s += " after"
			}
			releases = append(releases, fmt.Sprintf("%s reads%v writes %s", s, u.Reads, u.Writes))
		}
		parts[i] = fmt.Sprintf("%s %s %s→%s [%s] [%s]", d.Keyspace, d.Kind, d.From, d.To, strings.Join(versions, "; "), strings.Join(releases, "; "))
	}
	return "[" + strings.Join(parts, "\n") + "]"
}

// Without a migration the comparison is told by the types alone: it finds nothing between a type and itself, and what is
// added one way is removed the other way.
func TestCompareIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := document("1.0.0", randomObject(t, 2)), document("2.0.0", randomObject(t, 2))
		if v := compareShapes(a, a, nil); len(v.Fields) > 0 || v.Compatibility != FullyCompatible {
			t.Fatalf("a type and itself: %s", fieldLines(v))
		}
		mirror := map[FieldKind]FieldKind{FieldAdded: FieldRemoved, FieldRemoved: FieldAdded, FieldWidened: FieldNarrowed, FieldNarrowed: FieldWidened}
		there, back := compareShapes(a, b, nil), compareShapes(b, a, nil)
		found := map[string]bool{}
		for _, f := range back.Fields {
			found[string(f.Kind)+f.Field+f.From+f.To] = true
		}
		if len(there.Fields) != len(back.Fields) {
			t.Fatalf("there\n%s\nback\n%s", fieldLines(there), fieldLines(back))
		}
		for _, f := range there.Fields {
			k, ok := mirror[f.Kind]
			if !ok {
				k = f.Kind
			}
			if !found[string(k)+f.Field+f.To+f.From] {
				t.Fatalf("%v has no counterpart\nthere\n%s\nback\n%s", f, fieldLines(there), fieldLines(back))
			}
		}
		if (len(there.Fields) == 0) != (there.Compatibility == FullyCompatible) {
			t.Fatalf("%q, but %s", there.Compatibility, fieldLines(there))
		}
	})
}

func randomObject(t *rapid.T, depth int) state.Type {
	var fields []state.Field
	for _, name := range []string{"a", "b", "c"} {
		if !rapid.Bool().Draw(t, "has "+name) {
			continue
		}
		f := state.Field{Name: name, Type: randomType(t, depth-1)}
		f.Optional = rapid.Bool().Draw(t, "optional")
		fields = append(fields, f)
	}
	return object(fields...)
}

func randomType(t *rapid.T, depth int) state.Type {
	switch n := rapid.IntRange(0, 6).Draw(t, "type"); {
	case n == 0 && depth > 0:
		return randomObject(t, depth)
	case n == 1:
		return words("x", "y")
	case n == 2:
		return bounded(state.Int, state.Bound{Op: ">", Value: "3"})
	case n == 3 && depth > 0:
		elem := randomType(t, depth-1)
		return state.Type{Alts: []state.Alt{{Kind: state.Array, Elem: &elem}}}
	}
	return kind(rapid.SampledFrom([]state.Kind{state.Str, state.Int, state.Number, state.Bool}).Draw(t, "kind"))
}

func TestTypeText(t *testing.T) {
	str := kind(state.Str)
	length := state.Type{Alts: []state.Alt{{Kind: state.Str, Len: []state.Bound{{Op: ">=", Value: "1"}, {Op: "<=", Value: "9"}}, Match: []string{"^a"}}}}
	tuple := state.Type{Alts: []state.Alt{{Kind: state.Array, Items: []state.Type{str, kind(state.Int)}, Fixed: true}}}
	rest := object()
	rest.Alts[0].Open, rest.Alts[0].Rest = true, &str
	either := words("a", "b")
	many := state.Type{Alts: []state.Alt{{Kind: state.Array, Elem: &either, Len: []state.Bound{{Op: ">=", Value: "1"}}}}}
	or5 := state.Type{Alts: []state.Alt{{Kind: state.Int}}, Default: &state.Value{Kind: state.Int, Text: "5"}}
	for want, x := range map[string]state.Type{
		"_": state.AnyType(), "string": str, `=~"^a" & strings.MinRunes(1) & strings.MaxRunes(9)`: length, "[string, int]": tuple,
		"{[string]: string}": rest, `[...("a" | "b")] & list.MinItems(1)`: many, "*5 | int": or5, "{a: {b?: int}}": object(required("a", object(optional("b", kind(state.Int))))),
	} {
		if got := TypeText(x); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	var wide []state.Field
	for i := range 40 {
		wide = append(wide, required(fmt.Sprintf("field%d", i), str))
	}
	if got := TypeText(object(wide...)); len([]rune(got)) != textLimit || !strings.HasSuffix(got, "…") {
		t.Errorf("a long type: %s", got)
	}
}

func TestExprText(t *testing.T) {
	text := func(s string) state.Expr {
		return state.Expr{Op: state.OpLit, Lit: &state.Value{Kind: state.Str, Text: s}}
	}
	for want, e := range map[string]state.Expr{
		"(a + 1) * b.c":        call(state.OpMul, call(state.OpAdd, from("a"), number("1")), from("b", "c")),
		"-(a - 1)":             call(state.OpSub, call(state.OpSub, from("a"), number("1"))),
		`"\(a): \"\(#key.id)"`: call(state.OpConcat, from("a"), text(`: "`), state.Expr{Op: state.OpKey, Path: []string{"id"}}),
		"strings.ToUpper(a)":   {Op: state.OpCall, Name: "strings.ToUpper", Args: []state.Expr{from("a")}},
		"a is there":           {Op: state.OpHas, Path: []string{"a"}},
		"x.y[0]":               call(state.OpIndex, state.Expr{Op: state.OpVar, Name: "x", Path: []string{"y"}}, number("0")),
		"a or else b":          call(state.OpElse, from("a"), from("b")),
		"mod(a, 7)":            call(state.OpMod, from("a"), number("7")),
	} {
		if got := ExprText(e); want != got {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
