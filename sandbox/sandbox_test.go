//go:build linux

package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"keyshift.dev/examples"
	"keyshift.dev/sandbox"
	"keyshift.dev/schema"
	"keyshift.dev/state"
)

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	if os.Args[0] == sealed {
		os.Exit(openSealed())
	}
	os.Exit(m.Run())
}

// sealed is the name of a process that seals itself and tries to open what it must not.
const sealed = "sealed"

func openSealed() int {
	if err := sandbox.Seal(); err != nil {
		fmt.Println(err)
		return 1
	}
	if _, err := os.ReadFile("/proc/self/status"); err == nil {
		fmt.Println("a file can be read")
		return 1
	}
	if _, err := net.Dial("udp", "127.0.0.1:9"); err == nil {
		fmt.Println("a socket can be made")
		return 1
	}
	return 0
}

// The child can open nothing while it evaluates, whatever CUE would like to.
func TestSealed(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = []string{sealed}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func spec(body string) fs.FS {
	return fstest.MapFS{
		"cue.mod/module.cue": {Data: []byte("module: \"acme.example/x@v0\"\nlanguage: version: \"v0.17.0\"\n")},
		"x.cue":              {Data: []byte(body)},
	}
}

func TestEvaluateIsThatOfSchema(t *testing.T) {
	for _, c := range examples.Shop() {
		want, err := schema.Evaluate(c.Files, ".")
		if err != nil {
			t.Fatal(err)
		}
		got, err := sandbox.Evaluate(t.Context(), c.Files, ".", sandbox.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if state.DigestOf(got) != state.DigestOf(want) {
			t.Errorf("%s: the child's answer differs", c.Message)
		}
	}
	files := spec("package x\nsystem: 1 &\n")
	_, want := schema.Evaluate(files, ".")
	_, err := sandbox.Evaluate(t.Context(), files, ".", sandbox.Limits{})
	if want == nil || err == nil || err.Error() != want.Error() {
		t.Errorf("got %v, want %v", err, want)
	}
}

// disjunctions is a product of n two-way choices, of which none holds.
func disjunctions(n int) string {
	var b strings.Builder
	b.WriteString("package x\nx: {")
	for i := range n {
		fmt.Fprintf(&b, "a%d: 1, ", i)
	}
	b.WriteString("}\nsystem: x")
	for i := range n {
		fmt.Fprintf(&b, " & ({a%d: 1, b%d: 1} | {a%d: 1, c%d: 2})", i, i, i, i)
	}
	return b.String()
}

// laughs is a list of 10^levels ones in the test of a migration.
func laughs(levels int) string {
	var b strings.Builder
	b.WriteString("package x\nimport \"keyshift.dev/schema\"\nsystem: schema.#System\n_l0: [1,1,1,1,1,1,1,1,1,1]\n")
	for i := range levels {
		fmt.Fprintf(&b, "_l%d: [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("_l%d,", i), 10), ","))
	}
	fmt.Fprintf(&b, `
system: stores: main: address: "redis://127.0.0.1:6379"
system: keyspaces: k: {store: "main", version: "2.0.0"
	versions: {"1.0.0": {keys: "kk:<id>", type: "hash", #value: a: string}, "2.0.0": {keys: "kk:<id>", type: "hash", #value: b: string}}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: b: #old.a, #down: a: #new.b}
	tests: "2.0.0": [{old: a: _l%d, new: b: "x"}]
}`, levels)
	return b.String()
}

// within is a system with something in it.
func within(body string) string {
	return "package x\nimport \"keyshift.dev/schema\"\nsystem: schema.#System\nsystem: stores: main: address: \"redis://127.0.0.1:6379\"\n" + body
}

// migrating is a system with one migration; up stands for what it does.
func migrating(imports, shape, up string) string {
	return fmt.Sprintf(`package x
import ("keyshift.dev/schema"%s)
system: schema.#System
system: stores: main: address: "redis://127.0.0.1:6379"
system: keyspaces: k: {store: "main", version: "2.0.0"
	versions: {"1.0.0": {keys: "kk:<id>", type: "string", encoding: "json", #value: %s}, "2.0.0": {keys: "kk:<id>", type: "string", encoding: "json", #value: b: _}}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: %s, #down: a: #new.b}
	tests: "2.0.0": [{old: a: 1, new: b: 2}]
}`, imports, shape, up)
}

// doubled is n definitions, each of which has the one before it twice.
func doubled(n int) string {
	var b strings.Builder
	b.WriteString("package x\n#d0: {x: 1}\n")
	for i := range n {
		fmt.Fprintf(&b, "#d%d: {l: #d%d, r: #d%d}\n", i+1, i, i)
	}
	fmt.Fprintf(&b, "x: #d%d\nsystem: 1\n", n)
	return b.String()
}

// mistakes is a system with n of them.
func mistakes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "system: stores: s%d: {address: \"http://x\", adress: 1}\n", i)
	}
	return within(b.String())
}

