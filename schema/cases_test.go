package schema_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/parser"
	"github.com/rogpeppe/go-internal/txtar"

	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// migrationCase is one NAME/spec of an archive in testdata/cases: CUE fields of which each is taken as its source text.
//
//	at: {keys: "cart:<id>", type: "hash"}   what both versions are in Redis; a JSON string if it is left out
//	from: {…}, to: {…}                      what one of them is, where they differ
//	old: {…}, new: {…}                      the shapes
//	up: {…}, down: {…}, drop: […]           the migration, over #old, #new and #key
//	beside: {_codes: {…}}                   what the package declares beside it
//	key: {id: "7"}                          the segments of the key of every unit
//	in: [{…}, {…}]                          units of the older version
//
// Its NAME/want holds, of each of them, what CUE makes of it, and what comes back: up, then down. Where CUE fails it
// says so. `go test -update` writes it from CUE, never from the compiled programs.
type migrationCase struct {
	fields map[string]string
	inputs []input
}

var caseFields = []string{"at", "from", "to", "old", "new", "up", "down", "drop", "beside", "key", "in"}

// Compiled programs do with real-looking data what CUE does.
func TestCases(t *testing.T) {
	archives, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { runCases(t, name) })
	}
}

func runCases(t *testing.T, name string) {
	ar, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	wants := map[string]string{}
	for _, f := range ar.Files {
		wants[f.Name] = string(f.Data)
	}
	updated := &txtar.Archive{Comment: ar.Comment}
	for _, f := range ar.Files {
		dir, file := filepath.Split(f.Name)
		if file != "spec" {
			continue
		}
		want := dir + "want"
		t.Run(strings.TrimSuffix(dir, "/"), func(t *testing.T) {
			c, err := parseCase(string(f.Data))
			if err != nil {
				t.Fatal(err)
			}
			ups, downs, err := c.oracle()
			if err != nil {
				t.Fatal(err)
			}
			got := printed(ups, downs)
			if got != wants[want] && !*update {
				t.Errorf("CUE makes this of it (go test -update rewrites it):\n%swant:\n%s", got, wants[want])
			}
			wants[want] = got
			c.compare(t, ups, downs)
		})
		updated.Files = append(updated.Files, f, txtar.File{Name: want, Data: []byte(wants[want])})
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(updated), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// parseCase takes a spec apart.
func parseCase(text string) (*migrationCase, error) {
	f, err := parser.ParseFile("spec", text)
	if err != nil {
		return nil, err
	}
	c := &migrationCase{fields: map[string]string{"up": "", "down": ""}}
	for _, d := range f.Decls {
		field, ok := d.(*ast.Field)
		if !ok {
			return nil, fmt.Errorf("%v is not a field", d)
		}
		name, _, err := ast.LabelName(field.Label)
		if err != nil || !strings.Contains(" "+strings.Join(caseFields, " ")+" ", " "+name+" ") {
			return nil, fmt.Errorf("a case has no field %s (%v)", name, err)
		}
		source := text[field.Value.Pos().Offset():field.Value.End().Offset()]
		if s, ok := field.Value.(*ast.StructLit); ok && !s.Lbrace.IsValid() {
			source = "{" + source + "}" // up: a: #old.b
		}
		c.fields[name] = source
	}
	ctx := cuecontext.New()
	key, err := fromCUE(ctx.CompileString(c.or("key", `{id: "1"}`)))
	if err != nil {
		return nil, err
	}
	in, err := fromCUE(ctx.CompileString(c.fields["in"]))
	values, ok := in.([]any)
	if err != nil || !ok || len(values) == 0 {
		return nil, fmt.Errorf("in: %v is no list of units (%v)", in, err)
	}
	for _, v := range values {
		c.inputs = append(c.inputs, input{v, key.(map[string]any)})
	}
	return c, nil
}

func (c *migrationCase) or(name, other string) string {
	if text := c.fields[name]; text != "" {
		return text
	}
	return other
}

func (c *migrationCase) imports() []string {
	return importsOf(c.fields["up"], c.fields["down"], c.fields["old"], c.fields["new"], c.prelude())
}

func (c *migrationCase) prelude() string {
	return strings.TrimSuffix(strings.TrimPrefix(c.fields["beside"], "{"), "}")
}

// oracle asks CUE for the way up of every unit, and for the way back of what came out.
func (c *migrationCase) oracle() (ups, downs []answer, err error) {
	o := oracle{prelude: c.prelude(), source: c.fields["old"], target: c.fields["new"], up: true, body: c.fields["up"]}
	if ups, err = o.run(c.inputs); err != nil {
		return nil, nil, err
	}
	back := make([]input, len(ups))
	for i := range ups {
		back[i] = input{ups[i].value, c.inputs[i].key}
	}
	o.source, o.target, o.up, o.body = o.target, o.source, false, c.fields["down"]
	downs, err = o.run(back)
	return ups, downs, err
}

func printed(ups, downs []answer) string {
	var b strings.Builder
	for i := range ups {
		if ups[i].err != nil {
			b.WriteString("fails\n")
			continue
		}
		fmt.Fprintf(&b, "%s\n", plainText(ups[i].value))
		if downs[i].err != nil {
			b.WriteString("\tback: fails\n")
			continue
		}
		fmt.Fprintf(&b, "\tback: %s\n", plainText(downs[i].value))
	}
	return b.String()
}

// spec writes the case as a whole specification.
func (c *migrationCase) spec() string {
	var b strings.Builder
	b.WriteString("package x\n\nimport \"keyshift.dev/schema\"\n")
	for _, i := range c.imports() {
		fmt.Fprintf(&b, "import %q\n", i)
	}
	at := c.or("at", `{keys: "unit:<id>", type: "string", encoding: "json"}`)
	fmt.Fprintf(&b, "%s\nsystem: schema.#System\nsystem: stores: main: address: \"redis://127.0.0.1:6379\"\n", c.prelude())
	b.WriteString("system: keyspaces: k: {\n\tstore: \"main\", version: \"2.0.0\"\n\tversions: {\n")
	fmt.Fprintf(&b, "\t\t\"1.0.0\": %s\n\t\t\"1.0.0\": #value: %s\n", c.or("from", at), c.fields["old"])
	fmt.Fprintf(&b, "\t\t\"2.0.0\": %s\n\t\t\"2.0.0\": #value: %s\n\t}\n", c.or("to", at), c.fields["new"])
	b.WriteString("\tmigrations: \"2.0.0\": {\n\t\tfrom: \"1.0.0\", #old: _, #new: _, #key: _\n")
	for _, name := range []string{"#up", "#down", "drop"} {
		if text := c.fields[strings.TrimPrefix(name, "#")]; text != "" {
			fmt.Fprintf(&b, "\t\t%s: %s\n", name, text)
		}
	}
	if strings.Contains(b.String(), `type: "stream"`) {
		b.WriteString("\t}\n\tpolicy: strategy: \"drain\"\n}\n")
	} else {
		b.WriteString("\t}\n}\n")
	}
	return b.String()
}

// compare runs the compiled programs.
func (c *migrationCase) compare(t *testing.T, ups, downs []answer) {
	d, err := schema.Evaluate(fstest.MapFS{"cue.mod/module.cue": {Data: []byte(module)}, "x.cue": {Data: []byte(c.spec())}}, ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, c.spec())
	}
	k := d.Keyspaces[0]
	programs, err := transform.Compile(k)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ups {
		c.one(t, programs, k.Shapes[0], k.Shapes[1], c.inputs[i], ups[i])
		if ups[i].err == nil {
			c.one(t, programs, k.Shapes[1], k.Shapes[0], input{ups[i].value, c.inputs[i].key}, downs[i])
		}
	}
}

func (c *migrationCase) one(t *testing.T, programs *transform.Programs, from, to state.Shape, in input, want answer) {
	u, err := pack(from, fillKey(from.Keys, in.key), in.value, nil)
	if err != nil {
		t.Errorf("%s of %s: %v", cueText(in.value), from.Version, err)
		return
	}
	got, err := programs.Convert(u, from.Version, to.Version)
	if (err != nil) != (want.err != nil) {
		t.Errorf("%s to %s of %s:\nCUE:     %s %v\nprogram: %q %v %v", from.Version, to.Version, cueText(in.value), plainText(want.value), want.err, got.Text, got.Fields, err)
		return
	}
	if err != nil {
		return
	}
	value, err := unpack(to, got, want.value)
	if err != nil || !same(value, want.value) || got.Key != fillKey(to.Keys, in.key) {
		t.Errorf("%s to %s of %s:\nCUE:     %s\nprogram: %s %v at %s", from.Version, to.Version, cueText(in.value), plainText(want.value), plainText(value), err, got.Key)
	}
}

// fillKey returns the key of a pattern that has these segments.
func fillKey(pattern string, segments map[string]any) string {
	return segmentTypes.ReplaceAllStringFunc(pattern, func(s string) string {
		switch v := segments[segmentTypes.FindStringSubmatch(s)[1]].(type) {
		case string:
			return v
		default:
			return plainText(v)
		}
	})
}
