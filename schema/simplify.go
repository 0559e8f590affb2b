package schema

import (
	"regexp"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// simplify applies the rules of the proof from the leaves up:
//
//	(x*c) div c, (x*c) quo c, (x+c)-c, (x-c)+c, c-(c-x), -(-x)     x, an int
//	(x*c) / c                                                      x, a number, c a power of ten; on text an int
//	TrimPrefix("p\(x)", "p"), TrimSuffix("\(x)s", "s"), "\(x)"     x, a string
//	"p\(TrimPrefix(x, "p"))"                                       x, strings that begin with p by =~"^p"
//	Atoi("\(x)"), ParseInt("\(x)", 10, 64)                         x, an int of 64 bits by its bounds
func (p *proof) simplify(e state.Expr) state.Expr {
	args := make([]state.Expr, len(e.Args))
	for i, a := range e.Args {
		args[i] = p.simplify(a)
	}
	e.Args = args
	switch e.Op {
	case state.OpCall:
		return p.simplifyCall(e)
	case state.OpConcat:
		if len(args) == 1 && p.kindsOf(args[0]) == kindString {
			return args[0]
		}
		return p.prefixed(e)
	case state.OpSub:
		if len(args) == 1 && args[0].Op == state.OpSub && len(args[0].Args) == 1 && p.kindsOf(args[0].Args[0]).within(kindInt) {
			return args[0].Args[0]
		}
	}
	return p.simplifyNumbers(e)
}

func (p *proof) simplifyNumbers(e state.Expr) state.Expr {
	args := e.Args
	if len(args) == 2 && e.Op == state.OpAdd && isInt(args[0]) {
		args[0], args[1] = args[1], args[0]
	}
	if len(args) != 2 {
		return e
	}
	if in := args[1]; e.Op == state.OpSub && in.Op == state.OpSub && len(in.Args) == 2 && isInt(args[0]) && isInt(in.Args[0]) &&
		args[0].Lit.Text == in.Args[0].Lit.Text && p.kindsOf(in.Args[1]) == kindInt {
		return in.Args[1]
	}
	inner, outer := args[0], args[1]
	if len(inner.Args) != 2 {
		return e
	}
	x, c := inner.Args[0], inner.Args[1]
	if (inner.Op == state.OpMul || inner.Op == state.OpAdd) && isInt(x) {
		x, c = c, x
	}
	if !isInt(c) || !isInt(outer) || c.Lit.Text != outer.Lit.Text || c.Lit.Text == "0" {
		return e
	}
	kinds := p.kindsOf(x)
	switch {
	case kinds == kindInt && inner.Op == state.OpMul && (e.Op == state.OpDiv || e.Op == state.OpQuo),
		kinds == kindInt && inner.Op == state.OpAdd && e.Op == state.OpSub,
		kinds == kindInt && inner.Op == state.OpSub && e.Op == state.OpAdd,
		kinds != kindNone && kinds.within(kindNumber) && (kinds == kindInt || !p.spells(x)) && inner.Op == state.OpMul && e.Op == state.OpQuotient && strings.Trim(c.Lit.Text[1:], "0") == "" && c.Lit.Text[0] == '1':
		return x
	}
	return e
}

func (p *proof) simplifyCall(e state.Expr) state.Expr {
	switch e.Name {
	case "strings.TrimPrefix", "strings.TrimSuffix":
		return p.trim(e)
	case "strconv.Atoi", "strconv.ParseInt":
		ten := len(e.Args) == 1 || len(e.Args) == 3 && isInt(e.Args[1]) && e.Args[1].Lit.Text == "10" && isInt(e.Args[2]) && e.Args[2].Lit.Text == "64"
		if in := e.Args[0]; ten && in.Op == state.OpConcat && len(in.Args) == 1 && p.isInt64(in.Args[0]) {
			return in.Args[0]
		}
	}
	return e
}

// trim takes a constant text off an interpolation or a sum that begins or ends with it.
func (p *proof) trim(e state.Expr) state.Expr {
	in, affix := e.Args[0], e.Args[1]
	if in.Op != state.OpConcat && in.Op != state.OpAdd || len(in.Args) < 2 || affix.Op != state.OpLit {
		return e
	}
	at := 0
	if e.Name == "strings.TrimSuffix" {
		at = len(in.Args) - 1
	}
	if in.Args[at].Op != state.OpLit || in.Args[at].Lit.Kind != state.Str || in.Args[at].Lit.Text != affix.Lit.Text {
		return e
	}
	rest := slices.Delete(slices.Clone(in.Args), at, at+1)
	return p.simplify(state.Expr{Op: state.OpConcat, Args: rest})
}

// prefixed finds that a constant text is only put back before what begins with it.
func (p *proof) prefixed(e state.Expr) state.Expr {
	if len(e.Args) != 2 || e.Args[0].Op != state.OpLit || e.Args[0].Lit.Kind != state.Str || e.Args[1].Name != "strings.TrimPrefix" {
		return e
	}
	x, affix := e.Args[1].Args[0], e.Args[1].Args[1]
	prefix := e.Args[0].Lit.Text
	if affix.Op != state.OpLit || affix.Lit.Text != prefix || p.kindsOf(x) != kindString {
		return e
	}
	t, _, _ := resolve(p.source.Value, x.Path)
	if slices.ContainsFunc(t.Alts, func(a state.Alt) bool { return !beginsWith(a, prefix) }) {
		return e
	}
	return x
}

// beginsWith tells whether each string of an alternative begins with a text. It answers false unless it can tell.
func beginsWith(a state.Alt, prefix string) bool {
	if a.Const != nil {
		return strings.HasPrefix(a.Const.Text, prefix)
	}
	return slices.ContainsFunc(a.Match, func(e string) bool {
		rest, ok := strings.CutPrefix(e, "^"+regexp.QuoteMeta(prefix))
		return ok && !strings.Contains(e, "|") && (rest == "" || !strings.ContainsRune("*+?{", rune(rest[0])))
	})
}

func isInt(e state.Expr) bool { return e.Op == state.OpLit && e.Lit.Kind == state.Int }

// kindsOf returns the kinds of a part of the source, none of anything else.
func (p *proof) kindsOf(e state.Expr) kindSet {
	if e.Op != state.OpPath {
		return kindNone
	}
	t, _, ok := resolve(p.source.Value, e.Path)
	if !ok {
		return kindNone
	}
	return kindsOf(t)
}

// isInt64 tells whether the bounds of a part of the source keep it within 64 bits.
func (p *proof) isInt64(e state.Expr) bool {
	if p.kindsOf(e) != kindInt {
		return false
	}
	t, _, _ := resolve(p.source.Value, e.Path)
	limit, _ := state.ParseDecimal("9223372036854775807")
	low, _ := state.ParseDecimal("-9223372036854775808")
	within := func(text string) bool {
		d, ok := state.ParseDecimal(text)
		return ok && d.Cmp(limit) <= 0 && d.Cmp(low) >= 0
	}
	return !slices.ContainsFunc(t.Alts, func(a state.Alt) bool {
		if a.Const != nil {
			return !within(a.Const.Text)
		}
		below := slices.ContainsFunc(a.Bounds, func(b state.Bound) bool { return (b.Op == "<" || b.Op == "<=") && within(b.Value) })
		above := slices.ContainsFunc(a.Bounds, func(b state.Bound) bool { return (b.Op == ">" || b.Op == ">=") && within(b.Value) })
		return !below || !above
	})
}
