package transform

import (
	"fmt"
	"maps"
	"slices"

	"keyshift.dev/state"
)

// hop makes what one program makes, and checks it against the version that it leads to.
func (g *luaGen) hop(step *program, env map[string]luaValue) (map[string]luaValue, error) {
	if !step.flat {
		return nil, fmt.Errorf("the program does not name every field of its result")
	}
	next := map[string]luaValue{}
	if step.identity() {
		maps.Copy(next, env)
	} else {
		for i := range step.body.groups {
			v, made, err := g.group(&step.body.groups[i], env)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", step.body.groups[i].name, err)
			}
			if made {
				next[step.body.groups[i].name] = v
			}
		}
	}
	if err := g.land(step.to.onlyStruct(), next); err != nil {
		return nil, err
	}
	for _, v := range next {
		if !v.maybe {
			return next, nil
		}
	}
	return nil, fmt.Errorf("no field surely stays, and a hash without fields is none")
}

// group makes one field; made is false if it is never there.
func (g *luaGen) group(x *group, env map[string]luaValue) (v luaValue, made bool, err error) {
	if len(x.makes) == 1 && len(x.makes[0].conditions) == 0 {
		v, made, err = g.make(&x.makes[0], env)
		if err != nil || x.fill == nil || made && !v.maybe {
			return v, made, err
		}
	}
	if len(x.makes) == 1 && len(x.makes[0].conditions) == 0 && !made {
		v, err = literalText(x.fill)
		return v, true, err
	}
	return g.choice(x, env)
}

// choice makes a field of which several expressions, or a default, may be the value. Those that are made must agree.
func (g *luaGen) choice(x *group, env map[string]luaValue) (luaValue, bool, error) {
	out := luaValue{code: g.local("false"), maybe: true}
	for i := range x.makes {
		depth := g.body.depth
		for _, c := range x.makes[i].conditions {
			t, err := g.kindTerm(c, state.Bool, env)
			if err != nil {
				return out, false, err
			}
			g.body.line("if %s then", t.code)
			g.body.depth++
		}
		g.body.line("do")
		g.body.depth++
		v, made, err := g.make(&x.makes[i], env)
		if err != nil {
			return out, false, err
		}
		if made {
			if v.source != "" {
				g.need[v.source] = true
			}
			y := g.local(v.code)
			if i > 0 {
				g.body.line("if %s and %s and %s ~= %s then return 'f' end", out.code, y, out.code, y)
			}
			g.body.line("%s = %s or %s", out.code, y, out.code)
			out.ttl = v.ttl
		}
		for g.body.depth > depth {
			g.body.depth--
			g.body.line("end")
		}
	}
	if len(x.makes) > 1 {
		out.ttl = "" // of which it is made depends on the unit
	}
	if x.fill != nil {
		v, err := literalText(x.fill)
		if err != nil {
			return out, false, err
		}
		g.body.line("%s = %s or %s", out.code, out.code, v.code)
		out.maybe = false
	}
	return out, true, nil
}

// make makes what one expression says.
func (g *luaGen) make(f *fieldExpr, env map[string]luaValue) (v luaValue, made bool, err error) {
	x := f.value
	switch {
	case x.op == state.OpPath && len(x.path) == 1:
		v, ok := env[x.path[0]]
		switch {
		case !ok && f.optional:
			g.lacking(x.path[0])
			return v, false, nil
		case !ok:
			return v, false, fmt.Errorf("%s is not declared", x.path[0])
		case v.maybe && !f.optional:
			g.use(v)
			v.maybe = false
		}
		return v, true, nil
	case x.op == state.OpLit:
		v, err := literalText(x)
		return v, true, err
	}
	t, err := g.term(x, env)
	if err != nil {
		return v, false, err
	}
	return g.computed(t), true, nil
}

// literalText is what a literal is on a hash.
func literalText(x *expr) (luaValue, error) {
	text, err := new(env).fieldText(&made{how: computed, v: x.lit, text: x.text})
	if err != nil {
		return luaValue{}, err
	}
	return luaValue{code: luaQuote(text), text: &text}, nil
}

// computed is the text of a scalar.
func (g *luaGen) computed(t luaTerm) luaValue {
	v := luaValue{code: t.asText(), text: t.text}
	if t.kind != state.Str {
		v.code = g.local(v.code)
		v.typ = &typ{alts: []alt{{kind: t.kind}}}
	}
	if t.kind == state.Int && t.code[0] == 't' {
		v.number = t.code
	}
	slices.Sort(t.of)
	if t.of = slices.Compact(t.of); len(t.of) == 1 {
		v.ttl = t.of[0]
	}
	return v
}

// land checks the fields of a result against the version that it is to be of.
func (g *luaGen) land(a *alt, env map[string]luaValue) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if i := a.find(name); i < 0 || a.fields[i].forbidden {
			return fmt.Errorf("the result has %s, which the version does not declare", name)
		}
	}
	for i := range a.fields {
		f := &a.fields[i]
		v, ok := env[f.name]
		switch {
		case !ok && f.required:
			return fmt.Errorf("the result lacks %s", f.name)
		case !ok:
			continue
		case v.maybe && f.required:
			if v.source != "" {
				g.need[v.source] = true
			}
			g.body.line("if not %s then return 'f' end", v.code)
			v.maybe = false
		}
		if err := g.check(&v, f.typ); err != nil {
			return fmt.Errorf("field %s: %w", f.name, err)
		}
		v.typ = f.typ
		env[f.name] = v
	}
	return nil
}

// check gives up where a value is not surely of a type.
func (g *luaGen) check(v *luaValue, t *typ) error {
	if v.proved(t) {
		return nil
	}
	if v.text != nil {
		return fmt.Errorf("the literal does not fit the version")
	}
	if v.source != "" {
		g.need[v.source] = true
	}
	condition, err := luaFit(t, v.code)
	if err != nil {
		return err
	}
	if v.maybe {
		condition = fmt.Sprintf("(not %s or %s)", v.code, condition)
	}
	g.body.line("if not (%s) then return 'f' end", condition)
	return nil
}
