package plan

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"slices"
)

// Bounds of the exact search. The first two depend on the catalogue alone, so that a plan and its suffixes are
// found by the same method.
const (
	exactObjects = 12      // coupled components and keyspaces
	exactSize    = 1 << 22 // product of the releases and versions to choose from
	exactNodes   = 300_000 // visited
)

// found is the outcome of a search.
type found struct {
	moves   []move
	ok      bool
	limit   bool // gave up before everything was tried
	nearest node // if not ok: the node nearest to the goal
	visited int  // nodes
}

// search returns the cheapest safe moves from the start to the goal; of several, those that first end what has
// begun, then the smallest sequence. It is A*
// (Hart, Nilsson, Raphael 1968) with the sum of what each object needs at least as the estimate, which never
// falls by more than a move costs; every path of the least cost is kept, and the smallest walked at the end.
func (m *model) search() found {
	if m.objects() > exactObjects || m.size() > exactSize || ablated(exactSearch) {
		return m.byRule()
	}
	s := &searcher{model: m, index: map[string]int{}}
	s.visit(m.start(), 0, -1, move{})
	best, goals := never, []int(nil)
	for s.open.Len() > 0 {
		e := heap.Pop(&s.open).(entry)
		if e.total > best {
			break
		}
		if at := &s.nodes[e.node]; at.closed || at.paid.plus(at.rest) != e.total {
			continue
		}
		if len(s.nodes) > cmp.Or(m.bound, exactNodes) {
			return s.failed(true)
		}
		s.nodes[e.node].closed = true
		if s.nodes[e.node].rest == 0 && m.done(s.nodes[e.node].node) {
			best, goals = e.total, append(goals, e.node)
			continue
		}
		s.expand(e.node)
	}
	if best == never {
		return s.failed(false)
	}
	return found{ok: true, moves: s.smallest(goals), visited: len(s.nodes)}
}

// failed is the outcome of a search that found nothing. Nobody asks how near one came that had a bound of its own.
func (s *searcher) failed(limit bool) found {
	f := found{limit: limit, visited: len(s.nodes)}
	if s.bound == 0 {
		f.nearest = s.nearest()
	}
	return f
}

// objects counts what can be moved.
func (m *model) objects() int {
	n := len(m.keys)
	for _, c := range m.comps {
		if !c.fixed {
			n++
		}
	}
	return n
}

func (m *model) size() int {
	n := 1
	for _, c := range m.comps {
		choices := len(c.targets)
		if len(c.stops) > 0 {
			choices *= 2
		}
		n = min(n*max(choices, 1), 2*exactSize)
	}
	for _, k := range m.keys {
		n = min(n*max(len(k.to), 1), 2*exactSize)
	}
	return n
}

// estimate returns a lower bound of what is left to pay.
func (m *model) estimate(n node) cost {
	var left cost
	for i, c := range m.comps {
		if !c.fixed && n.runs[i] != c.goal {
			left = left.plus(perRollout)
		}
		if template, stopped := n.haltedAt(i); stopped && template != c.goal {
			left = left.plus(perRollout)
		}
		switch must, mayNot := m.mustStop(n, i); {
		case mayNot:
			left = never
		case must:
			left = left.plus(perDown)
		}
	}
	for i := range m.keys {
		left = left.plus(m.keys[i].least(n.present[i]))
	}
	return left
}

type searcher struct {
	*model
	nodes []visited
	index map[string]int
	open  queue
}

// visited is a node with the least that it costs to come there, and from where.
type visited struct {
	node       node
	paid, rest cost
	closed     bool
	from       []arrival
}

type arrival struct {
	node int
	move move
}

func (s *searcher) expand(at int) {
	n, paid := s.nodes[at].node, s.nodes[at].paid
	for ki := range s.keys {
		for to := range s.keys[ki].to {
			if next, c, ok := s.rewrite(n, ki, to); ok {
				s.visit(next, paid.plus(c), at, move{moveRewrite, ki, to})
			}
		}
	}
	for ci := range s.comps {
		if to, stopped := n.haltedAt(ci); stopped && s.mayStart(n, ci) {
			by := move{moveStart, ci, to}
			s.visit(s.take(n.clone(), by), paid.plus(s.joining(n, ci, to)), at, by)
		}
		if by := (move{moveStop, ci, 0}); s.mayStop(n, ci) {
			s.visit(s.take(n.clone(), by), paid.plus(perDown), at, by)
		}
		for _, to := range s.targets(n, ci) {
			if n.runs[ci] == to || n.runs[ci] == halted(to) {
				continue
			}
			if next, ok := s.rollout(n, ci, to); ok {
				s.visit(next, paid.plus(s.rolling(n, ci, to)), at, move{moveRollout, ci, to})
			}
		}
	}
}

