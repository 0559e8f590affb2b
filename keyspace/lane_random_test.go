package keyspace

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// dice draws random migrations of hashes, and random hashes.
type dice struct{ *rand.Rand }

func rolled(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 7))} }

func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

func pick[T any](d dice, of []T) T { return of[d.IntN(len(of))] }

var (
	laneNames = []string{"a", "b", "c", "d e", "é", "x\ny", "end", "v", "created_ms", "it's", "\\"}

	// laneTexts are what breaks readers of numbers, booleans and UTF-8.
	laneTexts = []string{
		"", "0", "5", "-1", "42", "1700000000123", "007", "+5", "-0", "1e3", " 5", "5 ", "5\n", "0x10", "inf", "nan", "1.5", "1.50", "-0.0", "-.5",
		"9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740991", "-9007199254740992", "99999999999999999999", "-99999999999999999999",
		"true", "false", "True", "free", "pro", "x", "é", "日本語", "\xff", "\xc3", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "\xe0\x80\x80", "a\x00b", "\n", "'", "%d",
		strings.Repeat("long ", 20_000),
	}
)

func literal(k state.Kind, text string) state.Expr {
	return state.Expr{Op: state.OpLit, Lit: valueOf(k, text)}
}

func valueOf(k state.Kind, text string) *state.Value {
	v := &state.Value{Kind: k, Text: text}
	if k == state.Bool {
		v = &state.Value{Kind: k, Bool: text == "true"}
	}
	return v
}

func (d dice) alt() state.Alt {
	switch d.IntN(12) {
	case 0:
		return state.Alt{Kind: state.Int, Const: valueOf(state.Int, pick(d, []string{"1", "2", "-3"}))}
	case 1:
		return state.Alt{Kind: state.Int, Bounds: []state.Bound{{Op: pick(d, []string{">=", "<=", ">", "<", "!="}), Value: pick(d, []string{"0", "5", "100", "9007199254740992", "0.5"})}}}
	case 2:
		return constant(pick(d, []string{"free", "pro", "5", "é"}))
	case 3:
		return state.Alt{Kind: state.Str, Len: []state.Bound{{Op: pick(d, []string{">=", "<="}), Value: "2"}}}
	case 4:
		return state.Alt{Kind: state.Str, Match: []string{"^[a-z0-9]*$"}}
	case 5:
		return state.Alt{Kind: state.Bool}
	case 6:
		return state.Alt{Kind: state.Bool, Const: valueOf(state.Bool, "true")}
	case 7:
		return state.Alt{Kind: state.Number}
	case 8, 9:
		return state.Alt{Kind: state.Int}
	}
	return state.Alt{Kind: state.Str}
}

func (d dice) kind() state.Type {
	t := one(d.alt())
	if d.chance(15) {
		t.Alts = append(t.Alts, d.alt())
	}
	return t
}

func (d dice) shape(v state.Version, open bool) state.Shape {
	names := slices.Clone(laneNames)
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var fields []state.Field
	for _, name := range names[:1+d.IntN(6)] {
		f := field(name, d.kind())
		f.Optional = d.chance(20)
		fields = append(fields, f)
	}
	return hashShape(v, open, fields)
}

func hashShape(v state.Version, open bool, fields []state.Field) state.Shape {
	s := state.Shape{Version: v, Keys: "k:<id>", Type: state.Hash, Value: object(fields...)}
	s.Value.Alts[0].Open = open
	return s
}

// expr draws an expression over the fields of a shape, and the type of its result.
func (d dice) expr(fields []state.Field, k state.Kind, depth int) state.Expr {
	var of []string
	for _, f := range fields {
		if f.Type.Alts[0].Kind == k {
			of = append(of, f.Name)
		}
	}
	if depth == 0 || d.chance(25) {
		if len(of) > 0 && d.chance(80) {
			return path(pick(d, of))
		}
		return literal(k, pick(d, map[state.Kind][]string{
			state.Int: {"0", "1", "-7", "1000", "9007199254740991", "99999999999999999999"}, state.Str: {"", "x", "é'"}, state.Bool: {"true", "false"},
		}[k]))
	}
	kinds := []state.Kind{state.Int, state.Str, state.Bool}
	switch k {
	case state.Int:
		op := pick(d, []state.Op{state.OpAdd, state.OpSub, state.OpMul, state.OpDiv, state.OpMod, state.OpQuo, state.OpRem, "neg"})
		if op == "neg" {
			return call(state.OpSub, d.expr(fields, k, depth-1))
		}
		return call(op, d.expr(fields, k, depth-1), d.expr(fields, k, depth-1))
	case state.Str:
		if d.chance(50) {
			return call(state.OpAdd, d.expr(fields, k, depth-1), d.expr(fields, k, depth-1))
		}
		return call(state.OpConcat, d.expr(fields, pick(d, kinds), depth-1), d.expr(fields, pick(d, kinds), depth-1))
	}
	op := pick(d, []state.Op{state.OpEq, state.OpNe, state.OpLt, state.OpGe, state.OpAnd, state.OpOr, state.OpNot, state.OpHas})
	switch op {
	case state.OpNot:
		return call(op, d.expr(fields, k, depth-1))
	case state.OpAnd, state.OpOr:
		return call(op, d.expr(fields, k, depth-1), d.expr(fields, k, depth-1))
	case state.OpHas:
		return state.Expr{Op: op, Path: []string{pick(d, laneNames)}}
	}
	of2 := pick(d, kinds)
	return call(op, d.expr(fields, of2, depth-1), d.expr(fields, of2, depth-1))
}

