package schema_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"keyshift.dev/examples"
	"keyshift.dev/schema"
)

// many is a system of n keyspaces with a migration each, and n components that use one each.
func many(n int) fstest.MapFS {
	var b strings.Builder
	b.WriteString("package many\nimport \"keyshift.dev/schema\"\nsystem: schema.#System\nsystem: stores: main: address: \"redis://127.0.0.1:6379\"\n")
	for i := range n {
		fmt.Fprintf(&b, `
system: keyspaces: k%d: {store: "main", version: "2.0.0"
	versions: {
		"1.0.0": {keys: "k%d:<id>", type: "hash", #value: {user_id: int, name: string, created_ms: int, legacy?: string}}
		"2.0.0": {keys: "k%d:<id>", type: "hash", #value: {user_id: int, full_name: string, created: int, plan: *"free" | "pro"}}
	}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["legacy"]
		#up: {full_name: #old.name, created: div(#old.created_ms, 1000)}
		#down: {name: #new.full_name, created_ms: #new.created * 1000}}
}
system: components: c%d: {workload: {kind: "Deployment", namespace: "x", name: "c%d"}, release: "2.0.0"
	releases: "2.0.0": {images: app: "c:2.0.0", uses: k%d: {reads: ">=1.0.0 <3.0.0", writes: "2.0.0"}}
}
`, i, i, i, i, i, i)
	}
	return fstest.MapFS{"cue.mod/module.cue": {Data: []byte(module)}, "x.cue": {Data: []byte(b.String())}}
}

func BenchmarkEvaluate(b *testing.B) {
	b.Run("shop", func(b *testing.B) {
		files := examples.Shop()[1].Files
		for b.Loop() {
			if _, err := schema.Evaluate(files, "."); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{30, 300} {
		b.Run(fmt.Sprintf("keyspaces=%d", n), func(b *testing.B) {
			files := many(n)
			for b.Loop() {
				if _, err := schema.Evaluate(files, "."); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
