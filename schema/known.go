package schema

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"keyshift.dev/state"
)

// knownFields lists the names that may stand below a path of a spec: those that our definitions declare there and, in
// a migration or a test, those of the version it is about. Names that a user chooses are not among them.
func (p places) knownFields(path []string) []string {
	names := p.unitFields(path)
	if len(path) > 0 && path[0] == "system" {
		names = append(names, definedFields(path[1:])...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// meant returns a hint at the name that may have been meant, empty if none is near. Versions are no names: of two
// that differ in a digit neither is meant for the other.
func meant(name string, known []string) string {
	if slices.Contains(known, name) || state.Version(name).Valid() {
		return ""
	}
	for _, k := range known {
		if near(k, name) && (len(name) > 3 || strings.HasPrefix(k, name[:1])) {
			return "did you mean " + strconv.Quote(k) + "?"
		}
	}
	return ""
}

// definedFields lists what our definitions declare below a path of #System.
func definedFields(path []string) []string {
	d := defined{}
	for _, f := range parseDefinitions() {
		for _, decl := range f.Decls {
			if field, ok := decl.(*ast.Field); ok {
				if name, _, err := ast.LabelName(field.Label); err == nil {
					d[name] = field.Value
				}
			}
		}
	}
	at := d.parts(ast.NewIdent("#System"))
	for _, name := range path {
		var below []ast.Node
		for _, part := range at {
			below = append(below, d.step(part, name)...)
		}
		at = below
	}
	var names []string
	for _, part := range at {
		names = append(names, fieldNames(part)...)
	}
	return names
}

// defined is our definitions by name.
type defined map[string]ast.Expr

// parts lists the structs and lists that an expression is made of.
func (d defined) parts(e ast.Expr) []ast.Node {
	switch e := e.(type) {
	case *ast.StructLit, *ast.ListLit:
		return []ast.Node{e}
	case *ast.ParenExpr:
		return d.parts(e.X)
	case *ast.Ident:
		if value, ok := d[e.Name]; ok {
			return d.parts(value)
		}
	case *ast.BinaryExpr:
		if e.Op == token.AND || e.Op == token.OR {
			return append(d.parts(e.X), d.parts(e.Y)...)
		}
	}
	return nil
}

// step returns the parts of what stands in a part at a name or an index.
func (d defined) step(part ast.Node, name string) []ast.Node {
	var out []ast.Node
	switch part := part.(type) {
	case *ast.StructLit:
		for _, decl := range part.Elts {
			field, ok := decl.(*ast.Field)
			if !ok {
				continue
			}
			_, isPattern := field.Label.(*ast.ListLit)
			if label, _, err := ast.LabelName(field.Label); isPattern || err == nil && label == name {
				out = append(out, d.parts(field.Value)...)
			}
		}
	case *ast.ListLit:
		for _, elt := range part.Elts {
			if rest, ok := elt.(*ast.Ellipsis); ok {
				elt = rest.Type
			}
			out = append(out, d.parts(elt)...)
		}
	}
	return out
}

// fieldNames lists what a user may write in a struct.
func fieldNames(part ast.Node) []string {
	lit, ok := part.(*ast.StructLit)
	if !ok {
		return nil
	}
	var names []string
	for _, decl := range lit.Elts {
		if field, ok := decl.(*ast.Field); ok {
			if name, _, err := ast.LabelName(field.Label); err == nil && name[0] != '_' {
				names = append(names, name)
			}
		}
	}
	return names
}

// unitFields lists the fields of the version that #up, #down, old or new in a path is about.
func (p places) unitFields(path []string) []string {
	if len(path) < 6 || path[1] != "keyspaces" {
		return nil
	}
	versions, to := sub(path[:3], "versions"), path[4]
	version, rest := to, []string(nil)
	switch {
	case path[3] == "migrations" && (path[5] == "#up" || path[5] == "#down"):
		rest = path[6:]
	case path[3] == "tests" && len(path) > 6 && (path[6] == "old" || path[6] == "new"):
		rest = path[7:]
	default:
		return nil
	}
	if path[5] == "#down" || len(path) > 6 && path[6] == "old" {
		version = string(p.text(sub(path[:3], "migrations", to, "from")))
	}
	at := p.find(sub(sub(versions, version, "#value"), rest...))
	if at == nil {
		return nil
	}
	return slices.Collect(maps.Keys(at.fields()))
}

// text returns the version that is written out at a path, empty if none is.
func (p places) text(path []string) state.Version {
	at := p.find(path)
	if at == nil {
		return ""
	}
	for _, e := range at.values {
		if lit, ok := e.(*ast.BasicLit); ok {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				return state.Version(text)
			}
		}
	}
	return ""
}

// checkDefinitionNames refuses a definition in a version or a migration that is nearly one of ours. CUE lets a user add
// definitions of his own there, so that a misspelt one passes, and means nothing.
func (r *reader) checkDefinitionNames() {
	system := []string{"system", "keyspaces"}
	at := r.places.find(system)
	if at == nil {
		return
	}
	for _, keyspace := range slices.Sorted(maps.Keys(at.fields())) {
		for under, ours := range map[string][]string{"versions": {"#value"}, "migrations": {"#up", "#down", "#old", "#new", "#key"}} {
			r.checkDefinitions(sub(system, keyspace, under), ours)
		}
	}
}

func (r *reader) checkDefinitions(path, ours []string) {
	at := r.places.find(path)
	if at == nil {
		return
	}
	for version, written := range at.fields() {
		for name := range written.fields() {
			if hint := meant(name, ours); strings.HasPrefix(name, "#") && !slices.Contains(ours, name) && hint != "" {
				r.problem(sub(path, version, name), "not-allowed", "this definition means nothing to Keyshift", hint+" Else give it another name")
			}
		}
	}
}
