package schema_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// A migration that is called exact brings every value back, and one that is called lossy says why.
func TestExactComesBack(t *testing.T) {
	ar, err := txtar.ParseFile("testdata/exact.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range ar.Files {
		name, file, _ := strings.Cut(f.Name, "/")
		if file != "x.cue" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			d, err := schema.Evaluate(fstest.MapFS{"cue.mod/module.cue": {Data: []byte(module)}, "x.cue": {Data: f.Data}}, ".")
			if err != nil {
				t.Fatal(err)
			}
			k := d.Keyspaces[0]
			if lossy := strings.HasPrefix(name, "lossy"); lossy == k.Migrations[0].Up.Exact() {
				t.Fatalf("losses of #up: %v", k.Migrations[0].Up.Losses)
			}
			if !k.Migrations[0].Up.Exact() {
				return
			}
			programs, err := transform.Compile(k)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(rt *rapid.T) {
				text := random(rt, k.Shapes[0].Value)
				up, err := programs.Convert(transform.Unit{Key: "kk:1", Text: text}, "1.0.0", "2.0.0")
				if err != nil {
					rt.Fatalf("up of %s: %v", text, err)
				}
				back, err := programs.Convert(up, "2.0.0", "1.0.0")
				if err != nil || !equal(rt, back.Text, text) {
					rt.Fatalf("%s became %s and came back as %s: %v", text, up.Text, back.Text, err)
				}
			})
		})
	}
}

// random makes a JSON value of a type.
func random(rt *rapid.T, t state.Type) string {
	a := t.Alts[rapid.IntRange(0, len(t.Alts)-1).Draw(rt, "alternative")]
	switch {
	case a.Const != nil && a.Kind == state.Str:
		return strconv.Quote(a.Const.Text)
	case a.Const != nil:
		return a.Const.Text
	case a.Kind == state.Bool:
		return strconv.FormatBool(rapid.Bool().Draw(rt, "bool"))
	case a.Kind == state.Int && len(a.Bounds) > 0:
		return strconv.FormatInt(rapid.Int64Range(0, 999).Draw(rt, "small int"), 10)
	case a.Kind == state.Int:
		return strconv.FormatInt(rapid.Int64().Draw(rt, "int"), 10)
	case a.Kind == state.Str:
		return strconv.Quote(rapid.StringMatching(`[a-z ]{0,5}`).Draw(rt, "string"))
	case a.Kind == state.Array:
		n := rapid.IntRange(0, 3).Draw(rt, "length")
		return "[" + strings.Join(slices.Collect(func(yield func(string) bool) {
			for range n {
				if !yield(random(rt, *a.Elem)) {
					return
				}
			}
		}), ",") + "]"
	}
	var fields []string
	for _, f := range a.Fields {
		if f.Forbidden || f.Optional && rapid.Bool().Draw(rt, "absent") {
			continue
		}
		fields = append(fields, strconv.Quote(f.Name)+":"+random(rt, f.Type))
	}
	return "{" + strings.Join(fields, ",") + "}"
}
