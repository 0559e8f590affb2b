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

// reference is a field that the value of another one names. It is strict if the value is computed from it, so that a
// cycle through it has no value: two fields that are merely equal may name each other.
type reference struct {
	chain  []string
	strict bool
}

// references lists what an expression refers to, leaving out the structs and lists in it, whose fields have their own.
func references(e ast.Expr, strict bool) []reference {
	if chain, ok := chainOf(e); ok {
		return []reference{{chain, strict}}
	}
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return references(e.X, true)
	case *ast.IndexExpr:
		return append(references(e.X, true), references(e.Index, true)...)
	case *ast.ParenExpr:
		return references(e.X, strict)
	case *ast.UnaryExpr:
		return references(e.X, strict || e.Op != token.MUL) // * marks a default
	case *ast.BinaryExpr:
		strict = strict || e.Op != token.AND && e.Op != token.OR
		return append(references(e.X, strict), references(e.Y, strict)...)
	case *ast.Interpolation:
		return referencesOf(e.Elts)
	case *ast.CallExpr:
		return referencesOf(e.Args)
	}
	return nil
}

func referencesOf(es []ast.Expr) []reference {
	var out []reference
	for _, e := range es {
		out = append(out, references(e, true)...)
	}
	return out
}

// chainOf returns the names of a.b."c".
func chainOf(e ast.Expr) ([]string, bool) {
	switch e := e.(type) {
	case *ast.Ident:
		return []string{e.Name}, true
	case *ast.SelectorExpr:
		chain, ok := chainOf(e.X)
		name, _, err := ast.LabelName(e.Sel)
		return append(chain, name), ok && err == nil
	case *ast.IndexExpr:
		chain, ok := chainOf(e.X)
		lit, isLit := e.Index.(*ast.BasicLit)
		if !ok || !isLit {
			return nil, false
		}
		name, err := strconv.Unquote(lit.Value)
		return append(chain, name), err == nil
	}
	return nil, false
}

// referencesAt lists what the values at a path refer to.
func (p places) referencesAt(path []string) []reference {
	at := p.find(path)
	if at == nil {
		return nil
	}
	var out []reference
	for _, e := range at.values {
		out = append(out, references(e, false)...)
	}
	return out
}

// resolve finds the path that a reference in the value at a path means: its first name is the nearest that is declared.
func (p places) resolve(at []string, chain []string) []string {
	for n := len(at) - 1; n >= 0; n-- {
		if p.declared(sub(at[:n], chain[0])) {
			return sub(at[:n], chain...)
		}
	}
	return nil
}

// cycle returns the paths of a cycle without a value that the value at a path leads into, nil if there is none.
func (p places) cycle(path []string) [][]string {
	return p.cycleAfter([][]string{path}, []bool{false}, map[string]bool{})
}

func (p places) cycleAfter(trail [][]string, strict []bool, seen map[string]bool) [][]string {
	at := trail[len(trail)-1]
	seen[join(at)] = true
	for _, ref := range p.referencesAt(at) {
		to := p.resolve(at, ref.chain)
		if to == nil {
			continue
		}
		if i := slices.IndexFunc(trail, func(t []string) bool { return slices.Equal(t, to) }); i >= 0 {
			if ref.strict || slices.Contains(strict[i+1:], true) {
				return trail[i:]
			}
			continue
		}
		if seen[join(to)] {
			continue
		}
		if found := p.cycleAfter(append(slices.Clip(trail), to), append(slices.Clip(strict), ref.strict), seen); found != nil {
			return found
		}
	}
	return nil
}

// followsFromCycle tells whether CUE says this, among other things, of a value that depends on itself.
func followsFromCycle(c complaint) bool {
	return strings.Contains(c.message, "cycle") || strings.HasPrefix(c.message, "circular dependency") || strings.Contains(c.message, "unresolved disjunction") || strings.Contains(c.message, "non-concrete value") ||
		strings.HasPrefix(c.message, "invalid interpolation") || strings.HasPrefix(c.message, "incomplete value")
}

// selfReference reports complaints that follow from a cycle of references as what they are.
func (p places) selfReference(g []complaint) (state.Diagnostic, bool) {
	if !slices.ContainsFunc(g, followsFromCycle) {
		return state.Diagnostic{}, false
	}
	loop := p.cycle(g[0].path)
	if at := p.find(g[0].path); loop == nil && at != nil { // CUE names the struct around it
		for _, name := range slices.Sorted(maps.Keys(at.fields())) {
			if loop == nil {
				loop = p.cycle(sub(g[0].path, name))
			}
		}
	}
	if loop == nil {
		return state.Diagnostic{}, false
	}
	first := 0 // the same wherever the loop was entered
	for i := range loop {
		if strings.Compare(printPath(loop[i]), printPath(loop[first])) < 0 {
			first = i
		}
	}
	var through []string
	for i := 1; i < len(loop); i++ {
		through = append(through, printPath(loop[(first+i)%len(loop)]))
	}
	d := state.Diagnostic{Code: "cycle", Pos: p.at(loop[first]), Path: printPath(loop[first]), Message: "the value refers to itself",
		Hint: "break the cycle: write the value out, or refer to another field"}
	if len(through) > 0 {
		d.Message += " through " + strings.Join(through, ", ")
		d.Hint = "break the cycle: write one of these values out"
	}
	return d, true
}
