package plan

import (
	"slices"

	"keyshift.dev/state"
)

// Needs returns, for each step of a plan, the steps that must have ended before it begins, by their places, sorted; what
// these need in turn is not repeated. A step needs the ones before it that bear on what it bears on: on a keyspace itself,
// or on a component of which the releases that run, and the one that comes, use that keyspace. A rollout needs those of the
// components that it is to come after, too. Of two steps of which
// neither needs the other over any number of steps none bears on anything that the other does: they may run at the same
// time, or in either order.
func (p Plan) Needs(want state.Desired) [][]int {
	components := map[string]state.Component{}
	for _, c := range want.Components {
		components[c.Name] = c
	}
	needs := make([][]int, len(p.Steps))
	behind := make([]places, len(p.Steps)) // all that a step needs
	last := map[string]int{}               // by object: the last step that bears on it
	since := map[string][]int{}            // the steps since then that rely on it
	for i, s := range p.Steps {
		var direct []int
		for _, o := range s.reliesOn(components) {
			if at, ok := last[o]; ok {
				direct = append(direct, at)
			}
			since[o] = append(since[o], i)
		}
		for _, o := range s.bearsOn(components) {
			if at, ok := last[o]; ok {
				direct = append(direct, at)
			}
			direct = append(direct, since[o]...)
			last[o], since[o] = i, nil
		}
		slices.Sort(direct)
		needs[i] = []int{}
		behind[i] = make(places, (len(p.Steps)+63)/64)
		for _, at := range slices.Backward(slices.Compact(direct)) {
			if !behind[i].has(at) {
				needs[i] = append(needs[i], at)
				behind[i].add(at, behind[at])
			}
		}
		slices.Reverse(needs[i])
	}
	return needs
}

// reliesOn names the objects that a step finds as they have to be, and leaves alone.
func (s Step) reliesOn(components map[string]state.Component) (objects []string) {
	if s.Kind != Rollout {
		return nil
	}
	for _, name := range components[s.Object].Policy.After {
		if name != s.Object {
			objects = append(objects, "component "+name)
		}
	}
	return objects
}

// bearsOn names the objects that a step bears on.
func (s Step) bearsOn(components map[string]state.Component) []string {
	if !s.OnComponent() {
		return []string{"keyspace " + s.Object}
	}
	objects := []string{"component " + s.Object}
	for _, r := range components[s.Object].Releases {
		if r.Name != s.To && !slices.Contains(s.From, r.Name) {
			continue
		}
		for _, u := range r.Uses {
			if o := "keyspace " + u.Keyspace; !slices.Contains(objects, o) {
				objects = append(objects, o)
			}
		}
	}
	return objects
}

// places is a set of steps.
type places []uint64

func (p places) has(i int) bool { return p[i/64]&(1<<(i%64)) != 0 }

// add puts a step and all that it needs into the set.
func (p places) add(i int, needs places) {
	p[i/64] |= 1 << (i % 64)
	for w := range needs {
		p[w] |= needs[w]
	}
}
