package schema

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// fillable tells whether a struct has a value by its declaration alone.
func fillable(a state.Alt) bool {
	for _, f := range a.Fields {
		if _, ok := filling(f); ok || f.Optional || f.Forbidden {
			continue
		}
		if inner, ok := single(f.Type); !ok || !fillable(inner) {
			return false
		}
	}
	return true
}

// sourceField finds a field in a struct that may not be there.
func sourceField(source *state.Alt, name string) (state.Field, bool) {
	if source == nil {
		return state.Field{}, false
	}
	return find(*source, name)
}

// notFilled says why a required field gets no value.
func (d *direction) notFilled(path []string, f state.Field, source *state.Alt) {
	name, direction := strings.Join(path, "."), d.path[len(d.path)-1]
	message := "nothing fills " + name + ", which version " + string(d.target.Version) + " requires"
	if sf, ok := sourceField(source, f.Name); ok {
		message += ": that of " + string(d.source.Version) + " has another type"
		if fits(f.Type, sf.Type) {
			message = name + " may be missing in " + string(d.source.Version) + " and is required in " + string(d.target.Version)
		}
	}
	d.failAt(d.pos, sub(d.path, path...), "not-filled", message, "set it in "+direction+", or declare a default or make it optional in "+string(d.target.Version))
}

// checkVanished says which fields of the source are neither carried, used nor dropped.
func (d *direction) checkVanished(body state.Expr) {
	a, ok := single(d.source.Value)
	if !ok {
		return
	}
	read := reads(body)
	d.vanished(nil, a, read)
	if a.Rest == nil || slices.Contains(d.drop, anyElement) || usesRest(a, read) {
		return
	}
	if t, ok := single(d.target.Value); ok && carriesRest(a, t) {
		return
	}
	d.failAt(d.pos, d.path, "vanishes", "the fields of "+string(d.source.Version)+" that are not declared by name vanish: "+string(d.target.Version)+" has none, or of another type",
		"make them in "+d.path[len(d.path)-1]+": for k, v in "+d.name+" {...}, or accept their loss with drop: [\"*\"]")
}

// warnUndeclared warns of structs that stop being open: what they have beside their declared fields is deleted.
func (d *direction) warnUndeclared(body state.Expr) {
	if slices.Contains(d.drop, anyElement) {
		return
	}
	read := reads(body)
	for _, at := range closed(nil, d.source.Value, d.target.Value) {
		s, _, _ := resolve(d.source.Value, at)
		a, _ := single(s)
		used := len(at) == 0 && usesRest(a, read) || len(at) > 0 && covers(read, at)
		if used || slices.Contains(d.drop, dotted(at)) {
			continue
		}
		fields := "undeclared fields"
		if len(at) > 0 {
			fields += " of " + dotted(at)
		}
		d.warn("undeclared", fields+" are deleted: version "+string(d.source.Version)+" may have any, and "+string(d.target.Version)+" has none",
			"end the struct in ... in "+string(d.target.Version)+", too"+accepting(at))
	}
}

// accepting says how the loss of all that a unit has undeclared is accepted.
func accepting(at []string) string {
	if len(at) > 0 {
		return ""
	}
	return `, or accept their loss with drop: ["*"]`
}

// closed lists the structs of a type that are open, and closed in another.
func closed(path []string, source, target state.Type) (out [][]string) {
	s, okS := single(source)
	t, okT := single(target)
	if !okS || !okT {
		return nil
	}
	if s.Open && !t.Open && s.Rest == nil {
		out = append(out, path)
	}
	for _, f := range s.Fields {
		if g, ok := find(t, f.Name); ok && !f.Forbidden {
			out = append(out, closed(sub(path, f.Name), f.Type, g.Type)...)
		}
	}
	return out
}

// usesRest tells whether a program reads what a struct has beside its declared fields.
func usesRest(a state.Alt, read [][]string) bool {
	return slices.ContainsFunc(read, func(p []string) bool {
		if len(p) == 0 || p[0] == anyElement {
			return true
		}
		_, declared := find(a, p[0])
		return !declared
	})
}

func (d *direction) vanished(path []string, a state.Alt, read [][]string) {
	for _, f := range a.Fields {
		at := sub(path, f.Name)
		_, isConst := constant(f.Type)
		if f.Forbidden || isConst || slices.Contains(d.drop, dotted(at)) || covers(read, at) {
			continue
		}
		below, inner, isStruct := inside(at, f.Type)
		elements := below[:min(len(below), len(at)+1)]
		if (isStruct || len(below) > len(at)) && slices.ContainsFunc(read, func(p []string) bool { return under(p, elements) }) {
			d.vanished(below, inner, read)
			continue
		}
		name := dotted(at)
		d.failAt(d.pos, d.path, "vanishes", "the field "+name+" of "+string(d.source.Version)+" vanishes: it is neither carried nor used",
			`use it in `+d.path[len(d.path)-1]+`, or accept its loss with drop: ["`+name+`"]`)
	}
}

