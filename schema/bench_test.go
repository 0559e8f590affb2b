package schema_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"keyshift.dev/examples"
	"keyshift.dev/schema"
)

// forms are shapes and migrations as users have them; %[1]s is the name of the keyspace.
var forms = []string{
	`versions: {
		"1.0.0": {keys: "%[1]s:<id>", type: "hash", #value: {user_id: int, name: string, created_ms: int, legacy?: string}}
		"2.0.0": {keys: "%[1]s:<id>", type: "hash", #value: {user_id: int, full_name: string, created: int, plan: *"free" | "pro"}}
	}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, drop: ["legacy"]
		#up: {full_name: #old.name, created: div(#old.created_ms, 1000)}
		#down: {name: #new.full_name, created_ms: #new.created * 1000}}
	tests: "2.0.0": [{
		old: {user_id: 1, name: "Ada", created_ms: 1700000000123}
		new: {user_id: 1, full_name: "Ada", created: 1700000000, plan: "free"}}]`,
	`versions: {
		"1.0.0": {keys: "%[1]s:<id>", type: "string", encoding: "json", #value: {
			v: 1, user: {id: int, email: =~"@", roles: [...string]}, seen_ms: int & >=0, theme: *"light" | "dark", prefs?: {lang: string, tz?: string}}}
		"2.0.0": {keys: "%[1]s:<id>", type: "string", encoding: "json", #value: {
			v: 2, user: {id: int, mail: =~"@", roles: [...string]}, seen: int & >=0, theme: *"light" | "dark" | "auto", prefs?: {lang: string, tz?: string}}}
	}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _
		#up: {v: 2, user: {mail: #old.user.email, ...}, seen: div(#old.seen_ms, 1000)}
		#down: {v: 1, user: {email: #new.user.mail, ...}, seen_ms: #new.seen * 1000, if #new.theme == "auto" {theme: "light"}}}
	tests: "2.0.0": [{
		old: {v: 1, user: {id: 7, email: "a@b.c", roles: ["x"]}, seen_ms: 5000, theme: "dark"}
		new: {v: 2, user: {id: 7, mail: "a@b.c", roles: ["x"]}, seen: 5, theme: "dark"}}]`,
	`versions: {
		"1.0.0": {keys: "%[1]s:<tenant>:<id>", type: "hash", #value: {sku: string, count: int & >0, price: number, gift?: bool}}
		"2.0.0": {keys: "%[1]s:<tenant>:<id>", type: "hash", #value: {sku: string, quantity: int & >0, price: number, gift?: bool, currency: *"EUR" | "USD" | "GBP"}}
	}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _
		#up: quantity: #old.count
		#down: count: #new.quantity}
	tests: "2.0.0": [{
		old: {sku: "a-1", count: 2, price: 9.5}
		new: {sku: "a-1", quantity: 2, price: 9.5, currency: "EUR"}}]`,
}

// many is a system of n keyspaces, each with two versions, a migration and a test, and of n components with two
// releases that use two keyspaces each.
func many(n int) fstest.MapFS {
	var b strings.Builder
	b.WriteString("package many\nimport \"keyshift.dev/schema\"\nsystem: schema.#System\nsystem: stores: main: address: \"redis://127.0.0.1:6379\"\n")
	for i := range n {
		name := fmt.Sprintf("k%d", i)
		fmt.Fprintf(&b, "system: keyspaces: %s: {store: \"main\", version: \"2.0.0\"\n\t%s\n}\n", name, fmt.Sprintf(forms[i%len(forms)], name))
	}
	for i := range n {
		fmt.Fprintf(&b, `system: components: c%[1]d: {workload: {kind: "Deployment", namespace: "x", name: "c%[1]d"}, release: "2.0.0"
	releases: "2.0.0": {images: app: "c%[1]d:2.0.0", uses: {k%[1]d: {reads: ">=1.0.0 <3.0.0", writes: "2.0.0"}, k%[2]d: {reads: ">=1.0.0 <3.0.0"}}}
}
`, i, (i*7+1)%n)
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
	for _, n := range []int{100, 200, 500, 1000} {
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
