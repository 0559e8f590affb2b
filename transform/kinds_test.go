package transform

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"keyshift.dev/state"
	"pgregory.net/rapid"
)

func structType(fields ...state.Field) state.Type {
	return state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}
}

func listType(elem state.Type) state.Type {
	return state.Type{Alts: []state.Alt{{Kind: state.Array, Elem: &elem}}}
}

func variable(name string, path ...string) state.Expr {
	return state.Expr{Op: state.OpVar, Name: name, Path: path}
}

func builtinCall(name string, args ...state.Expr) state.Expr {
	return state.Expr{Op: state.OpCall, Name: name, Args: args}
}

// each makes a list of what value makes of every element of a list.
func each(list state.Expr, value state.Expr) state.Expr {
	return state.Expr{Op: state.OpList, Items: []state.ItemExpr{{Clauses: []state.Clause{{For: &list, Key: "i", Value: "x"}}, Value: value}}}
}

func pair(from, to state.Shape, up, down state.Expr) state.Keyspace {
	from.Version, to.Version = "1.0.0", "2.0.0"
	for _, s := range []*state.Shape{&from, &to} {
		if s.Keys == "" {
			s.Keys = "kk:<id>"
		}
	}
	return state.Keyspace{Name: "k", Version: "2.0.0", Shapes: []state.Shape{from, to}, Migrations: []state.Migration{{
		From: "1.0.0", To: "2.0.0", Up: state.Program{Body: up}, Down: state.Program{Body: down},
	}}}
}

