package bench

import (
	"cmp"
	"slices"

	"keyshift.dev/state"
)

// The versions of every keyspace that is measured.
const (
	v1 state.Version = "1.0.0"
	v2 state.Version = "2.0.0"
)

var (
	integer = state.Type{Alts: []state.Alt{{Kind: state.Int}}}
	text    = state.Type{Alts: []state.Alt{{Kind: state.Str}}}
)

func word(kind state.Kind, s string) *state.Value { return &state.Value{Kind: kind, Text: s} }

func constant(s string) state.Type {
	return state.Type{Alts: []state.Alt{{Kind: state.Str, Const: word(state.Str, s)}}}
}

func object(fields ...state.Field) state.Type {
	return state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}
}

func field(name string, t state.Type) state.Field { return state.Field{Name: name, Type: t} }

func fieldsOf(t state.Type, names ...string) []state.Field {
	out := make([]state.Field, len(names))
	for i, name := range names {
		out[i] = field(name, t)
	}
	return out
}

func path(name string) state.Expr { return state.Expr{Op: state.OpPath, Path: []string{name}} }

func literal(v *state.Value) state.Expr { return state.Expr{Op: state.OpLit, Lit: v} }

func call(op state.Op, args ...state.Expr) state.Expr { return state.Expr{Op: op, Args: args} }

func set(name string, e state.Expr) state.FieldExpr { return state.FieldExpr{Name: name, Value: e} }

// program carries some fields and sets others.
func program(carried []string, sets ...state.FieldExpr) state.Program {
	for _, name := range carried {
		sets = append(sets, set(name, path(name)))
	}
	slices.SortFunc(sets, func(a, b state.FieldExpr) int { return cmp.Compare(a.Name, b.Name) })
	return state.Program{Body: state.Expr{Op: state.OpStruct, Fields: sets}}
}

func declare(name string, shapes []state.Shape, m state.Migration) state.Keyspace {
	m.From, m.To = v1, v2
	return state.Keyspace{
		Name: name, Store: "main", Version: v2, Policy: state.Policy{Throttle: state.ThrottleFast},
		Shapes: shapes, Migrations: []state.Migration{m},
	}
}

// oldSession is the hash of eight fields that is seeded.
func oldSession(fields ...state.Field) state.Shape {
	fields = append(fields, field("user_id", integer), field("created_ms", integer))
	fields = append(fields, fieldsOf(text, "name", "email", "ip", "agent", "note")...)
	return state.Shape{Version: v1, Keys: "session:<id>", Type: state.Hash, Value: object(fields...)}
}

func newSession(fields ...state.Field) state.Shape {
	fields = append(fields, field("user_id", integer), field("full_name", text))
	fields = append(fields, fieldsOf(text, "email", "ip", "agent", "note")...)
	return state.Shape{Version: v2, Keys: "session:<id>", Type: state.Hash, Value: object(fields...)}
}

var carried = []string{"user_id", "email", "ip", "agent", "note"}

// exactSessions renames two fields and adds a constant: nothing is lost in either direction.
func exactSessions() state.Keyspace {
	all := append([]string{"legacy"}, carried...)
	return declare("session", []state.Shape{
		oldSession(field("legacy", text)),
		newSession(field("legacy", text), field("created_at", integer), field("v", constant("2"))),
	}, state.Migration{
		Up:   program(all, set("full_name", path("name")), set("created_at", path("created_ms")), set("v", literal(word(state.Str, "2")))),
		Down: program(all, set("name", path("full_name")), set("created_ms", path("created_at"))),
	})
}

// usualSessions are exactSessions of which no throttle is said.
func usualSessions() state.Keyspace {
	k := exactSessions()
	k.Policy.Throttle = ""
	return k
}

// lossySessions is the session of the reference: it drops milliseconds and a field, and the way back loses the plan.
func lossySessions() state.Keyspace {
	plan := state.Type{Alts: slices.Concat(constant("free").Alts, constant("pro").Alts), Default: word(state.Str, "free")}
	legacy := field("legacy", text)
	legacy.Optional = true
	thousand := literal(word(state.Int, "1000"))
	up := program(carried, set("full_name", path("name")), set("created", call(state.OpDiv, path("created_ms"), thousand)), set("plan", literal(plan.Default)))
	up.Losses = []state.Loss{{Field: "created_ms", Reason: "div drops the remainder"}, {Field: "legacy", Reason: "dropped"}}
	down := program(carried, set("name", path("full_name")), set("created_ms", call(state.OpMul, path("created"), thousand)))
	down.Losses = []state.Loss{{Field: "plan", Reason: "dropped"}}
	return declare("session", []state.Shape{
		oldSession(legacy),
		newSession(field("created", integer), field("plan", plan)),
	}, state.Migration{
		Drop: []string{"legacy"}, Up: up, Down: down,
	})
}

// carts are JSON strings of which one number is converted.
func carts() state.Keyspace {
	cart := func(v state.Version, amount string) state.Shape {
		return state.Shape{
			Version: v, Keys: "cart:<id>", Type: state.String, Encoding: state.JSON,
			Value: object(field("owner", integer), field(amount, integer), field("note", text)),
		}
	}
	kept, ten := []string{"owner", "note"}, literal(word(state.Int, "10"))
	down := program(kept, set("cents", call(state.OpDiv, path("total"), ten)))
	down.Losses = []state.Loss{{Field: "total", Reason: "div drops the remainder"}}
	return declare("cart", []state.Shape{cart(v1, "cents"), cart(v2, "total")}, state.Migration{
		Up: program(kept, set("total", call(state.OpMul, path("cents"), ten))), Down: down,
	})
}
