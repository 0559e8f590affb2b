package schema

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// Suggestion is a file of the spec with the skeleton of a migration written into it.
type Suggestion struct {
	Keyspace  string
	From, To  state.Version
	File      string   // path in the tree; empty if there is nothing to write
	Content   []byte   // all of the file
	Notes     []string // what was done, and what was not
	Questions []string // what only the author knows; each stands in the file, too
}

// Suggest writes what a migration to a version of a keyspace has to say and what can be known of it: renamed and
// converted fields both ways, the fields that vanish, and a first test with invented values. What cannot be known
// becomes a comment with a question. Of a migration that is there it adds only what is open.
//
// It works on specs that Evaluate refuses because of what is open. The error is state.Diagnostics for a spec that
// cannot be read at all, or for a keyspace or version that it has not.
func Suggest(files fs.FS, dir, keyspace string, to state.Version) (Suggestion, error) {
	spec, err := openSpec(files, dir)
	if err != nil {
		return Suggestion{}, err
	}
	k, err := spec.keyspace(keyspace)
	if err != nil {
		return Suggestion{}, err
	}
	target, found := k.FindShape(to)
	if !found {
		return Suggestion{}, notThere("unknown-version", fmt.Sprintf("keyspace %s declares no version %s that can be read", keyspace, to), "it has "+versionNames(k))
	}
	m := spec.migration(keyspace, to)
	if m.from == "" {
		m.from = previous(k, to)
	}
	source, found := k.FindShape(m.from)
	if !found {
		return Suggestion{Keyspace: keyspace, To: to, Notes: []string{string(to) + " is the oldest version: no migration leads to it"}}, nil
	}
	return spec.suggest(k, source, target, m)
}

// Versions reads the keyspaces of a spec with their versions alone, also where migrations and tests are missing or
// wrong. Versions that cannot be read are left out.
func Versions(files fs.FS, dir string) ([]state.Keyspace, error) {
	spec, err := openSpec(files, dir)
	if err != nil {
		return nil, err
	}
	return spec.keyspaces, nil
}

// spec is a package of which only the versions are read.
type spec struct {
	files     fs.FS
	inst      *build.Instance
	fields    []located
	keyspaces []state.Keyspace
}

func notThere(code, message, hint string) error {
	return state.Diagnostics{{Code: code, Message: message, Hint: hint}}
}

func versionNames(k state.Keyspace) string {
	var names []string
	for _, s := range k.Shapes {
		names = append(names, string(s.Version))
	}
	return strings.Join(names, ", ")
}

// previous returns the newest version before another one.
func previous(k state.Keyspace, to state.Version) state.Version {
	var out state.Version
	for _, s := range k.Shapes {
		if s.Version.Compare(to) < 0 {
			out = s.Version
		}
	}
	return out
}

func openSpec(files fs.FS, dir string) (spec, error) {
	inst, problems := load(files, dir, nil)
	if len(problems) > 0 {
		return spec{}, problems.Sorted()
	}
	r := newReader(inst)
	r.system = r.ctx.BuildInstance(inst).LookupPath(cue.ParsePath("system"))
	s := spec{files: files, inst: inst}
	for _, f := range inst.Files {
		if !strings.HasPrefix(f.Filename, own) {
			s.fields = append(s.fields, locate(f)...)
		}
	}
	fields(r.system, atKeyspaces, func(name string, v cue.Value) {
		s.keyspaces = append(s.keyspaces, r.readVersions(name, v))
	})
	slices.SortFunc(s.keyspaces, func(a, b state.Keyspace) int { return strings.Compare(a.Name, b.Name) })
	if len(s.keyspaces) == 0 {
		_, err := Evaluate(files, dir)
		if err == nil {
			err = notThere("no-keyspace", "the spec declares no keyspaces", "write: system: keyspaces: …")
		}
		return spec{}, err
	}
	return s, nil
}

