package transform

import (
	"maps"
	"slices"
	"strconv"

	"keyshift.dev/state"
)

// seen is what was seen at one place of values.
type seen struct {
	n      int
	kinds  map[state.Kind]int
	texts  textual
	words  map[string]int // the strings, as long as they are few
	many   bool           // more strings than words holds
	elem   *seen
	fields map[string]*seen
}

// textual counts strings that are also something else.
type textual struct{ ints, numbers, bools int }

// maxWords is how many different strings are remembered at one place.
const maxWords = 8

func (s *seen) add(v state.Value, depth int) {
	s.n++
	if s.kinds == nil {
		s.kinds = map[state.Kind]int{}
	}
	s.kinds[v.Kind]++
	if depth > maxSampleDepth {
		return
	}
	switch v.Kind {
	case state.Str:
		s.addText(v.Text)
	case state.Array:
		if s.elem == nil {
			s.elem = &seen{}
		}
		for _, e := range v.List {
			s.elem.add(e, depth+1)
		}
	case state.Struct:
		if s.fields == nil {
			s.fields = map[string]*seen{}
		}
		for _, f := range v.Fields {
			if s.fields[f.Name] == nil {
				s.fields[f.Name] = &seen{}
			}
			s.fields[f.Name].add(f.Value, depth+1)
		}
	}
}

func (s *seen) addText(text string) {
	if state.IsIntText(text) {
		s.texts.ints++
	}
	if _, ok := state.ParseDecimal(text); ok {
		s.texts.numbers++
	}
	if text == "true" || text == "false" {
		s.texts.bools++
	}
	if s.words == nil {
		s.words = map[string]int{}
	}
	if _, known := s.words[text]; !known && len(s.words) == maxWords {
		s.many = true
		return
	}
	s.words[text]++
}

// typ proposes the type that everything seen at a path fits. onText tells whether strings may stand for numbers there.
func (p *portrait) typ(path []string, s *seen, onText bool) state.Type {
	var t state.Type
	add := func(a state.Alt) { t.Alts = append(t.Alts, a) }
	if s.kinds[state.Bool] > 0 {
		add(state.Alt{Kind: state.Bool})
	}
	switch {
	case s.kinds[state.Number] > 0:
		add(state.Alt{Kind: state.Number})
	case s.kinds[state.Int] > 0:
		add(state.Alt{Kind: state.Int})
	}
	if n := s.kinds[state.Str]; n > 0 {
		t.Alts = append(t.Alts, p.strings(path, s, n, onText)...)
	}
	if s.kinds[state.Bytes] > 0 {
		add(state.Alt{Kind: state.Bytes})
	}
	if s.kinds[state.Array] > 0 {
		add(p.array(path, s))
	}
	if n := s.kinds[state.Struct]; n > 0 {
		add(p.structure(path, s, n, onText))
	}
	if n := s.kinds[state.Null]; n > 0 {
		add(state.Alt{Kind: state.Null})
		if len(t.Alts) > 1 {
			p.say(path, "null in %d of %d", n, s.n)
		}
	}
	if len(s.kinds) > 1 && s.kinds[state.Null]+max(s.kinds[state.Int]+s.kinds[state.Number], 0) != s.n && len(t.Alts) > 1 && s.kinds[state.Null] == 0 {
		p.say(path, "several kinds: %s", shares(s))
	}
	if len(t.Alts) == 0 {
		return state.AnyType()
	}
	return t
}

// shares lists how often each kind was seen.
func shares(s *seen) string {
	text := ""
	for _, k := range slices.Sorted(maps.Keys(s.kinds)) {
		if text != "" {
			text += ", "
		}
		text += percent(s.kinds[k], s.n) + " " + string(k)
	}
	return text
}

