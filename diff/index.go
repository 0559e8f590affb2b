package diff

import (
	"slices"

	"keyshift.dev/state"
)

// Index finds what belongs together in a system, so that a question about one object does not look at all the others.
// What it returns has the order of the system.
type Index struct {
	want                  state.Desired
	have                  state.Observed
	components, keyspaces map[string]int // places in want
	running, live         map[string]int // and in have
	users                 map[string][]int
}

// NewIndex indexes a system and what was observed of it.
func NewIndex(want state.Desired, have state.Observed) *Index {
	x := &Index{
		want: want, have: state.Observed{Components: slices.Clone(have.Components), Keyspaces: slices.Clone(have.Keyspaces)},
		components: placesOf(want.Components, func(c *state.Component) string { return c.Name }),
		keyspaces:  placesOf(want.Keyspaces, func(k *state.Keyspace) string { return k.Name }),
		users:      map[string][]int{},
	}
	x.running = placesOf(x.have.Components, func(r *state.Running) string { return r.Component })
	x.live = placesOf(x.have.Keyspaces, func(l *state.Live) string { return l.Keyspace })
	for i := range want.Components {
		for _, r := range want.Components[i].Releases {
			for _, u := range r.Uses {
				if at := x.users[u.Keyspace]; len(at) == 0 || at[len(at)-1] != i {
					x.users[u.Keyspace] = append(at, i)
				}
			}
		}
	}
	return x
}

// placesOf returns where each name is first.
func placesOf[T any](list []T, name func(*T) string) map[string]int {
	places := make(map[string]int, len(list))
	for i := range list {
		if _, twice := places[name(&list[i])]; !twice {
			places[name(&list[i])] = i
		}
	}
	return places
}

// Component returns the component of that name, and whether there is one.
func (x *Index) Component(name string) (state.Component, bool) {
	i, ok := x.components[name]
	if !ok {
		return state.Component{}, false
	}
	return x.want.Components[i], true
}

// Keyspace returns the keyspace of that name, and whether there is one.
func (x *Index) Keyspace(name string) (state.Keyspace, bool) {
	i, ok := x.keyspaces[name]
	if !ok {
		return state.Keyspace{}, false
	}
	return x.want.Keyspaces[i], true
}

// Around returns all that bears on a keyspace: the keyspace, every component of which a release uses it, and what was
// observed of all of these. What is asked of the keyspace has the same answer there.
func (x *Index) Around(keyspace string) (state.Desired, state.Observed) {
	if i, ok := x.keyspaces[keyspace]; ok {
		return x.part([]int{i}, x.users[keyspace])
	}
	return x.part(nil, nil)
}

// AroundComponent returns all that bears on a component and on the keyspaces that its releases use, and the components
// that it is to be rolled out after.
func (x *Index) AroundComponent(name string) (state.Desired, state.Observed) {
	at, ok := x.components[name]
	if !ok {
		return x.part(nil, nil)
	}
	keyspaces, components := []int{}, []int{at}
	for _, before := range x.want.Components[at].Policy.After {
		if i, ok := x.components[before]; ok {
			components = append(components, i)
		}
	}
	for _, r := range x.want.Components[at].Releases {
		for _, u := range r.Uses {
			if i, ok := x.keyspaces[u.Keyspace]; ok && !slices.Contains(keyspaces, i) {
				keyspaces = append(keyspaces, i)
				components = append(components, x.users[u.Keyspace]...)
			}
		}
	}
	return x.part(keyspaces, components)
}

// Alone returns a component and what was observed of it.
func (x *Index) Alone(name string) (state.Desired, state.Observed) {
	if i, ok := x.components[name]; ok {
		return x.part(nil, []int{i})
	}
	return x.part(nil, nil)
}

// Within returns what was observed of the objects of a part of the system.
func (x *Index) Within(part state.Desired) state.Observed {
	out := state.Observed{}
	for i := range part.Components {
		if at, ok := x.running[part.Components[i].Name]; ok {
			out.Components = append(out.Components, x.have.Components[at])
		}
	}
	for i := range part.Keyspaces {
		if at, ok := x.live[part.Keyspaces[i].Name]; ok {
			out.Keyspaces = append(out.Keyspaces, x.have.Keyspaces[at])
		}
	}
	return out
}

// part returns the keyspaces and components at some places, each once, in their order.
func (x *Index) part(keyspaces, components []int) (state.Desired, state.Observed) {
	out := state.Desired{System: x.want.System, Policy: x.want.Policy}
	for _, i := range inOrder(keyspaces) {
		out.Keyspaces = append(out.Keyspaces, x.want.Keyspaces[i])
	}
	for _, i := range inOrder(components) {
		out.Components = append(out.Components, x.want.Components[i])
	}
	return out, x.Within(out)
}

func inOrder(places []int) []int {
	if !slices.IsSorted(places) {
		places = slices.Sorted(slices.Values(places))
	}
	return slices.Compact(places)
}

// Have returns what was observed, with what was put since.
func (x *Index) Have() state.Observed { return x.have }

// Put replaces what was observed of the objects that a part names.
func (x *Index) Put(part state.Observed) {
	for _, r := range part.Components {
		x.have.Components = put(x.have.Components, x.running, r.Component, r)
	}
	for _, l := range part.Keyspaces {
		x.have.Keyspaces = put(x.have.Keyspaces, x.live, l.Keyspace, l)
	}
}

func put[T any](list []T, places map[string]int, name string, object T) []T {
	i, ok := places[name]
	if !ok {
		places[name] = len(list)
		return append(list, object)
	}
	list[i] = object
	return list
}
