package state

import (
	"fmt"
	"slices"
)

// components unites by workload first, then by name: a component is what runs, whatever it is called.
func (u *union) components() []Component {
	var now, then []Component
	for _, c := range u.commit.Components {
		for _, r := range u.recorded.Components {
			if sameWorkload(c, r) {
				c.Releases = u.releases(c, r)
			}
		}
		now = append(now, c)
	}
	for _, r := range u.recorded.Components {
		if slices.ContainsFunc(u.commit.Components, func(c Component) bool { return sameWorkload(c, r) }) {
			continue
		}
		r.Releases = u.useful(r, r.Releases)
		r.Release, r.Removed = "", true
		i := slices.IndexFunc(now, func(c Component) bool { return c.Name == r.Name })
		if i >= 0 {
			r.Name = r.formerly() // its pods go on under the old workload
			now[i].Releases = merge(now[i].Releases, u.others(now[i], r), Release.id)
		}
		then = append(then, r)
	}
	return merge(now, then, Component.id)
}

// sameWorkload tells whether a component of the commit and a recorded one are the same: they name one workload,
// or one name where either names none.
func sameWorkload(c, r Component) bool {
	if c.Workload == nil || r.Workload == nil {
		return c.Name == r.Name
	}
	return *c.Workload == *r.Workload
}

// formerly names a component whose name has another workload now: "checkout (Deployment shop/checkout)".
func (c Component) formerly() string {
	return fmt.Sprintf("%s (%s %s/%s)", c.Name, c.Workload.Kind, c.Workload.Namespace, c.Workload.Name)
}

// releases unites the releases of a component with the recorded ones.
func (u *union) releases(c, r Component) []Release {
	for _, now := range c.Releases {
		for _, then := range r.Releases {
			if !sameRelease(now, then) || !u.runs(r, then.Name) || u.extends(now, then) {
				continue
			}
			u.problem(Diagnostic{
				Code: "release-changed", Pos: now.Pos,
				Path:    fmt.Sprintf("system.components.%s.releases.%q", c.Name, now.Name),
				Message: fmt.Sprintf("release %s of component %s was applied with other images, env or uses, and may run", then.Name, c.Name),
				Hint: fmt.Sprintf("restore release %s as it was applied, and give the new one a name and an image of its own; %s may change once no pod runs it",
					then.Name, then.Name),
			})
		}
	}
	return merge(c.Releases, u.others(c, r), Release.id)
}

// sameRelease tells whether pods of the two cannot be told apart, or their names.
func sameRelease(a, b Release) bool {
	return a.Name == b.Name || a.Alike(b)
}

// Alike tells whether a pod of the one release may be taken for one of the other: they have equal images, and no
// variable that both set has two values. A variable that only one of them sets tells nothing, since what a release
// does not name stays as it is.
func (r Release) Alike(o Release) bool {
	if len(r.Images) == 0 || !slices.Equal(r.Images, o.Images) {
		return false
	}
	return !slices.ContainsFunc(r.Env, func(a Env) bool {
		return slices.ContainsFunc(o.Env, func(b Env) bool { return a.Container == b.Container && a.Name == b.Name && a.Value != b.Value })
	})
}

// others returns the recorded releases that are none of the component's.
func (u *union) others(c, r Component) []Release {
	return slices.DeleteFunc(u.useful(r, r.Releases), func(then Release) bool {
		return slices.ContainsFunc(c.Releases, func(now Release) bool { return sameRelease(now, then) })
	})
}

// useful returns the releases that run or write no version that was left out. Another must not be a way back.
func (u *union) useful(c Component, releases []Release) []Release {
	return slices.DeleteFunc(slices.Clone(releases), func(r Release) bool {
		return !u.runs(c, r.Name) && slices.ContainsFunc(r.Uses, func(use Use) bool {
			return slices.Contains(u.dropped, written{use.Keyspace, use.Writes})
		})
	})
}

// extends tells whether a release says all that it said when it was applied: it may read more versions, and tell
// of keyspaces that were not described then.
func (u *union) extends(now, then Release) bool {
	for _, use := range then.Uses {
		v, ok := now.FindUse(use.Keyspace)
		if !ok || !u.readsAll(v, use) {
			return false
		}
		use.Pos, use.Reads = v.Pos, v.Reads
		if use != v {
			return false
		}
	}
	for _, use := range now.Uses {
		_, described := u.recorded.FindKeyspace(use.Keyspace)
		if _, ok := then.FindUse(use.Keyspace); !ok && described {
			return false
		}
	}
	then.Name, then.Uses, now.Uses = now.Name, nil, nil
	return sameDefinition(now, then)
}

// readsAll tells whether a use reads every version that another does.
func (u *union) readsAll(wide, narrow Use) bool {
	for _, d := range []Desired{u.commit, u.recorded} {
		k, _ := d.FindKeyspace(narrow.Keyspace)
		for _, s := range k.Shapes {
			if narrow.Reads.Contains(s.Version) && !wide.Reads.Contains(s.Version) {
				return false
			}
		}
	}
	return narrow.Reads == "" || wide.Reads != ""
}
