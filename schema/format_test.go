package schema

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"keyshift.dev/state"
)

func TestFormatVersion(t *testing.T) {
	text := func(s string) *state.Value { return &state.Value{Kind: state.Str, Text: s} }
	plan := state.Type{Alts: []state.Alt{{Kind: state.Str, Const: text("free")}, {Kind: state.Str, Const: text("pro")}}, Default: text("free")}
	one := func(a state.Alt) state.Type { return state.Type{Alts: []state.Alt{a}} }
	tests := []struct {
		name  string
		shape state.Shape
		want  string
	}{
		{"hash", state.Shape{Keys: "s:<id>", Type: state.Hash, Value: one(state.Alt{Kind: state.Struct, Fields: []state.Field{
			{Name: "id", Type: one(state.Alt{Kind: state.Int})}, {Name: "nick", Optional: true, Type: one(state.Alt{Kind: state.Str})},
			{Name: "plan", Type: plan}, {Name: "owner", Forbidden: true}}, Open: true})},
			`{keys: "s:<id>", type: "hash", #value: {id: int, nick?: string, plan: *"free" | "pro", owner?: _|_, ...}}`},
		{"a label that would hide a type", state.Shape{Keys: "s:<id>", Type: state.Hash, Value: one(state.Alt{Kind: state.Struct, Fields: []state.Field{
			{Name: "string", Type: one(state.Alt{Kind: state.Int})}, {Name: "a-b", Type: one(state.Alt{Kind: state.Str})}, {Name: "_x", Type: one(state.Alt{Kind: state.Str})}}})},
			`{keys: "s:<id>", type: "hash", #value: {"string": int, "a-b": string, "_x": string}}`},
		{"constraints", state.Shape{Keys: "n:<id>", Type: state.String, Encoding: state.Text, TTL: &state.TTL{Max: 90_000},
			Value: one(state.Alt{Kind: state.Int, Bounds: []state.Bound{{Op: ">=", Value: "0"}, {Op: "<", Value: "10"}}})},
			`{keys: "n:<id>", type: "string", encoding: "text", ttl: {max: "1m30s"}, #value: int & >=0 & <10}`},
		{"an expression with a backslash", state.Shape{Keys: "n:<id>", Type: state.Set, Value: one(state.Alt{Kind: state.Str, Match: []string{`^\d+$`}})},
			`{keys: "n:<id>", type: "set", #value: =~#"^\d+$"#}`},
		{"map", state.Shape{Keys: "f:<id>", Type: state.Map, Value: one(state.Alt{Kind: state.Struct, Fields: []state.Field{
			{Name: "field", Type: one(state.Alt{Kind: state.Str})}, {Name: "value", Type: one(state.Alt{Kind: state.Number})}}})},
			`{keys: "f:<id>", type: "hash", map: true, #value: {field: string, value: number}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := FormatVersion(test.shape); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestFormatReads checks that a printed shape is read again as the same shape.
func TestFormatReads(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := randomShape(rt)
		text := FormatVersion(want)
		files := fstest.MapFS{
			"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")},
			"x.cue":              {Data: []byte(specOf(want, text))},
		}
		got, err := Evaluate(files, ".")
		if err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
		read := got.Keyspaces[0].Shapes[0]
		if a, b := normal(read), normal(want); !reflect.DeepEqual(a, b) {
			rt.Fatalf("printed\n%s\nread\n%s\ngot  %+v\nwant %+v", text, FormatVersion(read), a, b)
		}
	})
}

// specOf is a spec with one version.
func specOf(s state.Shape, version string) string {
	imports := ""
	for _, i := range FormatImports(s) {
		imports += "import " + quote(i) + "\n"
	}
	policy := ""
	if s.Type == state.Stream {
		policy = "\tpolicy: strategy: \"drain\"\n"
	}
	return "package x\n\nimport \"keyshift.dev/schema\"\n" + imports + "\nsystem: schema.#System\nsystem: stores: main: address: \"redis://r:6379/0\"\n" +
		"system: keyspaces: k: {\n\tstore: \"main\"\n\tversion: \"1.0.0\"\n" + policy + "\tversions: \"1.0.0\": " + version + "\n}\n"
}

// normal leaves out what printing does not keep: places, the version, and what is the same as nothing.
func normal(s state.Shape) state.Shape {
	s.Pos, s.Version = state.Pos{}, ""
	if s.Encoding == "" && (s.Type == state.String || s.Type == state.List || s.Type == state.Set) {
		s.Encoding = state.Text
	}
	if s.Encoding != "" && s.Type != state.String && s.Type != state.List && s.Type != state.Set {
		s.Encoding = ""
	}
	s.Value = normalType(s.Value)
	return s
}

func normalType(t state.Type) state.Type {
	if t.IsAny() && t.Default == nil {
		return state.AnyType()
	}
	alts := make([]state.Alt, len(t.Alts))
	for i, a := range t.Alts {
		var fields []state.Field
		for _, f := range a.Fields {
			f.Pos, f.Type = state.Pos{}, normalType(f.Type)
			fields = append(fields, f)
		}
		a.Fields = fields
		var items []state.Type
		for _, item := range a.Items {
			items = append(items, normalType(item))
		}
		a.Items = items
		for _, inner := range []**state.Type{&a.Elem, &a.Rest} {
			if *inner == nil {
				continue
			}
			if n := normalType(**inner); n.IsAny() {
				*inner = nil
			} else {
				*inner = &n
			}
		}
		alts[i] = a
	}
	return state.Type{Alts: alts, Default: t.Default}
}

// randomShape makes a version of any kind. It keeps to what the reader admits.
func randomShape(t *rapid.T) state.Shape {
	s := state.Shape{Keys: rapid.SampledFrom([]string{"k:<id>", "{k:<a>}:<b int>", "kk", "k:<p...>"}).Draw(t, "keys")}
	s.Type = rapid.SampledFrom([]state.Redis{state.String, state.Hash, state.Document, state.Map, state.List, state.Set, state.SortedSet}).Draw(t, "type")
	if rapid.Bool().Draw(t, "ttl") {
		s.TTL = &state.TTL{Max: rapid.Int64Range(1, 1e9).Draw(t, "max")}
	}
	scalar := func() state.Type { return randomScalar(t) }
	switch s.Type {
	case state.String, state.List, state.Set:
		s.Encoding = rapid.SampledFrom([]state.Encoding{state.Text, state.JSON, state.MsgPack}).Draw(t, "encoding")
		s.Value = scalar()
		if s.Encoding != state.Text {
			s.Value = randomType(t, 2)
		}
	case state.Document:
		s.Value = randomType(t, 2)
	case state.Hash:
		s.Value = randomStruct(t, scalar)
	case state.Map:
		s.Value = structOf(state.Field{Name: "field", Type: stringType()}, state.Field{Name: "value", Type: scalar()})
	case state.SortedSet:
		s.Value = structOf(state.Field{Name: "member", Type: stringType()},
			state.Field{Name: "score", Type: state.Type{Alts: []state.Alt{{Kind: state.Number}}}})
	}
	return s
}

func stringType() state.Type { return state.Type{Alts: []state.Alt{{Kind: state.Str}}} }

func structOf(fields ...state.Field) state.Type {
	return state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: fields}}}
}

func randomType(t *rapid.T, depth int) state.Type {
	if depth == 0 {
		return randomScalar(t)
	}
	switch rapid.IntRange(0, 4).Draw(t, "form") {
	case 0:
		elem := randomType(t, depth-1)
		a := state.Alt{Kind: state.Array, Elem: &elem}
		if rapid.Bool().Draw(t, "length") {
			a.Len = rapid.SampledFrom([][]state.Bound{{{Op: "<=", Value: "3"}}, {{Op: ">=", Value: "2"}}, {{Op: ">=", Value: "1"}, {Op: "<=", Value: "3"}}}).Draw(t, "lengths")
		}
		return state.Type{Alts: []state.Alt{a}}
	case 1, 2:
		return randomStruct(t, func() state.Type { return randomType(t, depth-1) })
	case 3:
		rest := randomType(t, depth-1)
		return state.Type{Alts: []state.Alt{{Kind: state.Struct, Open: true, Rest: &rest}}}
	}
	return randomScalar(t)
}

func randomStruct(t *rapid.T, of func() state.Type) state.Type {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "name", "string", "x-y", "_h", "#d", "list", "1a", "null", "true", ""}), 1, 5, rapid.ID).Draw(t, "names")
	a := state.Alt{Kind: state.Struct, Open: rapid.Bool().Draw(t, "open")}
	for _, n := range names {
		f := state.Field{Name: n, Type: of(), Optional: rapid.Bool().Draw(t, "optional")}
		if a.Open && rapid.IntRange(0, 9).Draw(t, "forbidden") == 0 {
			f = state.Field{Name: n, Forbidden: true}
		}
		a.Fields = append(a.Fields, f)
	}
	return state.Type{Alts: []state.Alt{a}}
}

func randomScalar(t *rapid.T) state.Type {
	word := func(s string) *state.Value { return &state.Value{Kind: state.Str, Text: s} }
	out := rapid.SampledFrom([]state.Type{
		{Alts: []state.Alt{{Kind: state.Int}}},
		{Alts: []state.Alt{{Kind: state.Number}}},
		{Alts: []state.Alt{{Kind: state.Bool}}},
		{Alts: []state.Alt{{Kind: state.Str}}},
		{Alts: []state.Alt{{Kind: state.Str, Match: []string{`^[a-z]\d+$`}}}},
		{Alts: []state.Alt{{Kind: state.Str, Match: []string{"^\"#\n"}, NoMatch: []string{"b"}}}},
		{Alts: []state.Alt{{Kind: state.Str, Len: []state.Bound{{Op: ">=", Value: "2"}, {Op: "<=", Value: "9"}}}}},
		{Alts: []state.Alt{{Kind: state.Int, Bounds: []state.Bound{{Op: ">=", Value: "-3"}, {Op: "<", Value: "100"}}}}},
		{Alts: []state.Alt{{Kind: state.Number, Bounds: []state.Bound{{Op: ">", Value: "0.5"}}}}},
		{Alts: []state.Alt{{Kind: state.Str, Const: word("a\"b\\")}, {Kind: state.Str, Const: word("")}}},
		{Alts: []state.Alt{{Kind: state.Str, Const: word("free")}, {Kind: state.Str, Const: word("pro")}}, Default: word("free")},
		{Alts: []state.Alt{{Kind: state.Str}}, Default: word("\t")},
		{Alts: []state.Alt{{Kind: state.Int, Const: &state.Value{Kind: state.Int, Text: "2"}}}},
		{Alts: []state.Alt{{Kind: state.Int}, {Kind: state.Bool}}},
	}).Draw(t, "scalar")
	return out
}

func TestFormatCommented(t *testing.T) {
	s := state.Shape{Keys: "s:<id>", Type: state.Hash, Value: structOf(state.Field{Name: "a", Type: stringType()}, state.Field{Name: "b", Type: stringType()})}
	got := FormatCommented(s, []Comment{{Text: "10 keys"}, {Path: []string{"b"}, Text: "in 3 of 10\nmore"}})
	for _, want := range []string{"// 10 keys\n\t#value: {", "\t\ta: string\n", "\t\t// in 3 of 10\n\t\t// more\n\t\tb: string"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
