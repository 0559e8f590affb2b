package transform

import (
	"regexp"
	"regexp/syntax"
)

// matcher is a regular expression and what a match costs.
type matcher struct {
	*regexp.Regexp
	size    int  // how many instructions it has, about
	rescans bool // a search may read far beyond the match that it finds, so that finding all is quadratic
}

// maxLiteralSize bounds what a match of a spec's own expression costs by the byte: few of its instructions are at work
// at a time. Of one that a unit holds all may be.
const maxLiteralSize = 32

func compileMatcher(source string) (*matcher, error) {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, err
	}
	size := min(sizeOf(tree), maxLiteralSize)
	if tree.Op == syntax.OpConcat && tree.Sub[0].Op == syntax.OpBeginText {
		size = size/4 + 1 // no search begins further on
	}
	re, err := regexp.Compile(source)
	return &matcher{Regexp: re, size: size, rescans: rescans(tree, false)}, err
}

// sizeOf counts the instructions of an expression.
func sizeOf(re *syntax.Regexp) int {
	n := max(1, len(re.Rune)/4)
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		n += sizeOf(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return n
}

// rescans tells whether a shorter match may be known while a longer is looked for: something endless with more behind
// it stands in an alternative or is optional.
func rescans(re *syntax.Regexp, optional bool) bool {
	switch re.Op {
	case syntax.OpAlternate, syntax.OpQuest, syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
		optional = true
	}
	for i, sub := range re.Sub {
		if optional && re.Op == syntax.OpConcat && i < len(re.Sub)-1 && endless(sub) || rescans(sub, optional) {
			return true
		}
	}
	return false
}

func endless(re *syntax.Regexp) bool {
	if re.Op == syntax.OpStar || re.Op == syntax.OpPlus || re.Op == syntax.OpRepeat && (re.Max < 0 || re.Max > few) {
		return true
	}
	for _, sub := range re.Sub {
		if endless(sub) {
			return true
		}
	}
	return false
}

// pattern returns a regular expression, ready for one search in a text, which it charges: the given one if it was
// compiled before, else one whose size is bounded, since it may come from the unit.
func (e *env) pattern(known *matcher, source, text string) (*matcher, error) {
	if known == nil {
		if len(source) > maxPattern {
			return nil, errPattern
		}
		tree, err := syntax.Parse(source, syntax.Perl)
		if err != nil {
			return nil, errSyntax
		}
		known = &matcher{size: sizeOf(tree), rescans: rescans(tree, false)}
		if err := e.work(len(source) + 2*known.size); err != nil {
			return nil, err
		}
		if known.Regexp, err = regexp.Compile(source); err != nil {
			return nil, errSyntax
		}
	}
	return known, e.work(known.cost(text))
}

// cost is the work of one search.
func (m *matcher) cost(text string) int { return 2 + (len(text)+1)*m.size/16 }

// all finds the places of up to n matches, of all if n is negative, and charges them before they are too many.
func (e *env) all(m *matcher, text string, n int) ([][]int, error) {
	step, cost := 1024, m.cost(text)
	if m.rescans {
		step = 4
	}
	for ; ; step *= 2 {
		most := step
		if n >= 0 && n < step {
			most = n
		}
		found := m.FindAllStringSubmatchIndex(text, most)
		if err := e.spend(len(found) * elementCost * (m.NumSubexp() + 1) / 2); err != nil {
			return nil, err
		}
		if len(found) < step || most == n {
			return found, nil
		}
		if m.rescans {
			cost = m.cost(text) * step
		}
		if err := e.work(cost); err != nil {
			return nil, err
		}
	}
}