// migrate draws a version that follows another, and the program that leads there.
func (d dice) migrate(from state.Shape, v state.Version) (state.Shape, state.Program) {
	source := from.Value.Alts[0].Fields
	var fields []state.Field
	var made []state.FieldExpr
	taken := map[string]bool{}
	add := func(f state.Field, m state.FieldExpr) {
		if !taken[f.Name] {
			taken[f.Name] = true
			fields = append(fields, f)
			m.Name = f.Name
			made = append(made, m)
		}
	}
	for _, f := range source {
		next := field(f.Name, f.Type)
		next.Optional = f.Optional
		m := state.FieldExpr{Value: path(f.Name), Optional: f.Optional}
		switch d.IntN(8) {
		case 0:
			continue
		case 1, 2:
			next.Name = pick(d, laneNames)
		case 3:
			k := f.Type.Alts[0].Kind
			if k == state.Number {
				k = state.Int
			}
			next.Type, m.Value = one(state.Alt{Kind: k}), d.expr(source, k, 2)
		case 4:
			next.Type = d.kind()
		}
		if d.chance(10) {
			m.If = []state.Expr{d.expr(source, state.Bool, 2)}
			next.Optional = true
		}
		if d.chance(10) && (f.Optional || m.If != nil) && f.Type.Alts[0].Kind == state.Str {
			m.Default = valueOf(state.Str, "free")
		}
		add(next, m)
	}
	for range d.IntN(3) {
		k := pick(d, []state.Kind{state.Int, state.Str, state.Bool})
		add(field(pick(d, laneNames), one(state.Alt{Kind: k})), state.FieldExpr{Value: d.expr(source, k, d.IntN(3))})
	}
	if len(made) == 0 {
		add(field("v", one(constant("2"))), state.FieldExpr{Value: literal(state.Str, "2")})
	}
	open := from.Value.Alts[0].Open != d.chance(5)
	p := program(made...)
	p.Open = open && from.Value.Alts[0].Open
	return hashShape(v, open, fields), p
}

// keyspace draws two or three versions, in a row or both leading to the newest.
func (d dice) keyspace() state.Keyspace {
	k := state.Keyspace{Name: "k", Store: "main", Version: "2.0.0"}
	back := program(set("v", literal(state.Str, "1")))
	first := d.shape("1.0.0", d.chance(25))
	second, up := d.migrate(first, "2.0.0")
	k.Shapes = []state.Shape{first, second}
	k.Migrations = []state.Migration{{From: "1.0.0", To: "2.0.0", Up: up, Down: back}}
	if d.chance(40) {
		third, up := d.migrate(second, "3.0.0")
		k.Version, k.Shapes = "3.0.0", append(k.Shapes, third)
		k.Migrations = append(k.Migrations, state.Migration{From: "2.0.0", To: "3.0.0", Up: up, Down: back})
	}
	return k
}

// text draws a text that fits a type more often than not.
func (d dice) text(t state.Type) string {
	a := pick(d, t.Alts)
	switch {
	case d.chance(8):
		return pick(d, laneTexts)
	case a.Const != nil && a.Kind == state.Bool:
		return fmt.Sprint(a.Const.Bool)
	case a.Const != nil:
		return a.Const.Text
	case a.Kind == state.Bool:
		return pick(d, []string{"true", "false"})
	case a.Kind == state.Int:
		return pick(d, []string{"0", "7", "-7", "1700000000123", "42", "9007199254740991"})
	case a.Kind == state.Number:
		return pick(d, []string{"0", "7", "1.5", "-0.25", "1e9"})
	}
	return pick(d, []string{"", "x", "abc", "5", "true", "é日"})
}

// unit draws a hash of about one of the versions: whole, with a field too few or too many, or half one, half another.
func (d dice) unit(k state.Keyspace, key string) transform.Unit {
	values := map[string]string{}
	fill := func(s state.Shape) {
		for _, f := range s.Value.Alts[0].Fields {
			if !f.Optional || d.chance(60) {
				values[f.Name] = d.text(f.Type)
			}
		}
	}
	fill(k.Shapes[pick(d, []int{0, 0, 0, 0, d.IntN(len(k.Shapes))})])
	if d.chance(5) {
		fill(pick(d, k.Shapes))
	}
	if d.chance(8) {
		values[pick(d, append([]string{"foreign", "\xff"}, laneNames...))] = pick(d, laneTexts)
	}
	for name := range values {
		if d.chance(3) {
			delete(values, name)
		}
	}
	u := transform.Unit{Key: key, Type: state.Hash}
	for name, v := range values {
		u.Fields = append(u.Fields, transform.Field{Name: name, Value: v})
	}
	return u.Sorted()
}