// Units of every kind and encoding, there and back.
func TestKinds(t *testing.T) {
	itemsFrom := structType(state.Field{Name: "items", Type: listType(structType(req("n", state.Int), req("s", state.Str)))}, req("keep", state.Number))
	itemsTo := structType(state.Field{Name: "items", Type: listType(structType(req("m", state.Int), req("s", state.Str)))}, req("keep", state.Number))
	up := structOf(set("items", each(at("items"), structOf(set("m", call(state.OpAdd, variable("x", "n"), lit(integer("1")))), set("s", variable("x", "s"))))), carried("keep"))
	down := structOf(set("items", each(at("items"), structOf(set("n", call(state.OpSub, variable("x", "m"), lit(integer("1")))), set("s", variable("x", "s"))))), carried("keep"))
	json := state.Shape{Type: state.String, Encoding: state.JSON}
	with := func(s state.Shape, v state.Type) state.Shape { s.Value = v; return s }
	big := state.Type{Alts: []state.Alt{{Kind: state.Int, Bounds: []state.Bound{{Op: ">=", Value: "1000"}}}}}
	small := state.Type{Alts: []state.Alt{{Kind: state.Int, Bounds: []state.Bound{{Op: "<", Value: "1000"}}}}}
	thousandUp, thousandDown := call(state.OpMul, at(), lit(integer("1000"))), call(state.OpDiv, at(), lit(integer("1000")))
	member := structType(req("member", state.Str), req("score", state.Number))
	for _, c := range []struct {
		name     string
		k        state.Keyspace
		in, want Unit
	}{
		{"a JSON list is edited in place", pair(with(json, itemsFrom), with(json, itemsTo), up, down),
			Unit{Key: "kk:1", Text: `{ "keep" : 1.50, "items": [ {"s": "\u00e9", "n" : 1},  {"n": 2, "s":"b"} ] }`},
			Unit{Key: "kk:1", Text: `{ "keep" : 1.50, "items": [ {"s": "\u00e9", "m": 2},  {"s":"b", "m": 3} ] }`}},
		{"MessagePack keeps what is untouched",
			pair(state.Shape{Type: state.String, Encoding: state.MsgPack, Value: structType(req("a", state.Int), req("b", state.Str))},
				state.Shape{Type: state.String, Encoding: state.MsgPack, Value: structType(req("b", state.Str), req("c", state.Int))},
				structOf(carried("b"), set("c", call(state.OpMul, at("a"), lit(integer("1000"))))), structOf(set("a", call(state.OpDiv, at("c"), lit(integer("1000")))), carried("b"))),
			Unit{Key: "kk:1", Text: "\x82\xa1a\x05\xa1b\xd9\x01x"}, Unit{Key: "kk:1", Text: "\x82\xa1c\xcd\x13\x88\xa1b\xd9\x01x"}},
		{"text of a number", pair(state.Shape{Type: state.String, Value: small}, state.Shape{Type: state.String, Value: big}, thousandUp, thousandDown),
			Unit{Key: "kk:1", Text: "7"}, Unit{Key: "kk:1", Text: "7000"}},
		{"an element of a list", pair(state.Shape{Type: state.List, Value: small}, state.Shape{Type: state.List, Value: big}, thousandUp, thousandDown),
			Unit{Key: "kk:1", Type: state.List, Text: "7"}, Unit{Key: "kk:1", Type: state.List, Text: "7000"}},
		{"a field in JSON",
			pair(state.Shape{Type: state.Hash, Encodings: []state.FieldEncoding{{Field: "items", Encoding: state.JSON}}, Value: itemsFrom},
				state.Shape{Type: state.Hash, Encodings: []state.FieldEncoding{{Field: "items", Encoding: state.JSON}}, Value: itemsTo}, up, down),
			Unit{Key: "kk:1", Fields: []Field{{"items", ` [{"n":1, "s":"x"}]` + "\n"}, {"keep", "1.50"}}},
			Unit{Key: "kk:1", Fields: []Field{{"items", ` [{"s":"x", "m":2}]` + "\n"}, {"keep", "1.50"}}}},
		{"a score",
			pair(state.Shape{Type: state.SortedSet, Value: member}, state.Shape{Type: state.SortedSet, Value: structType(req("member", state.Str), state.Field{Name: "score", Type: big})},
				structOf(carried("member"), set("score", builtinCall("math.Round", call(state.OpMul, at("score"), lit(integer("1000000")))))),
				structOf(carried("member"), set("score", call(state.OpQuotient, at("score"), lit(integer("1000000")))))),
			Unit{Key: "kk:1", Type: state.SortedSet, Fields: []Field{{"member", "ada"}, {"score", "0.25"}}},
			Unit{Key: "kk:1", Type: state.SortedSet, Fields: []Field{{"member", "ada"}, {"score", "250000"}}}},
		{"raw to text by base64",
			pair(state.Shape{Type: state.String, Encoding: state.Raw, Value: kindOf(state.Bytes), Keys: "kk:<id>:<n int>"},
				state.Shape{Type: state.String, Value: kindOf(state.Str), Keys: "new:<n int>:<id>"},
				builtinCall("encoding/base64.Encode", lit(state.Value{Kind: state.Null}), at()), builtinCall("encoding/base64.Decode", lit(state.Value{Kind: state.Null}), at())),
			Unit{Key: "kk:x:-7", Text: "\xff\x00"}, Unit{Key: "new:-7:x", Text: "/wA="}},
		{"JSON to hash, with a TTL",
			pair(with(json, structType(req("a", state.Int), req("b", state.Bool))),
				state.Shape{Type: state.Hash, TTL: &state.TTL{Max: 1000, Set: 500}, Value: structType(req("a", state.Int), req("b", state.Bool))},
				structOf(carried("a"), carried("b")), structOf(carried("a"), carried("b"))),
			Unit{Key: "kk:1", Type: state.String, Text: `{"a":5,"b":true}`, TTL: 400}, Unit{Key: "kk:1", Type: state.Hash, Fields: []Field{{"a", "5"}, {"b", "true"}}, TTL: 400}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compiled(t, c.k)
			if class, reason := p.Classify(c.in); !class.Has("1.0.0") {
				t.Fatalf("class %s: %s", class, reason)
			}
			got, err := p.Convert(c.in, "1.0.0", "2.0.0")
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Fatalf("got %q, %v\nwant %q", fmt.Sprint(got), err, fmt.Sprint(c.want))
			}
			if class, reason := p.Classify(got); !class.Has("2.0.0") {
				t.Fatalf("the result has class %s: %s", class, reason)
			}
			back, err := p.Convert(got, "2.0.0", "1.0.0")
			if err != nil {
				t.Fatal(err)
			}
			x, err := p.Decode("1.0.0", c.in)
			y, err2 := p.Decode("1.0.0", back)
			if err != nil || err2 != nil || len(compareValues("", x, y, func(string) bool { return false })) > 0 {
				t.Errorf("came back as %+v, %v, %v", back, err, err2)
			}
		})
	}
}