// What a spec may do to whoever evaluates it: nothing. Each ends in diagnostics, in time, and in the memory it has.
func TestBombs(t *testing.T) {
	const wall, memory = 2 * time.Second, 192 << 20
	for _, bomb := range []struct{ name, body string }{
		{"nested disjunctions", disjunctions(22)},
		{"long range", "package x\nimport \"list\"\nsystem: [for i in list.Range(0, 3e7, 1) {i}]\n"},
		{"billion laughs", laughs(9)},
		{"doubled definitions", doubled(30)},
		{"loops in loops", "package x\nimport \"list\"\n_r: list.Range(0, 1000, 1)\nsystem: [for a in _r for b in _r for c in _r if a+b+c == 2997 {a}]\n"},
		{"repeated string", strings.Replace(within("_s: strings.Repeat(\"abcdefgh\", 500000000)\nsystem: stores: o: address: _s\n"), "import", "import \"strings\"\nimport", 1)},
		{"growing string", "package x\n_a: \"0123456789\"\n_b: _a+_a+_a+_a+_a+_a+_a+_a+_a+_a\n_c: _b+_b+_b+_b+_b+_b+_b+_b+_b+_b\n_d: _c+_c+_c+_c+_c+_c+_c+_c+_c+_c\n_e: _d+_d+_d+_d+_d+_d+_d+_d+_d+_d\n_f: _e+_e+_e+_e+_e+_e+_e+_e+_e+_e\n_g: _f+_f+_f+_f+_f+_f+_f+_f+_f+_f\n_h: _g+_g+_g+_g+_g+_g+_g+_g+_g+_g\nsystem: _h+_h+_h+_h+_h+_h+_h+_h+_h+_h\n"},
		{"long number", "package x\n_n: 1e999999999\nsystem: _n * _n + 1\n"},
		{"power", "package x\nimport \"math\"\nsystem: math.Pow(10, 999999999)\n"},
		{"squares", "package x\n_a: 99999999999999999999\n" + squares(40) + "system: _s40\n"},
		{"deep struct", "package x\nsystem: " + strings.Repeat("{a: ", 100000) + "1" + strings.Repeat("}", 100000)},
		{"deep parentheses", "package x\nsystem: " + strings.Repeat("(", 200000) + "1" + strings.Repeat(")", 200000)},
		{"deep path", "package x\nsystem: " + strings.Repeat("a: ", 100000) + "1"},
		{"deep list", "package x\nsystem: " + strings.Repeat("[", 100000) + strings.Repeat("]", 100000)},
		{"long sum", "package x\nsystem: 1" + strings.Repeat("+1", 200000)},
		{"long selector", "package x\nsystem: x" + strings.Repeat(".x", 200000)},
		{"long regular expression", within("system: stores: o: address: =~\"" + strings.Repeat("(a|b)*", 20000) + "\" & \"redis://o\"\n")},
		{"counted regular expression", within("system: stores: o: address: =~\"((a{1,100}){1,100}){1,100}\" & \"redis://o\"\n")},
		{"many mistakes", mistakes(5000)},
		{"sum in a migration", migrating("", "a: int", "b: #old.a"+strings.Repeat("+#old.a", 20000))},
		{"range in a migration", migrating(`, "list"`, "a: int", "b: [for i in list.Range(0, 3e7, 1) {i}]")},
		{"constant in a migration", migrating(`, "strings"`, "a: int", `b: strings.Repeat("a", 1000000000)`)},
		{"table in a migration", migrating("", "a: int", "b: ["+strings.Repeat("1,", 300000)+"1][#old.a]")},
		{"wide shape", migrating("", "{a: int\n"+fields(20000)+"}", "b: #old.a")},
		{"deep shape", migrating("", "a: "+strings.Repeat("{a: ", 5000)+"int"+strings.Repeat("}", 5000), "b: #old.a")},
		{"many alternatives", migrating("", "a: "+alternatives(5000), "b: #old.a")},
	} {
		t.Run(bomb.name, func(t *testing.T) {
			start := time.Now()
			body := bomb.body
			if !strings.Contains(body, "keyshift.dev/schema") { // which would be said before CUE evaluates everything
				body = strings.Replace(body, "package x\n", "package x\nimport ours \"keyshift.dev/schema\"\n", 1) + "\n_ours: ours.#Name\n"
			}
			_, err := sandbox.Evaluate(t.Context(), spec(body), ".", sandbox.Limits{Wall: wall, Memory: memory})
			var ds state.Diagnostics
			if err != nil && !errors.As(err, &ds) {
				t.Fatalf("got %v, want diagnostics", err)
			}
			for _, d := range ds {
				if d.Code == "eval-crashed" || d.Code == "cue-panic" || d.Pos.File == "" || d.Hint == "" {
					t.Errorf("%.300s", d)
				}
			}
			took := time.Since(start)
			if len(ds) > 0 {
				t.Logf("%s after %s: %.160s", ds[0].Code, took.Round(10*time.Millisecond), ds[0].Message)
			}
			if took > 5*wall {
				t.Errorf("it took %s", took)
			}
			if peak := peakOfChildren(t); peak > memory/3*4 {
				t.Errorf("a child held %d MiB", peak>>20)
			}
		})
	}
}

