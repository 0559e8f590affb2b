package plan

import (
	"slices"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// model is one subsystem in the form that the search works on: names are indexes, classes are bits. A node of
// the search says which releases each component runs and which classes each keyspace may hold, and nothing else,
// so that what follows depends on the present alone.
type model struct {
	comps  []component
	keys   []keyspace
	places map[string]int // of the keyspaces by name
	bound  int            // of the nodes that a search visits; exactNodes if 0
}

type component struct {
	name     string
	fixed    bool // external, or removed from the spec: Keyshift does not roll it
	goal     int  // desired release
	template int  // release of the template at the start, -1 if none
	start    []int
	settled  bool // the start is the template of one release and its pods alone
	halted   bool // Keyshift has stopped it
	targets  []int
	releases []release
	keys     []int // keyspaces that a release uses
	stops    []int // those of keys whose rewrites stop their components
	always   []int // those of stops that every release uses which it may run

	after     []int    // components that have to be at their goals before a rollout
	followers []int    // those that have this one in after
	reach     [][]bool // by release and release: whether one rollout may lead there; nil if any may
	ranks     []string // by release: what jump counts by; nil if nothing is
}

type release struct {
	name string
	uses []use // sorted by keyspace
}

type use struct {
	key      int
	reads    bool
	classes  set // readable
	versions set // readable
	writes   int // class, -1 if none
}

type keyspace struct {
	name    string
	goal    int           // desired version, -1 if none
	classes []state.Class // 0 is Unfit
	fits    set           // classes whose units need no rewrite to reach the goal
	under   []set         // by class: classes that promise as little or less
	over    []set         // by class: classes that promise as much or more
	to      []target      // by version
	present set           // at the start
	stops   bool          // it is rewritten while nobody uses it
	online  bool          // it is rewritten while it is used
	users   []int         // components that have a release which uses it
}

// target is a version that a keyspace can be rewritten to.
type target struct {
	version state.Version
	written int
	has     set // classes that fit it, and Unfit
	routes  set // classes that some path leads from
	lossy   set // classes whose path may lose something
	rest    cost
}

func newModel(x *diff.Index, want state.Desired) *model {
	m := &model{places: map[string]int{}}
	for i, k := range want.Keyspaces {
		m.keys = append(m.keys, newKeyspace(know(x, k), k))
		m.places[k.Name] = i
	}
	for _, c := range want.Components {
		_, live := x.Alone(c.Name)
		m.comps = append(m.comps, m.newComponent(live, c, want))
	}
	for ci, c := range m.comps {
		for _, r := range c.releases {
			for _, u := range r.uses {
				if k := &m.keys[u.key]; len(k.users) == 0 || k.users[len(k.users)-1] != ci {
					k.users = append(k.users, ci)
					m.comps[ci].keys = append(m.comps[ci].keys, u.key)
				}
			}
		}
		m.stopping(&m.comps[ci])
		for _, first := range c.after {
			m.comps[first].followers = append(m.comps[first].followers, ci)
		}
	}
	return m
}

func newKeyspace(know knowledge, k state.Keyspace) keyspace {
	out := keyspace{name: k.Name, goal: -1, classes: []state.Class{state.Unfit}, stops: k.Policy.Strategy == state.StrategyStop}
	out.online = !out.stops && !k.Policy.Strategy.Empties()
	index := func(c state.Class) int {
		i := slices.Index(out.classes, c)
		if i < 0 {
			i = len(out.classes)
			out.classes = append(out.classes, c)
		}
		return i
	}
	for i, s := range k.Shapes {
		if s.Version == k.Version {
			out.goal = i
		}
		out.to = append(out.to, target{version: s.Version, written: index(know.classes.Written(s.Version))})
	}
	for _, c := range know.present {
		out.present = out.present.or(setOf(index(c)))
	}
	out.relate()
	for i := range out.to {
		out.route(k, &out.to[i])
	}
	out.fits = setOf(0)
	for i, c := range out.classes {
		if k.Version == "" || c.Has(k.Version) {
			out.fits = out.fits.or(setOf(i))
		}
	}
	out.measure()
	return out
}

// relate compares every two classes.
func (k *keyspace) relate() {
	k.under, k.over = make([]set, len(k.classes)), make([]set, len(k.classes))
	for i, c := range k.classes {
		for j, d := range k.classes {
			if diff.Covers(d, c) {
				k.under[i] = k.under[i].or(setOf(j))
				k.over[j] = k.over[j].or(setOf(i))
			}
		}
	}
}

// route finds out what can be rewritten to a version.
func (k *keyspace) route(def state.Keyspace, t *target) {
	shape, _ := def.FindShape(t.version)
	t.has = setOf(0)
	for i, c := range k.classes {
		path, ok := diff.Route(def, c, t.version)
		switch {
		case c.Has(t.version):
			t.has = t.has.or(setOf(i))
		case def.Policy.Strategy == state.StrategyDiscard:
			t.lossy = t.lossy.or(setOf(i))
			fallthrough
		case def.Policy.Strategy == state.StrategyDrain:
			t.routes = t.routes.or(setOf(i))
		case ok && forsaken(shape, path):
		case ok && len(diff.Losses(path)) > 0:
			t.lossy = t.lossy.or(setOf(i))
			fallthrough
		case ok:
			t.routes = t.routes.or(setOf(i))
		}
	}
}

// forsaken tells whether a path leads up to a version that the commit does not declare. The way back may stop at such
// a version, where its bridge needs it; a migration up to it was taken back, and is not run again.
func forsaken(to state.Shape, path []diff.Hop) bool {
	return to.Retired && slices.ContainsFunc(path, func(h diff.Hop) bool { return h.From.Compare(h.To) < 0 })
}

// add puts a written class among the present ones, which keep only what promises least.
func (k *keyspace) add(present set, class int) set {
	if present.overlaps(k.under[class]) {
		return present
	}
	return present.without(k.over[class]).or(setOf(class))
}

func (m *model) newComponent(have state.Observed, c state.Component, want state.Desired) component {
	out := component{name: c.Name, fixed: c.External || c.Removed, goal: -1, template: -1}
	runs := diff.Runs(c, have)
	live, _ := have.FindRunning(c.Name)
	for i, r := range c.Releases {
		out.releases = append(out.releases, m.newRelease(r))
		if slices.Contains(runs, r.Name) {
			out.start = append(out.start, i)
		}
		if r.Name == c.Release {
			out.goal = i
		}
		if r.Name == live.Template {
			out.template = i
		}
	}
	out.settled = len(runs) == 1 && live.Template == runs[0]
	out.halted = live.Stopped && !out.fixed
	out.demands(c, want)
	if !out.fixed {
		out.targets = out.alike()
	}
	return out
}

// alike returns the releases worth rolling to: the desired one, and of those that use everything alike, and are of one
// rank where a jump counts by that, the newest. The choice depends on the catalogue alone.
func (c component) alike() []int {
	var out []int
	for i, r := range c.releases {
		newer := false
		for j := i + 1; j < len(c.releases); j++ {
			newer = newer || slices.Equal(r.uses, c.releases[j].uses) && (c.ranks == nil || c.ranks[i] == c.ranks[j])
		}
		if i == c.goal || !newer {
			out = append(out, i)
		}
	}
	return out
}

func (m *model) newRelease(r state.Release) release {
	out := release{name: r.Name}
	for _, u := range r.Uses { // sorted by keyspace, as the keyspaces are by name
		ki, ok := m.places[u.Keyspace]
		if !ok || len(out.uses) > 0 && out.uses[len(out.uses)-1].key == ki {
			continue
		}
		k := &m.keys[ki]
		x := use{key: ki, reads: u.Reads != "", writes: -1}
		for i, t := range k.to {
			if u.Reads.Contains(t.version) {
				x.versions = x.versions.or(setOf(i))
			}
			if u.Writes == t.version {
				x.writes = t.written
			}
		}
		for i, c := range k.classes {
			if slices.ContainsFunc(c.Versions(), u.Reads.Contains) {
				x.classes = x.classes.or(setOf(i))
			}
		}
		out.uses = append(out.uses, x)
	}
	return out
}

// use returns what a release does to a keyspace, nil if nothing.
func (r release) use(key int) *use {
	for i := range r.uses {
		if r.uses[i].key == key {
			return &r.uses[i]
		}
	}
	return nil
}
