package docs

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keyshift.dev/cli"
	"keyshift.dev/sandbox"
	"keyshift.dev/schema"
)

var update = flag.Bool("update", false, "rewrite the messages, the functions and the reference in the pages")

// pages are those with examples.
var pages = []string{"language.md", "pull-requests.md", "../README.md"}

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	if os.Getenv(commandVariable) != "" {
		os.Exit(cli.Run(context.Background(), cli.Commands{}, os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// Every example of the pages does what the page says: keyshift vet accepts it, or prints the message below it.
func TestExamples(t *testing.T) {
	for _, page := range pages {
		var wrong []block
		for _, b := range blocks(t, page) {
			var got string
			var failed bool
			t.Run(b.String(), func(t *testing.T) { got, failed = vet(t, b) }) // a test of its own has a folder of its own
			switch {
			case failed && !b.wrong:
				t.Errorf("%s is refused:\n%s", b, got)
			case !failed && b.wrong:
				t.Errorf("%s is accepted, and should be wrong", b)
			case b.wrong && b.wantAt == [2]int{}:
				t.Errorf("%s is followed by no message", b)
			case b.wrong && got != b.want && !*update:
				t.Errorf("%s gives\n%s\nand not\n%s", b, got, b.want)
			case b.wrong:
				b.want = got
				wrong = append(wrong, b)
			}
		}
		if *update {
			rewrite(t, page, wrong)
		}
	}
}

// rewrite puts the messages of wrong blocks below them.
func rewrite(t *testing.T, page string, wrong []block) {
	t.Helper()
	lines := pageLines(t, page)
	for _, b := range slices.Backward(wrong) {
		lines = slices.Replace(lines, b.wantAt[0], b.wantAt[1], strings.Split(b.want, "\n")...)
	}
	if err := os.WriteFile(page, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

var place = regexp.MustCompile(`spec\.cue:(\d+):`)

// vet is what keyshift vet prints of a block, its lines counted from the start of the block.
func vet(t *testing.T, b block) (printed string, failed bool) {
	t.Helper()
	text, before := b.spec()
	t.Chdir(module(t, text))
	var out, errs bytes.Buffer
	failed = cli.Run(t.Context(), cli.Commands{}, []string{"vet", "."}, &out, &errs) != 0
	return place.ReplaceAllStringFunc(strings.TrimSuffix(errs.String(), "\n"), func(at string) string {
		n, _ := strconv.Atoi(place.FindStringSubmatch(at)[1])
		return fmt.Sprintf("spec.cue:%d:", n-before)
	}), failed
}

// module is a folder with a module that holds one spec.
func module(t *testing.T, spec string) string {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "cue.mod", "module.cue"), "module: \"acme.example/doc@v0\"\nlanguage: version: \"v0.17.0\"\n")
	put(t, filepath.Join(dir, "spec.cue"), spec)
	if err := os.CopyFS(filepath.Join(dir, "cue.mod", "pkg", filepath.FromSlash(schema.ModulePath)), schema.Definitions()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Stock cue vet accepts what the pages show as right, and refuses what they mark so.
func TestStockExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts the cue command for every example")
	}
	cue := cueCommand(t)
	right := module(t, "package doc\n")
	for _, page := range pages {
		for i, b := range blocks(t, page) {
			text, before := b.spec()
			if !b.wrong { // all at once
				put(t, filepath.Join(right, fmt.Sprintf("block%03d", i), "spec.cue"), text)
				continue
			}
			out, err := stock(t, cue, module(t, text))
			if refused := err != nil; refused != b.stock {
				t.Errorf("%s: stock cue vet refuses it: %v (the block begins after line %d)\n%s", b, refused, before, out)
			}
		}
		if out, err := stock(t, cue, right); err != nil {
			t.Errorf("stock cue vet refuses examples of %s: %v\n%s", page, err, out)
		}
	}
}

// cueCommand builds the stock cue command and returns where it is.
func cueCommand(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "tool", "-n", "cue").Output()
	if err != nil {
		t.Fatalf("build the cue command: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func stock(t *testing.T, cue, dir string) (string, error) {
	t.Helper()
	c := exec.Command(cue, "vet", "-c", "./...")
	c.Dir = dir
	c.Env = offline(t)
	out, err := c.CombinedOutput()
	return string(out), err
}

// offline is the environment of a cue command that has no registry and no cache.
func offline(t *testing.T) []string {
	return []string{"CUE_REGISTRY=none", "CUE_CACHE_DIR=" + t.TempDir(), "HOME=" + t.TempDir(), "PATH=/none"}
}
