package schema

import (
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"keyshift.dev/state"
)

// What CUE leaves out of a value that it evaluates is read all the same: how a struct below a pattern is closed, and the
// least length of a list.
func TestReadsWhatCUEChecks(t *testing.T) {
	for _, test := range []struct{ value, fits, not string }{
		{"{[string]: {b: int}}", `{"x":{"b":1}}`, `{"x":{"b":1,"c":2}}`},
		{"{[string]: {b: int, ...}}", `{"x":{"b":1,"c":2}}`, `{"x":{}}`},
		{"{[string]: {b: int} | {c: int}}", `{"x":{"c":1}}`, `{"x":{"c":1,"d":2}}`},
		{"{[string]: {[string]: {b: int}}}", `{"x":{"y":{"b":1}}}`, `{"x":{"y":{"b":1,"c":2}}}`},
		{"{[string]: [...{b: {c: int}}]}", `{"x":[{"b":{"c":1}}]}`, `{"x":[{"b":{"c":1,"d":1}}]}`},
		{"{a: [string]: {b: {c: int}}}", `{"a":{"x":{"b":{"c":1}}}}`, `{"a":{"x":{"b":{"c":1,"d":1}}}}`},
		{"[...int] & list.MinItems(2)", `[1,2]`, `[1]`},
		{"list.MinItems(2) & [...int] & list.MaxItems(3)", `[1,2,3]`, `[1,2,3,4]`},
		{"[int, ...string] & list.MinItems(2)", `[1,"a"]`, `[1]`},
		{"[...#Point] & list.MinItems(1)", `[{"b":1}]`, `[{"b":1,"c":2}]`},
		{"[...{b: int}] & list.MinItems(1)", `[{"b":1}]`, `[]`},
		{"[...{[string]: #Point}] & list.MinItems(1)", `[{"x":{"b":1}}]`, `[{"x":{"b":1,"c":2}}]`},
		{"{a: [...int] & list.MinItems(1)}", `{"a":[1]}`, `{"a":[]}`},
		{"{a?: [...int] & list.MinItems(1)}", `{"a":[1]}`, `{"a":[]}`},
		{"{a: _tags}", `{"a":["x"]}`, `{"a":[]}`},
	} {
		t.Run(test.value, func(t *testing.T) {
			s := state.Shape{Keys: "k:<id>", Type: state.Document}
			spec := specOf(s, `{keys: "k:<id>", type: "json", #value: `+test.value+"}") + "_tags: [...string] & list.MinItems(1)\n#Point: {b: int}\n"
			spec = "package x\n\nimport \"list\"\n" + spec[len("package x\n"):]
			d, err := Evaluate(fstest.MapFS{
				"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")}, "x.cue": {Data: []byte(spec)},
			}, ".")
			if err != nil {
				t.Fatal(err)
			}
			ctx := cuecontext.New()
			for text, want := range map[string]bool{test.fits: true, test.not: false} {
				cueOnly := "import \"list\"\n#value: " + test.value + "\n_tags: [...string] & list.MinItems(1)\n#Point: {b: int}\nunit: #value\nunit: " + text
				if got := ctx.CompileString(cueOnly).Validate(cue.Concrete(true)) == nil; got != want {
					t.Errorf("%s: CUE says %v", text, got)
				}
				unit := ctx.CompileString(text)
				if got := d.Keyspaces[0].Shapes[0].Fits((&reader{}).value(nil, unit)); got != want {
					t.Errorf("%s: fits %v, want %v", text, got, want)
				}
			}
		})
	}
}
