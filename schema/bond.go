package schema

import (
	"strconv"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
)

// refuseBonds refuses fields of a version that must equal another field of it: `#value: {a: int, b: a}`. A shape says
// what each part may be and has no such bonds, so it would take values that CUE refuses. It looks at the source, where a
// bond is a name that stands for a field of a struct around it: of the version, and of the definitions that it uses, in
// this package or in another one. A constant is no bond; definitions and hidden fields stand for their type.
func (r *reader) refuseBonds(path []string) {
	at := r.places.find(path)
	for at == nil && len(path) > 1 {
		path = path[:len(path)-1]
		at = r.places.find(path)
	}
	if at == nil {
		return
	}
	b := bonds{r: r, inst: r.inst, seen: map[ast.Node]bool{}}
	for _, e := range at.values {
		b.in(path, e)
	}
}

type bonds struct {
	r    *reader
	inst *build.Instance   // whose source is looked at
	seen map[ast.Node]bool // what names stand for
}

// in looks through what is written at a path.
func (b bonds) in(path []string, n ast.Node) {
	ast.Walk(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if name, _, err := ast.LabelName(n.Label); err == nil {
				b.in(sub(path, name), n.Value)
				return false
			}
		case *ast.ListLit:
			for i, e := range n.Elts {
				b.in(sub(path, strconv.Itoa(i)), e)
			}
			return false
		case *ast.SelectorExpr:
			if !b.imported(path, n) {
				b.in(path, n.X) // its name is none of the scope's
			}
			return false
		case *ast.Ident:
			b.name(path, n)
		}
		return true
	}, nil)
}

// name looks at what a name stands for: the value of a field, or a field with an alias.
func (b bonds) name(path []string, id *ast.Ident) {
	value, isValue := id.Node.(ast.Expr)
	if f, aliased := id.Node.(*ast.Field); aliased {
		value, isValue = f.Value, true
	}
	if !isValue {
		return
	}
	if _, inStruct := id.Scope.(*ast.StructLit); inStruct && id.Name[0] != '#' && id.Name[0] != '_' {
		if _, constant := bare(value).(*ast.BasicLit); !constant {
			b.r.problemAt(position(id.Pos()), path, "unsupported", "a field that must equal another one of the value is not supported yet",
				"write out its type, or refer to a definition beside the system: #ID: int")
		}
		return
	}
	b.follow(path, value)
}

func (b bonds) follow(path []string, value ast.Node) {
	if !b.seen[value] {
		b.seen[value] = true
		b.in(path, value)
	}
}

// imported follows a name of another package of the user's, and tells whether it is one of a package at all.
func (b bonds) imported(path []string, sel *ast.SelectorExpr) bool {
	of, _ := sel.X.(*ast.Ident)
	if of == nil {
		return false
	}
	spec, isPackage := of.Node.(*ast.ImportSpec)
	if !isPackage {
		return false
	}
	importPath, err := strconv.Unquote(spec.Path.Value)
	name, _, bad := ast.LabelName(sel.Sel)
	inst := b.inst.LookupImport(importPath)
	if err != nil || bad != nil || inst == nil || isOurs(spec) {
		return true
	}
	inner := bonds{b.r, inst, b.seen}
	if at := findPlaces(inst.Files).find([]string{name}); at != nil {
		for _, value := range at.values {
			inner.follow(path, value)
		}
	}
	return true
}