func squares(n int) string {
	var b strings.Builder
	b.WriteString("_s0: _a\n")
	for i := range n {
		fmt.Fprintf(&b, "_s%d: _s%d * _s%d\n", i+1, i, i)
	}
	return b.String()
}

func fields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "f%d: int\n", i)
	}
	return b.String()
}

func alternatives(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{k: %d, v: int} | ", i)
	}
	return b.String() + "int"
}

// peakOfChildren returns the most memory in bytes that a child of this process ever held.
func peakOfChildren(t *testing.T) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		t.Fatal(err)
	}
	return int64(u.Maxrss) << 10 // kilobytes, on Linux
}

func TestOutputCap(t *testing.T) {
	_, err := sandbox.Evaluate(t.Context(), examples.Shop()[1].Files, ".", sandbox.Limits{Output: 100})
	var ds state.Diagnostics
	if !errors.As(err, &ds) || ds[0].Code != "eval-output" {
		t.Errorf("got %v, want eval-output", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := sandbox.Evaluate(ctx, spec(disjunctions(22)), ".", sandbox.Limits{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 3*time.Second {
		t.Errorf("got %v after %s, want the context's error at once", err, time.Since(start))
	}
}

// The child sees nothing of its parent's environment: CUE would read CUE_EXPERIMENT and CUE_DEBUG.
func TestEmptyEnvironment(t *testing.T) {
	t.Setenv("CUE_EXPERIMENT", "no-such-experiment")
	if _, err := sandbox.Evaluate(t.Context(), examples.Shop()[0].Files, ".", sandbox.Limits{}); err != nil {
		t.Error(err)
	}
}
