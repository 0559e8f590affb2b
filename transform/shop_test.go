package transform

import (
	"keyshift.dev/state"
)

// The sessions of examples/shop, as a hash and as JSON, written as schema.Evaluate compiles them.

func lit(v state.Value) state.Expr { return state.Expr{Op: state.OpLit, Lit: &v} }
func at(path ...string) state.Expr { return state.Expr{Op: state.OpPath, Path: path} }
func call(op state.Op, args ...state.Expr) state.Expr {
	return state.Expr{Op: op, Args: args}
}
func integer(text string) state.Value { return state.Value{Kind: state.Int, Text: text} }
func text(s string) state.Value       { return state.Value{Kind: state.Str, Text: s} }
func kindOf(k state.Kind) state.Type  { return state.Type{Alts: []state.Alt{{Kind: k}}} }
func set(name string, e state.Expr) state.FieldExpr {
	return state.FieldExpr{Name: name, Value: e}
}
func carried(name string) state.FieldExpr { return set(name, at(name)) }
func structOf(fields ...state.FieldExpr) state.Expr {
	return state.Expr{Op: state.OpStruct, Fields: fields}
}
func req(name string, k state.Kind) state.Field { return state.Field{Name: name, Type: kindOf(k)} }
func opt(name string, k state.Kind) state.Field {
	return state.Field{Name: name, Type: kindOf(k), Optional: true}
}

func object(v state.Version, redis state.Redis, fields ...state.Field) state.Shape {
	s := state.Shape{Version: v, Keys: "session:<id>", Type: redis, Value: state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}}
	if redis == state.String {
		s.Encoding = state.JSON
	}
	return s
}

func shop(redis state.Redis) state.Keyspace {
	free, pro := text("free"), text("pro")
	plan := state.Field{Name: "plan", Type: state.Type{Default: &free, Alts: []state.Alt{{Kind: state.Str, Const: &free}, {Kind: state.Str, Const: &pro}}}}
	return state.Keyspace{
		Name: "session", Version: "2.0.0",
		Shapes: []state.Shape{
			object("1.0.0", redis, req("user_id", state.Int), req("name", state.Str), req("created_ms", state.Int), opt("legacy", state.Str)),
			object("2.0.0", redis, req("user_id", state.Int), req("full_name", state.Str), req("created", state.Int), plan),
		},
		Migrations: []state.Migration{{
			From: "1.0.0", To: "2.0.0", Drop: []string{"legacy"},
			Up: state.Program{
				Body: structOf(
					set("created", call(state.OpDiv, at("created_ms"), lit(integer("1000")))),
					set("full_name", at("name")),
					state.FieldExpr{Name: "plan", Value: lit(free)},
					carried("user_id")),
				Losses: []state.Loss{{Field: "created_ms", Reason: "div drops the remainder"}, {Field: "legacy", Reason: "dropped"}},
			},
			Down: state.Program{
				Body: structOf(
					set("created_ms", call(state.OpMul, at("created"), lit(integer("1000")))),
					set("name", at("full_name")),
					carried("user_id")),
				Losses: []state.Loss{{Field: "plan", Reason: "dropped"}},
			},
		}},
	}
}

func hash(pairs ...string) Unit {
	u := Unit{Key: "session:1"}
	for i := 0; i < len(pairs); i += 2 {
		u.Fields = append(u.Fields, Field{pairs[i], pairs[i+1]})
	}
	return u.Sorted()
}
