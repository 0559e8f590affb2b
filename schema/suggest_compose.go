package schema

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"

	"keyshift.dev/state"
)

// skeleton is what a migration has to say, both ways.
type skeleton struct {
	from      state.Version
	up, down  []*paired
	drop      []string
	wholeUp   string // the expression of a unit that is no struct
	wholeDown string
	packages  []string
	questions []string
	test      string // one pair, empty if none comes to mind
}

// suggest writes the skeleton of a migration into the file that should hold it.
func (s spec) suggest(k state.Keyspace, source, target state.Shape, m written) (Suggestion, error) {
	out := Suggestion{Keyspace: k.Name, From: source.Version, To: target.Version}
	sk := pair(source, target, m)
	out.Questions = sk.questions
	e, err := s.editor(k.Name, target.Version, m)
	if err != nil {
		return out, err
	}
	if m.at != nil {
		e.extend(sk, m)
	} else if text, found := sk.migration(source.Version, target.Version); found {
		s.place(e, k.Name, "migrations", target.Version, text)
	} else {
		out.Notes = append(out.Notes, fmt.Sprintf("%s follows from %s: every field is carried or filled by its declaration", target.Version, source.Version))
	}
	if len(e.edits) == 0 {
		return out, nil
	}
	if m.at == nil && sk.test != "" && !s.hasTests(k.Name, target.Version) {
		s.place(e, k.Name, "tests", target.Version, "["+sk.test+"]")
	} else if m.at == nil && len(sk.questions) > 0 {
		out.Notes = append(out.Notes, "no test is written, since its values depend on the answers")
	} else if m.at == nil && sk.test == "" {
		out.Notes = append(out.Notes, "no test is written: no values come to mind that fit both versions")
	}
	e.imports(sk.packages)
	out.File = e.file.Filename
	out.Content, err = e.content()
	return out, err
}

// editor opens the file that holds the migrations of a keyspace, or else its version.
func (s spec) editor(keyspace string, to state.Version, m written) (*editor, error) {
	at := m.at
	for _, path := range [][]string{{"migrations"}, {"versions", string(to)}, {"versions"}, {}} {
		if i := slices.IndexFunc(s.fields, func(l located) bool { return l.is(append([]string{"system", "keyspaces", keyspace}, path...)...) }); at == nil && i >= 0 {
			at = &s.fields[i]
		}
	}
	if at == nil {
		return nil, notThere("suggest", "keyspace "+keyspace+" is not written out in a file of this package, so no migration can be written into it", "write its versions as plain fields: system: keyspaces: "+keyspace+": versions: …")
	}
	data, err := fs.ReadFile(s.files, at.file.Filename)
	if err != nil {
		return nil, err
	}
	return &editor{source: string(data), file: at.file}, nil
}

func (s spec) hasTests(keyspace string, to state.Version) bool {
	return slices.ContainsFunc(s.fields, func(l located) bool { return l.is("system", "keyspaces", keyspace, "tests", string(to)) })
}

// place puts an entry of migrations or tests into the file.
func (s spec) place(e *editor, keyspace, field string, to state.Version, text string) {
	entry := quote(string(to)) + ": " + text
	for _, near := range []string{field, "migrations", "versions"} {
		var last *located
		for _, l := range s.fields {
			if l.file != e.file || !l.is("system", "keyspaces", keyspace, near) {
				continue
			}
			if lit, ok := l.field.Value.(*ast.StructLit); ok && near == field && lit.Lbrace.IsValid() {
				e.inside(lit, entry)
				return
			}
			last = &l
		}
		if last != nil {
			e.beside(*last, field+": "+entry)
			return
		}
	}
	e.edits = append(e.edits, edit{len(e.source), "\nsystem: keyspaces: " + labelText(keyspace) + ": " + field + ": " + entry + "\n"})
}