// The time to live that a unit gets, and the class that it makes.
func TestTTL(t *testing.T) {
	rule := func(ttl *state.TTL) state.Shape {
		return state.Shape{Type: state.String, Value: kindOf(state.Str), TTL: ttl}
	}
	for _, c := range []struct {
		rule     state.TTL
		ttl, got int64
	}{{state.TTL{Max: 100, Set: 50}, 0, 50}, {state.TTL{Max: 100, Set: 50}, 101, 50}, {state.TTL{Max: 100, Set: 50}, 100, 100}, {state.TTL{Max: 100}, 200, 100}, {state.TTL{Set: 50}, 200, 200}} {
		p := compiled(t, pair(rule(nil), rule(&c.rule), at(), at()))
		got, err := p.Convert(Unit{Key: "kk:1", Text: "x", TTL: c.ttl}, "1.0.0", "2.0.0")
		if err != nil || got.TTL != c.got {
			t.Errorf("%+v of %d: got %d, %v, want %d", c.rule, c.ttl, got.TTL, err, c.got)
		}
		class, _ := p.Classify(Unit{Key: "kk:1", Text: "x", TTL: c.ttl})
		if class.Has("2.0.0") != (c.ttl > 0 && (c.rule.Max == 0 || c.ttl <= c.rule.Max)) {
			t.Errorf("%+v: a unit that lives %d has class %s", c.rule, c.ttl, class)
		}
	}
}

