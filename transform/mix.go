package transform

import (
	"slices"

	"keyshift.dev/state"
)

// Resolve makes a unit of the version that wins out of one that mixes it with another, the loser. That is what single
// fields leave behind: a release writes a field of its own version onto a hash that is, or has meanwhile become, of
// another one.
//
// A hash mixes two versions if it fits no version, every field it has is one that one of the two may have, and each of
// them declares a field that is its own. A field that both may have is of both if the migrations carry it as it is, both
// ways; else its value must say whose it is, by fitting one of the two alone. What a version's own fields and those of
// both make is its side. (An open shape may have every field that it does not forbid.)
//
// The winner is the version that everybody writes who writes now: whatever the loser's side says was written by releases
// that are gone, so the winner's fields always stand, and no field of the loser is put over them.
//   - The winner's side is whole, and has a field of its own that it must have: somebody wrote it whole, by a conversion
//     or as an application. It is the unit. What is left of the loser is older, or a late write of a release that has
//     gone, which nothing in the unit tells apart.
//   - The winner's side is whole, but may be so by chance, because it must have no field of its own: if the loser's side
//     is whole it is the next case, else it is the unit.
//   - The loser's side is whole: it was a unit of that version, onto which the winner's releases wrote single fields.
//     It is converted, and then gets the winner's fields over those that the conversion made.
//   - Neither is whole, or the result does not fit the winner: nobody knows, and it stays a unit of no version.
//
// Every field of the result is one of the unit's, or what the programs make of the loser's side. What is dropped may be
// wanted back, so that the unit belongs into the undo log first. The unit that was given is not changed; ok is false if
// it is no such mix, or one that several versions explain differently. A result fits the winner, and is no mix.
func (p *Programs) Resolve(u Unit, winner state.Version) (out Unit, loser state.Version, ok bool) {
	w, known := p.shape(winner)
	if !known || !w.splits() || u.redis() != state.Hash || len(u.Fields) > maxFields {
		return Unit{}, "", false
	}
	u = u.Sorted()
	for _, l := range p.shapes {
		if l == w || !l.splits() || l.source.Keys != w.source.Keys {
			continue
		}
		m, mixed := p.split(u, w, l)
		if !mixed {
			continue
		}
		made, settled := p.settleMix(m)
		if !settled {
			continue
		}
		if ok && !(made.TTL == out.TTL && sameUnit(made, out)) {
			return Unit{}, "", false
		}
		out, loser, ok = made, l.version, true
	}
	if !ok || p.fitsSome(u) {
		return Unit{}, "", false
	}
	return out, loser, ok
}

// fitsSome tells whether a unit fits a version.
func (p *Programs) fitsSome(u Unit) bool {
	r := reading{unit: u, redis: u.redis()}
	return slices.ContainsFunc(p.shapes, func(s *shape) bool { return (!p.patterns || s.pattern.Covers(u.Key)) && s.fits(&r) })
}

// Mix returns the versions that a unit of no version can be resolved to, whichever of them wins, state.Unfit if it is
// none that mixes versions.
func (p *Programs) Mix(u Unit) state.Class {
	var to []state.Version
	for _, s := range p.shapes {
		if _, _, ok := p.Resolve(u, s.version); ok {
			to = append(to, s.version)
		}
	}
	if len(to) < 2 {
		return state.Unfit
	}
	return state.ClassOf(to...)
}

// mix is a unit taken apart into the sides of two versions.
type mix struct {
	winner, loser *shape
	wins, loses   Unit    // the sides; what both have is in both
	own           []Field // of the winner alone
	written       bool    // one of them must be there in a unit of the winner
}

// splits tells whether a shape is one whose units can be told into sides.
func (s *shape) splits() bool {
	return s.redis == state.Hash && len(s.value.alts) > 0 &&
		!slices.ContainsFunc(s.value.alts, func(a alt) bool { return a.kind != state.Struct })
}

