package transform

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyshift.dev/state"
)

// workload is a keyspace of one JSON text whose migration makes out of an expression, and keeps the rest.
func workload(tb testing.TB, out state.Expr) *Programs {
	tb.Helper()
	list := state.Type{Alts: []state.Alt{{Kind: state.Array}}}
	fields := []state.Field{
		{Name: "l", Optional: true, Type: list}, {Name: "m", Optional: true, Type: state.AnyType()},
		opt("s", state.Str), opt("t", state.Str),
	}
	result := state.Field{Name: "z", Type: state.AnyType()}
	k := state.Keyspace{Name: "k", Version: "2.0.0", Shapes: []state.Shape{
		object("1.0.0", state.String, fields...), object("2.0.0", state.String, append(fields, result)...),
	}}
	up := state.Program{Body: structOf(may("l", at("l")), may("m", at("m")), may("s", at("s")), may("t", at("t")), set("z", out))}
	down := state.Program{Body: structOf(may("l", at("l")), may("m", at("m")), may("s", at("s")), may("t", at("t")))}
	k.Migrations = []state.Migration{{From: "1.0.0", To: "2.0.0", Up: up, Down: down}}
	return compiled(tb, k)
}

func may(name string, v state.Expr) state.FieldExpr {
	return state.FieldExpr{Name: name, Value: v, Optional: true}
}

func forIn(name string, list state.Expr) state.Clause { return state.Clause{For: &list, Value: name} }

// loop is [for x in #old.l {value}], or with other clauses.
func loop(value state.Expr, clauses ...state.Clause) state.Expr {
	if clauses == nil {
		clauses = []state.Clause{forIn("x", at("l"))}
	}
	return state.Expr{Op: state.OpList, Items: []state.ItemExpr{{Clauses: clauses, Value: value}}}
}

func count(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",%d", i)
	}
	return "[" + b.String()[1:] + "]"
}

// No unit, however hostile, holds a rewrite up: what is read costs, not only what is made.
func TestHostileUnitsEnd(t *testing.T) {
	number := func(s string) state.Expr { return lit(integer(s)) }
	long := strings.Repeat("a", 256<<10)
	l := count(30_000)
	words := `["` + strings.Repeat(`word", "`, 30_000) + `word"]`
	less, never := call(state.OpLt, variable("x"), variable("y")), call(state.OpLt, variable("x"), lit(integer("0")))
	unit := `{"l": ` + l + `, "s": "` + long + `", "t": "b"}`
	matches := func(pattern state.Expr) state.Expr { return loop(call(state.OpMatch, at("s"), pattern)) }
	for _, test := range []struct {
		name, text string
		out        state.Expr
	}{
		{"contains", unit, loop(builtinCall("list.Contains", at("l"), number("-1")))},
		{"contains struct", `{"l": ` + count(3000) + `, "m": [` + count(100_000) + `]}`, loop(builtinCall("list.Contains", at("m"), at("m")))},
		{"unique", `{"l": ` + l + `}`, builtinCall("list.UniqueItems", at("l"))},
		{"sort in loop", unit, loop(builtinCall("list.Sort", at("l"), less), forIn("e", at("l")))},
		{"sort strings in loop", `{"l": ` + words + `}`, loop(builtinCall("list.SortStrings", at("l")))},
		{"sum in loop", unit, loop(builtinCall("list.Sum", at("l")))},
		{"marshal in loop", unit, loop(builtinCall("encoding/json.Marshal", at("l")))},
		{"equal lists", `{"l": ` + l + `, "m": ` + l + `}`, loop(call(state.OpEq, at("l"), at("m")))},
		{"literal pattern", unit, matches(lit(text("a.*a.*a.*b$")))},
		{"computed pattern", `{"l": ` + count(3000) + `, "s": "` + long + `", "t": "(a?){1000}b"}`, matches(at("t"))},
		{"large pattern", `{"l": ` + l + `, "s": "x", "t": "` + strings.Repeat("a{1000}", 140) + `"}`, matches(at("t"))},
		{"match call", unit, loop(builtinCall("regexp.Match", lit(text("a.*a.*b$")), at("s")))},
		{"find all", `{"s": "` + long + `"}`, builtinCall("regexp.FindAll", lit(text("(a*b)|a")), at("s"), number("-1"))},
		{"replace all", `{"s": "` + long + `"}`, builtinCall("regexp.ReplaceAll", lit(text("a(.*b)?")), at("s"), lit(text("c")))},
		{"replace literal", `{"s": "` + long + `"}`, builtinCall("regexp.ReplaceAllLiteral", lit(text("a(.*b)?")), at("s"), lit(text("c")))},
		{"strings.Contains", unit, loop(builtinCall("strings.Contains", at("s"), at("t")))},
		{"strings.Count", unit, loop(builtinCall("strings.Count", at("s"), at("t")))},
		{"strings.Split", unit, loop(builtinCall("strings.Split", at("s"), at("t")))},
		{"strings.Split all", `{"s": "` + strings.Repeat(long, 32) + `"}`, builtinCall("strings.Split", at("s"), lit(text("")))},
		{"strings.Fields", `{"s": "` + strings.Repeat("a ", 4<<20) + `"}`, builtinCall("strings.Fields", at("s"))},
		{"strings.Trim", `{"s": "` + strings.Repeat("é", 100_000) + `", "t": "` + strings.Repeat("è", 100_000) + `é"}`, builtinCall("strings.Trim", at("s"), at("t"))},
		{"strings.IndexAny", `{"s": "` + strings.Repeat("é", 100_000) + `", "t": "` + strings.Repeat("è", 100_000) + `"}`, builtinCall("strings.IndexAny", at("s"), at("t"))},
		{"text in loop", unit, loop(call(state.OpEq, at("s"), at("t")))},
		{"logarithm in loop", unit, loop(builtinCall("math.Log", call(state.OpAdd, variable("x"), number("12345"))))},
		{"huge exponents", `{"l": [` + strings.Repeat("1e99999,", 30_000) + `1]}`, builtinCall("list.Max", loop(call(state.OpAdd, variable("x"), number("0"))))},
		{"long integers", `{"l": [` + strings.Repeat(strings.Repeat("7", 4000)+",", 500) + `1]}`, loop(call(state.OpLt, variable("x"), variable("y")), forIn("y", at("l")), forIn("x", at("l")))},
		{"index in loop", `{"l": ` + l + `}`, loop(state.Expr{Op: state.OpIndex, Args: []state.Expr{at("l"), variable("x")}})},
		{"many copies", unit, loop(at("l"))},
		{"pairs", unit, loop(number("1"), forIn("x", at("l")), forIn("y", at("l")), state.Clause{If: &never})},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := workload(t, test.out)
			start, done := time.Now(), make(chan error, 1)
			go func() {
				_, err := p.Convert(Unit{Key: "session:1", Text: test.text}, "1.0.0", "2.0.0")
				done <- err
			}()
			select {
			case err := <-done:
				if !errors.Is(err, errWork) {
					t.Fatalf("not stopped by the limit of work: %v", err)
				}
				t.Log(time.Since(start))
			case <-time.After(30 * time.Second):
				t.Fatal("holds the rewrite up")
			}
		})
	}
}

