package schema

import (
	"cmp"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"

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
		switch {
		case s.key != nil && len(s.path) == len(path):
			_, fields := d.dynamic(s, &goal{typ: anyField(target), path: path})
			out.Fields = append(out.Fields, fields...)
		case len(s.path) > len(path):
			byName[s.path[len(path)]] = append(byName[s.path[len(path)]], s)
		}
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
	out.Open = len(path) > 0 && source != nil && carriesRest(*source, target) && (len(setters) == 0 || isOpen(path, setters))
	sortFields(out.Fields)
	return out
}

// sortFields orders the fields of a struct by name, those whose names are computed last.
func sortFields(fields []state.FieldExpr) {
	slices.SortStableFunc(fields, func(a, b state.FieldExpr) int {
		if (a.Key == nil) != (b.Key == nil) {
			return cmp.Compare(rank(a), rank(b))
		}
		return cmp.Compare(a.Name, b.Name)
	})
}

func rank(f state.FieldExpr) int {
	if f.Key != nil {
		return 1
	}
	return 0
}

// anyField returns what a field whose name is computed may be.
func anyField(target state.Alt) state.Type {
	return elementsOf(state.Type{Alts: []state.Alt{target}})
}

// dynamic makes a field whose name is computed.
func (d *direction) dynamic(s setter, g *goal) (value compiled, out []state.FieldExpr) {
	d.given(s.steps, func() {
		key := d.compile(s.key)
		if key.ok && key.kinds != kindString && !key.kinds.vague() {
			d.fail(s.key.Pos(), "wrong-kind", "the name of a field is a string, and this is "+key.kinds.one(), `write "\(...)"`)
		}
		if g != nil && len(g.typ.Alts) == 0 {
			d.failAt(s.pos, sub(d.path, g.path...), "not-allowed", "version "+string(d.target.Version)+" declares no field here", "declare [string]: T, or name the field")
			return
		}
		value = d.place(s.value, g)
		fe := state.FieldExpr{Key: &key.expr, Value: value.expr}
		if apply(&fe, s.steps); key.ok && value.ok {
			out = append(out, fe)
		}
	})
	return value, out
}

// undeclared sets fields that the target does not declare, which an open one admits.
func (d *direction) undeclared(path []string, target state.Alt, ss []setter) []state.FieldExpr {
	at := sub(path, ss[0].path[len(path)])
	forbidden := slices.ContainsFunc(target.Fields, func(f state.Field) bool { return f.Forbidden && f.Name == ss[0].path[len(path)] })
	if !target.Open || forbidden {
		for _, s := range ss {
			d.failAt(s.pos, sub(d.path, s.path...), "not-allowed", "version "+string(d.target.Version)+" does not declare the field "+strings.Join(s.path, "."),
				suggest(s.path, d.target.Value))
		}
		return nil
	}
	f := state.Field{Name: at[len(at)-1], Type: state.AnyType(), Optional: true}
	if target.Rest != nil {
		f.Type = *target.Rest
	}
	return d.set(at, f, nil, ss, false)
}

// compileSet compiles the value of a setter where its conditions hold.
func (d *direction) compileSet(s setter, g *goal) (x compiled) {
	d.given(s.steps, func() { x = d.place(s.value, g) })
	return x
}

// set makes the expressions of a field that the user sets, whole or in parts.
func (d *direction) set(path []string, f state.Field, source *state.Alt, ss []setter, maybe bool) []state.FieldExpr {
	if slices.ContainsFunc(ss, func(s setter) bool { return s.value == nil }) {
		return d.setParts(path, f, source, ss, maybe)
	}
	if nested := slices.IndexFunc(ss, func(s setter) bool { return len(s.path) > len(path) }); nested >= 0 {
		d.failAt(ss[nested].pos, sub(d.path, path...), "cannot-compile", "a field that is set both whole and in parts cannot be compiled", "set it in one place")
		return nil
	}
	var out []state.FieldExpr
	always := false
	for _, s := range ss {
		x := d.compileSet(s, &goal{f.Type, path})
		if !x.ok {
			continue
		}
		always = always || !s.conditional()
		fe := state.FieldExpr{Name: f.Name, Value: x.expr}
		apply(&fe, s.steps)
		out = append(out, whereThere(fe))
	}
	if fill, ok := filling(f); ok && !always && len(out) > 0 {
		out[0].Default = &fill
	}
	return out
}

// whereThere writes `if #old.x != _|_ {y: #old.x}` as what it is: a part that is left out where it is missing.
func whereThere(f state.FieldExpr) state.FieldExpr {
	if len(f.If) == 1 && f.If[0].Op == state.OpHas && len(f.If[0].Args) == 0 && f.Value.Op == state.OpPath && slices.Equal(f.If[0].Path, f.Value.Path) {
		f.If, f.Optional = nil, true
	}
	return f
}

