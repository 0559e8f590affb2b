package schema

import (
	"cmp"
	"slices"

	"cuelang.org/go/cue"

	"keyshift.dev/state"
)

func (r *reader) readComponent(path []string, v cue.Value) state.Component {
	c := state.Component{Name: path[2], External: flagged(v, atExternal), Release: textAt(v, atRelease), Pos: r.places.at(path)}
	if w := v.LookupPath(atWorkload); w.Exists() {
		c.Workload = &state.Workload{Kind: textAt(w, atKind), Namespace: textAt(w, atNamespace), Name: textAt(w, atName)}
	}
	if p := v.LookupPath(atPolicy); p.Exists() || !c.External {
		c.Policy = r.componentPolicy(sub(path, "policy"), p)
	}
	fields(v, atReleases, func(name string, v cue.Value) {
		c.Releases = append(c.Releases, r.readRelease(sub(path, "releases", name), name, v))
	})
	slices.SortFunc(c.Releases, func(a, b state.Release) int { return compareReleases(a.Name, b.Name) })
	return c
}

func (r *reader) readRelease(path []string, name string, v cue.Value) state.Release {
	rel := state.Release{Name: name, Pos: r.places.at(path)}
	fields(v, atImages, func(container string, v cue.Value) {
		image, _ := v.String()
		rel.Images = append(rel.Images, state.Image{Container: container, Image: image})
	})
	fields(v, atEnv, func(container string, v cue.Value) {
		fields(v, cue.MakePath(), func(name string, v cue.Value) {
			value, _ := v.String()
			rel.Env = append(rel.Env, state.Env{Container: container, Name: name, Value: value})
		})
	})
	fields(v, atUses, func(keyspace string, v cue.Value) {
		u := state.Use{Keyspace: keyspace, Reads: state.Range(textAt(v, atReads)), Writes: state.Version(textAt(v, atWrites)),
			Updates: state.Updates(textAt(v, atUpdates)), Pos: r.places.at(sub(path, "uses", keyspace))}
		if u.Writes != "" && u.Updates == "" {
			u.Updates = state.UpdatesValue
		}
		rel.Uses = append(rel.Uses, u)
	})
	slices.SortFunc(rel.Images, func(a, b state.Image) int { return cmp.Compare(a.Container, b.Container) })
	slices.SortFunc(rel.Env, func(a, b state.Env) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(rel.Uses, func(a, b state.Use) int { return cmp.Compare(a.Keyspace, b.Keyspace) })
	return rel
}

// compareReleases orders release names by semver where both are, else by name.
func compareReleases(a, b string) int {
	if va, vb := state.Version(a), state.Version(b); va.Valid() && vb.Valid() {
		return va.Compare(vb)
	}
	return cmp.Compare(a, b)
}