// split takes a unit apart, and tells whether it mixes two versions.
func (p *Programs) split(u Unit, w, l *shape) (mix, bool) {
	m := mix{winner: w, loser: l, wins: u, loses: u}
	m.wins.Fields, m.loses.Fields = nil, nil
	same := p.carriedBetween(w, l)
	own, strange := false, false // the winner and the loser declare a field that is theirs
	for _, f := range u.Fields {
		ofWinner, ofLoser := w.admits(f.Name), l.admits(f.Name)
		if ofWinner && ofLoser && same(f.Name) {
			m.wins.Fields, m.loses.Fields = append(m.wins.Fields, f), append(m.loses.Fields, f)
			continue
		}
		if ofWinner && ofLoser {
			if !w.plain(f.Name) || !l.plain(f.Name) {
				return m, false
			}
			ofWinner, ofLoser = w.takes(f), l.takes(f)
		}
		switch {
		case ofWinner == ofLoser:
			return m, false
		case ofWinner:
			m.wins.Fields, m.own = append(m.wins.Fields, f), append(m.own, f)
			own, m.written = own || w.declares(f.Name), m.written || w.demands(f.Name)
		default:
			m.loses.Fields, strange = append(m.loses.Fields, f), strange || l.declares(f.Name)
		}
	}
	return m, own && strange
}

// settleMix makes a unit of the winner of a mix, if there is one that its sides make.
func (p *Programs) settleMix(m mix) (Unit, bool) {
	whole, lost := p.is(m.wins, m.winner.version), p.is(m.loses, m.loser.version)
	if whole && (m.written || !lost) {
		return m.wins, true
	}
	if !lost {
		return Unit{}, false
	}
	out, err := p.Convert(m.loses, m.loser.version, m.winner.version)
	if err != nil {
		return Unit{}, false
	}
	out.Fields = overlay(out.Fields, m.own)
	return out, p.is(out, m.winner.version)
}

// overlay puts fields over others. Both are sorted, and so is the result.
func overlay(under, over []Field) []Field {
	out := make([]Field, 0, len(under)+len(over))
	for _, f := range under {
		if _, covered := findField(over, f.Name); !covered {
			out = append(out, f)
		}
	}
	out = append(out, over...)
	slices.SortFunc(out, byName)
	return out
}

// carriedBetween tells of which fields the migrations between two versions keep the value as it is, both ways.
func (p *Programs) carriedBetween(a, b *shape) func(name string) bool {
	there, back := p.origins(a.version, b.version), p.origins(b.version, a.version)
	return func(name string) bool { return there[name] == name && back[name] == name }
}

// declares tells whether a shape names a field that its units may have.
func (s *shape) declares(name string) bool {
	return s.anyField(name, func(f *field) bool { return !f.forbidden })
}

// admits tells whether units of a shape may have a field, declared or not.
func (s *shape) admits(name string) bool {
	return slices.ContainsFunc(s.value.alts, func(a alt) bool {
		i := a.find(name)
		return i >= 0 && !a.fields[i].forbidden || i < 0 && a.open
	})
}

// plain tells whether a field is the text that it stands for.
func (s *shape) plain(name string) bool {
	return !s.anyField(name, func(f *field) bool { return f.encoding != "" && f.encoding != state.Text })
}

// takes tells whether the value of a plain field fits a shape.
func (s *shape) takes(f Field) bool {
	return slices.ContainsFunc(s.value.alts, func(a alt) bool {
		i := a.find(f.Name)
		if i < 0 {
			return a.open && (a.rest == nil || a.rest.fitText(f.Value))
		}
		return !a.fields[i].forbidden && a.fields[i].typ.fitText(f.Value)
	})
}

// demands tells whether every unit of a shape has a field.
func (s *shape) demands(name string) bool {
	return !slices.ContainsFunc(s.value.alts, func(a alt) bool { i := a.find(name); return i < 0 || !a.fields[i].required })
}

func (s *shape) anyField(name string, is func(*field) bool) bool {
	return slices.ContainsFunc(s.value.alts, func(a alt) bool { i := a.find(name); return i >= 0 && is(&a.fields[i]) })
}
