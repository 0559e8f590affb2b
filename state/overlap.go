package state

import "strings"

// Overlap tells whether some key matches both patterns.
func Overlap(p, q Pattern) bool {
	if a, b := p.Prefix(), q.Prefix(); !strings.HasPrefix(a, b) && !strings.HasPrefix(b, a) {
		return false
	}
	if differ(p.columns, q.columns) {
		return false
	}
	a, b := p.automaton(), q.automaton()
	letters := alphabet(p, q)
	type pair struct{ a, b int }
	seen := map[pair]bool{{}: true}
	for todo := []pair{{}}; len(todo) > 0; {
		at := todo[0]
		todo = todo[1:]
		if at.a == a.end && at.b == b.end {
			return true
		}
		for _, c := range letters {
			for _, x := range a.next(at.a, c) {
				for _, y := range b.next(at.b, c) {
					if to := (pair{x, y}); !seen[to] {
						seen[to] = true
						todo = append(todo, to)
					}
				}
			}
		}
	}
	return false
}

// columnsOf cuts a pattern at its colons; nil if one of its segments may cross them. Keys of two such patterns meet only
// if they have equally many columns, which is cheap to see.
func (p Pattern) columnsOf() []string {
	for _, x := range p.parts {
		if x.kind == acrossColons {
			return nil
		}
	}
	return strings.Split(p.text, ":")
}

// differ tells whether the columns of two patterns cannot be the same: in number, or in their literal text.
func differ(a, b []string) bool {
	if a == nil || b == nil {
		return false
	}
	if len(a) != len(b) {
		return true
	}
	for i := range a {
		x, _, varies := strings.Cut(a[i], "<")
		y, _, also := strings.Cut(b[i], "<")
		switch {
		case !varies && !also && x != y, !varies && !strings.HasPrefix(x, y), !also && !strings.HasPrefix(y, x),
			!strings.HasPrefix(x, y) && !strings.HasPrefix(y, x):
			return true
		}
	}
	return false
}

// automaton accepts the keys of a pattern: state 0 is the start, end the only accepting state.
type automaton struct {
	edges map[int][]edge
	end   int
}

type edge struct {
	accepts func(c byte) bool
	to      int
}

func (m automaton) next(state int, c byte) []int {
	var to []int
	for _, e := range m.edges[state] {
		if e.accepts(c) {
			to = append(to, e.to)
		}
	}
	return to
}

func (m *automaton) add(from int, accepts func(byte) bool, to int) {
	m.edges[from] = append(m.edges[from], edge{accepts, to})
}

func (p Pattern) automaton() automaton {
	m := automaton{edges: map[int][]edge{}}
	for _, x := range p.parts {
		switch {
		case x.name == "":
			for _, c := range []byte(x.literal) {
				m.add(m.end, func(d byte) bool { return c == d }, m.end+1)
				m.end++
			}
		case x.kind == integer:
			m.addInteger()
		default:
			crosses := x.kind == acrossColons
			accepts := func(c byte) bool { return crosses || c != ':' }
			m.add(m.end, accepts, m.end+1)
			m.add(m.end+1, accepts, m.end+1)
			m.end++
		}
	}
	return m
}

// addInteger appends 0|-?[1-9][0-9]*, with one state for the sign and one for the digits.
func (m *automaton) addInteger() {
	start, sign, digits, end := m.end, m.end+1, m.end+2, m.end+3
	first := func(c byte) bool { return c >= '1' && c <= '9' }
	later := func(c byte) bool { return c >= '0' && c <= '9' }
	m.add(start, func(c byte) bool { return c == '0' }, end)
	m.add(start, func(c byte) bool { return c == '-' }, sign)
	for _, from := range []int{start, sign} {
		m.add(from, first, digits)
		m.add(from, first, end)
	}
	m.add(digits, later, digits)
	m.add(digits, later, end)
	m.end = end
}

// alphabet returns one byte of each kind that the patterns can tell apart.
func alphabet(ps ...Pattern) []byte {
	var in [256]bool
	for _, p := range ps {
		for _, x := range p.parts {
			for _, c := range []byte(x.literal) {
				in[c] = true
			}
		}
	}
	for _, c := range []byte(":-01") {
		in[c] = true
	}
	for c := range in {
		if other := byte(c); !in[c] && (other < '0' || other > '9') {
			in[c] = true
			break
		}
	}
	var letters []byte
	for c, used := range in {
		if used {
			letters = append(letters, byte(c))
		}
	}
	return letters
}
