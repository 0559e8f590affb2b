package schema

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"

	"keyshift.dev/state"
)

// located is a field of a file and how it is written there.
type located struct {
	file   *ast.File
	path   []string
	field  *ast.Field
	base   *ast.Field // the first field of its chain: of `a: b: c: 1` the field a
	labels []string   // of the chain, from base to the field's parent
}

func (l located) is(path ...string) bool { return slices.Equal(l.path, path) }

// locate lists the fields of a file outside lists, comprehensions and embeddings.
func locate(f *ast.File) []located {
	var out []located
	var walk func(decls []ast.Decl, path []string, base *ast.Field, labels []string)
	walk = func(decls []ast.Decl, path []string, base *ast.Field, labels []string) {
		for _, d := range decls {
			field, ok := d.(*ast.Field)
			if !ok {
				continue
			}
			label, _, err := ast.LabelName(field.Label)
			if err != nil {
				continue
			}
			l := located{file: f, path: sub(path, label), field: field, base: base, labels: labels}
			if base == nil {
				l.base = field
			}
			out = append(out, l)
			if lit, ok := field.Value.(*ast.StructLit); ok && lit.Lbrace.IsValid() {
				walk(lit.Elts, l.path, nil, nil)
			} else if ok {
				walk(lit.Elts, l.path, l.base, sub(labels, label))
			}
		}
	}
	walk(f.Decls, nil, nil, nil)
	return out
}

// edit inserts text into a file.
type edit struct {
	offset int
	text   string
}

// editor gathers edits of one file.
type editor struct {
	source string
	file   *ast.File
	edits  []edit
}

// inside inserts lines before the end of a struct.
func (e *editor) inside(lit *ast.StructLit, text string) {
	at := lit.Rbrace.Offset()
	start := strings.LastIndexByte(e.source[:at], '\n') + 1
	if strings.TrimSpace(e.source[start:at]) == "" { // the brace has a line of its own
		e.edits = append(e.edits, edit{start, laidOut(text, e.source[start:at]+"\t") + "\n"})
		return
	}
	indent := e.indent(at)
	e.edits = append(e.edits, edit{at, "\n" + laidOut(text, indent+"\t") + "\n" + indent})
}

// beside inserts a field after another one, at the same place of the tree: in the same struct, or by the same chain of labels.
func (e *editor) beside(l located, text string) {
	end := l.base.End().Offset()
	rest, _, _ := strings.Cut(e.source[end:], "\n")
	if trimmed := strings.TrimLeft(rest, ", \t"); trimmed == "" || strings.HasPrefix(trimmed, "//") {
		end += len(rest) // behind the comment on its line
	} else if strings.HasPrefix(rest, ",") {
		end++
	}
	for i := len(l.labels) - 1; i >= 0; i-- {
		text = labelText(l.labels[i]) + ": " + text
	}
	text = laidOut(text, e.indent(l.base.Pos().Offset()))
	blank := "\n"
	if len(l.labels) > 0 {
		blank = "\n\n" // a declaration of its own
	}
	after := "\n"
	if strings.HasPrefix(e.source[end:], "\n") {
		after = ""
	}
	e.edits = append(e.edits, edit{end, blank + text + after})
}

// indent returns the white space before the line of an offset.
func (e *editor) indent(at int) string {
	line := e.source[strings.LastIndexByte(e.source[:at], '\n')+1:]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// laidOut formats fields and indents them.
func laidOut(text, indent string) string {
	if out, err := format.Source([]byte(text)); err == nil {
		text = strings.TrimSuffix(string(out), "\n")
	}
	return indent + strings.ReplaceAll(text, "\n", "\n"+indent)
}

// elements adds strings to a list.
func (e *editor) elements(l *ast.ListLit, more []string) {
	var quoted []string
	for _, m := range more {
		quoted = append(quoted, quote(m))
	}
	text := strings.Join(quoted, ", ")
	if len(l.Elts) > 0 {
		text = ", " + text
		e.edits = append(e.edits, edit{l.Elts[len(l.Elts)-1].End().Offset(), text})
		return
	}
	e.edits = append(e.edits, edit{l.Rbrack.Offset(), text})
}

// imports adds the packages that the file does not import yet.
func (e *editor) imports(packages []string) {
	for spec := range e.file.ImportSpecs() {
		if text, err := strconv.Unquote(spec.Path.Value); err == nil {
			packages = slices.DeleteFunc(packages, func(p string) bool { return p == ast.ParseImportPath(text).Path })
		}
	}
	if len(packages) == 0 {
		return
	}
	slices.Sort(packages)
	lines := ""
	for _, p := range packages {
		lines += "\n\t" + strconv.Quote(p)
	}
	for _, d := range e.file.Decls {
		if d, ok := d.(*ast.ImportDecl); ok {
			e.group(d, lines)
			return
		}
	}
	for _, d := range e.file.Decls {
		if clause, ok := d.(*ast.Package); ok {
			e.edits = append(e.edits, edit{clause.End().Offset(), "\n\nimport (" + lines + "\n)\n"})
			return
		}
	}
}

// group adds lines to an import, as a group if it was none.
func (e *editor) group(d *ast.ImportDecl, lines string) {
	if d.Lparen.IsValid() {
		e.edits = append(e.edits, edit{d.Lparen.Offset() + 1, lines})
		return
	}
	first := d.Specs[0]
	e.edits = append(e.edits, edit{first.Pos().Offset(), "(" + lines + "\n\n\t"}, edit{first.End().Offset(), "\n)"})
}

// content is the file with its edits, laid out by CUE's formatter if it was before.
func (e *editor) content() ([]byte, error) {
	slices.SortStableFunc(e.edits, func(a, b edit) int { return cmp.Compare(a.offset, b.offset) })
	var b strings.Builder
	at := 0
	for _, x := range e.edits {
		b.WriteString(e.source[at:x.offset] + x.text)
		at = x.offset
	}
	b.WriteString(e.source[at:])
	laidOut, err := format.Source([]byte(b.String()))
	if err != nil {
		return nil, state.Diagnostics{{Code: "suggest", Pos: state.Pos{File: e.file.Filename, Line: 1, Column: 1},
			Message: "the migration cannot be written into this file: " + err.Error(), Hint: "run `cue fmt` on it and try again"}}
	}
	if before, err := format.Source([]byte(e.source)); err == nil && string(before) == e.source {
		return laidOut, nil
	}
	return []byte(b.String()), nil
}
