package plan

import (
	"container/heap"
	"fmt"
	"slices"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// tiny is the design's section on planning once more, for at most three components, releases, keyspaces and
// versions, written for brute force: a class is a mask of versions, what is present a mask of such masks. It
// shares with the planner what a record is believed and which path a rewrite takes, and nothing else.
type tiny struct {
	comps []tinyComponent
	keys  []tinyKeyspace
}

type tinyComponent struct {
	fixed bool
	goal  int
	uses  [3][3]tinyUse // by release and keyspace
	count int
	after []int
	jump  state.Jump
	name  [3][3]int // by release: the numbers of its version
}

type tinyUse struct {
	readsAny bool
	any      bool
	reads    uint8 // versions
	writes   uint8 // class, 0 if none
}

type tinyKeyspace struct {
	versions int
	goal     int // version, -1 if none
	unfit    bool
	stop     bool
	written  [3]uint8    // by version: class
	route    [8][3]uint8 // by class and version: 0 no way, 1 exact, 2 lossy
}

// micro is a state of it, and a map key.
type micro struct {
	run       [3]uint8 // by component: releases
	template  [3]int8
	stopped   [3]bool
	present   [3]uint8 // by keyspace: bit m stands for class m
	verified  [3]bool
	rewritten [3]int8 // version, -1 if none
}

func newTiny(want state.Desired, have state.Observed) (*tiny, micro) {
	t, s := &tiny{}, micro{}
	for ki, k := range want.Keyspaces {
		know := learn(want, have, k)
		x := tinyKeyspace{versions: len(k.Shapes), goal: -1, unfit: know.unfit(), stop: k.Policy.Strategy == state.StrategyStop}
		s.verified[ki], s.rewritten[ki] = know.verified, -1
		for i, shape := range k.Shapes {
			x.written[i] = maskOf(k, know.classes.Written(shape.Version))
			if shape.Version == k.Version {
				x.goal = i
			}
			if shape.Version == know.rewritten {
				s.rewritten[ki] = int8(i)
			}
			for m := uint8(1); m < 8; m++ {
				path, ok := diff.Route(k, classOf(k, m), shape.Version)
				switch {
				case m >= 1<<x.versions:
				case k.Policy.Strategy == state.StrategyDrain:
					x.route[m][i] = 1
				case k.Policy.Strategy == state.StrategyDiscard:
					x.route[m][i] = 2
				case shape.Retired && climbs(path): // a migration up to it was taken back
				case ok:
					x.route[m][i] = 1 + uint8(min(1, len(diff.Losses(path))))
				}
			}
		}
		for _, c := range know.present {
			if c != state.Unfit {
				s.present[ki] |= 1 << maskOf(k, c)
			}
		}
		if k.Version != "" && know.pruned && !know.verified { // it was taken out and is back: a pass comes first, and finds nothing
			s.present[ki], s.verified[ki] = 0, true
		}
		t.keys = append(t.keys, x)
	}
	for ci, c := range want.Components {
		t.newComponent(want, have, c, ci, &s)
	}
	return t, s
}

func (t *tiny) newComponent(want state.Desired, have state.Observed, c state.Component, ci int, s *micro) {
	x := tinyComponent{fixed: c.External || c.Removed, goal: -1, count: len(c.Releases)}
	s.template[ci] = -1
	live, _ := have.FindRunning(c.Name)
	s.stopped[ci] = live.Stopped
	x.jump = c.Policy.Jump
	for _, name := range c.Policy.After {
		for oi, o := range want.Components {
			if o.Name == name && oi != ci && !o.External && !o.Removed {
				x.after = append(x.after, oi)
			}
		}
	}
	for ri, r := range c.Releases {
		if r.Name == c.Release {
			x.goal = ri
		}
		if _, err := fmt.Sscanf(r.Name, "%d.%d.%d", &x.name[ri][0], &x.name[ri][1], &x.name[ri][2]); err != nil {
			panic(err)
		}
		if slices.Contains(diff.Runs(c, have), r.Name) {
			s.run[ci] |= 1 << ri
		}
		if live.Template == r.Name {
			s.template[ci] = int8(ri)
		}
		for ki, k := range want.Keyspaces {
			if u, ok := r.FindUse(k.Name); ok {
				x.uses[ri][ki] = newTinyUse(k, t.keys[ki], u)
			}
		}
	}
	t.comps = append(t.comps, x)
}

func newTinyUse(k state.Keyspace, key tinyKeyspace, u state.Use) (x tinyUse) {
	x.readsAny, x.any = u.Reads != "", true
	for i, s := range k.Shapes {
		if u.Reads.Contains(s.Version) {
			x.reads |= 1 << i
		}
		if u.Writes == s.Version {
			x.writes = key.written[i]
		}
	}
	return x
}

func maskOf(k state.Keyspace, c state.Class) (m uint8) {
	for i, s := range k.Shapes {
		if c.Has(s.Version) {
			m |= 1 << i
		}
	}
	return m
}

// climbs tells whether a way leads through a migration's own direction.
func climbs(path []diff.Hop) bool {
	return slices.ContainsFunc(path, func(h diff.Hop) bool { return h.From.Compare(h.To) < 0 })
}

func classOf(k state.Keyspace, m uint8) state.Class {
	var versions []state.Version
	for i, s := range k.Shapes {
		if m&(1<<i) != 0 {
			versions = append(versions, s.Version)
		}
	}
	return state.ClassOf(versions...)
}

// with adds a class and drops those that promise more.
func with(present, class uint8) uint8 {
	for m := uint8(1); m < 8; m++ {
		if present&(1<<m) != 0 && m&class == m {
			return present
		}
	}
	for m := uint8(1); m < 8; m++ {
		if m&class == class {
			present &^= 1 << m
		}
	}
	return present | 1<<class
}

// worse tells whether a state has an unreadable class that the state before had not, not even as a lesser promise.
func (t *tiny) worse(before, s micro) bool {
	for ci := range t.comps {
		for ri := range 3 {
			for ki := range t.keys {
				u := t.comps[ci].uses[ri][ki]
				if s.run[ci]&(1<<ri) == 0 || !u.readsAny {
					continue
				}
				for m := uint8(1); m < 8; m++ {
					if s.present[ki]&(1<<m) != 0 && m&u.reads == 0 && !had(before, ci, ri, ki, m, u.reads) {
						return true
					}
				}
			}
		}
	}
	return false
}

func had(before micro, ci, ri, ki int, class, reads uint8) bool {
	if before.run[ci]&(1<<ri) == 0 {
		return false
	}
	for m := uint8(1); m < 8; m++ {
		if before.present[ki]&(1<<m) != 0 && m&class == m && m&reads == 0 {
			return true
		}
	}
	return false
}

// old returns the releases that a rollout of a component replaces.
func (s micro) old(ci int) uint8 {
	if s.stopped[ci] && s.template[ci] >= 0 {
		return s.run[ci] | 1<<s.template[ci]
	}
	return s.run[ci]
}

// demanded tells whether a rollout keeps after and jump.
func (t *tiny) demanded(s micro, ci, to int) bool {
	c := t.comps[ci]
	for _, o := range c.after {
		if s.run[o] != 1<<t.comps[o].goal {
			return false
		}
	}
	same := map[state.Jump]int{state.JumpMajor: 1, state.JumpMinor: 2, state.JumpPatch: 3}[c.jump]
	for from := range c.count {
		for between := min(from, to) + 1; s.old(ci)&(1<<from) != 0 && between < max(from, to); between++ {
			b := c.name[between][:same]
			if !slices.Equal(b, c.name[from][:same]) && !slices.Equal(b, c.name[to][:same]) {
				return false
			}
		}
	}
	return true
}

func (t *tiny) rollout(s micro, ci, to int) (micro, bool) {
	if !t.demanded(s, ci, to) {
		return s, false
	}
	for ki := range t.keys {
		u := t.comps[ci].uses[to][ki]
		if t.narrow(s, ci, to, ki) && !(s.verified[ki] && !t.keys[ki].unfit && allReadable(s.present[ki], u.reads)) {
			return s, false
		}
	}
	if s.stopped[ci] {
		s.template[ci] = int8(to)
		return s, true
	}
	return t.begin(s, ci, to)
}

// needsStop tells whether the one running release uses a keyspace whose components may be stopped.
func (t *tiny) needsStop(s micro, ci int) bool {
	if s.template[ci] < 0 || s.run[ci] != 1<<s.template[ci] {
		return false
	}
	for ki, k := range t.keys {
		if k.stop && k.goal >= 0 && t.used(s, ci, ki) {
			return true
		}
	}
	return false
}

func (t *tiny) used(s micro, ci, ki int) bool {
	for ri := range 3 {
		if s.run[ci]&(1<<ri) != 0 && t.comps[ci].uses[ri][ki].any {
			return true
		}
	}
	return false
}

// begin lets a release run, and then alone.
func (t *tiny) begin(s micro, ci, to int) (micro, bool) {
	during := s
	during.run[ci] |= 1 << to
	during.template[ci] = int8(to)
	during.stopped[ci] = false
	for ki := range t.keys {
		u := t.comps[ci].uses[to][ki]
		if u.writes == 0 {
			continue
		}
		if during.present[ki] = with(s.present[ki], u.writes); during.present[ki] != s.present[ki] {
			during.verified[ki] = false
		}
		if w := s.rewritten[ki]; w >= 0 && u.writes&(1<<w) == 0 {
			during.rewritten[ki] = -1
		}
	}
	after := during
	after.run[ci] = 1 << to
	return after, !t.worse(s, during) && !t.worse(during, after)
}

// spreads tells whether a rollout starts a writer of what a running release cannot read.
func (t *tiny) spreads(s micro, ci, to int) bool {
	if s.run[ci]&(1<<to) != 0 || s.stopped[ci] {
		return false
	}
	return t.spreading(s, ci, to)
}

func (t *tiny) spreading(s micro, ci, to int) bool {
	for ki := range t.keys {
		w := t.comps[ci].uses[to][ki].writes
		for oi := range t.comps {
			for ri := range 3 {
				u := t.comps[oi].uses[ri][ki]
				if w != 0 && s.run[oi]&(1<<ri) != 0 && u.readsAny && u.reads&w == 0 {
					return true
				}
			}
		}
	}
	return false
}

func allReadable(present, reads uint8) bool {
	for m := uint8(1); m < 8; m++ {
		if present&(1<<m) != 0 && m&reads == 0 {
			return false
		}
	}
	return true
}

func (t *tiny) narrow(s micro, ci, to, ki int) bool {
	u := t.comps[ci].uses[to][ki]
	none, common := true, uint8(7)
	for ri := range 3 {
		if s.old(ci)&(1<<ri) != 0 {
			none = none && !t.comps[ci].uses[ri][ki].readsAny
			common &= t.comps[ci].uses[ri][ki].reads
		}
	}
	return u.readsAny && (none || common&^u.reads != 0)
}

func (t *tiny) rewrite(s micro, ki, to int) (after micro, lossy, ok bool) {
	for m := uint8(1); m < 8; m++ {
		if s.present[ki]&(1<<m) != 0 && m&(1<<to) == 0 {
			ok = true
			lossy = lossy || t.keys[ki].route[m][to] == 2
			if t.keys[ki].route[m][to] == 0 {
				return s, false, false
			}
		}
	}
	for ci, c := range t.comps {
		if t.keys[ki].stop && t.used(s, ci, ki) {
			return s, false, false
		}
		for ri := range 3 {
			if w := c.uses[ri][ki].writes; s.run[ci]&(1<<ri) != 0 && w != 0 && w&(1<<to) == 0 {
				return s, false, false
			}
		}
	}
	after = s
	after.present[ki] = with(s.present[ki], t.keys[ki].written[to])
	after.rewritten[ki], after.verified[ki] = int8(to), false
	return after, lossy, ok && !t.worse(s, after)
}

func (t *tiny) verify(s micro, ki int) micro {
	w := s.rewritten[ki]
	if w >= 0 && !s.verified[ki] {
		s.present[ki] = 1 << t.keys[ki].written[w]
	}
	s.verified[ki] = true
	return s
}

// ending returns a component that is being stopped, -1 if none.
func (t *tiny) ending(s micro) int {
	for ci, c := range t.comps {
		if s.stopped[ci] && s.run[ci] != 0 && !c.fixed {
			return ci
		}
	}
	return -1
}

// pending returns a keyspace whose rewrite ended and was not verified, -1 if none.
func (t *tiny) pending(s micro) int {
	for ki := range t.keys {
		if w := s.rewritten[ki]; w >= 0 && !s.verified[ki] && !allReadable(s.present[ki], 1<<w) {
			return ki
		}
	}
	return -1
}

func (t *tiny) done(s micro) bool {
	for ci, c := range t.comps {
		if !c.fixed && (s.run[ci] != 1<<c.goal || int(s.template[ci]) != c.goal || s.stopped[ci]) {
			return false
		}
	}
	for ki, k := range t.keys {
		if k.goal >= 0 && !allReadable(s.present[ki], 1<<k.goal) {
			return false
		}
	}
	return true
}

type trial struct {
	at   micro
	paid paid
}

type trials []trial

func (q trials) Len() int           { return len(q) }
func (q trials) Less(i, j int) bool { return q[i].paid.less(q[j].paid) }
func (q trials) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *trials) Push(x any)        { *q = append(*q, x.(trial)) }
func (q *trials) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// brute tries everything in the order of what is paid (Dijkstra).
func brute(want state.Desired, have state.Observed) (best paid, seen int, ok bool) {
	t, start := newTiny(want, have)
	known := map[micro]bool{}
	open := &trials{{at: start}}
	push := func(at micro, p paid) {
		if !known[at] {
			heap.Push(open, trial{at, p})
		}
	}
	for open.Len() > 0 {
		now := heap.Pop(open).(trial)
		if known[now.at] {
			continue
		}
		known[now.at] = true
		if t.done(now.at) {
			return now.paid, len(known), true
		}
		if ci := t.ending(now.at); ci >= 0 { // nor a stop before the pods are gone
			next := now.at
			next.run[ci] = 0
			push(next, now.paid.plus(Step{Kind: Scale, To: ToZero}, false))
			continue
		}
		if ki := t.pending(now.at); ki >= 0 { // a rewrite is not over before its verify
			push(t.verify(now.at, ki), now.paid)
			continue
		}
		for ci, c := range t.comps {
			if to := int(now.at.template[ci]); now.at.stopped[ci] && !c.fixed && to >= 0 {
				if next, ok := t.begin(now.at, ci, to); ok {
					push(next, now.paid.plus(Step{Kind: Scale, To: BackUp}, t.spreading(now.at, ci, to)))
				}
			}
			if !now.at.stopped[ci] && !c.fixed && t.needsStop(now.at, ci) {
				next := now.at
				next.run[ci], next.stopped[ci] = 0, true
				push(next, now.paid.plus(Step{Kind: Scale, To: ToZero}, false))
			}
			for to := 0; to < c.count && !c.fixed; to++ {
				if next, ok := t.rollout(now.at, ci, to); ok {
					push(next, now.paid.plus(Step{Kind: Rollout}, t.spreads(now.at, ci, to)))
				}
			}
		}
		for ki, k := range t.keys {
			push(t.verify(now.at, ki), now.paid)
			for to := range k.versions {
				if next, lossy, ok := t.rewrite(now.at, ki, to); ok {
					push(next, now.paid.plus(Step{Kind: Rewrite, Losses: make([]state.Loss, b2i(lossy))}, false))
				}
			}
		}
	}
	return best, len(known), false
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
