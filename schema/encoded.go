package schema

import (
	"slices"

	"keyshift.dev/state"
)

// What the proof composes are values, and what is stored are bytes. The reasons why a value that comes back is still
// not what was there:
const (
	confused = "text does not tell a string from a number or a bool"
	respelt  = "a number may come back in another notation, which is a part of what is stored"
)

// stored says why a part of the source that comes back as a value does not as bytes: made is what makes it on the way
// back, of what the way there stored.
func (p *proof) stored(at []string, t state.Type, made []state.FieldExpr) {
	if e := (state.Expr{Op: state.OpPath, Path: at}); len(made) != 1 || !p.isCarried(made[0].Value, e) {
		if p.spells(e) && p.notations(e, kindsOf(t)) {
			p.lose(at, respelt)
			return
		}
	}
	for _, q := range reads(state.Expr{Op: state.OpStruct, Fields: made}) {
		if i := slices.IndexFunc(q, func(n string) bool { return n == anyElement || n == looped }); i >= 0 {
			q = q[:i]
		}
		from, _, ok := p.made(p.there, q)
		if !ok || from.Op != state.OpPath {
			from = state.Expr{}
		}
		if reason := p.altered(from, q); reason != "" {
			p.lose(at, reason)
			return
		}
	}
}

// isCarried tells whether both ways carry a part as it is.
func (p *proof) isCarried(back, part state.Expr) bool {
	if back.Op != state.OpPath {
		return false
	}
	from, _, ok := p.made(p.there, back.Path)
	return ok && from.Op == state.OpPath && slices.Equal(from.Path, part.Path)
}

// altered says why a value that the way there made, of the part from if it only carries it, is another one when it is
// read from where it is stored.
func (p *proof) altered(from state.Expr, to []string) string {
	t, _, ok := resolve(p.target.Value, to)
	if !ok {
		return ""
	}
	a, isStruct := single(t)
	carried := from.Op == state.OpPath
	if isStruct && (len(to) == 0 && p.target.Type.Parts() || carried && len(from.Path) == 0 && p.source.Type.Parts()) {
		for _, f := range a.Fields {
			inner := from
			if carried {
				inner.Path = sub(from.Path, f.Name)
			}
			if reason := p.altered(inner, sub(to, f.Name)); reason != "" && !f.Forbidden {
				return reason
			}
		}
		return ""
	}
	encoding, before := encodingAt(p.target, to), state.JSON
	if carried {
		before = encodingAt(p.source, from.Path)
	}
	switch {
	case encoding == state.Text && before != state.Text && isConfused(t):
		return confused
	case encoding == state.MsgPack && before == state.Text && p.kindsOf(from)&kindFloat != 0:
		return respelt
	case p.strict && carried && encoding != before && (before == state.JSON || before == state.MsgPack):
		return "two notations of a value become one"
	}
	return ""
}

// spells tells whether a part of the source is text, where the notation of a number is a part of the value: who counts
// with HINCRBY cannot read 5.0.
func (p *proof) spells(e state.Expr) bool {
	return e.Op == state.OpPath && (p.strict || encodingAt(p.source, e.Path) == state.Text)
}

// notations tells whether a number of these kinds has several notations: on text an int has one.
func (p *proof) notations(e state.Expr, kinds kindSet) bool {
	return kinds&kindFloat != 0 || kinds&kindInt != 0 && encodingAt(p.source, e.Path) != state.Text
}

// encodingAt returns the encoding of a part of a unit.
func encodingAt(s state.Shape, path []string) state.Encoding {
	switch {
	case s.Type == state.Document:
		return state.JSON
	case s.Type.Parts() && len(path) > 0:
		return s.EncodingOf(path[0])
	case s.Encoding == "":
		return state.Text
	}
	return s.Encoding
}

// isConfused tells whether a text of a type may be a string and something else.
func isConfused(t state.Type) bool {
	text := func(a state.Alt) state.Shape {
		return state.Shape{Type: state.String, Encoding: state.Text, Value: state.Type{Alts: []state.Alt{a}}}
	}
	return slices.ContainsFunc(t.Alts, func(x state.Alt) bool {
		return x.Kind == state.Str && slices.ContainsFunc(t.Alts, func(y state.Alt) bool {
			_, meet := state.Meet(text(x), text(y))
			return y.Kind != state.Str && meet
		})
	})
}

// rest says why fields that a source may have beside its declared ones, and that are carried, come back as others.
func (p *proof) rest(s, t state.Alt) string {
	from, to := encodingAt(p.source, []string{anyElement}), encodingAt(p.target, []string{anyElement})
	switch {
	case from == to:
	case to == state.Text && t.Rest == nil && (s.Rest == nil || kindsOf(*s.Rest) != kindString),
		to == state.Text && t.Rest != nil && isConfused(*t.Rest):
		return "undeclared fields become text, which does not tell a string from a number or a bool"
	case from == state.Text && s.Rest != nil && kindsOf(*s.Rest)&kindFloat != 0 && (to == state.MsgPack || t.Rest == nil):
		return respelt
	}
	return ""
}

// expiry says what becomes of the time to live of a key.
func (p *proof) expiry() {
	rule := func(t *state.TTL) state.Shape {
		return state.Shape{Type: state.String, TTL: t, Value: state.Type{Alts: []state.Alt{{Kind: state.Str}}}}
	}
	version := "version " + string(p.target.Version)
	switch source, target := p.source.TTL, p.target.TTL; {
	case state.Subsumes(rule(target), rule(source)):
	case source == nil && target.Max > 0:
		p.lose([]string{state.LostTTL}, version+" gives keys a time to live that have none, and cuts a longer one")
	case source == nil:
		p.lose([]string{state.LostTTL}, version+" gives keys a time to live that have none")
	default:
		p.lose([]string{state.LostTTL}, version+" cuts a longer time to live")
	}
}
