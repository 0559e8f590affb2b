package schema

import (
	"cmp"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// how says where a field of a suggested result comes from.
type how int

const (
	asNeeded  how = iota // not decided yet
	asAbsent             // optional, and left out
	asCarried            // from the same place; not written
	asFilled             // by its constant or default; not written
	asSet                // converted from another place
	asKeyed              // from a segment of the key
	asNested             // field by field
	asAsked              // only the author knows
)

// paired is one field of a result and what was found for it.
type paired struct {
	path     []string
	field    state.Field
	how      how
	from     []string // of the source
	maybe    bool     // the source may lack it
	conv     conversion
	inner    []*paired
	segment  state.Field
	doubt    string     // why it may be another one
	others   [][]string // that it may be instead
	question string
}

// pairing finds for every field of the target the part of the source that it is made of.
type pairing struct {
	fixed    map[string][]string // of the way up: target path → source path
	segments []state.Field       // of the key
	back     bool
	source   string // version, for questions
	target   string
	taken    [][]string // parts of the source that the user's own program uses
	done     []string   // fields of the target that it sets
}

// structure pairs the fields of a struct with those of the same name.
func (p *pairing) structure(path []string, target state.Alt, source *state.Alt) []*paired {
	var out []*paired
	for _, f := range target.Fields {
		if f.Forbidden || len(path) == 0 && slices.Contains(p.done, f.Name) {
			continue
		}
		x := &paired{path: sub(path, f.Name), field: f}
		out = append(out, x)
		if from, ok := p.fixed[strings.Join(x.path, "\x00")]; ok {
			x.from = from
			continue
		}
		sf, same := sourceField(source, f.Name)
		if same {
			p.same(x, sf)
			continue
		}
		_, fills := filling(f)
		if t, ok := single(f.Type); ok && !fills && !f.Optional && !t.Open {
			x.how, x.inner = asNested, p.structure(x.path, t, nil)
		}
	}
	return out
}

// same pairs a field with the one of its name.
func (p *pairing) same(x *paired, sf state.Field) {
	_, fills := filling(x.field)
	x.from, x.maybe = x.path, sf.Optional
	bridged := x.field.Optional || fills || !sf.Optional
	conv, ok := convert(x.field.Type, sf.Type, "", "")
	t, okT := single(x.field.Type)
	s, okS := single(sf.Type)
	switch {
	case fits(x.field.Type, sf.Type) && bridged:
		x.how = asCarried
	case fits(x.field.Type, sf.Type):
		x.ask("may be missing in " + p.source + ", and " + p.target + " requires it: what is it then?")
	case okT && okS && bridged && !sf.Optional:
		x.how, x.inner = asNested, p.structure(x.path, t, &s)
	case ok && bridged:
		x.how, x.conv, x.doubt = asSet, conv, conv.note
	default:
		x.ask("was " + brief(sf.Type) + " in " + p.source + " and is " + brief(x.field.Type) + " in " + p.target + ": how is it made?" + p.table(x, sf))
	}
}

func (x *paired) ask(question string) {
	x.how, x.question = asAsked, strings.Join(x.path, ".")+" "+question
}

// brief prints a type in a question.
func brief(t state.Type) string {
	text := strings.Join(strings.Fields(printer{}.typ(nil, t)), " ")
	if len(text) > 60 {
		return "a " + kindsOf(t).String()
	}
	return text
}

// candidate is a part of the source that a field may be made of.
type candidate struct {
	field *paired
	from  []string
	score int
	conv  conversion
	maybe bool
}

// sure is the score from which on a candidate is taken without a word, likely the one from which on it is taken at all.
const (
	sure   = 80
	likely = 30
)

// assign pairs the fields that no field of the same name was found for, the most similar first.
func (p *pairing) assign(to, from state.Type, fields []*paired) {
	lost := p.lost(from, fields)
	var all []candidate
	open := p.open(fields)
	for _, x := range open {
		if x.how != asNeeded {
			continue
		}
		if x.from != nil {
			p.fix(x, from)
			continue
		}
		for _, path := range lost {
			if c, ok := p.compare(x, from, path, len(lost) == 1 && p.countRequired(open) == 1); ok {
				all = append(all, c)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	var taken [][]string
	for _, c := range all {
		x := c.field
		switch {
		case c.score < likely:
		case x.how == asSet && !slices.Equal(x.from, c.from):
			x.others = append(x.others, c.from)
		case x.how == asNeeded && !slices.ContainsFunc(taken, func(t []string) bool { return slices.Equal(t, c.from) }):
			p.take(c)
			taken = append(taken, c.from)
		}
	}
	for _, x := range open {
		x.others = slices.DeleteFunc(x.others, func(o []string) bool {
			return slices.ContainsFunc(taken, func(t []string) bool { return slices.Equal(t, o) })
		})
		if x.how == asNeeded {
			p.leave(x, all)
		}
	}
}

// take makes a field of a candidate, or asks where the candidate may be missing.
func (p *pairing) take(c candidate) {
	x := c.field
	_, fills := filling(x.field)
	x.from, x.conv, x.maybe = c.from, c.conv, c.maybe
	if c.maybe && !fills && !x.field.Optional {
		x.ask("looks like " + strings.Join(c.from, ".") + " of " + p.source + ", which may be missing: what is it then?")
		return
	}
	x.how, x.doubt = asSet, c.conv.note
	if c.score < sure {
		guess := "a guess, by the name"
		if c.score == likely {
			guess = "a guess: nothing else is left"
		}
		x.doubt = strings.TrimSuffix(guess+"; "+c.conv.note, "; ")
	}
}

// fix makes a field of what the way up makes of it.
func (p *pairing) fix(x *paired, from state.Type) {
	t, maybe, ok := fieldAt(from, x.from)
	name := x.from[len(x.from)-1]
	conv, can := convert(x.field.Type, t, x.field.Name, name)
	_, fills := filling(x.field)
	switch {
	case !ok || !can:
		x.ask("is made into " + strings.Join(x.from, ".") + " on the way up: how is it made of that?")
	case maybe && !fills && !x.field.Optional:
		x.ask("is made into " + strings.Join(x.from, ".") + ", which may be missing in " + p.source + ": what is it then?")
	default:
		x.how, x.conv, x.maybe, x.doubt = asSet, conv, maybe, conv.note
	}
}

// leave decides a field that nothing of the source looks like.
func (p *pairing) leave(x *paired, all []candidate) {
	_, fills := filling(x.field)
	i := slices.IndexFunc(p.segments, func(s state.Field) bool { return s.Name == x.field.Name })
	if i >= 0 && !fills && !x.field.Optional && fits(x.field.Type, p.segments[i].Type) {
		x.how, x.segment, x.conv = asKeyed, p.segments[i], identity
		return
	}
	switch {
	case fills:
		x.how = asFilled
	case x.field.Optional:
		x.how = asAbsent
	default:
		question := "is new in " + p.target + ": what is it for a unit of " + p.source + "?"
		if p.back {
			question = "is in " + p.target + " and not in " + p.source + ": what is it on the way back?"
		}
		var names []string
		for _, c := range all {
			if c.field == x {
				names = append(names, strings.Join(c.from, "."))
			}
		}
		if len(names) > 0 {
			question += " It may be made of " + strings.Join(names, " or ") + "."
		}
		x.ask(question)
	}
}

// compare scores how much a part of the source looks like a field; ok is false if no conversion is obvious.
func (p *pairing) compare(x *paired, from state.Type, path []string, onlyOne bool) (candidate, bool) {
	t, maybe, ok := fieldAt(from, path)
	if !ok {
		return candidate{}, false
	}
	if _, isConst := constant(x.field.Type); isConst {
		return candidate{}, false
	}
	conv, ok := convert(x.field.Type, t, x.field.Name, path[len(path)-1])
	if !ok {
		return candidate{}, false
	}
	score := similar(x.path, path)
	_, fills := filling(x.field)
	if fits(x.field.Type, t) && score > 0 {
		score += 5
	}
	if score < likely && onlyOne && fits(x.field.Type, t) && !fills && !x.field.Optional {
		score = likely
	}
	if score < likely && (fills || x.field.Optional) {
		return candidate{}, false
	}
	return candidate{field: x, from: path, score: score, conv: conv, maybe: maybe}, score >= likely || fits(x.field.Type, t) && score >= 0
}

func (p *pairing) countRequired(open []*paired) int {
	n := 0
	for _, x := range open {
		if _, fills := filling(x.field); x.how == asNeeded && !fills && !x.field.Optional {
			n++
		}
	}
	return n
}

// open lists the fields, at every level, that are not decided or asked.
func (p *pairing) open(fields []*paired) []*paired {
	var out []*paired
	for _, x := range fields {
		switch x.how {
		case asNeeded, asAsked:
			out = append(out, x)
		case asNested:
			out = append(out, p.open(x.inner)...)
		}
	}
	return out
}

// lost lists the parts of the source that no field is made of.
func (p *pairing) lost(from state.Type, fields []*paired) [][]string {
	used := append(slices.Clip(p.taken), usedBy(fields)...)
	var out [][]string
	var walk func(path []string, a state.Alt)
	walk = func(path []string, a state.Alt) {
		for _, f := range a.Fields {
			at := sub(path, f.Name)
			if _, isConst := constant(f.Type); f.Forbidden || isConst || covers(used, at) {
				continue
			}
			inner, ok := single(f.Type)
			if ok && !inner.Open && len(inner.Fields) > 0 {
				walk(at, inner)
				continue
			}
			out = append(out, at)
		}
	}
	if a, ok := single(from); ok {
		walk(nil, a)
	}
	return out
}

func usedBy(fields []*paired) [][]string {
	var out [][]string
	for _, x := range fields {
		switch {
		case x.how == asCarried || x.how == asSet:
			out = append(out, x.from)
		case x.how == asAsked && x.from != nil:
			out = append(out, x.from)
		}
		out = append(out, usedBy(x.inner)...)
	}
	return out
}

// table is an example of how one set of constants is made of another.
func (p *pairing) table(x *paired, sf state.Field) string {
	if !isEnum(x.field.Type) && kindsOf(x.field.Type) != kindBool || !isEnum(sf.Type) || kindsOf(sf.Type) != kindString || len(sf.Type.Alts) > 5 {
		return ""
	}
	var entries []string
	for _, a := range sf.Type.Alts {
		entries = append(entries, quote(a.Const.Text)+": …")
	}
	root := "#old"
	if p.back {
		root = "#new"
	}
	return " For example {" + strings.Join(entries, ", ") + "}[" + selector(root, x.path) + "]"
}

// fieldAt returns the type at a path of plain structs, with its default, and whether it may be missing.
func fieldAt(t state.Type, path []string) (at state.Type, maybe, ok bool) {
	at = t
	for _, name := range path {
		a, isStruct := single(at)
		if !isStruct {
			return at, maybe, false
		}
		f, found := find(a, name)
		if !found {
			return at, maybe, false
		}
		at, maybe = f.Type, maybe || f.Optional
	}
	return at, maybe, true
}
