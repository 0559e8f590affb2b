// Package house holds the tests of the house itself: who may import whom, what every package must say of
// itself, how long a file and a function may grow. They read the tree as text and need nothing built.
package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "keyshift.dev"

// layers is the import table of the design: package → the packages of this module it may import.
// A package that is not in the table does not exist.
var layers = map[string][]string{
	"state":        {},
	"schema":       {"state"},
	"transform":    {"state"},
	"diff":         {"state"},
	"plan":         {"state", "diff"},
	"gitsource":    {},
	"sandbox":      {"state", "schema"},
	"cluster":      {"state"},
	"gate":         {"state"},
	"keyspace":     {"state", "transform"},
	"archive":      {"state", "transform", "keyspace"},
	"apply":        lower,
	"api/v1alpha1": {},
	"reconciler":   append([]string{"apply", "api/v1alpha1"}, lower...),
	"rehearsal":    {"state", "transform", "keyspace"},
	"bench":        {"state", "transform", "keyspace", "archive"},
	"cli":          append([]string{"apply", "rehearsal", "bench"}, lower...),
	"demo":         append([]string{"apply", "examples"}, lower...),
	"remote":       {"api/v1alpha1"},
	"cmd/keyshift": {"api/v1alpha1", "reconciler", "remote", "cli", "demo", "sandbox"},
	"examples":     {},
	"testbed":      {},
	"testbed/e2e":  append([]string{"apply", "api/v1alpha1", "reconciler", "demo", "examples", "testbed"}, lower...),

	"testbed/tools": {},
}

// lower are the packages below apply.
var lower = []string{"state", "schema", "transform", "diff", "plan", "gitsource", "sandbox", "cluster", "gate", "keyspace", "archive"}

// owners says who may import the library of an outside system: a prefix of import paths → packages.
var owners = map[string][]string{
	"cuelang.org/go":                 {"schema"},
	"github.com/go-git/go-git":       {"gitsource", "demo"},
	"github.com/redis/go-redis":      {"keyspace", "demo", "rehearsal", "bench", "testbed", "testbed/e2e"},
	"gocloud.dev":                    {"archive"},
	"github.com/alicebob/miniredis":  {"demo", "rehearsal", "bench", "testbed"},
	"k8s.io/client-go":               {"cluster", "reconciler", "remote", "cli", "api/v1alpha1", "testbed", "testbed/e2e", "cmd/keyshift"},
	"sigs.k8s.io/controller-runtime": {"cluster", "reconciler", "remote", "api/v1alpha1", "testbed/e2e", "cmd/keyshift"},
	"github.com/fluxcd/pkg/runtime":  {"reconciler", "cmd/keyshift", "testbed/e2e"},
	"github.com/cockroachdb/apd":     {"transform", "schema", "state"},
	"github.com/spf13/cobra":         {"cli", "cmd/keyshift"},

	"github.com/google/go-containerregistry": {"cluster"},
	"github.com/ProtonMail/go-crypto":        {"gitsource", "testbed"},
	"github.com/hiddeco/sshsig":              {"gitsource", "testbed"},
}

// pure packages decide and nothing else: values in, values out.
var pure = []string{"state", "schema", "transform", "diff", "plan"}

// impure are the imports a pure package cannot have.
var impure = []string{"context", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "sync", "sync/atomic", "syscall"}

// clocks are what a pure package may not ask package time for.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTicker", "NewTimer", "Local", "LoadLocation"}

// goFile is one parsed file of the module.
type goFile struct {
	path, pkg string // slash-separated, relative to the root; pkg is its folder
	test      bool
	generated bool
	set       *token.FileSet
	ast       *ast.File
}

func TestImportTable(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		allowed, known := layers[f.pkg]
		if !known {
			t.Errorf("%s: package %q is not in the import table of the design", f.path, f.pkg)
			continue
		}
		for _, imp := range imports(f) {
			if own, inside := strings.CutPrefix(imp, module+"/"); inside && !slices.Contains(allowed, own) {
				t.Errorf("%s: %s may not import %s", f.path, f.pkg, own)
			}
			for prefix, who := range owners {
				if (imp == prefix || strings.HasPrefix(imp, prefix+"/")) && !slices.Contains(who, f.pkg) {
					t.Errorf("%s: only %s may import %s", f.path, strings.Join(who, ", "), prefix)
				}
			}
		}
	}
}

func TestPureCore(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || !slices.Contains(pure, f.pkg) {
			continue
		}
		for _, imp := range imports(f) {
			if slices.Contains(impure, imp) {
				t.Errorf("%s: the pure package %s may not import %s", f.path, f.pkg, imp)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s: the pure package %s starts a goroutine", f.set.Position(g.Pos()), f.pkg)
			}
			if sel, ok := n.(*ast.SelectorExpr); ok && isClock(sel) {
				t.Errorf("%s: the pure package %s asks for time.%s", f.set.Position(sel.Pos()), f.pkg, sel.Sel.Name)
			}
			return true
		})
	}
}

func isClock(sel *ast.SelectorExpr) bool {
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "time" && slices.Contains(clocks, sel.Sel.Name)
}

func TestOnePackageComment(t *testing.T) {
	comments := map[string][]string{}
	for _, f := range sources(t) {
		if f.test || f.pkg == "." {
			continue
		}
		if _, seen := comments[f.pkg]; !seen {
			comments[f.pkg] = nil
		}
		if f.ast.Doc != nil && strings.TrimSpace(f.ast.Doc.Text()) != "" {
			comments[f.pkg] = append(comments[f.pkg], f.path)
		}
	}
	for pkg, files := range comments {
		if len(files) != 1 {
			t.Errorf("package %s has %d package comments, want exactly one: %v", pkg, len(files), files)
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, f := range sources(t) {
		for _, d := range f.ast.Decls {
			// controller-gen writes none, and no hand may: registration is one literal table.
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init(): write a literal table instead", f.set.Position(fn.Pos()))
			}
		}
	}
}

func TestSizes(t *testing.T) {
	const fileLines, functionLines = 400, 60
	for _, f := range sources(t) {
		if f.test || f.generated {
			continue
		}
		if n := f.set.Position(f.ast.FileEnd).Line; n > fileLines {
			t.Errorf("%s has %d lines, at most %d: split what decides from what acts", f.path, n, fileLines)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line; n > functionLines {
				t.Errorf("%s: %s has %d lines, at most %d", f.set.Position(fn.Pos()), fn.Name.Name, n, functionLines)
			}
		}
	}
}

func TestEveryExampleHasGoldenPlans(t *testing.T) {
	entries, err := os.ReadDir("examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		for _, golden := range []string{"plan-up.golden", "plan-back.golden"} {
			if _, err := os.Stat(filepath.Join("examples", e.Name(), golden)); err != nil {
				t.Errorf("example %s: %v", e.Name(), err)
			}
		}
	}
}

// sources parses every Go file of the module, without nested modules and generated folders.
func sources(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || nested(p)):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go"):
			return nil
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		slash := filepath.ToSlash(p)
		files = append(files, goFile{
			path: slash, pkg: path.Dir(slash), test: strings.HasSuffix(slash, "_test.go"),
			generated: ast.IsGenerated(parsed), set: set, ast: parsed,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d Go files found: the test looks in the wrong folder", len(files))
	}
	return files
}

// nested tells whether a folder is the root of another Go module.
func nested(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func imports(f goFile) []string {
	out := make([]string, len(f.ast.Imports))
	for i, s := range f.ast.Imports {
		out[i] = strings.Trim(s.Path.Value, `"`)
	}
	return out
}
