package schema

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// TestSuggestHolds writes migrations between random versions. Where no question is open, what is written must hold and
// its test must pass, but for what no migration can mend: versions that cannot be told apart.
func TestSuggestHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		older, newer := randomVersion(rt, state.Field{}), randomVersion(rt, state.Field{Name: "v", Type: state.Type{Alts: []state.Alt{{Kind: state.Int, Const: &state.Value{Kind: state.Int, Text: "2"}}}}})
		text := strings.Replace(specOf(newer, FormatVersion(newer)), "versions: \"1.0.0\": ", "versions: \"1.0.0\": "+FormatVersion(older)+"\n\tversions: \"2.0.0\": ", 1)
		text = strings.Replace(text, `version: "1.0.0"`, `version: "2.0.0"`, 1)
		if !strings.Contains(text, `"strings"`) {
			for _, i := range FormatImports(older) {
				text = strings.Replace(text, "\nsystem: schema", "import "+quote(i)+"\n\nsystem: schema", 1)
			}
		}
		files := fstest.MapFS{"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")}, "x.cue": {Data: []byte(text)}}
		s, err := Suggest(files, ".", "k", "2.0.0")
		if err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
		if s.File != "" {
			files[s.File] = &fstest.MapFile{Data: s.Content}
			text = string(s.Content)
		}
		d, err := Evaluate(files, ".")
		var ds state.Diagnostics
		if errors.As(err, &ds) {
			for _, x := range ds {
				if len(s.Questions) == 0 && x.Code != "not-told-apart" {
					rt.Fatalf("%v\n%s", err, text)
				}
			}
			return
		}
		for _, test := range d.Keyspaces[0].Tests {
			if err := transform.RunTest(d.Keyspaces[0], test); err != nil {
				rt.Fatalf("%v\n%s", err, text)
			}
		}
	})
}

// randomVersion makes a JSON string or a hash of a few fields.
func randomVersion(t *rapid.T, more state.Field) state.Shape {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"id", "uid", "name", "full_name", "created", "created_ms", "total_cents", "total", "tags", "x-y"}), 1, 4, rapid.ID).Draw(t, "names")
	a := state.Alt{Kind: state.Struct}
	for _, n := range names {
		typ := randomScalar(t)
		if rapid.IntRange(0, 5).Draw(t, "list") == 0 {
			elem := typ
			typ = state.Type{Alts: []state.Alt{{Kind: state.Array, Elem: &elem}}}
		}
		a.Fields = append(a.Fields, state.Field{Name: n, Type: typ, Optional: rapid.IntRange(0, 3).Draw(t, "optional") == 0 && typ.Default == nil})
	}
	if more.Name != "" {
		a.Fields = append(a.Fields, more)
	}
	return state.Shape{Keys: "k:<id>", Type: state.String, Encoding: state.JSON, Value: state.Type{Alts: []state.Alt{a}}}
}
