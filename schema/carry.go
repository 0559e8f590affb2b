package schema

import (
	"cmp"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// build makes the expression of one struct of the result: what the setters set, what is carried from the same place
// of the source, what a constant or a default fills. source is nil if the source has no struct there.
func (d *direction) build(path []string, target state.Alt, source *state.Alt, setters []setter) state.Expr {
	return d.buildAt(path, target, source, setters, false)
}

// buildAt is build under a part of the source that may be missing.
func (d *direction) buildAt(path []string, target state.Alt, source *state.Alt, setters []setter, maybe bool) state.Expr {
	out := state.Expr{Op: state.OpStruct}
	byName := map[string][]setter{}
	for _, s := range setters {
		if len(s.path) > len(path) {
			byName[s.path[len(path)]] = append(byName[s.path[len(path)]], s)
		}
	}
	if len(path) > 0 && (target.Open || source != nil && source.Open) {
		d.failAt(d.pos, sub(d.path, path...), "unsupported", "an open struct inside a value that is taken apart is not supported yet",
			"set it whole, or remove its ...")
		return out
	}
	for _, f := range target.Fields {
		if f.Forbidden {
			continue
		}
		at := sub(path, f.Name)
		if ss := byName[f.Name]; len(ss) > 0 {
			delete(byName, f.Name)
			out.Fields = append(out.Fields, d.set(at, f, source, ss, maybe)...)
			continue
		}
		if fe, ok := d.carry(at, f, source, maybe); ok {
			out.Fields = append(out.Fields, fe)
		}
	}
	for _, ss := range byName {
		out.Fields = append(out.Fields, d.undeclared(path, target, ss)...)
	}
	slices.SortStableFunc(out.Fields, func(a, b state.FieldExpr) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// undeclared sets fields that the target does not declare, which an open one admits.
func (d *direction) undeclared(path []string, target state.Alt, ss []setter) []state.FieldExpr {
	var out []state.FieldExpr
	for _, s := range ss {
		forbidden := slices.ContainsFunc(target.Fields, func(f state.Field) bool { return f.Forbidden && f.Name == s.path[len(path)] })
		if !target.Open || forbidden || len(s.path) > len(path)+1 || s.value == nil {
			d.failAt(s.pos, sub(d.path, s.path...), "not-allowed", "version "+string(d.target.Version)+" does not declare the field "+strings.Join(s.path, "."),
				suggest(s.path, d.target.Value))
			continue
		}
		if x := d.compile(s.value, s.conds); x.ok && !x.slash.IsValid() {
			out = append(out, state.FieldExpr{Name: s.path[len(path)], If: exprs(s.conds), Value: x.expr})
		}
	}
	return out
}

func exprs(conds []cond) []state.Expr {
	var out []state.Expr
	for _, c := range conds {
		out = append(out, c.expr)
	}
	return out
}

// set makes the expressions of a field that the user sets, whole or in parts.
func (d *direction) set(path []string, f state.Field, source *state.Alt, ss []setter, maybe bool) []state.FieldExpr {
	nested := slices.ContainsFunc(ss, func(s setter) bool { return s.value == nil })
	if nested {
		return d.setParts(path, f, source, ss, maybe)
	}
	var out []state.FieldExpr
	always := false
	for _, s := range ss {
		x := d.compile(s.value, s.conds)
		if !x.ok || !d.fitsInto(s.value, x, f.Type, path) {
			continue
		}
		always = always || len(s.conds) == 0
		out = append(out, whereThere(state.FieldExpr{Name: f.Name, If: exprs(s.conds), Value: x.expr}))
	}
	if fill, ok := filling(f); ok && !always && len(out) > 0 {
		out[0].Default = &fill
	}
	return out
}

// whereThere writes `if #old.x != _|_ {y: #old.x}` as what it is: a part that is left out where it is missing.
func whereThere(f state.FieldExpr) state.FieldExpr {
	if len(f.If) == 1 && f.If[0].Op == state.OpHas && f.Value.Op == state.OpPath && slices.Equal(f.If[0].Path, f.Value.Path) {
		f.If, f.Optional = nil, true
	}
	return f
}

// filling returns the value that a required field has by its declaration alone: its constant or its default.
func filling(f state.Field) (state.Value, bool) {
	if f.Optional {
		return state.Value{}, false
	}
	if f.Type.Default != nil {
		return *f.Type.Default, true
	}
	return constant(f.Type)
}

// setParts makes the expression of a struct of which the user sets fields.
func (d *direction) setParts(path []string, f state.Field, source *state.Alt, ss []setter, maybe bool) []state.FieldExpr {
	if i := slices.IndexFunc(ss, func(s setter) bool { return s.value != nil && len(s.path) == len(path) }); i >= 0 {
		d.failAt(ss[i].pos, sub(d.path, path...), "cannot-compile", "a field that is set both whole and in parts cannot be compiled yet", "set it in one place")
		return nil
	}
	target, ok := single(f.Type)
	if !ok {
		d.failAt(ss[0].pos, sub(d.path, path...), "wrong-kind", "this is a struct, and "+string(d.target.Version)+" wants "+kindsOf(f.Type).String(), "give one value")
		return nil
	}
	fe := state.FieldExpr{Name: f.Name}
	if f.Optional {
		conds, ok := commonConds(path, ss)
		if !ok {
			d.failAt(ss[0].pos, sub(d.path, path...), "cannot-compile", "an optional struct that is set under several conditions cannot be compiled yet", "set it under one if")
			return nil
		}
		fe.If = exprs(conds)
	}
	if !d.complete(path, target, ss) {
		return nil
	}
	var inner *state.Alt
	if sf, found := sourceField(source, f.Name); found {
		maybe = maybe || sf.Optional
		if s, ok := single(sf.Type); ok {
			inner = &s
		}
	}
	fe.Value = d.buildAt(path, target, inner, ss, maybe)
	return []state.FieldExpr{fe}
}

// complete tells whether a struct literal ends in ..., or sets every field that it must have: CUE closes it otherwise.
// An optional field that a closed literal does not set is left out, so the target's declaration of it is of no use.
func (d *direction) complete(path []string, target state.Alt, ss []setter) bool {
	if slices.ContainsFunc(ss, func(s setter) bool { return s.open && len(s.path) == len(path) }) {
		return true
	}
	for _, f := range target.Fields {
		set := slices.ContainsFunc(ss, func(s setter) bool { return len(s.path) > len(path) && s.path[len(path)] == f.Name })
		if set || f.Forbidden {
			continue
		}
		d.failAt(ss[0].pos, sub(d.path, path...), "not-filled", "this struct is closed and does not set "+strings.Join(sub(path, f.Name), "."),
			"end it in ... so that what it does not set is carried or filled, or set the field")
		return false
	}
	return true
}

// commonConds returns the conditions under which a struct is made: none if one of its literals has none.
func commonConds(path []string, ss []setter) (conds []cond, ok bool) {
	n := 0
	for _, s := range ss {
		if s.value != nil || len(s.path) != len(path) {
			continue
		}
		if len(s.conds) == 0 {
			return nil, true
		}
		conds = s.conds
		n++
	}
	return conds, n == 1
}

// carry makes the expression of a field that the user does not set.
func (d *direction) carry(path []string, f state.Field, source *state.Alt, maybe bool) (state.FieldExpr, bool) {
	fe := state.FieldExpr{Name: f.Name}
	fill, filled := filling(f)
	if sf, ok := sourceField(source, f.Name); ok {
		missing := maybe || sf.Optional
		if fits(f.Type, sf.Type) && (f.Optional || filled || !missing) {
			fe.Value = state.Expr{Op: state.OpPath, Path: slices.Clone(path)}
			fe.Optional = missing
			if missing && filled {
				fe.Default = &fill
			}
			return fe, true
		}
		s, okS := single(sf.Type)
		t, okT := single(f.Type)
		if okS && okT && (f.Optional || !missing) {
			if missing {
				fe.If = []state.Expr{{Op: state.OpHas, Path: slices.Clone(path)}}
			}
			fe.Value = d.buildAt(path, t, &s, nil, false)
			return fe, true
		}
	}
	switch t, isStruct := single(f.Type); {
	case f.Optional:
		return fe, false
	case filled:
		fe.Value = state.Expr{Op: state.OpLit, Lit: &fill}
		return fe, true
	case isStruct && fillable(t):
		fe.Value = d.buildAt(path, t, nil, nil, false)
		return fe, true
	}
	d.notFilled(path, f, source)
	return fe, false
}

// sourceField finds a field in a struct that may not be there.
func sourceField(source *state.Alt, name string) (state.Field, bool) {
	if source == nil {
		return state.Field{}, false
	}
	return find(*source, name)
}

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
	if a, ok := single(d.source.Value); ok {
		d.vanished(nil, a, reads(body))
	}
}

func (d *direction) vanished(path []string, a state.Alt, read [][]string) {
	for _, f := range a.Fields {
		at := sub(path, f.Name)
		_, isConst := constant(f.Type)
		dropped := slices.Contains(d.drop, strings.Join(at, "."))
		if f.Forbidden || isConst || dropped || covers(read, at) {
			continue
		}
		if inner, ok := single(f.Type); ok && slices.ContainsFunc(read, func(p []string) bool { return under(p, at) }) {
			d.vanished(at, inner, read)
			continue
		}
		name := strings.Join(at, ".")
		d.failAt(d.pos, d.path, "vanishes", "the field "+name+" of "+string(d.source.Version)+" vanishes: it is neither carried nor used",
			`use it in `+d.path[len(d.path)-1]+`, or accept its loss with drop: ["`+name+`"]`)
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

// under tells whether path is root or below it.
func under(path, root []string) bool {
	return len(path) >= len(root) && slices.Equal(path[:len(root)], root)
}

// reads lists the parts of the source that an expression reads or asks for.
func reads(e state.Expr) [][]string {
	var out [][]string
	if e.Op == state.OpPath || e.Op == state.OpHas {
		out = append(out, e.Path)
	}
	for _, a := range e.Args {
		out = append(out, reads(a)...)
	}
	for _, f := range e.Fields {
		out = append(out, reads(f.Value)...)
		for _, c := range f.If {
			out = append(out, reads(c)...)
		}
	}
	return out
}
