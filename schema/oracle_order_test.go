package schema_test

import (
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
)

// inOrder writes a value as CUE source, its fields in the order of their declaration: that is the order in which CUE
// marshals them, unless the value itself has another.
func inOrder(v any, shape string) string {
	e, err := parser.ParseExpr("shape", shape)
	if err != nil {
		return cueText(v)
	}
	return orderedBy(v, e)
}

func orderedBy(v any, e ast.Expr) string {
	switch x := e.(type) {
	case *ast.ParenExpr:
		return orderedBy(v, x.X)
	case *ast.StructLit:
		if fields, ok := v.(map[string]any); ok {
			return fieldsBy(fields, x)
		}
	case *ast.ListLit:
		if items, ok := v.([]any); ok {
			return itemsBy(items, x)
		}
	}
	return cueText(v)
}

func fieldsBy(fields map[string]any, x *ast.StructLit) string {
	var parts []string
	left := maps.Clone(fields)
	var rest ast.Expr
	for _, d := range x.Elts {
		f, ok := d.(*ast.Field)
		if !ok {
			continue
		}
		if _, isPattern := f.Label.(*ast.ListLit); isPattern {
			rest = f.Value
			continue
		}
		name, _, err := ast.LabelName(f.Label)
		if value, has := left[name]; has && err == nil {
			parts = append(parts, cueString(name)+": "+orderedBy(value, f.Value))
			delete(left, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		parts = append(parts, cueString(name)+": "+orderedBy(left[name], rest))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func itemsBy(items []any, x *ast.ListLit) string {
	parts := make([]string, len(items))
	for i := range items {
		var t ast.Expr
		if n := len(x.Elts); n > 0 {
			t = x.Elts[min(i, n-1)]
		}
		if rest, ok := t.(*ast.Ellipsis); ok {
			t = rest.Type
		}
		parts[i] = orderedBy(items[i], t)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
