package schema

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	cuejson "cuelang.org/go/encoding/json"
	"cuelang.org/go/encoding/jsonschema"
	"pgregory.net/rapid"

	"keyshift.dev/state"
)

func TestExportJSONSchema(t *testing.T) {
	s := state.Shape{Keys: "session:<id>", Type: state.Hash, TTL: &state.TTL{Set: 86_400_000}, Encodings: []state.FieldEncoding{{Field: "m", Encoding: state.JSON}},
		Value: state.Type{Alts: []state.Alt{{Kind: state.Struct, Fields: []state.Field{
			{Name: "id", Type: state.Type{Alts: []state.Alt{{Kind: state.Int, Bounds: []state.Bound{{Op: ">=", Value: "0"}}}}}},
			{Name: "m", Optional: true, Type: state.AnyType()},
		}}}}}
	got, err := ExportJSONSchema(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "x-keyshift-keys": "session:<id>",
  "x-keyshift-type": "hash",
  "x-keyshift-encodings": {
    "m": "json"
  },
  "x-keyshift-ttl": {
    "set": "1d"
  },
  "type": "object",
  "properties": {
    "id": {
      "type": "integer",
      "minimum": 0
    },
    "m": {}
  },
  "required": [
    "id"
  ],
  "additionalProperties": false
}
`
	if string(got) != want {
		t.Errorf("got\n%s", got)
	}
}

// TestJSONSchemaReturns checks that an exported shape comes back.
func TestJSONSchemaReturns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := randomShape(rt)
		text, err := ExportJSONSchema(want)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := ImportJSONSchema(text)
		if err != nil {
			rt.Fatal(err)
		}
		if len(got.Notes) > 0 {
			rt.Fatalf("%v\n%s", got.Notes, text)
		}
		if a, b := normal(got.Shape), normal(want); !reflect.DeepEqual(a, b) {
			rt.Fatalf("exported\n%s\ngot  %s\nwant %s\n%+v\n%+v", text, FormatVersion(got.Shape), FormatVersion(want), a, b)
		}
	})
}

// TestJSONSchemaMeans checks the exported schema against CUE's reader of JSON Schema: it accepts the values that fit.
func TestJSONSchemaMeans(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := state.Shape{Keys: "kk", Type: state.String, Encoding: state.JSON, Value: randomType(rt, 2)}
		text, err := ExportJSONSchema(s)
		if err != nil {
			rt.Fatal(err)
		}
		accepts := acceptor(rt, text)
		for range 10 {
			v := closeTo(rt, s.Value)
			plain, err := plainJSON(exportValue(v), "")
			if err != nil {
				rt.Fatal(err)
			}
			if fits := s.Fits(v); fits != accepts(plain) {
				rt.Fatalf("%s fits: %v, and the schema accepts it: %v\n%s", plain, fits, !fits, text)
			}
		}
	})
}

func acceptor(t *rapid.T, text []byte) func([]byte) bool {
	ctx := cuecontext.New()
	expr, err := cuejson.Extract("schema.json", text)
	if err != nil {
		t.Fatal(err)
	}
	file, err := jsonschema.Extract(ctx.BuildExpr(expr), &jsonschema.Config{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	schema := ctx.BuildFile(file)
	if schema.Err() != nil {
		t.Fatal(schema.Err())
	}
	return func(value []byte) bool {
		e, err := cuejson.Extract("value.json", value)
		if err != nil {
			t.Fatal(err)
		}
		return schema.Unify(ctx.BuildExpr(e)).Validate(cue.Concrete(true), cue.Final()) == nil
	}
}

// closeTo makes a value that fits a type, or nearly does.
func closeTo(t *rapid.T, typ state.Type) state.Value {
	if rapid.IntRange(0, 14).Draw(t, "else") == 0 || len(typ.Alts) == 0 {
		return rapid.SampledFrom([]state.Value{
			{Kind: state.Null}, {Kind: state.Bool}, {Kind: state.Int, Text: "100"}, {Kind: state.Number, Text: "0.25"}, {Kind: state.Str, Text: "zz"}, {Kind: state.Array}, {Kind: state.Struct},
		}).Draw(t, "value")
	}
	a := rapid.SampledFrom(typ.Alts).Draw(t, "alt")
	switch {
	case a.Const != nil:
		return *a.Const
	case a.Kind == state.Bool:
		return state.Value{Kind: state.Bool, Bool: true}
	case a.Kind == state.Int:
		return state.Value{Kind: state.Int, Text: rapid.SampledFrom([]string{"-4", "-3", "0", "99", "100"}).Draw(t, "int")}
	case a.Kind == state.Number:
		return state.Value{Kind: state.Number, Text: rapid.SampledFrom([]string{"0.5", "0.75", "-1e2"}).Draw(t, "number")}
	case a.Kind == state.Str:
		return state.Value{Kind: state.Str, Text: rapid.SampledFrom([]string{"", "a", "a1", "é", "abcdefghij", "free", "\"#\n"}).Draw(t, "text")}
	case a.Kind == state.Array:
		v := state.Value{Kind: state.Array}
		for range rapid.IntRange(0, 2).Draw(t, "len") {
			if a.Elem != nil {
				v.List = append(v.List, closeTo(t, *a.Elem))
			}
		}
		return v
	}
	v := state.Value{Kind: state.Struct}
	for _, f := range a.Fields {
		if rapid.IntRange(0, 9).Draw(t, "there") == 0 || f.Forbidden && rapid.IntRange(0, 3).Draw(t, "still") > 0 {
			continue
		}
		v.Fields = append(v.Fields, state.FieldValue{Name: f.Name, Value: closeTo(t, f.Type)})
	}
	if rapid.IntRange(0, 4).Draw(t, "more") == 0 && !slices.ContainsFunc(v.Fields, func(f state.FieldValue) bool { return f.Name == "zz" }) {
		rest := state.Type{}
		if a.Rest != nil {
			rest = *a.Rest
		}
		v.Fields = append(v.Fields, state.FieldValue{Name: "zz", Value: closeTo(t, rest)})
	}
	slices.SortFunc(v.Fields, func(x, y state.FieldValue) int { return strings.Compare(x.Name, y.Name) })
	return v
}

// TestImportJSONSchema takes over what has a counterpart and notes the rest.
func TestImportJSONSchema(t *testing.T) {
	const doc = `{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "User",
  "type": "object",
  "required": ["id", "role", "tags"],
  "definitions": {
    "name": {"type": "string", "minLength": 1, "description": "As it is shown."},
    "tree": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/definitions/tree"}}}, "additionalProperties": false}
  },
  "properties": {
    "id": {"type": "integer", "minimum": 1},
    "name": {"$ref": "#/definitions/name"},
    "nick": {"type": ["string", "null"], "pattern": "^[a-z]+$"},
    "role": {"enum": ["admin", "user"], "default": "user"},
    "age": {"type": "number", "exclusiveMaximum": 200, "multipleOf": 0.5},
    "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
    "pair": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "additionalItems": false, "minItems": 2},
    "id2": {"oneOf": [{"type": "string", "format": "uuid"}, {"type": "integer"}]},
    "tree": {"$ref": "#/definitions/tree"},
    "old": false,
    "far": {"$ref": "https://example.com/x.json"},
    "look": {"type": "string", "pattern": "(?=x)"},
    "any": {"not": {"type": "string"}}
  },
  "patternProperties": {"^x-": {}},
  "additionalProperties": {"type": "string"}
}`
	got, err := ImportJSONSchema([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	got.Shape.Keys = "user:<id>"
	text := FormatCommented(got.Shape, got.Comments)
	for _, want := range []string{
		"// User\n", "id: int & >=1\n", "// As it is shown.\n\t\tname?: string & strings.MinRunes(1)\n", `nick?: =~"^[a-z]+$" | null`, `role: "admin" | *"user"`,
		"// NOT TAKEN OVER: multipleOf 0.5\n", "age?: number & <200\n", "// NOT TAKEN OVER: the keyword uniqueItems\n", "tags: [...string]\n",
		"pair?: [string, int]\n", "// NOT TAKEN OVER: the format uuid", "id2?: string | int\n", "tree?: {kids?: [...", "old?: _|_\n", "far?: _\n", "look?: string\n",
		"// NOT TAKEN OVER: the keyword patternProperties\n", "[string]: string\n",
	} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if len(got.Notes) != 8 || !slices.Contains(got.Notes, "any: the keyword not") {
		t.Errorf("%d notes: %s", len(got.Notes), strings.Join(got.Notes, "\n"))
	}
	if _, err := ImportJSONSchema([]byte(`{"a":1} x`)); err == nil {
		t.Error("something after the schema passed")
	}
	if _, err := ImportJSONSchema([]byte(strings.Repeat("[", 1e5))); err == nil {
		t.Error("nothing but brackets passed")
	}
	var v any
	if out, err := ExportJSONSchema(got.Shape); err != nil || json.Unmarshal(out, &v) != nil {
		t.Errorf("export of an import: %v", err)
	}
}