// readVersions reads the versions of a keyspace one by one, so that one that is wrong does not hide the others.
func (r *reader) readVersions(keyspace string, v cue.Value) state.Keyspace {
	path := []string{"system", "keyspaces", keyspace}
	k := state.Keyspace{Name: keyspace, Pos: r.places.at(path)}
	fields(v, atVersions, func(version string, v cue.Value) {
		if s, ok := r.readShape(sub(path, "versions", version), state.Version(version), v); ok {
			k.Shapes = append(k.Shapes, s)
		}
	})
	slices.SortFunc(k.Shapes, func(a, b state.Shape) int { return a.Version.Compare(b.Version) })
	return k
}

func (s spec) keyspace(name string) (state.Keyspace, error) {
	var names []string
	for _, k := range s.keyspaces {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return state.Keyspace{}, notThere("no-keyspace", "the spec has no keyspace "+name, "it has "+strings.Join(names, ", "))
}

// written is what the user wrote of a migration already.
type written struct {
	at   *located // nil: nothing
	from state.Version
	drop []string
	list *ast.ListLit // of drop
	up   side
	down side
}

// side is what the user wrote of #up or #down.
type side struct {
	field *ast.Field
	lit   *ast.StructLit // nil if it is no struct
	done  []string       // fields that it sets
	taken [][]string     // parts of the source that it uses
}

// migration reads what the user wrote of a migration.
func (s spec) migration(keyspace string, to state.Version) written {
	var m written
	for i, f := range s.fields {
		if !f.is("system", "keyspaces", keyspace, "migrations", string(to)) {
			continue
		}
		if lit, ok := f.field.Value.(*ast.StructLit); ok && lit.Lbrace.IsValid() && m.at == nil {
			m.at = &s.fields[i]
		}
	}
	if m.at == nil {
		return m
	}
	for _, d := range m.at.field.Value.(*ast.StructLit).Elts {
		f, ok := d.(*ast.Field)
		if !ok {
			continue
		}
		switch label, _, _ := ast.LabelName(f.Label); label {
		case "from":
			m.from = state.Version(literalText(f.Value))
		case "drop":
			m.list, _ = f.Value.(*ast.ListLit)
			for _, e := range listElements(m.list) {
				m.drop = append(m.drop, literalText(e))
			}
		case "#up":
			m.up = m.up.and(sideOf(f, "#old"))
		case "#down":
			m.down = m.down.and(sideOf(f, "#new"))
		}
	}
	return m
}

func listElements(l *ast.ListLit) []ast.Expr {
	if l == nil {
		return nil
	}
	return l.Elts
}

// sideOf reads what one direction sets and uses.
func sideOf(f *ast.Field, root string) side {
	out := side{field: f}
	out.lit, _ = f.Value.(*ast.StructLit)
	if out.lit != nil {
		out.done = namesSet(out.lit.Elts)
	}
	ast.Walk(f.Value, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if path, ok := selection(sel, root); ok {
			out.taken = append(out.taken, path)
			return false
		}
		return true
	}, nil)
	return out
}

// and is what two fields of one direction say together.
func (s side) and(o side) side {
	o.done, o.taken = append(s.done, o.done...), append(s.taken, o.taken...)
	return o
}

// namesSet lists the fields that declarations set, also under conditions.
func namesSet(decls []ast.Decl) []string {
	var out []string
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			if name, _, err := ast.LabelName(d.Label); err == nil {
				out = append(out, name)
			}
		case *ast.Comprehension:
			if lit, ok := d.Value.(*ast.StructLit); ok {
				out = append(out, namesSet(lit.Elts)...)
			}
		}
	}
	return out
}

func literalText(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, _, err := ast.LabelName(lit)
	if err != nil {
		return ""
	}
	return text
}

// selection returns the path that an expression selects of a root: #old.user.id.
func selection(e ast.Expr, root string) (path []string, ok bool) {
	switch e := e.(type) {
	case *ast.Ident:
		return nil, e.Name == root
	case *ast.SelectorExpr:
		path, ok = selection(e.X, root)
		name, _, err := ast.LabelName(e.Sel)
		return append(path, name), ok && err == nil
	}
	return nil, false
}