// An ordinary migration of an ordinary unit stays far below the limit.
func TestOrdinaryUnitsAreFarBelowTheLimit(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, `,{"id": %d, "name": "Ada %d", "mail": "ada%d@example.org"}`, i, i, i)
	}
	unit := Unit{Key: "session:1", Text: `{"s": "tenant", "l": [` + b.String()[1:] + `]}`}
	if len(unit.Text) < 1<<20 {
		t.Fatal(len(unit.Text))
	}
	renamed := loop(structOf(
		set("identifier", variable("x", "id")), set("label", builtinCall("strings.ToLower", variable("x", "name"))),
		set("owner", at("s")), set("valid", call(state.OpMatch, variable("x", "mail"), lit(text("^[a-z0-9]{1,63}@[a-z0-9.]{1,63}$")))),
		set("text", call(state.OpConcat, lit(text("id ")), variable("x", "id"))),
	))
	if steps := stepsOf(t, workload(t, renamed), unit, `"identifier":19999,"label":"ada 19999","owner":"tenant","valid":true,"text":"id 19999"}]}`); steps > maxSteps/2 {
		t.Errorf("%d steps", steps)
	}
	plain := loop(structOf(set("identifier", variable("x", "id")), set("label", variable("x", "name")), set("mail", variable("x", "mail"))))
	if steps := stepsOf(t, workload(t, plain), unit, `{"identifier":19999,"label":"Ada 19999","mail":"ada19999@example.org"}]}`); steps > maxSteps/4 {
		t.Errorf("%d steps for three fields", steps)
	}
}

// stepsOf converts a unit and returns the work of its program.
func stepsOf(t *testing.T, p *Programs, unit Unit, end string) int {
	t.Helper()
	got, err := p.Convert(unit, "1.0.0", "2.0.0")
	if err != nil || !strings.HasSuffix(got.Text, end) {
		t.Fatal(err, got.Text[max(0, len(got.Text)-100):])
	}
	way := p.paths[[2]state.Version{"1.0.0", "2.0.0"}]
	source, _ := p.shape("1.0.0")
	r := read(unit)
	if !source.fits(r) {
		t.Fatal("does not fit")
	}
	e := &env{room: new(Room), from: way.programs[0].from, key: unit.Key, vars: make([]value, way.vars)}
	e.given = r.charge(&e.budget)
	if e.root, err = source.root(r); err != nil {
		t.Fatal(err)
	}
	if _, err := way.programs[0].convertTree(e); err != nil {
		t.Fatal(err)
	}
	t.Log(e.steps, e.bytes)
	return e.steps
}
