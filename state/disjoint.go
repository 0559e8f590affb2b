package state

import (
	"regexp/syntax"
	"slices"
	"unicode"
)

// Bounds of disjoint: beyond them it proves nothing.
const (
	maxLetters = 4096
	maxPairs   = 20_000
)

// disjoint tells whether no text matches both expressions, which are not anchored. It answers false unless it can
// prove it: word boundaries and the ends of lines are taken to hold anywhere.
func disjoint(x, y string) bool {
	p, okP := compileWhole(x)
	q, okQ := compileWhole(y)
	if !okP || !okQ {
		return false
	}
	letters := lettersOf(p, q)
	if len(letters) > maxLetters {
		return false
	}
	type pair struct {
		p, q    uint32
		started bool
	}
	start := pair{p: uint32(p.Start), q: uint32(q.Start)}
	seen := map[pair]bool{start: true}
	for todo := []pair{start}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		left, right := reach(p, at.p, at.started), reach(q, at.q, at.started)
		for _, i := range left {
			for _, j := range right {
				if i.match && j.match {
					return false
				}
				if i.match || j.match || i.ended || j.ended || !share(i.inst, j.inst, letters) {
					continue
				}
				if to := (pair{i.inst.Out, j.inst.Out, true}); !seen[to] {
					seen[to] = true
					todo = append(todo, to)
				}
			}
		}
		if len(seen) > maxPairs {
			return false
		}
	}
	return true
}

// compileWhole compiles an expression so that it takes a text from its start to its end.
func compileWhole(expression string) (*syntax.Prog, bool) {
	re, err := syntax.Parse(`(?s:.*)(?:`+expression+`)(?s:.*)`, syntax.Perl)
	if err != nil {
		return nil, false
	}
	prog, err := syntax.Compile(re.Simplify())
	return prog, err == nil
}

// stop is where a program goes on by reading a rune, or ends.
type stop struct {
	inst  *syntax.Inst
	match bool
	ended bool // the end of the text was demanded
}

// reach returns the stops of a program from an instruction on.
func reach(p *syntax.Prog, pc uint32, started bool) []stop {
	type spot struct {
		pc    uint32
		ended bool
	}
	var out []stop
	seen := map[spot]bool{}
	var walk func(at spot)
	walk = func(at spot) {
		if seen[at] {
			return
		}
		seen[at] = true
		inst := &p.Inst[at.pc]
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			walk(spot{inst.Out, at.ended})
			walk(spot{inst.Arg, at.ended})
		case syntax.InstCapture, syntax.InstNop:
			walk(spot{inst.Out, at.ended})
		case syntax.InstEmptyWidth:
			op := syntax.EmptyOp(inst.Arg)
			if op&syntax.EmptyBeginText == 0 || !started {
				walk(spot{inst.Out, at.ended || op&syntax.EmptyEndText != 0})
			}
		case syntax.InstMatch:
			out = append(out, stop{match: true, ended: at.ended})
		case syntax.InstFail:
		default:
			out = append(out, stop{inst: inst, ended: at.ended})
		}
	}
	walk(spot{pc, false})
	return out
}

func share(i, j *syntax.Inst, letters []rune) bool {
	return slices.ContainsFunc(letters, func(r rune) bool { return i.MatchRune(r) && j.MatchRune(r) })
}

// lettersOf returns one rune of each set that the programs can tell apart.
func lettersOf(programs ...*syntax.Prog) []rune {
	out := []rune{0, '\n', '\n' + 1}
	for _, p := range programs {
		for _, inst := range p.Inst {
			if inst.Op != syntax.InstRune && inst.Op != syntax.InstRune1 {
				continue
			}
			for i, r := range inst.Rune {
				if i%2 == 1 {
					r++ // behind the range
				}
				out = append(out, r)
			}
			if len(inst.Rune) == 1 {
				first := inst.Rune[0]
				out = append(out, first+1)
				for r := unicode.SimpleFold(first); r != first; r = unicode.SimpleFold(r) {
					out = append(out, r, r+1)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
