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

var codeRow = regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|")

// Every code that keyshift vet knows stands in the page, and the page names none that nothing gives.
func TestCodes(t *testing.T) {
	data, err := os.ReadFile("language.md")
	if err != nil {
		t.Fatal(err)
	}
	_, checks, _ := strings.Cut(string(data), "\n## The checks\n")
	checks, _, _ = strings.Cut(checks, "\n## ")
	var documented []string
	for _, m := range codeRow.FindAllStringSubmatch(checks, -1) {
		if slices.Contains(documented, m[1]) {
			t.Errorf("language.md explains the code %s twice", m[1])
		}
		documented = append(documented, m[1])
	}
	known := literals(t, "../cli/codes.go")
	if len(known) < 50 {
		t.Fatalf("cli/codes.go has only %d codes", len(known))
	}
	for _, code := range known {
		if !slices.Contains(documented, code) {
			t.Errorf("the code %s is missing in language.md", code)
		}
	}
	var given []string
	for _, pattern := range []string{"../schema/*.go", "../cli/*.go", "../sandbox/*.go", "../state/*.go"} {
		given = append(given, literals(t, pattern)...)
	}
	for _, code := range documented {
		if !slices.Contains(given, code) {
			t.Errorf("language.md explains the code %s, which no check gives", code)
		}
	}
}

var codeWord = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// literals are the strings in Go files that look like a code; tests are left out.
func literals(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.FromSlash(pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	var out []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && codeWord.MatchString(text) {
					out = append(out, text)
				}
			}
			return true
		})
	}
	return out
}
