package diff

import (
	"cmp"
	"slices"

	"keyshift.dev/state"
)

// releaseUses lists the releases of both commits that use a keyspace.
func releaseUses(base, head state.Desired, d KeyspaceDiff) []ReleaseUse {
	var out []ReleaseUse
	for _, c := range bothComponents(base, head) {
		then, _ := base.FindComponent(c)
		now, _ := head.FindComponent(c)
		for _, name := range bothReleases(then, now) {
			old, had := then.FindRelease(name)
			r, has := now.FindRelease(name)
			use, uses := r.FindUse(d.Keyspace)
			if !has {
				use, uses = old.FindUse(d.Keyspace)
			}
			if !uses {
				continue
			}
			x := ReleaseUse{Component: c, Release: name, Before: then.Release == name, After: now.Release == name, Writes: use.Writes}
			for _, v := range slices.Compact([]state.Version{d.From, d.To}) {
				if v != "" && use.Reads.Contains(v) {
					x.Reads = append(x.Reads, v)
				}
			}
			switch {
			case !had:
				x.Kind = Added
			case !has:
				x.Kind = Removed
			case state.DefinitionDigest(old) != state.DefinitionDigest(r):
				x.Kind = Changed
			}
			out = append(out, x)
		}
	}
	return out
}

func bothComponents(base, head state.Desired) []string {
	var names []string
	for _, c := range slices.Concat(base.Components, head.Components) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// bothReleases returns the names of the releases of a component in either commit, in their order.
func bothReleases(then, now state.Component) []string {
	var names []string
	for _, r := range slices.Concat(then.Releases, now.Releases) {
		names = append(names, r.Name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(state.Version(a).Compare(state.Version(b)), cmp.Compare(a, b))
	})
	return slices.Compact(names)
}
