package schema_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"keyshift.dev/schema"
)

// A check of a list or a struct as a whole is read or refused, wherever it is written; none is passed over.
func TestChecksOfTheWhole(t *testing.T) {
	const spec = `package x
import "keyshift.dev/schema"
IMPORT
system: schema.#System
system: stores: main: address: "redis://127.0.0.1:6379"
system: keyspaces: k: {store: "main", version: "1.0.0"
	versions: "1.0.0": {keys: "kk:<id>", type: "string", encoding: "json", #value: VALUE}}
`
	const other = "package p\nimport l \"list\"\n#V: {a: [...int] & l.MaxItems(3)}\n"
	for name, c := range map[string]struct{ imports, value, refused string }{
		"list":      {`import l "list"`, `{a: [...int] & l.MaxItems(3)}`, ""},
		"elsewhere": {`import "acme.example/x/p"`, `p.#V`, ""},
		"struct":    {`import "struct"`, `{a?: int, b?: int} & struct.MaxFields(1)`, "unsupported"},
		"matchN":    {``, `{a?: int, b?: int} & matchN(0, [{c!: int}])`, "unsupported"},
		"matchIf":   {``, `{a?: int, b?: int} & matchIf({a!: int}, {b!: int}, {})`, "unsupported"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer("IMPORT", c.imports, "VALUE", c.value).Replace(spec)
			d, err := schema.Evaluate(fstest.MapFS{"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")},
				"x.cue": {Data: []byte(text)}, "p/p.cue": {Data: []byte(other)}}, ".")
			switch {
			case c.refused != "":
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %v, want it refused: %s", err, c.refused)
				}
			case err != nil:
				t.Error(err)
			default:
				if f := d.Keyspaces[0].Shapes[0].Value.Alts[0].Fields[0]; len(f.Type.Alts[0].Len) != 1 {
					t.Errorf("the bound is lost: %+v", f.Type)
				}
			}
		})
	}
}
