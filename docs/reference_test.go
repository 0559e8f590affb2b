package docs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"keyshift.dev/schema"
	"keyshift.dev/state"
)

// The reference of the language is what the comments of the definitions say, and the table of functions is
// what the compiler knows.
func TestGenerated(t *testing.T) {
	data, err := os.ReadFile("language.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for name, content := range map[string]string{"functions": functions(), "reference": reference(t)} {
		begin, end := "<!-- "+name+": written by go test ./docs -update -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		old, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("language.md has no place for the %s", name)
		}
		if old != content && !*update {
			t.Errorf("the %s in language.md are not current; go test ./docs -update writes them", name)
		}
		text = before + begin + content + end + after
	}
	if *update && text != string(data) {
		if err := os.WriteFile("language.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// functions is a table of the builtins by package.
func functions() string {
	names := map[string][]string{}
	var order []string
	for _, b := range state.Builtins {
		pkg, name := "", b.Name
		if i := strings.LastIndex(b.Name, "."); i >= 0 {
			pkg, name = b.Name[:i], b.Name[i+1:]
		}
		if !slices.Contains(order, pkg) {
			order = append(order, pkg)
		}
		names[pkg] = append(names[pkg], name)
	}
	slices.Sort(order)
	var out strings.Builder
	out.WriteString("| package | functions |\n|---|---|\n")
	for _, pkg := range order {
		shown := "`" + pkg + "`"
		if pkg == "" {
			shown = "of CUE itself"
		}
		slices.Sort(names[pkg])
		fmt.Fprintf(&out, "| %s | `%s` |\n", shown, strings.Join(names[pkg], "` `"))
	}
	return out.String()
}

// reference is every definition with its comment and a table of its fields.
func reference(t *testing.T) string {
	t.Helper()
	names, err := fs.Glob(schema.Definitions(), "*.cue")
	if err != nil {
		t.Fatal(err)
	}
	order := []string{"#System", "#Store", "#Keyspace", "#Version", "#Migration", "#Test", "#Component", "#Release", "#Use", "#Policy", "#ComponentPolicy"}
	sections := map[string]string{}
	for _, name := range names {
		data, err := fs.ReadFile(schema.Definitions(), name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(name, data, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.Field); ok {
				label := labelOf(t, f)
				if !slices.Contains(order, label) {
					order = append(order, label)
				}
				sections[label] = section(t, label, f)
			}
		}
	}
	var out strings.Builder
	for _, label := range order {
		out.WriteString(sections[label])
	}
	return out.String()
}

func section(t *testing.T, label string, f *ast.Field) string {
	t.Helper()
	doc := comment(f)
	if doc == "" {
		t.Errorf("the definition %s has no comment", label)
	}
	body, ok := f.Value.(*ast.StructLit)
	if !ok {
		return fmt.Sprintf("\n### %s\n\n%s\n\n`%s`\n", label, prose(doc), source(t, f.Value))
	}
	var rows strings.Builder
	fields(t, &rows, label, "", body)
	return fmt.Sprintf("\n### %s\n\n%s\n\n| field | type | |\n|---|---|---|\n%s", label, prose(doc), rows.String())
}

// fields writes one row for each field that a user may write.
func fields(t *testing.T, rows *strings.Builder, label, prefix string, body *ast.StructLit) {
	t.Helper()
	for _, d := range body.Elts {
		f, ok := d.(*ast.Field)
		if !ok || hidden(f) {
			continue
		}
		doc := comment(f)
		name := prefix + labelOf(t, f)
		inner, isStruct := f.Value.(*ast.StructLit)
		if doc == "" && !isStruct && prefix == "" {
			t.Errorf("%s: the field %s has no comment", label, name)
		}
		if doc != "" {
			fmt.Fprintf(rows, "| `%s` | %s | %s |\n", name, typed(t, f.Value), strings.ReplaceAll(prose(doc), "\n", " "))
		}
		if isStruct {
			fields(t, rows, label, name+".", inner)
		}
	}
}

// hidden tells whether a field is not for users, or repeats another for checks.
func hidden(f *ast.Field) bool {
	switch l := f.Label.(type) {
	case *ast.Ident:
		return strings.HasPrefix(l.Name, "_") || l.Name == "#stores" || l.Name == "#versions"
	case *ast.ListLit:
		return true
	}
	return false
}

func labelOf(t *testing.T, f *ast.Field) string {
	t.Helper()
	name, _, err := ast.LabelName(f.Label)
	if err != nil {
		t.Fatalf("%s: %v", source(t, f.Label), err)
	}
	switch f.Constraint {
	case token.OPTION:
		return name + "?"
	case token.NOT:
		return name + "!"
	}
	return name
}

// comment is what stands above a field.
func comment(f *ast.Field) string {
	for _, g := range ast.Comments(f) {
		if g.Doc {
			return strings.TrimSpace(g.Text())
		}
	}
	return ""
}

// typed is the type of a field, a struct in short.
func typed(t *testing.T, e ast.Expr) string {
	t.Helper()
	text := source(t, e)
	if _, isStruct := e.(*ast.StructLit); isStruct && strings.Contains(text, "\n") {
		return "a struct"
	}
	text, _, _ = strings.Cut(text, " & {\n") // what the definition checks besides
	if strings.Contains(text, "or([for") {
		return "a name"
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

// prose is a comment as Markdown has it: what stands in brackets is no tag.
func prose(doc string) string {
	return strings.NewReplacer("<", `\<`, "|", `\|`).Replace(doc)
}

func source(t *testing.T, n ast.Node) string {
	t.Helper()
	data, err := format.Node(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(data))
}
