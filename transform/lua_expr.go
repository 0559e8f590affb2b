package transform

import (
	"fmt"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// luaTerm is a computed scalar: a Lua expression of a kind.
type luaTerm struct {
	kind state.Kind // Int, Str or Bool
	code string
	text *string  // of a Str that is known
	of   []string // fields of the unit that it is made of
}

// use marks a value as read and returns its variable. What is missing is for Convert.
func (g *luaGen) use(v luaValue) string {
	if v.source != "" {
		g.need[v.source] = true
	}
	if v.maybe {
		g.body.line("if not %s then return 'f' end", v.code)
	}
	return v.code
}

// local makes a variable.
func (g *luaGen) local(value string) string {
	g.locals++
	name := fmt.Sprintf("t%d", g.locals)
	g.body.line("local %s = %s", name, value)
	return name
}

// number makes a variable of a number, and gives up where a double may not hold it.
func (g *luaGen) number(value string) string {
	n := g.local(value)
	g.body.line("if %s <= -%d or %s >= %d then return 'f' end", n, luaLimit, n, luaLimit)
	return n
}

// term makes a scalar.
func (g *luaGen) term(x *expr, env map[string]luaValue) (luaTerm, error) {
	switch x.op {
	case state.OpLit:
		return luaLiteral(x)
	case state.OpPath:
		return g.pathTerm(x, env)
	case state.OpHas:
		if len(x.args) > 0 || len(x.path) != 1 {
			return luaTerm{}, fmt.Errorf("whether a part of a field is there")
		}
		return g.hasTerm(x, env)
	case state.OpConcat:
		return g.concatTerm(x, env)
	case state.OpNot:
		a, err := g.kindTerm(x.args[0], state.Bool, env)
		a.code = "(not " + a.code + ")"
		return a, err
	case state.OpAnd, state.OpOr:
		return g.logicTerm(x, env)
	case state.OpEq, state.OpNe, state.OpLt, state.OpLe, state.OpGt, state.OpGe:
		return g.compareTerm(x, env)
	case state.OpAdd, state.OpSub, state.OpMul, state.OpDiv, state.OpMod, state.OpQuo, state.OpRem:
		return g.arithmeticTerm(x, env)
	}
	return luaTerm{}, fmt.Errorf("the operator %q", x.op)
}

func luaLiteral(x *expr) (luaTerm, error) {
	switch {
	case x.lit.kind == isStr:
		return luaTerm{kind: state.Str, code: luaQuote(x.lit.s), text: &x.lit.s}, nil
	case x.lit.kind == isInt && x.lit.i > -luaLimit && x.lit.i < luaLimit:
		code := strconv.FormatInt(x.lit.i, 10)
		if x.lit.i < 0 {
			code = "(" + code + ")" // -- begins a comment
		}
		return luaTerm{kind: state.Int, code: code}, nil
	case x.lit.kind == isBool:
		return luaTerm{kind: state.Bool, code: strconv.FormatBool(x.lit.i == 1)}, nil
	}
	return luaTerm{}, fmt.Errorf("a literal that is no string, boolean or integer below 2^53")
}

// onlyKind returns the kind of all alternatives.
func (t *typ) onlyKind() (state.Kind, bool) {
	if t == nil || len(t.alts) == 0 {
		return "", false
	}
	for _, a := range t.alts {
		if a.kind != t.alts[0].kind {
			return "", false
		}
	}
	return t.alts[0].kind, true
}

func (g *luaGen) pathTerm(x *expr, env map[string]luaValue) (luaTerm, error) {
	v, ok := luaValue{}, len(x.path) == 1
	if ok {
		v, ok = env[x.path[0]]
	}
	if !ok {
		return luaTerm{}, fmt.Errorf("%s is not one declared field", strings.Join(x.path, "."))
	}
	code := g.use(v)
	out := luaTerm{code: code, of: []string{v.ttl}}
	switch kind, _ := v.typ.onlyKind(); kind {
	case state.Str:
		out.kind = state.Str
		return out, nil
	case state.Bool:
		out.kind, out.code = state.Bool, "("+code+" == 'true')"
		return out, nil
	case state.Int:
		out.kind = state.Int
		if out.code = v.number; out.code == "" {
			out.code = g.numbers[code]
		}
		if out.code == "" {
			out.code = g.number("tonumber(" + code + ")")
			if g.body.depth == 0 {
				g.numbers[code] = out.code
			}
		}
		return out, nil
	}
	return luaTerm{}, fmt.Errorf("%s may be of several kinds or is a decimal number", x.path[0])
}

func (g *luaGen) hasTerm(x *expr, env map[string]luaValue) (luaTerm, error) {
	out := luaTerm{kind: state.Bool, code: "false"}
	v, ok := env[x.path[0]]
	switch {
	case ok && v.maybe:
		if v.source != "" {
			g.need[v.source] = true
		}
		out.code = "(" + v.code + " ~= false)"
	case ok:
		out.code = "true"
	default:
		g.lacking(x.path[0])
	}
	return out, nil
}

// kindTerm makes a scalar that has to be of a kind.
func (g *luaGen) kindTerm(x *expr, kind state.Kind, env map[string]luaValue) (luaTerm, error) {
	t, err := g.term(x, env)
	if err == nil && t.kind != kind {
		err = fmt.Errorf("an operand is a %s and should be a %s", t.kind, kind)
	}
	return t, err
}

func (g *luaGen) pair(x *expr, env map[string]luaValue) (a, b luaTerm, err error) {
	if a, err = g.term(x.args[0], env); err != nil {
		return a, b, err
	}
	if b, err = g.term(x.args[1], env); err == nil && a.kind != b.kind {
		err = fmt.Errorf("operands of different kinds")
	}
	return a, b, err
}

func (g *luaGen) logicTerm(x *expr, env map[string]luaValue) (luaTerm, error) {
	a, b, err := g.pair(x, env)
	if err == nil && a.kind != state.Bool {
		err = fmt.Errorf("an operand is no boolean")
	}
	op := map[state.Op]string{state.OpAnd: "and", state.OpOr: "or"}[x.op]
	return luaTerm{kind: state.Bool, code: fmt.Sprintf("(%s %s %s)", a.code, op, b.code), of: append(a.of, b.of...)}, err
}

func (g *luaGen) compareTerm(x *expr, env map[string]luaValue) (luaTerm, error) {
	a, b, err := g.pair(x, env)
	if err == nil && !equality(x.op) && a.kind != state.Int {
		err = fmt.Errorf("an order of texts: Lua's depends on the server's locale")
	}
	op := string(x.op)
	if x.op == state.OpNe {
		op = "~="
	}
	return luaTerm{kind: state.Bool, code: fmt.Sprintf("(%s %s %s)", a.code, op, b.code), of: append(a.of, b.of...)}, err
}

// concatTerm interpolates. Integers of the unit stand there as they are spelled, which is how CUE prints them.
func (g *luaGen) concatTerm(x *expr, env map[string]luaValue) (luaTerm, error) {
	out := luaTerm{kind: state.Str}
	var parts []string
	for _, arg := range x.args {
		t, err := g.term(arg, env)
		if err != nil {
			return t, err
		}
		parts = append(parts, t.asText())
		out.of = append(out.of, t.of...)
	}
	if len(parts) == 0 {
		parts = []string{"''"}
	}
	out.code = g.joined(parts)
	return out, nil
}

// joined concatenates texts; a long one is for Convert, which has a budget.
func (g *luaGen) joined(parts []string) string {
	t := g.local(strings.Join(parts, " .. "))
	g.body.line("if #%s > most then return 'f' end", t)
	return t
}

// asText is the text of a scalar.
func (t luaTerm) asText() string {
	switch t.kind {
	case state.Int:
		return fmt.Sprintf("format(whole, %s + 0)", t.code) // + 0: there is a -0
	case state.Bool:
		return "tostring(" + t.code + ")"
	}
	return t.code
}

// arithmeticTerm computes with integers; every result has to be one that a double holds.
func (g *luaGen) arithmeticTerm(x *expr, env map[string]luaValue) (luaTerm, error) {
	if len(x.args) == 1 {
		a, err := g.kindTerm(x.args[0], state.Int, env)
		a.code = "(-" + a.code + ")"
		return a, err
	}
	a, b, err := g.pair(x, env)
	if err != nil {
		return a, err
	}
	out := luaTerm{kind: a.kind, of: append(a.of, b.of...)}
	switch {
	case a.kind == state.Str && x.op == state.OpAdd:
		out.code = g.joined([]string{a.code, b.code})
		return out, nil
	case a.kind != state.Int:
		return out, fmt.Errorf("the operator %q on a %s", x.op, a.kind)
	case x.op == state.OpAdd || x.op == state.OpSub || x.op == state.OpMul:
		out.code = g.number(fmt.Sprintf("%s %s %s", a.code, x.op, b.code))
		return out, nil
	}
	out.code = g.division(x.op, a.code, b.code)
	return out, nil
}

// division divides exactly: the remainder of C's fmod is exact, a quotient of doubles is not.
func (g *luaGen) division(op state.Op, a, b string) string {
	g.body.line("if %s == 0 then return 'f' end", b)
	rest := g.local(fmt.Sprintf("fmod(%s, %s)", a, b))
	euclid := op == state.OpDiv || op == state.OpMod
	if op == state.OpQuo || op == state.OpDiv {
		quotient := g.local(fmt.Sprintf("(%s - %s) / %s", a, rest, b))
		if euclid {
			g.body.line("if %s < 0 then %s = %s > 0 and %s - 1 or %s + 1 end", rest, quotient, b, quotient, quotient)
		}
		return quotient
	}
	if euclid {
		g.body.line("if %s < 0 then %s = %s > 0 and %s + %s or %s - %s end", rest, rest, b, rest, b, rest, b)
	}
	return rest
}