// visit notes a way to a node, unless a cheaper one is known.
func (s *searcher) visit(n node, paid cost, from int, by move) {
	key := n.key()
	i, seen := s.index[key]
	if !seen {
		rest := s.estimate(n)
		if rest == never && from >= 0 {
			return
		}
		i = len(s.nodes)
		s.index[key] = i
		s.nodes = append(s.nodes, visited{node: n, paid: never, rest: rest})
	}
	v := &s.nodes[i]
	if paid > v.paid {
		return
	}
	if paid < v.paid {
		v.paid, v.from, v.closed = paid, nil, false
		heap.Push(&s.open, entry{paid.plus(v.rest), i})
	}
	if from >= 0 {
		v.from = append(v.from, arrival{from, by})
	}
}

// smallest walks from the start to a goal over paths of the least cost, by the smallest move each time. A rollout
// that runs already comes before anything else, or what its last old pods leave free would be done before it ends. Of
// rollouts those of stopped components come first: they start the sooner.
func (s *searcher) smallest(goals []int) []move {
	onto := map[int][]arrival{} // by node: the moves that leave it on such a path, and where they lead
	seen := map[int]bool{}
	for len(goals) > 0 {
		at := goals[len(goals)-1]
		goals = goals[:len(goals)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, a := range s.nodes[at].from {
			onto[a.node] = append(onto[a.node], arrival{at, a.move})
			goals = append(goals, a.node)
		}
	}
	var out []move
	for at := 0; len(onto[at]) > 0; {
		n := s.nodes[at].node
		next := slices.MinFunc(onto[at], func(a, b arrival) int {
			return cmp.Or(cmp.Compare(s.begun(n, b.move), s.begun(n, a.move)), cmp.Compare(a.move.kind, b.move.kind),
				cmp.Compare(s.turned(n, b.move), s.turned(n, a.move)), a.move.compare(b.move))
		})
		out = append(out, next.move)
		at = next.node
	}
	return out
}

// turned is 1 if a move is a rollout of a component that is stopped at a node, else 0.
func (m *model) turned(n node, by move) int {
	if by.kind != moveRollout {
		return 0
	}
	if _, stopped := n.haltedAt(by.object); stopped {
		return 1
	}
	return 0
}

// begun is 1 if a move is a rollout that runs at a node, else 0.
func (m *model) begun(n node, by move) int {
	if by.kind == moveRollout && n.runs[by.object] == mixed && m.comps[by.object].template == by.to {
		return 1
	}
	return 0
}

// nearest returns the visited node that has the least to go, of several the one with the fewest obstacles before
// what is wanted, then the cheapest to come to, then the first by content.
func (s *searcher) nearest() node {
	least := slices.MinFunc(s.nodes, func(a, b visited) int { return cmp.Compare(a.rest, b.rest) }).rest
	best, fewest := -1, 0
	for i, v := range s.nodes {
		if v.rest != least {
			continue
		}
		count := s.obstacles(v.node)
		if best < 0 || cmp.Or(cmp.Compare(count, fewest), cmp.Compare(v.paid, s.nodes[best].paid), v.node.compare(s.nodes[best].node)) < 0 {
			best, fewest = i, count
		}
	}
	return s.nodes[best].node
}

func (n node) key() string {
	var b []byte
	for _, r := range n.runs {
		b = binary.AppendVarint(b, int64(r))
	}
	for _, p := range n.present {
		for _, w := range p {
			b = binary.AppendUvarint(b, w)
		}
	}
	return string(b)
}

func (n node) compare(o node) int { return cmp.Compare(n.key(), o.key()) }

func (a move) compare(b move) int {
	return slices.Compare([]int{a.kind, a.object, a.to}, []int{b.kind, b.object, b.to})
}

type entry struct {
	total cost
	node  int
}

// queue is a heap of entries by total, then by the order of discovery.
type queue []entry

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].total < q[j].total || q[i].total == q[j].total && q[i].node < q[j].node
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(entry)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
