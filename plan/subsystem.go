package plan

import (
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/diff"
	"keyshift.dev/state"
)

// subsystem is a part of a system that shares no keyspace with the rest and does not wait for it.
type subsystem struct{ want state.Desired }

// subsystems divides a sorted system, in the order of their first component or, without one, keyspace. A
// component is tied to every keyspace that a release it runs or may be rolled to uses; one that was removed from
// the spec and has no pod left is not there.
func subsystems(x *diff.Index, want state.Desired) []subsystem {
	parent := map[string]string{}
	var root func(string) string
	root = func(object string) string {
		if up, ok := parent[object]; ok && up != object {
			parent[object] = root(up)
			return parent[object]
		}
		return object
	}
	var there []state.Component
	for _, c := range want.Components {
		_, live := x.Alone(c.Name)
		keys, ok := tied(c, live)
		if !ok {
			continue
		}
		there = append(there, c)
		for _, k := range keys {
			parent[root("keyspace "+k)] = root("component " + c.Name)
		}
		for _, name := range c.Policy.After {
			if first, ok := x.Component(name); ok && !c.External && !c.Removed && !first.External && !first.Removed {
				parent[root("component "+name)] = root("component " + c.Name)
			}
		}
	}
	var parts []subsystem
	index := map[string]int{}
	part := func(object string) *state.Desired {
		i, ok := index[root(object)]
		if !ok {
			i = len(parts)
			index[root(object)] = i
			parts = append(parts, subsystem{state.Desired{System: want.System, Policy: want.Policy}})
		}
		return &parts[i].want
	}
	for _, c := range there {
		p := part("component " + c.Name)
		p.Components = append(p.Components, c)
	}
	for _, k := range want.Keyspaces {
		p := part("keyspace " + k.Name)
		p.Keyspaces = append(p.Keyspaces, k)
	}
	return parts
}

// tied returns the keyspaces that a component is tied to, and whether it is there at all.
func tied(c state.Component, have state.Observed) (keys []string, there bool) {
	runs := diff.Runs(c, have)
	live, _ := have.FindRunning(c.Name)
	unknown := len(live.Unknown) > 0
	for _, r := range c.Releases {
		if c.External || c.Removed && !unknown {
			if !slices.Contains(runs, r.Name) {
				continue
			}
		}
		for _, u := range r.Uses {
			keys = append(keys, u.Keyspace)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), !c.Removed || len(runs) > 0 || unknown || live.Stopped
}

func (s subsystem) components() (names []string) {
	for _, c := range s.want.Components {
		names = append(names, c.Name)
	}
	return names
}

func (s subsystem) keyspaces() (names []string) {
	for _, k := range s.want.Keyspaces {
		names = append(names, k.Name)
	}
	return names
}

// changesOf are changes by the object that they are about.
type changesOf struct{ components, keyspaces map[string][]diff.Change }

func grouped(changes []diff.Change) changesOf {
	out := changesOf{map[string][]diff.Change{}, map[string][]diff.Change{}}
	for _, c := range changes {
		of := out.components
		if c.OnKeyspace() {
			of = out.keyspaces
		}
		of[c.Object] = append(of[c.Object], c)
	}
	return out
}

// among returns the changes that are about objects of the subsystem.
func (s subsystem) among(changes changesOf) (out []diff.Change) {
	for i := range s.want.Components {
		out = append(out, changes.components[s.want.Components[i].Name]...)
	}
	for i := range s.want.Keyspaces {
		out = append(out, changes.keyspaces[s.want.Keyspaces[i].Name]...)
	}
	return out
}

// holds returns what changes of the subsystem say about why nothing may be planned here, and who is stopped meanwhile.
func (s subsystem) holds(x *diff.Index, changes []diff.Change) []Blocked {
	var out []Blocked
	meanwhile := stoppedMeanwhile(s.stopped(x))
	for _, c := range changes {
		if c.Kind == diff.Hold {
			out = append(out, Blocked{
				Components: s.components(), Keyspaces: s.keyspaces(),
				Code: Code(c.Code), Reason: c.Object + " " + c.Reason + meanwhile, WayOut: c.WayOut,
			})
		}
	}
	return out
}

// stopped names the components that Keyshift has stopped and is to start again.
func (s subsystem) stopped(x *diff.Index) (names []string) {
	for _, c := range s.want.Components {
		if _, have := x.Alone(c.Name); !c.External && !c.Removed {
			if live, _ := have.FindRunning(c.Name); live.Stopped {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// stoppedMeanwhile says that components stay stopped while a part is blocked; nothing if none does.
func stoppedMeanwhile(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("; %s is stopped meanwhile", names[0])
	}
	return fmt.Sprintf("; %s are stopped meanwhile", strings.Join(names, " and "))
}