// migration prints the skeleton; needed is false if it would say nothing.
func (sk skeleton) migration(from, to state.Version) (text string, needed bool) {
	out := []string{"from: " + quote(string(from)), "#old: _", "#new: _"}
	if usesKey(sk.up) || usesKey(sk.down) {
		out = append(out, "#key: _")
	}
	n := len(out)
	out = append(out, block("#up", sk.wholeUp, sk.up, "#old")...)
	out = append(out, block("#down", sk.wholeDown, sk.down, "#new")...)
	if len(sk.drop) > 0 {
		out = append(out, "drop: "+formatValue(stringList(sk.drop))+" // lost: nothing of "+string(to)+" takes it")
	}
	return "{\n" + strings.Join(out, "\n") + "\n}", len(out) > n
}

func stringList(names []string) state.Value {
	v := state.Value{Kind: state.Array}
	for _, n := range names {
		v.List = append(v.List, stringValue(n))
	}
	return v
}

// block prints #up or #down, nothing if it has nothing to set.
func block(name, whole string, fields []*paired, root string) []string {
	if whole != "" {
		return strings.Split(whole, "\n")
	}
	inner, _ := lines(fields, root)
	if len(inner) == 0 {
		return nil
	}
	if len(inner) == 1 && !strings.Contains(inner[0], "//") && !strings.HasPrefix(inner[0], "if ") && !strings.Contains(inner[0], "\n") {
		return []string{name + ": " + inner[0]}
	}
	return []string{name + ": {\n" + strings.Join(inner, "\n") + "\n}"}
}

// extend adds what is open to a migration that the user began.
func (e *editor) extend(sk skeleton, m written) {
	lit := m.at.field.Value.(*ast.StructLit)
	var missing []string
	add := func(name string, s side, whole string, fields []*paired, root string) {
		text := block(name, whole, fields, root)
		if len(text) == 0 || whole != "" && s.field != nil {
			return
		}
		missing = append(missing, root)
		if s.lit != nil && s.lit.Lbrace.IsValid() {
			inner, _ := lines(fields, root)
			inner = slices.DeleteFunc(inner, func(l string) bool { return strings.Contains(e.source, l) }) // asked already
			if len(inner) > 0 {
				e.inside(s.lit, strings.Join(inner, "\n"))
			}
			return
		}
		if s.field == nil || s.lit != nil {
			if text := strings.Join(text, "\n"); !strings.HasPrefix(whole, question) || !strings.Contains(e.source, whole) {
				e.inside(lit, text)
			}
		}
	}
	add("#up", m.up, sk.wholeUp, sk.up, "#old")
	add("#down", m.down, sk.wholeDown, sk.down, "#new")
	if usesKey(sk.up) || usesKey(sk.down) {
		missing = append(missing, "#key")
	}
	e.declare(lit, sk, m, missing)
	switch {
	case len(sk.drop) == 0:
	case m.list != nil:
		e.elements(m.list, sk.drop)
	default:
		e.inside(lit, "drop: "+formatValue(stringList(sk.drop)))
	}
}

// declare adds from, #old, #new and #key where what was added needs them.
func (e *editor) declare(lit *ast.StructLit, sk skeleton, m written, roots []string) {
	if len(e.edits) == 0 {
		return
	}
	has := namesSet(lit.Elts)
	var text []string
	if m.from == "" && !slices.Contains(has, "from") {
		text = append(text, "from: "+quote(string(sk.from)))
	}
	for _, name := range roots {
		if !slices.Contains(has, name) {
			text = append(text, name+": _")
		}
	}
	if len(text) == 0 {
		return
	}
	indent := e.indent(lit.Rbrace.Offset()) + "\t"
	at := lit.Lbrace.Offset() + 1
	after := ""
	if !strings.HasPrefix(e.source[at:], "\n") {
		after = "\n" + indent
	}
	e.edits = append(e.edits, edit{at, "\n" + laidOut(strings.Join(text, "\n"), indent) + after})
}
