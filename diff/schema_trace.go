package diff

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// trace says where the parts of a migrated value come from, by their paths in it (pathText).
type trace struct {
	plain map[string][]string // made of another part as it is → that part's path
	made  map[string]string   // made in another way → how
	reads map[string][]string // made in another way → the paths it is made of
}

// traceOf follows the parts of a value through migrations, from the last to the first.
func traceOf(hops []Hop) trace {
	if len(hops) == 0 {
		return trace{}
	}
	t := traceProgram(hops[0].Program)
	for _, h := range hops[1:] {
		t = t.then(traceProgram(h.Program))
	}
	return t
}

func traceProgram(p state.Program) trace {
	t := trace{plain: map[string][]string{}, made: map[string]string{}, reads: map[string][]string{}}
	t.collect(p.Body, nil)
	return t
}

// collect notes what an expression makes at a path.
func (t trace) collect(e state.Expr, at []string) {
	k := key(at)
	switch {
	case e.Op == state.OpPath:
		t.plain[k] = e.Path
	case e.Op == state.OpStruct && !slices.ContainsFunc(e.Fields, unclear):
		for i, f := range e.Fields {
			if i > 0 && e.Fields[i-1].Name == f.Name || i+1 < len(e.Fields) && e.Fields[i+1].Name == f.Name || len(f.If) > 0 {
				t.conditional(f, extend(at, f.Name))
				continue
			}
			t.collect(f.Value, extend(at, f.Name))
		}
	case e.Op == state.OpLit:
		t.made[k] = "filled with " + ExprText(e)
	default:
		t.made[k] = ExprText(e)
		t.reads[k] = pathsOf(e)
	}
}

// unclear tells whether a field's name is not known before a unit is.
func unclear(f state.FieldExpr) bool { return f.Key != nil || len(f.Clauses) > 0 }

// conditional notes a field that is made under a condition, or in several ways.
func (t trace) conditional(f state.FieldExpr, at []string) {
	k := key(at)
	how := ExprText(f.Value)
	conditions := make([]string, len(f.If))
	for i, c := range f.If {
		conditions[i] = ExprText(c)
		t.reads[k] = append(t.reads[k], pathsOf(c)...)
	}
	if len(conditions) > 0 {
		how += " if " + strings.Join(conditions, " and ")
	}
	if before := t.made[k]; before != "" {
		how = before + "; " + how
	}
	t.made[k] = shorten(how, 120)
	t.reads[k] = append(t.reads[k], pathsOf(f.Value)...)
}

// origin returns the path of the part that the part at a path is made of as it is, and whether it is.
func (t trace) origin(path []string) ([]string, bool) {
	for n := len(path); n >= 0; n-- {
		if from, ok := t.plain[key(path[:n])]; ok {
			return append(slices.Clone(from), path[n:]...), true
		}
		if _, ok := t.made[key(path[:n])]; ok {
			return nil, false
		}
	}
	return nil, false
}

// partly tells whether the struct at a path is made part by part.
func (t trace) partly(path []string) bool {
	below := key(path) + "."
	for k := range t.plain {
		if strings.HasPrefix(k, below) {
			return true
		}
	}
	for k := range t.made {
		if strings.HasPrefix(k, below) {
			return true
		}
	}
	return false
}

// then returns the trace of two programs, one after the other.
func (t trace) then(next trace) trace {
	out := trace{plain: map[string][]string{}, made: map[string]string{}, reads: map[string][]string{}}
	for k, from := range next.plain {
		at := key(from)
		switch origin, ok := t.origin(from); {
		case ok:
			out.plain[k] = origin
		case t.made[at] != "":
			out.made[k], out.reads[k] = t.made[at], t.reads[at]
		default: // a struct of several parts: they are found at their own places
			for inner, origin := range t.plain {
				if to, below := moved(inner, at, k); below {
					out.plain[to] = origin
				}
			}
			for inner, how := range t.made {
				if to, below := moved(inner, at, k); below {
					out.made[to], out.reads[to] = how, t.reads[inner]
				}
			}
		}
	}
	for k, how := range next.made {
		out.made[k] = how
		for _, p := range next.reads[k] {
			if before := t.reads[p]; before != nil {
				out.reads[k] = append(out.reads[k], before...)
			} else if origin, ok := t.plain[p]; ok {
				out.reads[k] = append(out.reads[k], key(origin))
			}
		}
		slices.Sort(out.reads[k])
		out.reads[k] = slices.Compact(out.reads[k])
	}
	return out
}

// moved is a path below one place as it is below another; below is false if it is not below the first.
func moved(path, from, to string) (string, bool) {
	rest, whole := path, key(nil)
	if from != whole {
		var below bool
		if rest, below = strings.CutPrefix(path, from+"."); !below {
			return "", false
		}
	}
	if to != whole {
		rest = to + "." + rest
	}
	return rest, true
}

// pathsOf returns the parts of the source that an expression reads, sorted.
func pathsOf(e state.Expr) []string {
	var out []string
	walkExpr(e, func(x state.Expr) {
		if x.Op == state.OpPath || x.Op == state.OpHas && len(x.Args) == 0 {
			out = append(out, key(x.Path))
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

func walkExpr(e state.Expr, visit func(state.Expr)) {
	visit(e)
	for _, a := range e.Args {
		walkExpr(a, visit)
	}
	clauses := func(cs []state.Clause) {
		for _, c := range cs {
			for _, x := range []*state.Expr{c.For, c.If, c.Let} {
				if x != nil {
					walkExpr(*x, visit)
				}
			}
		}
	}
	for _, i := range e.Items {
		clauses(i.Clauses)
		walkExpr(i.Value, visit)
	}
	for _, f := range e.Fields {
		clauses(f.Clauses)
		if f.Key != nil {
			walkExpr(*f.Key, visit)
		}
		for _, c := range f.If {
			walkExpr(c, visit)
		}
		walkExpr(f.Value, visit)
	}
}
