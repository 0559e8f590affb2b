package schema

import (
	"slices"
	"strings"

	"keyshift.dev/state"
)

// pair finds what a migration between two versions has to say, given what the user wrote of it.
func pair(source, target state.Shape, m written) skeleton {
	sk := skeleton{from: source.Version}
	to, okT := single(target.Value)
	from, okS := single(source.Value)
	if !okT || !okS {
		sk.scalars(source, target)
		return sk
	}
	segments := segmentsOf(source.Keys)
	up := pairing{segments: segments, source: string(source.Version), target: string(target.Version), taken: m.up.taken, done: m.up.done}
	for _, d := range m.drop {
		up.taken = append(up.taken, strings.Split(d, "."))
	}
	sk.up = up.structure(nil, to, &from)
	up.assign(target.Value, source.Value, sk.up)
	if len(asks(sk.up)) == 0 { // what an answer may still use is not given up
		for _, path := range up.lost(source.Value, sk.up) {
			sk.drop = append(sk.drop, strings.Join(path, "."))
		}
		slices.Sort(sk.drop)
	}
	down := pairing{back: true, segments: segments, source: string(target.Version), target: string(source.Version),
		taken: m.down.taken, done: m.down.done, fixed: inverse(sk.up)}
	sk.down = down.structure(nil, from, &to)
	down.assignFixed(target.Value, sk.down)
	sk.packages = append(packagesOf(sk.up), packagesOf(sk.down)...)
	slices.Sort(sk.packages)
	sk.packages = slices.Compact(sk.packages)
	sk.questions = append(asks(sk.up), asks(sk.down)...)
	if len(sk.questions) == 0 && len(m.up.done)+len(m.down.done) == 0 {
		sk.test = sk.invent(source, target, segments)
	}
	return sk
}

// segmentsOf returns the segments of a key pattern as fields.
func segmentsOf(keys string) []state.Field {
	p, err := state.ParsePattern(keys)
	if err != nil {
		return nil
	}
	var out []state.Field
	for _, name := range p.Names() {
		kind := state.Str
		if p.IsInt(name) {
			kind = state.Int
		}
		out = append(out, state.Field{Name: name, Type: state.Type{Alts: []state.Alt{{Kind: kind}}}})
	}
	return out
}

// inverse lists by the parts of the source that are moved what they are moved to.
func inverse(fields []*paired) map[string][]string {
	out := map[string][]string{}
	for _, x := range fields {
		if x.how == asSet && !slices.Equal(x.from, x.path) {
			out[strings.Join(x.from, "\x00")] = x.path
		}
		for from, to := range inverse(x.inner) {
			out[from] = to
		}
	}
	return out
}

// assignFixed decides the way back: what the way up moved goes back, and nothing is guessed.
func (p *pairing) assignFixed(from state.Type, fields []*paired) {
	for _, x := range p.open(fields) {
		switch {
		case x.how != asNeeded:
		case x.from != nil:
			p.fix(x, from)
		default:
			p.leave(x, nil)
		}
	}
}

func asks(fields []*paired) []string {
	var out []string
	for _, x := range fields {
		if x.how == asAsked {
			out = append(out, x.question)
		}
		out = append(out, asks(x.inner)...)
	}
	return out
}

// scalars decides versions of which one is no struct: the whole value is converted, or asked for.
func (sk *skeleton) scalars(source, target state.Shape) {
	both := []struct {
		to, from       state.Shape
		text           *string
		name, root, at string
	}{
		{target, source, &sk.wholeUp, "#up", "#old", "how is a unit of " + string(target.Version) + " made of one of " + string(source.Version) + "?"},
		{source, target, &sk.wholeDown, "#down", "#new", "how is a unit of " + string(source.Version) + " made of one of " + string(target.Version) + "?"},
	}
	if fits(target.Value, source.Value) && fits(source.Value, target.Value) {
		return
	}
	var up conversion
	for i, b := range both {
		c, ok := convert(b.to.Value, b.from.Value, "", "")
		if !ok {
			*b.text = question + b.name + ": " + b.at
			sk.questions = append(sk.questions, b.name+": "+b.at)
			continue
		}
		*b.text = b.name + ": " + c.text(b.root)
		if c.note != "" {
			*b.text += " // " + c.note
		}
		if c.pkg != "" {
			sk.packages = append(sk.packages, c.pkg)
		}
		if i == 0 {
			up = c
		}
	}
	if len(sk.questions) > 0 {
		return
	}
	i := inventor{wants: map[string]state.Value{}}
	if up.sample != nil {
		i.wants[""] = *up.sample
	}
	if old, ok := i.value(nil, source.Value); ok {
		if v, ok := up.eval(old); ok && i.fits(target.Value, v) {
			sk.test = "{old: " + formatValue(old) + ", new: " + formatValue(v) + "}"
		}
	}
}

// invent makes up the first test; empty if no values come to mind.
func (sk skeleton) invent(source, target state.Shape, segments []state.Field) string {
	i := inventor{wants: map[string]state.Value{}}
	wantedValues(sk.up, i.wants)
	old, ok := i.value(nil, source.Value)
	if !ok {
		return ""
	}
	made, ok := applyFields(sk.up, old)
	if !ok || !i.fits(target.Value, made) {
		return ""
	}
	var fields []string
	if usesKey(sk.up) || usesKey(sk.down) {
		var key []string
		for _, s := range segments {
			value := quote(sampleSegment)
			if kindsOf(s.Type) == kindInt {
				value = sampleSegment
			}
			key = append(key, labelText(s.Name)+": "+value)
		}
		fields = append(fields, "key: {"+strings.Join(key, ", ")+"}")
	}
	fields = append(fields, "old: "+formatLike(source.Value, old), "new: "+formatLike(target.Value, made))
	return "{\n" + strings.Join(fields, "\n") + "\n}"
}

// wantedValues gathers the values that conversions need of the source.
func wantedValues(fields []*paired, out map[string]state.Value) {
	for _, x := range fields {
		if x.how == asSet && x.conv.sample != nil {
			out[strings.Join(x.from, "\x00")] = *x.conv.sample
		}
		wantedValues(x.inner, out)
	}
}