// inside returns the struct that a field is, or that each element of a list is, and its path.
func inside(at []string, t state.Type) (below []string, a state.Alt, ok bool) {
	for below = at; kindsOf(t) == kindList && len(t.Alts) > 0; below = sub(below, anyElement) {
		t = elementsOf(t)
	}
	a, ok = single(t)
	return below, a, ok
}

// dotted prints a path as drop names it: elements of lists are not marked.
func dotted(path []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(path), func(n string) bool { return n == anyElement }), ".")
}

// undotted reads a path as drop names it.
func undotted(t state.Type, name string) ([]string, bool) {
	var path []string
	for _, n := range strings.Split(name, ".") {
		for at, _, ok := resolve(t, path); ok && kindsOf(at) == kindList; at, _, ok = resolve(t, path) {
			path = append(path, anyElement)
		}
		path = append(path, n)
	}
	_, _, ok := resolve(t, path)
	return path, ok
}

// checkDrop says so if a dropped field is unknown, carried or used.
func (d *direction) checkDrop(body state.Expr) {
	at := sub(d.path[:len(d.path)-1], "drop")
	for i, name := range d.drop {
		where := sub(at, fmt.Sprint(i))
		path, ok := undotted(d.source.Value, name)
		if a, _ := single(d.source.Value); !ok && !(name == anyElement && a.Open) {
			d.failAt(d.r.places.at(where), where, "unknown-field", fmt.Sprintf("version %s declares no field %q to drop", d.source.Version, name), suggest(path, d.source.Value))
			continue
		}
		a, _ := single(d.source.Value)
		used := name == anyElement && usesRest(a, reads(body)) || name != anyElement && d.isUsed(path, body)
		if used {
			d.failAt(d.r.places.at(where), where, "drop-used", fmt.Sprintf("%q is dropped, but it is carried or used by %s", name, d.path[len(d.path)-1]), "remove it from drop")
		}
	}
}

// isUsed tells whether a part of the source goes into the result.
func (d *direction) isUsed(path []string, body state.Expr) bool {
	read := reads(body)
	return covers(read, path) || slices.ContainsFunc(read, func(p []string) bool { return under(p, path) })
}

// covers tells whether a read part is the one at path, or holds it.
func covers(read [][]string, path []string) bool {
	return slices.ContainsFunc(read, func(p []string) bool { return under(path, p) })
}

// under tells whether path is root or below it. An element in root stands for any part.
func under(path, root []string) bool {
	if len(path) < len(root) {
		return false
	}
	for i, n := range root {
		if n != path[i] && n != anyElement {
			return false
		}
	}
	return true
}

// reads lists the parts of the source that an expression reads or asks for.
func reads(e state.Expr) [][]string {
	r := reading{vars: map[string][]string{}}
	r.expr(e)
	return r.out
}

// reading follows variables to the parts of the source that they stand for.
type reading struct {
	vars map[string][]string
	out  [][]string
}

// looped marks that a loop runs over something, which reads no part of its elements.
const looped = "\x00"

func (r *reading) expr(e state.Expr) {
	switch e.Op {
	case state.OpPath:
		r.out = append(r.out, e.Path)
	case state.OpHas:
		if len(e.Args) == 0 {
			r.out = append(r.out, e.Path)
		}
	case state.OpVar:
		if at, ok := r.vars[e.Name]; ok {
			r.out = append(r.out, sub(at, e.Path...))
		}
	}
	for _, a := range e.Args {
		r.expr(a)
	}
	for _, i := range e.Items {
		r.clauses(i.Clauses)
		r.expr(i.Value)
	}
	for _, f := range e.Fields {
		r.clauses(f.Clauses)
		for _, c := range f.If {
			r.expr(c)
		}
		if f.Key != nil {
			r.expr(*f.Key)
		}
		r.expr(f.Value)
	}
}

func (r *reading) clauses(cs []state.Clause) {
	for _, c := range cs {
		switch {
		case c.If != nil:
			r.expr(*c.If)
		case c.Let != nil:
			r.expr(*c.Let)
		case c.For != nil:
			r.loop(c)
		}
	}
}

func (r *reading) loop(c state.Clause) {
	var at []string
	switch c.For.Op {
	case state.OpPath:
		at = c.For.Path
	case state.OpVar:
		of, ok := r.vars[c.For.Name]
		if !ok {
			return
		}
		at = sub(of, c.For.Path...)
	default:
		r.expr(*c.For)
		return
	}
	at = sub(at, anyElement)
	r.out = append(r.out, sub(at, looped))
	r.vars[c.Value] = at
}