// filling returns the value that a required field has by its declaration alone: its constant or its default.
func filling(f state.Field) (state.Value, bool) {
	if f.Optional || f.Forbidden {
		return state.Value{}, false
	}
	if f.Type.Default != nil {
		return *f.Type.Default, true
	}
	return constant(f.Type)
}

// setParts makes the expression of a struct of which the user sets fields.
func (d *direction) setParts(path []string, f state.Field, source *state.Alt, ss []setter, maybe bool) []state.FieldExpr {
	marks := slices.DeleteFunc(slices.Clone(ss), func(s setter) bool { return s.key != nil || len(s.path) != len(path) })
	if slices.ContainsFunc(marks, func(s setter) bool { return s.value != nil }) {
		return d.setEach(path, f, marks)
	}
	target, ok := single(f.Type)
	if f.Type.IsAny() {
		target, ok = state.Alt{Kind: state.Struct, Open: true}, true
	}
	if !ok || f.Optional && len(marks) > 1 && !slices.ContainsFunc(marks, func(s setter) bool { return !s.conditional() }) {
		return d.setEach(path, f, marks)
	}
	fe := state.FieldExpr{Name: f.Name}
	if steps := marks[0].steps; f.Optional && len(marks) == 1 {
		apply(&fe, steps)
		ss = trimmed(ss, len(steps))
		before := len(d.known)
		defer func() { d.known = d.known[:before] }()
		for _, s := range steps {
			d.known = append(d.known, s.facts)
		}
	}
	var inner *state.Alt
	sf, found := sourceField(source, f.Name)
	if found {
		if s, ok := single(sf.Type); ok {
			inner = &s
		}
	}
	if !d.complete(path, target, inner, ss, ss[0].pos) {
		return nil
	}
	fe.Value = d.buildAt(path, target, inner, ss, maybe || sf.Optional)
	return []state.FieldExpr{fe}
}

// setEach makes each of the values that are given for a field by itself: struct literals among them are all there is
// of it.
func (d *direction) setEach(path []string, f state.Field, marks []setter) []state.FieldExpr {
	var out []state.FieldExpr
	always := false
	for _, m := range marks {
		if m.open && len(marks) > 1 {
			d.failAt(m.pos, sub(d.path, path...), "cannot-compile", "a field that is set both whole and in parts, or in parts under several conditions, cannot be compiled", "set it whole under each if, without ...")
			return nil
		}
		if m.value == nil {
			m.value = ast.Expr(m.lit)
		}
		x := d.compileSet(m, &goal{f.Type, path})
		if !x.ok {
			return nil
		}
		always = always || !m.conditional()
		fe := state.FieldExpr{Name: f.Name, Value: x.expr}
		apply(&fe, m.steps)
		out = append(out, fe)
	}
	if fill, ok := filling(f); ok && !always && len(out) > 0 {
		out[0].Default = &fill
	}
	return out
}

// complete tells whether a struct literal ends in ..., or sets every field that it must have: CUE closes it otherwise.
// An optional field that the source has at the same place would be expected to be carried, and is not.
func (d *direction) complete(path []string, target state.Alt, source *state.Alt, ss []setter, pos state.Pos) bool {
	if isOpen(path, ss) {
		return true
	}
	for _, f := range target.Fields {
		set := slices.ContainsFunc(ss, func(s setter) bool { return len(s.path) > len(path) && s.path[len(path)] == f.Name })
		_, inSource := sourceField(source, f.Name)
		if set || f.Forbidden || f.Optional && !inSource {
			continue
		}
		d.failAt(pos, sub(d.path, path...), "not-filled", "this struct is closed and does not set "+strings.Join(sub(path, f.Name), "."),
			"end it in ... so that what it does not set is carried or filled, or set the field")
		return false
	}
	return true
}

// isOpen tells whether a struct literal at a path ends in ....
func isOpen(path []string, ss []setter) bool {
	return slices.ContainsFunc(ss, func(s setter) bool { return s.open && len(s.path) == len(path) })
}

// mayHold tells whether a source may have a field that it does not declare: a default gives way to it.
func mayHold(source *state.Alt, name string) bool {
	return source != nil && source.Open && !slices.ContainsFunc(source.Fields, func(f state.Field) bool { return f.Name == name })
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
	case filled && f.Type.Default != nil && mayHold(source, f.Name):
		fe.Value, fe.Optional, fe.Default = state.Expr{Op: state.OpPath, Path: slices.Clone(path)}, true, &fill
		return fe, true
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