// strings proposes the alternatives of the strings at a path.
func (p *portrait) strings(path []string, s *seen, n int, onText bool) []state.Alt {
	if onText && len(s.kinds) == 1 {
		switch n {
		case s.texts.ints:
			return []state.Alt{{Kind: state.Int}}
		case s.texts.numbers:
			return []state.Alt{{Kind: state.Number}}
		case s.texts.bools:
			return []state.Alt{{Kind: state.Bool}}
		}
	}
	if !p.options.Values || s.many || n < 5*len(s.words) {
		return []state.Alt{{Kind: state.Str}}
	}
	var out []state.Alt
	for _, w := range slices.Sorted(maps.Keys(s.words)) {
		out = append(out, state.Alt{Kind: state.Str, Const: &state.Value{Kind: state.Str, Text: w}})
	}
	if len(s.words) == 1 {
		p.say(path, "the same value in %d", n)
		return out
	}
	p.say(path, "%d different values in %d", len(s.words), n)
	return out
}

func (p *portrait) array(path []string, s *seen) state.Alt {
	a := state.Alt{Kind: state.Array}
	if s.elem.n == 0 {
		p.say(path, "only empty lists")
		return a
	}
	elem := p.typ(append(slices.Clip(path), "*"), s.elem, false)
	a.Elem = &elem
	return a
}

// structure proposes the fields of structs: fixed ones, of which some are optional, or any whose names are data.
func (p *portrait) structure(path []string, s *seen, n int, onText bool) state.Alt {
	a := state.Alt{Kind: state.Struct}
	if s.namesAreData(n) && len(path) > 0 {
		rest := &seen{kinds: map[state.Kind]int{}}
		for _, name := range slices.Sorted(maps.Keys(s.fields)) {
			rest.merge(s.fields[name])
		}
		t := p.typ(append(slices.Clip(path), "*"), rest, onText)
		a.Open, a.Rest = true, &t
		p.say(path, "the names of its fields look like data")
		return a
	}
	for _, name := range slices.Sorted(maps.Keys(s.fields)) {
		f := s.fields[name]
		at := append(slices.Clip(path), name)
		inner := onText && (f.kinds[state.Str] == f.n)
		a.Fields = append(a.Fields, state.Field{Name: name, Type: p.typ(at, f, inner), Optional: f.n < n})
		if f.n < n {
			p.say(at, "in %s", percent(f.n, n))
		}
	}
	return a
}

// namesAreData tells whether the fields of structs have names that programs make.
func (s *seen) namesAreData(n int) bool {
	data, total := 0, 0
	for name, f := range s.fields {
		total += f.n
		if looksLikeData(name) {
			data++
		}
	}
	return len(s.fields) > 0 && (data*2 > len(s.fields) || n >= 3 && len(s.fields) > 4*total/n+8)
}

// merge adds what was seen elsewhere.
func (s *seen) merge(o *seen) {
	s.n += o.n
	if s.kinds == nil {
		s.kinds = map[state.Kind]int{}
	}
	for k, n := range o.kinds {
		s.kinds[k] += n
	}
	s.texts.ints, s.texts.numbers, s.texts.bools = s.texts.ints+o.texts.ints, s.texts.numbers+o.texts.numbers, s.texts.bools+o.texts.bools
	s.many = s.many || o.many || len(s.words)+len(o.words) > maxWords
	for w, n := range o.words {
		if s.words == nil {
			s.words = map[string]int{}
		}
		s.words[w] += n
	}
	if o.elem != nil {
		if s.elem == nil {
			s.elem = &seen{}
		}
		s.elem.merge(o.elem)
	}
	for name, f := range o.fields {
		if s.fields == nil {
			s.fields = map[string]*seen{}
		}
		if s.fields[name] == nil {
			s.fields[name] = &seen{}
		}
		s.fields[name].merge(f)
	}
}

// percent prints a share.
func percent(n, of int) string {
	switch {
	case n == of:
		return "all"
	case n*100 < of:
		return "fewer than 1 %"
	case n*100 > of*99:
		return "more than 99 %"
	}
	return strconv.Itoa((n*100+of/2)/of) + " %"
}
