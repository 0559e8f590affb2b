package schema

import (
	"slices"
	"strconv"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
)

// closing adds to the files of a spec that unify their field system with #System themselves. Without it a spec that
// forgets to would be checked by nothing, and a misspelt field would pass.
func (l *loader) closing(files []*ast.File) []*ast.File {
	if !findPlaces(files).declared([]string{"system"}) || !slices.ContainsFunc(files, importsOurs) {
		return files // which the reader refuses
	}
	known := definitionNames()
	for _, f := range files {
		ast.Walk(f, func(n ast.Node) bool { l.checkDefinition(n, known); return true }, nil)
	}
	f, err := parser.ParseFile(own+"closing.cue", "package "+files[0].PackageName()+"\nimport ks \""+ModulePath+"\"\nsystem: ks.#System\n", l.language)
	if err != nil {
		panic("schema: " + err.Error())
	}
	return append(files, f)
}

func importsOurs(f *ast.File) bool {
	for spec := range f.ImportSpecs() {
		if isOurs(spec) {
			return true
		}
	}
	return false
}

func isOurs(spec *ast.ImportSpec) bool {
	text, err := strconv.Unquote(spec.Path.Value)
	return err == nil && ast.ParseImportPath(text).Path == ModulePath
}

// checkDefinition refuses a definition that the schema does not have: beside #System CUE would tell only what follows.
func (l *loader) checkDefinition(n ast.Node, known []string) {
	sel, _ := n.(*ast.SelectorExpr)
	if sel == nil {
		return
	}
	of, _ := sel.X.(*ast.Ident)
	if of == nil {
		return
	}
	spec, _ := of.Node.(*ast.ImportSpec)
	if name, _, err := ast.LabelName(sel.Sel); spec != nil && err == nil && isOurs(spec) && !slices.Contains(known, name) {
		l.problem(position(sel.Sel.Pos()), "unknown-field", "undefined field: "+name, "mend the name; only declared fields can be used")
	}
}

// definitionNames lists the names that the schema declares.
func definitionNames() []string {
	var names []string
	for _, f := range parseDefinitions() {
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok {
				if name, _, err := ast.LabelName(field.Label); err == nil {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