// Of a literal that is indexed only the element that is taken is computed; what a program sets is not carried beside.
func TestLazyIndexAndRest(t *testing.T) {
	u := hash("i", "0", "j", "1", "s", "abc", "b", "true")
	guarded := state.Expr{Op: state.OpIndex, Args: []state.Expr{{Op: state.OpList, Items: []state.ItemExpr{
		{Clauses: []state.Clause{{If: &state.Expr{Op: state.OpEq, Args: []state.Expr{at("i"), lit(integer("0"))}}}}, Value: lit(integer("7"))},
		{Value: call(state.OpQuotient, at("j"), at("i"))}}}, lit(integer("0"))}}
	table := state.Expr{Op: state.OpIndex, Args: []state.Expr{structOf(set("abc", lit(integer("8"))), set("z", call(state.OpDiv, at("j"), at("i")))), at("s")}}
	for want, e := range map[string]state.Expr{"7": guarded, "8": table} {
		if got, err := evaluate(t, e, u); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	of := func(k state.Kind) state.Type {
		rest := kindOf(k)
		return state.Type{Alts: []state.Alt{{Kind: state.Struct, Open: true, Rest: &rest}}}
	}
	for _, redis := range []state.Redis{state.Hash, state.String} {
		from, to := state.Shape{Type: redis, Value: of(state.Str)}, state.Shape{Type: redis, Value: of(state.Str)}
		in, want := hash("a", "y", "b", "z"), hash("a", "x", "b", "z")
		if redis == state.String {
			from.Encoding, to.Encoding = state.JSON, state.JSON
			in, want = Unit{Text: `{"a": "y", "b": "z"}`}, Unit{Text: `{"a": "x", "b": "z"}`}
		}
		in.Key, want.Key = "kk:1", "kk:1"
		k := pair(from, to, structOf(set("a", lit(text("x")))), at())
		k.Migrations[0].Up.Open = true
		if got, err := compiled(t, k).Convert(in, "1.0.0", "2.0.0"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", redis, got, err)
		}
	}
}

// A hostile unit cannot make a program explode.
func TestWorkIsBounded(t *testing.T) {
	for name, e := range map[string]state.Expr{
		"strings.Repeat": builtinCall("strings.Repeat", builtinCall("strings.Repeat", at("s"), lit(integer("1000000"))), lit(integer("1000000"))),
		"range":          builtinCall("list.Range", lit(integer("0")), lit(integer("99999999999999")), lit(integer("1"))),
		"list.Repeat":    builtinCall("list.Repeat", builtinCall("list.Repeat", builtinCall("strings.Split", at("s"), lit(text(""))), lit(integer("1000000"))), lit(integer("1000000"))),
		"join":           builtinCall("strings.Replace", builtinCall("strings.Repeat", at("s"), lit(integer("100000"))), lit(text("")), builtinCall("strings.Repeat", at("s"), lit(integer("100000"))), lit(integer("-1"))),
		"expression":     builtinCall("regexp.Match", builtinCall("strings.Repeat", at("s"), lit(integer("100000"))), at("s")),
	} {
		_, err := evaluate(t, state.Expr{Op: state.OpElse, Args: []state.Expr{builtinCall("encoding/json.Marshal", e), lit(text("x"))}}, hash("i", "1", "j", "1", "s", "abc", "b", "true"))
		if err == nil || !strings.Contains(err.Error(), "too much") && !strings.Contains(err.Error(), "longer than 1024 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCounterexample(t *testing.T) {
	k := shop(state.Hash)
	e, ok := Counterexample(k, "1.0.0", "2.0.0")
	if !ok || e.Before == e.Back || !strings.Contains(e.After, `"plan": "free"`) {
		t.Errorf("got %+v, %v", e, ok)
	}
	again, _ := Counterexample(k, "1.0.0", "2.0.0")
	if again != e {
		t.Error("another example the second time")
	}
	exact := pair(state.Shape{Type: state.String, Value: kindOf(state.Int)}, state.Shape{Type: state.String, Value: kindOf(state.Int)},
		call(state.OpAdd, at(), lit(integer("1"))), call(state.OpSub, at(), lit(integer("1"))))
	if e, ok := Counterexample(exact, "1.0.0", "2.0.0"); ok {
		t.Errorf("an exact migration has %+v", e)
	}
}

// Both readers and writers of MessagePack agree: what is written reads as the same value.
func TestMsgPackRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := spelled(randomJSON(t, 3))
		if err != nil {
			t.Fatal(err)
		}
		w := settler{room: new(Room)}
		x, err := w.settle(v, state.MsgPack, nil)
		if err != nil {
			t.Fatal(err)
		}
		d, err := parseMsgPack(x.encode(state.MsgPack, new(Room)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if root := (value{kind: isNode, doc: &d}); !root.equal(v) {
			t.Fatalf("%+v was read as %+v", x, d)
		}
	})
}

// Whatever the bytes: no panic, and what is taken is taken whole.
func FuzzParseMsgPack(f *testing.F) {
	for _, s := range []string{"", "\x80", "\x81\xa1a\x01", "\x81\x01\x01", "\x82\xa1a\x01\xa1a\x01", "\xdd\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc7\x01\x01x", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
		"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xe0", "\xff", "\xc4\x01\xff", "\x81\xa1\xff\x01", "\x92\x01", "\x01\x01", "\xca\x3f\xc0\x00\x00", strings.Repeat("\x91", 2000) + "\x01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseMsgPack(text, nil)
		if err != nil {
			return
		}
		root := value{kind: isNode, doc: &d}
		if got := root.encode(state.MsgPack, new(Room)); got != text {
			t.Fatalf("%q is written as %q", text, got)
		}
		if isMap, ok := root.isComposite(); ok {
			kind := value{kind: root.composed(isMap), tree: root.spread()}
			if got := kind.encode(state.MsgPack, new(Room)); got != text {
				t.Fatalf("%q is put together as %q", text, got)
			}
		}
		_, _ = root.state()
	})
}
