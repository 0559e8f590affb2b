//go:build linux

package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	os.Exit(m.Run())
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

func TestBombs(t *testing.T) {
	for _, bomb := range []struct{ name, body string }{
		{"nested disjunctions", disjunctions(22)},
		{"long range", "package x\nimport \"list\"\nsystem: [for i in list.Range(0, 3e7, 1) {i}]\n"},
		{"billion laughs", laughs(9)},
	} {
		t.Run(bomb.name, func(t *testing.T) {
			start := time.Now()
			_, err := sandbox.Evaluate(t.Context(), spec(bomb.body), ".", sandbox.Limits{Wall: 2 * time.Second, Memory: 192 << 20})
			var ds state.Diagnostics
			if !errors.As(err, &ds) || len(ds) != 1 || ds[0].Code != "eval-timeout" && ds[0].Code != "eval-memory" {
				t.Fatalf("got %v, want one eval-timeout or eval-memory", err)
			}
			t.Logf("%s after %s", ds[0].Code, time.Since(start).Round(10*time.Millisecond))
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if peak := peakOfChildren(t); peak > 256<<20 {
				t.Errorf("a child held %d MiB", peak>>20)
			}
		})
	}
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
