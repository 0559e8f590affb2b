package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codeFolders are the packages whose diagnostics keyshift vet prints.
var codeFolders = []string{"schema", "cli", "sandbox", "gitsource", "state"}

var (
	codeWord = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	codeRow  = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|")
)

// Every code that the checks can give stands in the page, and the page names no other.
func TestCodes(t *testing.T) {
	data, err := os.ReadFile("language.md")
	if err != nil {
		t.Fatal(err)
	}
	_, checks, _ := strings.Cut(string(data), "\n## The checks\n")
	checks, _, _ = strings.Cut(checks, "\n## ")
	var documented []string
	for _, m := range codeRow.FindAllStringSubmatch(checks, -1) {
		documented = append(documented, m[1])
	}
	given, literals := codes(t)
	for _, code := range given {
		if !slices.Contains(documented, code) {
			t.Errorf("the code %s is missing in language.md", code)
		}
	}
	for _, code := range documented {
		if !slices.Contains(literals, code) {
			t.Errorf("language.md explains the code %s, which no check gives", code)
		}
	}
}

// codes returns the codes that source files give to diagnostics, and all their literals.
func codes(t *testing.T) (given, literals []string) {
	t.Helper()
	for _, folder := range codeFolders {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if reports(n.Fun) {
						given = append(given, firstCode(n.Args)...)
					}
				case *ast.CompositeLit: // a table of mistakes: {expression, code, hint}
					if len(n.Elts) == 3 {
						if _, isCall := n.Elts[0].(*ast.CallExpr); isCall {
							given = append(given, firstCode(n.Elts[1:2])...)
						}
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
						given = append(given, firstCode([]ast.Expr{n.Value})...)
					}
				case *ast.BasicLit:
					literals = append(literals, firstCode([]ast.Expr{n})...)
				}
				return true
			})
		}
	}
	slices.Sort(given)
	return slices.Compact(given), literals
}

// reports tells whether a function takes the code of a diagnostic.
func reports(fun ast.Expr) bool {
	if name, ok := fun.(*ast.Ident); ok {
		return name.Name == "killed"
	}
	sel, ok := fun.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"problem", "problemAt", "fail", "failAt", "warn", "warnAt", "warning"}, sel.Sel.Name)
}

// firstCode is the first argument that is a literal and looks like a code.
func firstCode(args []ast.Expr) []string {
	for _, a := range args {
		if lit, ok := a.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && codeWord.MatchString(text) {
				return []string{text}
			}
		}
	}
	return nil
}
