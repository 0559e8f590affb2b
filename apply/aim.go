package apply

import (
	"slices"
	"time"

	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// applied returns the applied revisions as the ledger that was written last has them, the oldest first.
func applied(shelves []shelf, others []state.Ledger) []state.Applied {
	ledgers := slices.Clone(others)
	for _, s := range shelves {
		ledgers = append(ledgers, s.ledger, s.mirror)
	}
	var out []state.Applied
	for _, l := range ledgers {
		if n := len(l.Applied); n > 0 && (len(out) == 0 || l.Applied[n-1].At > out[len(out)-1].At) {
			out = l.Applied
		}
	}
	return out
}

// found returns what there is before anything was applied, as one revision without a name: of each component the only
// release that runs, of each keyspace the only version that its units fit, or the desired one where there is none.
func (s Situation) found(at time.Time) []state.Applied {
	g := state.Goals{Components: map[string]string{}, Keyspaces: map[string]state.Version{}}
	for _, c := range s.Want.Components {
		r, _ := s.Have.FindRunning(c.Name)
		if !c.External && !c.Removed && len(r.Releases) == 1 && r.Template == r.Releases[0] && len(r.Unknown) == 0 {
			g.Components[c.Name] = r.Template
		}
	}
	for _, k := range s.Want.Keyspaces {
		live, _ := s.Have.FindLive(k.Name)
		counts := slices.DeleteFunc(slices.Clone(live.Counts), func(c state.Count) bool { return c.Class == state.Unfit })
		switch {
		case k.Version == "":
		case len(counts) == 0 || len(counts) == 1 && counts[0].Class.Has(k.Version):
			g.Keyspaces[k.Name] = k.Version
		case len(counts) == 1:
			g.Keyspaces[k.Name] = counts[0].Class.Versions()[0]
		}
	}
	return []state.Applied{{At: at.UTC().Format(time.RFC3339), Goals: g}}
}

// aim makes the situation want of some objects what goals say, by the definitions of the united catalogue. What the goals
// do not name, or what nothing defines any more, stays as it is wanted.
func (s *Situation) aim(goals state.Goals) {
	s.Want.Components = slices.Clone(s.Want.Components)
	for i := range s.Want.Components {
		c := &s.Want.Components[i]
		if release, found := goals.Components[c.Name]; found && !c.External {
			if _, defined := c.FindRelease(release); defined {
				c.Release, c.Removed = release, false
			}
		}
	}
	s.Want.Keyspaces = slices.Clone(s.Want.Keyspaces)
	for i := range s.Want.Keyspaces {
		k := &s.Want.Keyspaces[i]
		if version, found := goals.Keyspaces[k.Name]; found && version == "" {
			k.Policy.Retire = state.RetireKeep // nothing is deleted on the way back
		}
		at := slices.IndexFunc(k.Shapes, func(x state.Shape) bool { return x.Version == goals.Keyspaces[k.Name] })
		if at >= 0 {
			k.Version = k.Shapes[at].Version
			k.Shapes = slices.Clone(k.Shapes)
			k.Shapes[at].Retired = false
		}
	}
}

// goalsOf returns what was applied last of the objects of a part, and whether that is known of each of them and is not what
// is wanted anyway.
func (s Situation) goalsOf(part plan.Part) (out state.Goals, differ bool) {
	if len(s.applied) == 0 {
		return state.Goals{}, false
	}
	last := state.GoalsAt(s.applied, len(s.applied)-1)
	out = state.Goals{Components: map[string]string{}, Keyspaces: map[string]state.Version{}}
	for _, name := range part.Components {
		c, _ := s.Want.FindComponent(name)
		release, known := last.Components[name]
		if _, defined := c.FindRelease(release); !known || !defined {
			if !c.External && !c.Removed {
				return state.Goals{}, false
			}
			continue
		}
		out.Components[name] = release
		differ = differ || release != c.Release
	}
	for _, name := range part.Keyspaces {
		k, _ := s.Want.FindKeyspace(name)
		version, known := last.Keyspaces[name]
		if version == "" && k.Version == "" {
			out.Keyspaces[name] = ""
			continue
		}
		if _, defined := k.FindShape(version); !known || !defined {
			return state.Goals{}, false
		}
		out.Keyspaces[name] = version
		differ = differ || version != k.Version
	}
	return out, differ
}

// settle takes down what is applied now, for the next write of the ledgers: all that is wanted but for the parts that are
// blocked, of which that stays what it was. It tells whether that is news.
func (s *Situation) settle(e Edges, p plan.Plan) (news bool) {
	now := state.GoalsOf(s.Want)
	for _, b := range p.Blocked {
		for _, name := range b.Components {
			delete(now.Components, name)
		}
		for _, name := range b.Keyspaces {
			delete(now.Keyspaces, name)
		}
	}
	s.applied, news = state.WithApplied(s.applied, e.Revision, e.now().UTC().Format(time.RFC3339), now)
	return news
}
