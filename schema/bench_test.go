//go:build linux

package schema_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"keyshift.dev/examples"
	"keyshift.dev/sandbox"
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

// many is a system of n keyspaces, each with two versions, a migration and maybe a test, and of n components with a
// release that uses two keyspaces each.
func many(n int, tests bool) fstest.MapFS {
	var b strings.Builder
	b.WriteString("package many\nimport \"keyshift.dev/schema\"\nsystem: schema.#System\nsystem: stores: main: address: \"redis://127.0.0.1:6379\"\n")
	for i := range n {
		name, form := fmt.Sprintf("k%d", i), forms[i%len(forms)]
		if !tests {
			form, _, _ = strings.Cut(form, "\n\ttests:")
		}
		fmt.Fprintf(&b, "system: keyspaces: %s: {store: \"main\", version: \"2.0.0\"\n\t%s\n}\n", name, fmt.Sprintf(form, name))
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
	files := examples.Shop()[1].Files
	for b.Loop() {
		if _, err := schema.Evaluate(files, "."); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMany prints what it costs to evaluate and check a large system as `keyshift vet` does, in a child process:
//
//	make bench, or: go test -run '^$' -bench Many -benchtime 1x ./schema
//
// It should cost no more for a keyspace and a component of a thousand than of a hundred.
func BenchmarkMany(b *testing.B) {
	for b.Loop() {
		table(b, "two versions and a migration each", false)
		table(b, "and a test each", true)
	}
}

// table prints one row for each size. The peak is the most that any child so far held.
func table(b *testing.B, title string, tests bool) {
	b.Helper()
	fmt.Printf("\n%s\n%9s %9s %9s %8s %9s %6s\n", title, "keyspaces", "seconds", "CPU s", "ms each", "peak MiB", "ratio")
	var first float64
	for _, n := range []int{100, 200, 500, 1000} {
		files := many(n, tests)
		before, start := children(b), time.Now()
		if _, err := sandbox.Evaluate(b.Context(), files, ".", sandbox.Limits{}); err != nil {
			b.Fatal(err)
		}
		took, after := time.Since(start).Seconds(), children(b)
		cpu := after.cpu - before.cpu
		each := cpu / float64(n)
		if first == 0 {
			first = each
		}
		fmt.Printf("%9d %9.2f %9.2f %8.2f %9d %6.2f\n", n, took, cpu, 1000*each, after.peak>>20, each/first)
	}
}

// usage is the processor time in seconds that all children had, and the most memory in bytes that one held.
type usage struct {
	cpu  float64
	peak int64
}

func children(b *testing.B) usage {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		b.Fatal(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return usage{seconds(u.Utime) + seconds(u.Stime), u.Maxrss << 10}
}

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	os.Exit(m.Run())
}
